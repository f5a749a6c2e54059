package hrhttp

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/measure"
)

// paired is what pairs of scores say; with none there is only n.
type paired struct {
	N     int `json:"n"`
	*gain `json:",embed"`
}

type gain struct {
	MeanPre  *float64 `json:"meanPre"`
	MeanPost *float64 `json:"meanPost"`
	MeanGain *float64 `json:"meanGain"`
	SDGain   *float64 `json:"sdGain"`
	Lower    *float64 `json:"lower"`
	Upper    *float64 `json:"upper"`
	HedgesG  *float64 `json:"hedgesG"`
	HakeGain *float64 `json:"hakeGain"`
}

func pairedOf(p measure.Paired) paired {
	if p.N == 0 {
		return paired{}
	}
	return paired{p.N, &gain{p.MeanPre, p.MeanPost, p.MeanGain, p.SDGain, p.Lower, p.Upper, p.HedgesG, p.HakeGain}}
}

type reaction struct {
	Suppressed bool `json:"suppressed,omitzero"`
	*responses `json:",embed"`
}

type responses struct {
	Responses int      `json:"responses"`
	Mean      *float64 `json:"mean"`
	TopBox    *float64 `json:"topBox"`
}

type learning struct {
	paired    `json:",embed"`
	Excluded  []excluded `json:"excluded"`
	Retention *paired    `json:"retention"`
}

type excluded struct {
	Person string `json:"person"`
	Reason string `json:"reason"`
}

type behaviour struct {
	Competency string `json:"competency"`
	paired     `json:",embed"`
}

type amount struct {
	Value *float64 `json:"value"`
	N     int      `json:"n"`
}

type result struct {
	KPI              string   `json:"kpi"`
	Treated          int      `json:"treatedUnits"`
	Comparison       int      `json:"comparisonUnits"`
	TreatedBefore    amount   `json:"treatedBefore"`
	TreatedAfter     amount   `json:"treatedAfter"`
	ComparisonBefore amount   `json:"comparisonBefore"`
	ComparisonAfter  amount   `json:"comparisonAfter"`
	MonthsBefore     int      `json:"monthsBefore"`
	MonthsAfter      int      `json:"monthsAfter"`
	Difference       *float64 `json:"difference"`
	Lower            *float64 `json:"lower"`
	Upper            *float64 `json:"upper"`
	Says             string   `json:"says"`
	Hrefs            []string `json:"hrefs"` // the numbers of each unit in the months that count
}

type objective struct {
	ID        string                 `json:"id"`
	Value     *float64               `json:"value"`
	Target    float64                `json:"target"`
	By        string                 `json:"by"`
	State     measure.ObjectiveState `json:"state"`
	Confirmed bool                   `json:"confirmed"`
	Href      string                 `json:"href"` // the numbers as they stood at the moment that counts for it
}

func (c *call) getEffectiveness() error {
	if err := c.only("at", "asOf", "after", "format"); err != nil {
		return err
	}
	return c.answerFrom(ofAll, func(m *moment) error {
		entry, p, err := c.programmeAsked(m)
		if err != nil {
			return err
		}
		e, err := c.readers.effectiveness.Of(c.ctx, m.tx, m.Scene, c.scene(m), p)
		if err != nil {
			return err
		}
		sees := c.reach(m.People, m.At)
		if e.Learning != nil {
			e.Learning.Excluded = slices.DeleteFunc(e.Learning.Excluded, func(x effectiveness.Excluded) bool { return !sees.person(m.People, x.Person) })
		}
		out := struct {
			Programme string `json:"programme"`
			Href      string `json:"href"` // the definition
			Revision  int64  `json:"revision"`
			head
			Evidence       string      `json:"evidence"` // href of the statements behind the numbers of people
			Enrolled       int         `json:"enrolled"`
			Started        int         `json:"started"`
			Completed      int         `json:"completed"`
			CompletionRate *float64    `json:"completionRate"`
			Reaction       *reaction   `json:"reaction"`
			Learning       *learning   `json:"learning"`
			Behaviour      []behaviour `json:"behaviour"`
			Results        []result    `json:"results"`
			Objectives     []objective `json:"objectives"`
		}{
			Programme: p.ID(), Href: definitionHref(m, definition.KindProgramme, p.ID()), Revision: entry.Revision, head: m.head(),
			Evidence: effectivenessHref(m, p, "/evidence", m.At),
			Enrolled: e.Enrolled, Started: e.Started, Completed: e.Completed, CompletionRate: e.CompletionRate,
			Reaction: reactionOf(e.Reaction), Learning: learningOf(e.Learning),
			Behaviour: []behaviour{}, Results: []result{}, Objectives: []objective{},
		}
		for _, b := range e.Behaviour {
			out.Behaviour = append(out.Behaviour, behaviour{b.Competency, pairedOf(b.Paired)})
		}
		for _, r := range e.Results {
			out.Results = append(out.Results, m.result(p, r))
		}
		for _, o := range e.Objectives {
			then := m.At
			if o.By.Before(then) {
				then = o.By
			}
			out.Objectives = append(out.Objectives, objective{
				o.ID, o.Value, o.Target, printMoment(o.By), o.State, o.Confirmed, effectivenessHref(m, p, "", then),
			})
		}
		return c.send(out, func() table { return effectivenessTable(e) })
	})
}

// effectivenessHref is where a programme's effectiveness at a moment is, or its evidence.
func effectivenessHref(m *moment, p *definition.Programme, evidence string, at time.Time) string {
	return BasePath + "/programmes/" + url.PathEscape(p.ID()) + "/effectiveness" + evidence + "?" + url.Values{"at": {printMoment(at)}, "asOf": {m.asOf()}}.Encode()
}

// programmeAsked finds the programme that a request asks about.
func (c *call) programmeAsked(m *moment) (catalog.Entry, *definition.Programme, error) {
	entry, ok := m.Definitions.Get(definition.KindProgramme, c.vars["programme"])
	if !ok {
		return entry, nil, notFound()
	}
	p := entry.Definition.(*definition.Programme)
	if !c.reachesProgramme(m, p) {
		return entry, nil, notFound()
	}
	return entry, p, nil
}

// item is a statement behind a number of people.
type item struct {
	Person    string             `json:"person"`
	Part      effectiveness.Part `json:"part"`
	About     string             `json:"about"` // an activity, or of before and after a competency
	Statement string             `json:"statement"`
	Href      string             `json:"href"`
	Timestamp string             `json:"timestamp"`
	Score     *float64           `json:"score,omitzero"`
	Completes bool               `json:"completes,omitzero"`
	Reason    competency.Reason  `json:"reason,omitzero"` // why it does not count

	// Of before and after: the rule whose evidence it is. The others are by the programme itself.
	Definition string `json:"definition,omitzero"`
	Revision   int64  `json:"revision,omitzero"`
	Rule       string `json:"rule,omitzero"`
}

func itemOf(x effectiveness.Item) item {
	return item{x.Person, x.Part, x.About, x.Statement, hrefOf(x.Statement, x.Reason), x.Happened.Format(timeFormat), x.Score, x.Done, x.Reason,
		x.Rule.Definition, x.Rule.Revision, x.Rule.Rule}
}

// getEffectivenessEvidence lists the statements behind participation, learning and
// behaviour, and for who may see them the answers behind reaction; results lead to KPIs.
func (c *call) getEffectivenessEvidence() error {
	if err := c.only("at", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	from, limit, err := c.offset()
	if err != nil {
		return err
	}
	return c.answerFrom(ofAll, func(m *moment) error {
		entry, p, err := c.programmeAsked(m)
		if err != nil {
			return err
		}
		all, err := c.readers.effectiveness.Evidence(c.ctx, m.tx, m.Scene, p)
		if err != nil {
			return err
		}
		sees := c.reach(m.People, m.At)
		all = slices.DeleteFunc(all, func(x effectiveness.Item) bool { return !sees.person(m.People, x.Person) })
		all, more := cut(all, from, limit)
		more = c.next(m, more)
		list := make([]item, len(all))
		for i, x := range all {
			list[i] = itemOf(x)
		}
		answers := []counted{}
		if f := c.scene(m); !f.Final && from == 0 {
			if answers, err = c.reactionAnswers(m, p); err != nil {
				return err
			}
			answers = slices.DeleteFunc(answers, func(x counted) bool { return !sees.all && !sees.unit(m.People, x.Unit) })
		}
		return c.send(struct {
			Programme string `json:"programme"`
			Revision  int64  `json:"revision"`
			head
			Evidence []item    `json:"evidence"`
			Reaction []counted `json:"reaction"` // on the first page
			More     string    `json:"more,omitzero"`
		}{p.ID(), entry.Revision, m.head(), list, answers, more}, func() table {
			rows := table{{"person", "part", "about", "statement", "timestamp", "score", "completes", "reason", "definition", "rule", "href"}}
			for _, x := range list {
				rows = append(rows, []string{
					x.Person, string(x.Part), x.About, x.Statement, x.Timestamp, number(x.Score), strconv.FormatBool(x.Completes), string(x.Reason), x.Definition, x.Rule, x.Href,
				})
			}
			for _, x := range answers {
				rows = append(rows, []string{"", "reaction", x.Unit, x.Statement, x.Timestamp, number(x.Raw), "", x.Reason, "", "", x.Href})
			}
			return rows
		})
	})
}

// reactionAnswers lists the answers behind a programme's reaction.
func (c *call) reactionAnswers(m *moment, p *definition.Programme) ([]counted, error) {
	survey, ok := m.Definitions.Get(definition.KindSurvey, p.ReactionSurvey)
	if !ok {
		return []counted{}, nil
	}
	all, err := c.readers.feedback.ReactionAnswers(c.ctx, m.tx, c.scene(m), survey.Definition.(*definition.Survey), p, m.At)
	list := make([]counted, len(all))
	for i, x := range all {
		list[i] = countedOf(x)
	}
	return list, err
}

// reachesProgramme: the numbers are of the listed units, so all of them must be within
// reach. One that is not registered has no numbers.
func (c *call) reachesProgramme(m *moment, p *definition.Programme) bool {
	r := c.reach(m.People, m.At)
	if r.all {
		return true
	}
	for _, list := range [][]string{p.TargetUnits, p.ComparisonUnits} {
		for _, u := range list {
			if !r.unit(m.People, u) {
				return false
			}
		}
	}
	return true
}

func reactionOf(r *feedback.Reaction) *reaction {
	switch {
	case r == nil:
		return nil
	case r.Suppressed:
		return &reaction{Suppressed: true}
	}
	return &reaction{responses: &responses{r.Responses, r.Mean, r.TopBox}}
}

func learningOf(l *effectiveness.Learning) *learning {
	if l == nil {
		return nil
	}
	out := &learning{paired: pairedOf(l.Paired), Excluded: []excluded{}}
	for _, x := range l.Excluded {
		out.Excluded = append(out.Excluded, excluded(x))
	}
	if l.Retention != nil {
		out.Retention = new(pairedOf(*l.Retention))
	}
	return out
}

func (m *moment) result(p *definition.Programme, r effectiveness.Result) result {
	of := func(p measure.Point) amount { return amount{p.Value, p.N} }
	out := result{
		r.KPI, len(p.TargetUnits), len(p.ComparisonUnits), of(r.TreatedBefore), of(r.TreatedAfter), of(r.ComparisonBefore), of(r.ComparisonAfter),
		len(r.MonthsBefore), len(r.MonthsAfter), r.Difference, r.Lower, r.Upper,
		fmt.Sprintf("What moved together in %d treated and %d comparison units; not what caused it.", len(p.TargetUnits), len(p.ComparisonUnits)),
		[]string{},
	}
	for _, window := range slices.Concat(runs(r.MonthsBefore), runs(r.MonthsAfter)) {
		for _, units := range [][]string{p.TargetUnits, p.ComparisonUnits} {
			for _, u := range units {
				out.Hrefs = append(out.Hrefs, kpiHref(m, r.KPI, "", u, window))
			}
		}
	}
	return out
}

// runs joins adjoining periods: one that does not count is in none.
func runs(periods []feedback.Period) (joined []feedback.Period) {
	for _, p := range periods {
		if last := len(joined) - 1; last >= 0 && joined[last].To.Equal(p.From) {
			joined[last].To = p.To
		} else {
			joined = append(joined, p)
		}
	}
	return joined
}

// effectivenessTable has a row for each number.
func effectivenessTable(e *effectiveness.Effectiveness) table {
	rows := table{{"section", "of", "n", "value", "lower", "upper", "state"}}
	count := func(name string, n int) { rows = append(rows, []string{name, "", "", strconv.Itoa(n), "", "", ""}) }
	count("enrolled", e.Enrolled)
	count("started", e.Started)
	count("completed", e.Completed)
	rows = append(rows, []string{"completionRate", "", strconv.Itoa(e.Enrolled), number(e.CompletionRate), "", "", ""})
	if r := e.Reaction; r != nil && r.Suppressed {
		rows = append(rows, []string{"reaction", "", "", "", "", "", "suppressed"})
	} else if r != nil {
		rows = append(rows,
			[]string{"reaction.mean", "", strconv.Itoa(r.Responses), number(r.Mean), "", "", ""},
			[]string{"reaction.topBox", "", strconv.Itoa(r.Responses), number(r.TopBox), "", "", ""})
	}
	gains := func(section, of string, p measure.Paired) {
		rows = append(rows, []string{section + ".meanGain", of, strconv.Itoa(p.N), number(p.MeanGain), number(p.Lower), number(p.Upper), ""})
	}
	if e.Learning != nil {
		gains("learning", "", e.Learning.Paired)
		if e.Learning.Retention != nil {
			gains("learning.retention", "", *e.Learning.Retention)
		}
	}
	for _, b := range e.Behaviour {
		gains("behaviour", b.Competency, b.Paired)
	}
	for _, r := range e.Results {
		n := strconv.Itoa(r.TreatedBefore.N + r.TreatedAfter.N + r.ComparisonBefore.N + r.ComparisonAfter.N)
		rows = append(rows, []string{"results.difference", r.KPI, n, number(r.Difference), number(r.Lower), number(r.Upper), ""})
	}
	for _, o := range e.Objectives {
		rows = append(rows, []string{"objective", o.ID, "", number(o.Value), "", "", string(o.State)})
	}
	return rows
}
