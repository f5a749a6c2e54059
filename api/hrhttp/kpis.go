package hrhttp

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/measure"
)

// point is a period of a KPI's series: with a number, or suppressed.
type point struct {
	From       string `json:"from"`
	To         string `json:"to"`
	Suppressed bool   `json:"suppressed,omitzero"`
	*numbers   `json:",embed"`
}

type numbers struct {
	Value   *float64         `json:"value"`
	N       int              `json:"n"`
	Lower   *float64         `json:"lower"`
	Upper   *float64         `json:"upper"`
	Signals []measure.Signal `json:"signals"`
	Href    string           `json:"href"`
}

type limits struct {
	Centre float64 `json:"centre"`
	Lower  float64 `json:"lower"`
	Upper  float64 `json:"upper"`
	Points int     `json:"points"`
}

// scene is a moment as package feedback has it.
func (c *call) scene(m *moment) feedback.Scene {
	return feedback.Scene{
		Trees: &c.readers.people, Definitions: m.Definitions, AsOf: m.AsOf,
		Final: c.principal != nil && !c.principal.Scopes.ReadAnswers(),
	}
}

// kpiHref is where the numbers of a KPI are, or with what what is behind one of them.
func kpiHref(m *moment, kpi, what, unit string, p feedback.Period) string {
	q := url.Values{"unit": {unit}, "from": {printMoment(p.From)}, "to": {printMoment(p.To)}, "asOf": {m.asOf()}}
	return BasePath + "/kpis/" + url.PathEscape(kpi) + what + "?" + q.Encode()
}

func (m *moment) point(kpi, unit string, p feedback.Point) point {
	out := point{From: printMoment(p.From), To: printMoment(p.To), Suppressed: p.Suppressed}
	if !p.Suppressed {
		out.numbers = &numbers{p.Value, p.N, p.Lower, p.Upper, p.Signals, kpiHref(m, kpi, "/evidence", unit, p.Period)}
	}
	return out
}

// window reads two bounds of a KPI's periods.
func periodsOf(k *definition.KPI, name, from, to string) ([]feedback.Period, error) {
	begin, err := parseTime(name, from)
	if err != nil {
		return nil, err
	}
	end, err := parseTime(name, to)
	if err != nil {
		return nil, err
	}
	periods, ok := feedback.Periods(k.Interval, begin, end)
	if !ok {
		return nil, problem.BadRequest("parameter."+name, "From %s to %s are not 1 to %d whole periods of this KPI: each bound is the first instant of a %s, UTC.",
			printMoment(begin), printMoment(end), feedback.MaxPeriods, k.Interval)
	}
	return periods, nil
}

// required gives parameters that must be there.
func (c *call) required(names ...string) error {
	for _, name := range names {
		if !c.params.Has(name) {
			return problem.BadRequest("parameter."+name, "The parameter %s is missing.", name)
		}
	}
	return nil
}

// kpiAsked finds the KPI, the unit and the periods that a request asks about.
func (c *call) kpiAsked(m *moment) (kpi catalog.Entry, unit string, periods []feedback.Period, err error) {
	kpi, ok := m.Definitions.Get(definition.KindKPI, c.vars["kpi"])
	if !ok {
		return kpi, "", nil, notFound()
	}
	k := kpi.Definition.(*definition.KPI)
	if periods, err = periodsOf(k, "from", c.params.Get("from"), c.params.Get("to")); err != nil {
		return kpi, "", nil, err
	}
	unit = c.params.Get("unit")
	if !c.params.Has("unit") {
		tops := m.People.Children("")
		if len(tops) != 1 {
			return kpi, "", nil, problem.BadRequest("parameter.unit", "The parameter unit is missing, and there is not one unit above all others (there are %d).", len(tops))
		}
		unit = tops[0]
	}
	return kpi, unit, periods, c.reach(m.People, m.At).unitAsked(m.People, unit)
}

func (c *call) getKPI() error {
	if err := c.only("unit", "from", "to", "baseline", "asOf", "after", "format"); err != nil {
		return err
	}
	if err := c.required("from", "to"); err != nil {
		return err
	}
	return c.answerFrom(ofKPIs, func(m *moment) error {
		kpi, unit, periods, err := c.kpiAsked(m)
		if err != nil {
			return err
		}
		k := kpi.Definition.(*definition.KPI)
		var baseline []feedback.Period
		if c.params.Has("baseline") {
			from, to, ok := strings.Cut(c.params.Get("baseline"), "/")
			if !ok {
				return problem.BadRequest("parameter.baseline", "The parameter baseline is %q; it is FROM/TO.", c.params.Get("baseline"))
			}
			if baseline, err = periodsOf(k, "baseline", from, to); err != nil {
				return err
			}
		}
		series, err := c.readers.feedback.Series(c.ctx, m.tx, c.scene(m), kpi, unit, periods, baseline)
		if err != nil {
			return err
		}
		points := make([]point, len(series.Points))
		for i, p := range series.Points {
			points[i] = m.point(k.ID(), unit, p)
		}
		var lim *limits
		if l := series.Limits; l != nil {
			lim = &limits{l.Centre, l.Lower, l.Upper, l.Points}
		}
		return c.send(struct {
			KPI       string `json:"kpi"`
			Revision  int64  `json:"revision"`
			Statistic string `json:"statistic"`
			Unit      string `json:"unit"`
			moments   `json:",embed"`
			Points    []point `json:"points"`
			Limits    *limits `json:"limits"`
		}{k.ID(), kpi.Revision, k.Statistic, unit, m.moments(), points, lim}, func() table {
			rows := table{{"kpi", "unit", "from", "to", "value", "n", "lower", "upper", "signals", "suppressed", "href"}}
			for _, p := range points {
				rows = append(rows, slices.Concat([]string{k.ID(), unit, p.From, p.To}, p.columns()))
			}
			return rows
		})
	})
}

// columns are those of a point from value on.
func (p point) columns() []string {
	if p.Suppressed {
		return []string{"", "", "", "", "", "true", ""}
	}
	signals := make([]string, len(p.Signals))
	for i, s := range p.Signals {
		signals[i] = string(s)
	}
	return []string{number(p.Value), strconv.Itoa(p.N), number(p.Lower), number(p.Upper), strings.Join(signals, " "), "", p.Href}
}

// moments is the head of an answer about a window instead of a moment.
type moments struct {
	AsOf     string `json:"asOf"`
	Position string `json:"position"`
}

func (m *moment) moments() moments { return moments{m.asOf(), m.place()} }

// counted is a statement behind a number.
type counted struct {
	Statement string   `json:"statement"`
	Href      string   `json:"href"`
	Timestamp string   `json:"timestamp"`
	Unit      string   `json:"unit"`
	Raw       *float64 `json:"raw,omitzero"`
	Reason    string   `json:"reason,omitzero"` // why it does not count
}

func countedOf(x feedback.Counted) counted {
	why := competency.Reason("")
	switch {
	case x.Voided:
		why = competency.Voided
	case x.Self:
		why = competency.Self
	}
	return counted{x.Statement, hrefOf(x.Statement, why), x.Timestamp.Format(timeFormat), x.Unit, x.Raw, string(why)}
}

// recorded is a measure behind a number.
type recorded struct {
	Measure  string  `json:"measure"`
	Unit     string  `json:"unit"`
	From     string  `json:"from"`
	To       string  `json:"to"`
	Value    float64 `json:"value"`
	N        int     `json:"n"`
	Recorded string  `json:"recorded"`
}

// getKPIEvidence shows what is behind one number: the definition and its revision, the
// position and the window, and each statement or record; single answers only to who may
// see them.
func (c *call) getKPIEvidence() error {
	if err := c.only("unit", "from", "to", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	if err := c.required("from", "to"); err != nil {
		return err
	}
	from, limit, err := c.offset()
	if err != nil {
		return err
	}
	return c.answerFrom(ofKPIs, func(m *moment) error {
		kpi, unit, periods, err := c.kpiAsked(m)
		if err != nil {
			return err
		}
		if len(periods) != 1 {
			return problem.BadRequest("parameter.to", "From and to are %d periods of this KPI; a number is of one.", len(periods))
		}
		k, s := kpi.Definition.(*definition.KPI), c.scene(m)
		e, err := c.readers.feedback.Evidence(c.ctx, m.tx, s, kpi, unit, periods[0])
		if err != nil {
			return err
		}
		withheld := s.Final && k.MinN > 0 // single ones would show what is suppressed below
		var statements, left []counted
		for _, x := range e.Counted {
			if withheld {
				break
			}
			if row := countedOf(x); row.Reason != "" {
				left = append(left, row)
			} else {
				statements = append(statements, row)
			}
		}
		statements, left, more := cutBoth(statements, left, from, limit)
		more = c.next(m, more)
		if withheld || c.hiddenMeasures(m)[k.Measure] { // another KPI may suppress it
			withheld, e.Recorded = true, nil
		}
		records := make([]recorded, len(e.Recorded))
		for i, r := range e.Recorded {
			records[i] = recorded{k.Measure, r.Unit, printMoment(r.From), printMoment(r.To), r.Value, r.N, time.UnixMicro(r.T).UTC().Format(timeFormat)}
		}
		return c.send(struct {
			KPI        string `json:"kpi"`
			Definition string `json:"definition"`
			Revision   int64  `json:"revision"`
			Unit       string `json:"unit"`
			moments    `json:",embed"`
			Point      point      `json:"point"`
			Withheld   bool       `json:"withheld,omitzero"` // single answers, statements or measures
			Statements []counted  `json:"statements"`
			LeftOut    []counted  `json:"leftOut"`
			Measures   []recorded `json:"measures"`
			More       string     `json:"more,omitzero"`
		}{
			k.ID(), definitionHref(m, definition.KindKPI, k.ID()), kpi.Revision, unit, m.moments(), m.point(k.ID(), unit, e.Point), withheld,
			orEmpty(statements), orEmpty(left), records, more,
		}, func() table {
			rows := table{{"statement", "timestamp", "unit", "raw", "reason", "measure", "from", "to", "value", "n", "href"}}
			for _, x := range slices.Concat(statements, left) {
				rows = append(rows, []string{x.Statement, x.Timestamp, x.Unit, number(x.Raw), x.Reason, "", "", "", "", "", x.Href})
			}
			for _, r := range records {
				rows = append(rows, []string{"", "", r.Unit, "", "", r.Measure, r.From, r.To, number(&r.Value), strconv.Itoa(r.N), ""})
			}
			return rows
		})
	})
}

// orEmpty makes an empty list of none.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func definitionHref(m *moment, kind, id string) string {
	return BasePath + "/definitions/" + kind + "/" + url.PathEscape(id) + "?" + url.Values{"asOf": {m.asOf()}}.Encode()
}
