package hrhttp

import (
	"net/url"
	"slices"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/measure"
)

// inputs are a person's, as shown.
type inputs struct {
	Person    string        `json:"person"`
	Total     *float64      `json:"total"`
	Coverage  *float64      `json:"coverage"`
	Present   float64       `json:"present"`
	Metrics   []metric      `json:"metrics"`
	Decisions []remarkShown `json:"decisions"`
	Comments  []remarkShown `json:"comments"`
}

type metric struct {
	Metric string              `json:"metric"`
	Value  *float64            `json:"value"`
	Score  *float64            `json:"score"`
	Weight float64             `json:"weight"`
	State  measure.MetricState `json:"state"`
	Href   string              `json:"href"`
}

// remarkShown is a decision or a comment.
type remarkShown struct {
	By         string `json:"by"`
	Credential string `json:"credential"` // with which it was sent
	At         string `json:"at"`         // when it was said
	Position   string `json:"position"`   // of the inputs that were read
	Text       string `json:"text"`
}

// window is the parameters from and to.
func (c *call) window() (from, to time.Time, err error) {
	if err = c.required("from", "to"); err != nil {
		return from, to, err
	}
	if from, err = parseTime("from", c.params.Get("from")); err != nil {
		return from, to, err
	}
	if to, err = parseTime("to", c.params.Get("to")); err != nil {
		return from, to, err
	}
	if !from.Before(to) {
		return from, to, problem.BadRequest("parameter.to", "The parameter to is %s, which is not after from, %s.", printMoment(to), printMoment(from))
	}
	return from, to, nil
}

// evaluationAsked finds the evaluation that a request asks about; the moment becomes the
// end of the window.
func (c *call) evaluationAsked(m *moment, from, to time.Time) (*evaluation.Question, error) {
	entry, ok := m.Definitions.Get(definition.KindEvaluation, c.vars["evaluation"])
	if !ok {
		return nil, notFound()
	}
	q := &evaluation.Question{Scene: m.Scene, KPIs: c.scene(m), Entry: entry, From: from, To: to}
	q.At, q.Before = to, true
	if sees := c.reach(m.People, to.Add(-time.Microsecond)); !sees.all {
		q.Sees = func(person, unit string) bool { return person == sees.self || sees.units[unit] }
	}
	return q, nil
}

// evaluates tells whether the credential may see a person's evaluation: they held one of
// its roles, and were within reach, at the last instant of the window.
func (c *call) evaluates(m *moment, q *evaluation.Question, person string) bool {
	return c.reach(m.People, q.To.Add(-time.Microsecond)).person(m.People, person) && q.Concerns(person)
}

func evaluationHref(m *moment, person, id, what string, q *evaluation.Question, more ...string) string {
	values := url.Values{"from": {printMoment(q.From)}, "to": {printMoment(q.To)}, "asOf": {m.asOf()}}
	for i := 0; i+1 < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	return BasePath + "/people/" + url.PathEscape(person) + "/evaluations/" + url.PathEscape(id) + what + "?" + values.Encode()
}

// shown makes inputs of a person's.
func (c *call) shown(m *moment, q *evaluation.Question, in evaluation.Inputs) (inputs, error) {
	e := q.Entry.Definition.(*definition.Evaluation)
	out := inputs{
		Person: in.Person, Total: in.Total, Coverage: in.Coverage, Present: in.Present,
		Metrics: make([]metric, len(in.Metrics)), Decisions: []remarkShown{}, Comments: []remarkShown{},
	}
	for i, x := range in.Metrics {
		id := e.Metrics[i].ID
		out.Metrics[i] = metric{id, x.Value, x.Score, x.Weight, x.State, evaluationHref(m, in.Person, e.ID(), "/evidence", q, "metric", id)}
	}
	remarks, err := evaluation.Remarks(c.ctx, m.tx, in.Person, e.ID(), q.From, q.To, m.AsOf)
	for _, r := range remarks {
		list := &out.Decisions
		if r.Kind == evaluation.Comment {
			list = &out.Comments
		}
		*list = append(*list, remarkShown{r.By, r.Credential, time.UnixMicro(r.T).UTC().Format(timeFormat), r.Position, r.Text})
	}
	return out, err
}

var evaluationColumns = []string{"person", "metric", "value", "score", "weight", "state", "total", "coverage", "present", "href"}

func (in inputs) rows() (rows table) {
	for _, x := range in.Metrics {
		rows = append(rows, []string{
			in.Person, x.Metric, number(x.Value), number(x.Score), number(&x.Weight), string(x.State),
			number(in.Total), number(in.Coverage), number(&in.Present), x.Href,
		})
	}
	return rows
}

// evaluated is the head of an answer about evaluations.
type evaluated struct {
	Evaluation string `json:"evaluation"`
	Definition string `json:"definition"` // its href
	Revision   int64  `json:"revision"`
	From       string `json:"from"`
	To         string `json:"to"`
	moments    `json:",embed"`
}

func (m *moment) evaluated(q *evaluation.Question) evaluated {
	id := q.Entry.ID()
	return evaluated{id, definitionHref(m, definition.KindEvaluation, id), q.Entry.Revision, printMoment(q.From), printMoment(q.To), m.moments()}
}

// answerOfPerson answers from the inputs of a person's evaluation.
func (c *call) answerOfPerson(do func(*moment, *evaluation.Question, inputs) error) error {
	from, to, err := c.window()
	if err != nil {
		return err
	}
	person := c.vars["person"]
	return c.answerFrom(ofAll, func(m *moment) error {
		q, err := c.evaluationAsked(m, from, to)
		if err != nil {
			return err
		}
		if !c.evaluates(m, q, person) {
			return notFound()
		}
		all, err := c.readers.evaluation.Inputs(c.ctx, m.tx, *q, []string{person})
		if err != nil {
			return err
		}
		out, err := c.shown(m, q, all[0])
		if err != nil {
			return err
		}
		return do(m, q, out)
	})
}

func (c *call) getPersonEvaluation() error {
	if err := c.only("from", "to", "asOf", "after", "format"); err != nil {
		return err
	}
	return c.answerOfPerson(func(m *moment, q *evaluation.Question, out inputs) error {
		return c.send(struct {
			evaluated `json:",embed"`
			inputs    `json:",embed"`
		}{m.evaluated(q), out}, func() table { return append(table{evaluationColumns}, out.rows()...) })
	})
}

func (c *call) getUnitEvaluation() error {
	if err := c.only("from", "to", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	limit, after, err := c.limit()
	if err != nil {
		return err
	}
	from, to, err := c.window()
	if err != nil {
		return err
	}
	unit := c.vars["unit"]
	return c.answerFrom(ofAll, func(m *moment) error {
		q, err := c.evaluationAsked(m, from, to)
		if err != nil {
			return err
		}
		last := to.Add(-time.Microsecond)
		if !c.reach(m.People, last).unit(m.People, unit) {
			return notFound()
		}
		persons := slices.DeleteFunc(m.People.InUnitAt(unit, last), func(p string) bool { return !q.Concerns(p) })
		persons, more := page(persons, limit, after, func(p string) string { return p })
		more = c.next(m, more)
		all, err := c.readers.evaluation.Inputs(c.ctx, m.tx, *q, persons)
		if err != nil {
			return err
		}
		list := make([]inputs, len(all))
		for i := range all {
			if list[i], err = c.shown(m, q, all[i]); err != nil {
				return err
			}
		}
		return c.send(struct {
			Unit      string `json:"unit"`
			evaluated `json:",embed"`
			People    []inputs `json:"people"`
			More      string   `json:"more,omitzero"`
		}{unit, m.evaluated(q), list, more}, func() table {
			rows := table{evaluationColumns}
			for _, in := range list {
				rows = append(rows, in.rows()...)
			}
			return rows
		})
	})
}
