package hrhttp

import (
	"strconv"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
)

// basis is what a metric of an evaluation is made of: one of the lists, by its source.
type basis struct {
	Statements []metricStatement `json:"statements,omitzero"` // of count and hours, and of competency
	Programmes []metricProgramme `json:"programmes,omitzero"` // of completion
	Months     []metricMonth     `json:"months,omitzero"`     // of kpi
}

type metricStatement struct {
	Statement string   `json:"statement"`
	Href      string   `json:"href"`
	Timestamp string   `json:"timestamp,omitzero"`
	About     string   `json:"about,omitzero"` // the activity, of completion
	Hours     *float64 `json:"hours,omitzero"`
	Score     *float64 `json:"score,omitzero"`
	Weight    *float64 `json:"weight,omitzero"`
	Decay     *float64 `json:"decay,omitzero"`
	Share     *float64 `json:"share,omitzero"`
	Reason    string   `json:"reason,omitzero"` // why it does not count

	// The rule, of competency.
	Definition string `json:"definition,omitzero"`
	Revision   int64  `json:"revision,omitzero"`
	Rule       string `json:"rule,omitzero"`
}

// notEnrolled is why what somebody did in a programme does not count: they were not in it.
const notEnrolled competency.Reason = "not_enrolled"

type metricProgramme struct {
	Programme string `json:"programme"`
	Href      string `json:"href"`
	InWindow  bool   `json:"inWindow"` // it ends in the window
	Enrolled  bool   `json:"enrolled"`
	Completed bool   `json:"completed"`
}

type metricMonth struct {
	Unit string `json:"unit"`
	From string `json:"from"`
	To   string `json:"to"`
	Href string `json:"href"`
}

// getMetricEvidence shows what is behind one metric of a person's evaluation.
func (c *call) getMetricEvidence() error {
	if err := c.only("metric", "from", "to", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	from, limit, err := c.offset()
	if err != nil {
		return err
	}
	if err := c.required("metric"); err != nil {
		return err
	}
	return c.answerOfPerson(func(m *moment, q *evaluation.Question, shown inputs) error {
		e := q.Entry.Definition.(*definition.Evaluation)
		place := -1
		for i := range e.Metrics {
			if e.Metrics[i].ID == c.params.Get("metric") {
				place = i
			}
		}
		if place < 0 {
			return problem.BadRequest("parameter.metric", "The evaluation has no metric %q.", c.params.Get("metric"))
		}
		b, err := c.basis(m, q, &e.Metrics[place], shown.Person)
		if err != nil {
			return err
		}
		more := c.next(m, b.cut(from, limit))
		return c.send(struct {
			Person    string `json:"person"`
			evaluated `json:",embed"`
			Metric    metric `json:"metric"`
			basis     `json:",embed"`
			More      string `json:"more,omitzero"`
		}{shown.Person, m.evaluated(q), shown.Metrics[place], b, more}, b.table)
	})
}

// basis finds what a metric is made of.
func (c *call) basis(m *moment, q *evaluation.Question, x *definition.EvaluationMetric, person string) (b basis, err error) {
	switch {
	case x.Source.Competency != "":
		e, known, err := c.readers.competency.Evidence(c.ctx, m.tx, q.Scene, person, x.Source.Competency)
		if err != nil || !known {
			return b, err
		}
		for _, p := range e.Pieces {
			ref := e.Rules[p.Rule]
			b.Statements = append(b.Statements, metricStatement{
				Statement: p.Statement, Href: statementHref(p.Statement), Timestamp: p.Timestamp.Format(timeFormat),
				Score: &p.Score, Weight: &p.Weight, Decay: &p.Decay, Share: &p.Share,
				Definition: ref.Definition, Revision: ref.Revision, Rule: ref.Rule,
			})
		}
		for _, l := range e.LeftOut {
			b.Statements = append(b.Statements, metricStatement{
				Statement: l.Statement, Href: hrefOf(l.Statement, l.Reason), Timestamp: l.Timestamp.Format(timeFormat), Reason: string(l.Reason),
				Definition: l.Definition, Revision: l.Revision, Rule: l.Rule,
			})
		}
	case len(x.Source.Completion) > 0:
		for _, id := range x.Source.Completion {
			p, within := q.Programme(id)
			if p == nil {
				continue
			}
			all, err := c.readers.effectiveness.Completions(c.ctx, m.tx, q.Scene, p, []string{person}, q.To.UnixMicro()-1)
			if err != nil {
				return b, err
			}
			until := q.Scene
			until.At = q.To.Add(-time.Microsecond)
			items, err := c.readers.effectiveness.EvidenceOf(c.ctx, m.tx, until, p, []string{person})
			if err != nil {
				return b, err
			}
			for _, x := range items {
				switch {
				case x.Reason != "":
				case !within:
					x.Reason = competency.OutsideWindow
				case !all[0].Enrolled:
					x.Reason = notEnrolled
				}
				if x.Part == effectiveness.Participation {
					b.Statements = append(b.Statements, metricStatement{
						Statement: x.Statement, Href: hrefOf(x.Statement, x.Reason), Timestamp: x.Happened.Format(timeFormat),
						About: x.About, Reason: string(x.Reason),
					})
				}
			}
			b.Programmes = append(b.Programmes, metricProgramme{id, definitionHref(m, definition.KindProgramme, id), within, all[0].Enrolled, all[0].Completed})
		}
	case x.Source.KPI != "":
		entry, ok := q.Definitions.Get(definition.KindKPI, x.Source.KPI)
		if !ok {
			return b, nil
		}
		units, months, err := c.readers.evaluation.UnitMonths(c.ctx, m.tx, q, entry, person)
		if err != nil {
			return b, err
		}
		for i, u := range units {
			b.Months = append(b.Months, metricMonth{u, printMoment(months[i].From), printMoment(months[i].To), kpiHref(m, x.Source.KPI, "/evidence", u, months[i])})
		}
	default:
		counted, err := c.readers.evaluation.Counted(c.ctx, m.tx, q, x, []string{person})
		if err != nil {
			return b, err
		}
		for _, s := range counted[0] {
			row := metricStatement{
				Statement: s.Statement, Href: hrefOf(s.Statement, s.Reason), Timestamp: s.Happened.Format(timeFormat), Reason: string(s.Reason),
			}
			if x.Source.Hours != nil {
				row.Hours = &s.Hours
			}
			b.Statements = append(b.Statements, row)
		}
	}
	return b, nil
}

// cut leaves the part from an offset on; more is that of the next part. Only a kpi has months, and then nothing else.
func (b *basis) cut(from, limit int) (more string) {
	if b.Months != nil {
		b.Months, more = cut(b.Months, from, limit)
		return more
	}
	b.Statements, b.Programmes, more = cutBoth(b.Statements, b.Programmes, from, limit)
	return more
}

// hrefOf is where a statement is that counts, or does not for a reason.
func hrefOf(id string, why competency.Reason) string {
	if why == competency.Voided {
		return "/xapi/statements?voidedStatementId=" + id
	}
	return statementHref(id)
}

func (b *basis) table() table {
	rows := table{{
		"what", "timestamp", "to", "about", "hours", "score", "weight", "decay", "share", "inWindow", "enrolled", "completed",
		"reason", "definition", "rule", "href",
	}}
	for _, s := range b.Statements {
		rows = append(rows, []string{
			s.Statement, s.Timestamp, "", s.About, number(s.Hours), number(s.Score), number(s.Weight), number(s.Decay), number(s.Share), "", "", "",
			s.Reason, s.Definition, s.Rule, s.Href,
		})
	}
	for _, p := range b.Programmes {
		rows = append(rows, []string{
			p.Programme, "", "", "", "", "", "", "", "", strconv.FormatBool(p.InWindow), strconv.FormatBool(p.Enrolled), strconv.FormatBool(p.Completed),
			"", "", "", p.Href,
		})
	}
	for _, x := range b.Months {
		rows = append(rows, []string{x.Unit, x.From, x.To, "", "", "", "", "", "", "", "", "", "", "", "", x.Href})
	}
	return rows
}
