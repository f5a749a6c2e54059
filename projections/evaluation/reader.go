package evaluation

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Reader answers questions from the live tables. Its methods may be called concurrently.
type Reader struct {
	Competency    *competency.Reader
	Feedback      *feedback.Reader
	Effectiveness *effectiveness.Reader
}

// Question is about the inputs of an evaluation over [From, To).
type Question struct {
	competency.Scene // its At is To, and Before is set
	KPIs             feedback.Scene
	Entry            catalog.Entry // of the evaluation
	From, To         time.Time

	Sees func(person, unit string) bool // whether a unit's KPI may be shown as an input of a person's; nil: always
}

func (q *Question) evaluation() *definition.Evaluation {
	return q.Entry.Definition.(*definition.Evaluation)
}

// last is the last instant before To.
func (q *Question) last() time.Time { return q.To.Add(-time.Microsecond) }

// Concerns tells whether a person held one of the evaluation's roles at the last instant of the window.
func (q *Question) Concerns(person string) bool {
	return slices.ContainsFunc(q.People.RolesAt(person, q.last()), func(role string) bool {
		return slices.Contains(q.evaluation().Roles, role)
	})
}

// Inputs are what a person's evaluation begins with.
type Inputs struct {
	Person  string
	Present float64 // part of the window that assignments cover
	measure.Evaluation
}

// Inputs gives those of people, in their order.
func (r *Reader) Inputs(ctx context.Context, tx *readmodel.Tx, q Question, persons []string) ([]Inputs, error) {
	e := q.evaluation()
	all := make([]Inputs, len(persons))
	metrics := make([][]measure.Metric, len(persons))
	for i, p := range persons {
		all[i] = Inputs{Person: p, Present: present(q.People.Assignments(p), q.From, q.To)}
		metrics[i] = make([]measure.Metric, len(e.Metrics))
	}
	for j := range e.Metrics {
		m := &e.Metrics[j]
		values, err := r.values(ctx, tx, &q, m, persons, all)
		if err != nil {
			return nil, err
		}
		for i := range persons {
			metrics[i][j] = measure.Metric{Value: values[i], Weight: m.Weight, Scale: measure.Scale{From: m.Scale.From, To: m.Scale.To}}
		}
	}
	for i := range all {
		all[i].Evaluation = measure.Evaluate(metrics[i], e.MinCoverage)
	}
	return all, nil
}

// minPresent is the part of the window that somebody must have been there for, to be counted by statements.
const minPresent = 0.5

// values gives a metric's value for people, nil where there is not enough to tell.
func (r *Reader) values(ctx context.Context, tx *readmodel.Tx, q *Question, m *definition.EvaluationMetric, persons []string, all []Inputs) ([]*float64, error) {
	switch {
	case m.Source.Competency != "":
		return r.estimates(ctx, tx, q, m.Source.Competency, persons)
	case len(m.Source.Completion) > 0:
		return r.completion(ctx, tx, q, m.Source.Completion, persons)
	case m.Source.KPI != "":
		return r.kpi(ctx, tx, q, m.Source.KPI, persons)
	}
	counted, err := r.Counted(ctx, tx, q, m, persons)
	if err != nil {
		return nil, err
	}
	values := make([]*float64, len(persons))
	for i := range persons {
		if all[i].Present < minPresent {
			continue
		}
		sum := 0.0
		for _, c := range counted[i] {
			switch {
			case c.Reason != "":
			case m.Source.Hours != nil:
				sum += c.Hours
			default:
				sum++
			}
		}
		values[i] = new(sum / all[i].Present)
	}
	return values, nil
}

func (r *Reader) estimates(ctx context.Context, tx *readmodel.Tx, q *Question, id string, persons []string) ([]*float64, error) {
	standings, err := r.Competency.People(ctx, tx, q.Scene, persons)
	if err != nil {
		return nil, err
	}
	values := make([]*float64, len(persons))
	for i := range persons {
		for _, s := range standings[i] {
			if s.Competency == id {
				values[i] = s.Value
			}
		}
	}
	return values, nil
}

func (r *Reader) completion(ctx context.Context, tx *readmodel.Tx, q *Question, programmes, persons []string) ([]*float64, error) {
	enrolled, completed := make([]int, len(persons)), make([]int, len(persons))
	for _, id := range programmes {
		p, ok := q.Programme(id)
		if !ok {
			continue
		}
		all, err := r.Effectiveness.Completions(ctx, tx, q.Scene, p, persons, q.last().UnixMicro())
		if err != nil {
			return nil, err
		}
		for i, c := range all {
			if c.Enrolled {
				enrolled[i]++
				if c.Completed {
					completed[i]++
				}
			}
		}
	}
	values := make([]*float64, len(persons))
	for i := range persons {
		if enrolled[i] > 0 {
			values[i] = new(float64(completed[i]) / float64(enrolled[i]))
		}
	}
	return values, nil
}

// Programme finds a programme that ends in (From, To].
func (q *Question) Programme(id string) (*definition.Programme, bool) {
	entry, ok := q.Definitions.Get(definition.KindProgramme, id)
	if !ok {
		return nil, false
	}
	p := entry.Definition.(*definition.Programme)
	ends := time.UnixMicro(int64(p.Ends)).UTC()
	return p, ends.After(q.From) && !ends.After(q.To)
}

func (r *Reader) kpi(ctx context.Context, tx *readmodel.Tx, q *Question, id string, persons []string) ([]*float64, error) {
	values := make([]*float64, len(persons))
	entry, ok := q.Definitions.Get(definition.KindKPI, id)
	if !ok {
		return values, nil
	}
	months := feedback.MonthsWithin(q.From, q.To)
	t, err := r.Feedback.Tally(ctx, tx, q.KPIs, entry, months)
	if err != nil {
		return nil, err
	}
	minN := entry.Definition.(*definition.KPI).MinN
	for i, p := range persons {
		of, distinct := q.unitMonths(t, p, months)
		if len(of) == 0 || 2*distinct < len(months) {
			continue
		}
		if point := t.Point(of...); point.N >= minN {
			values[i] = point.Value
		}
	}
	return values, nil
}

// UnitMonths gives the months that a KPI's value for a person is of, with the unit of each, as [Reader.Inputs] has them.
func (r *Reader) UnitMonths(ctx context.Context, tx *readmodel.Tx, q *Question, kpi catalog.Entry, person string) (units []string, months []feedback.Period, err error) {
	all := feedback.MonthsWithin(q.From, q.To)
	t, err := r.Feedback.Tally(ctx, tx, q.KPIs, kpi, all)
	if err != nil {
		return nil, nil, err
	}
	of, _ := q.unitMonths(t, person, all)
	for _, u := range of {
		units, months = append(units, u.Unit), append(months, all[u.Period])
	}
	return units, months, nil
}

// unitMonths finds the published months through which somebody was assigned to a unit from end to end, and how many
// different months these are.
func (q *Question) unitMonths(t *feedback.Tally, person string, months []feedback.Period) (of []feedback.UnitPeriod, distinct int) {
	byUnit := map[string][]people.Assignment{}
	for _, a := range q.People.Assignments(person) {
		if q.Sees == nil || q.Sees(person, a.Unit) {
			byUnit[a.Unit] = append(byUnit[a.Unit], a)
		}
	}
	for i, m := range months {
		found := false
		for unit, posts := range byUnit {
			u := feedback.UnitPeriod{Unit: unit, Period: i}
			if present(posts, m.From, m.To) == 1 && t.Published(u) {
				of, found = append(of, u), true
			}
		}
		if found {
			distinct++
		}
	}
	slices.SortFunc(of, func(a, b feedback.UnitPeriod) int { return cmp.Or(a.Period-b.Period, strings.Compare(a.Unit, b.Unit)) })
	return of, distinct
}

// present is the part of [from, to) that assignments cover, in [0, 1]; exactly 1 if they cover all of it.
func present(assignments []people.Assignment, from, to time.Time) float64 {
	slices.SortFunc(assignments, func(a, b people.Assignment) int { return a.From.Compare(b.From) })
	covered, at, last := int64(0), from.UnixMicro(), to.UnixMicro() // what is before at is dealt with
	for _, a := range assignments {
		begin, end := max(a.From.UnixMicro(), at), last
		if !a.To.IsZero() {
			end = min(a.To.UnixMicro(), last)
		}
		if begin < end {
			covered, at = covered+end-begin, end
		}
	}
	return float64(covered) / float64(last-from.UnixMicro())
}

// Counted is a statement that a metric counts, or not.
type Counted struct {
	Statement string
	Happened  time.Time
	Hours     float64
	Reason    competency.Reason // why it does not count, "" if it does
}

// peopleAtOnce are read with one query.
const peopleAtOnce = 50

// Counted gives, for each person, the statements that a metric matches, by timestamp and id.
func (r *Reader) Counted(ctx context.Context, tx *readmodel.Tx, q *Question, m *definition.EvaluationMetric, persons []string) ([][]Counted, error) {
	all := make([][]Counted, len(persons))
	of := map[string]int{} // place of a person by key
	var keys []string
	for i, p := range persons {
		for _, k := range q.People.Keys(p) {
			key := readmodel.KeyText(k)
			of[key], keys = i, append(keys, key)
		}
	}
	type once struct {
		person int
		t      int64
	}
	seen := map[once]bool{} // a statement may name somebody by two identities
	for chunk := range slices.Chunk(keys, peopleAtOnce) {
		args := []any{q.AsOf, q.Entry.T, readmodel.KeyText(m.ID), q.AsOf}
		for _, k := range chunk {
			args = append(args, k)
		}
		err := tx.Each(ctx, `SELECT s.subject, s.t, s.happened, s.statement, s.hours, s.parties, s.question, v.t FROM evaluation_statements s
			LEFT JOIN evaluation_voidings v ON v.statement = s.statement AND v.t <= ?
			WHERE s.evaluation = ? AND s.metric = ? AND s.t <= ? AND s.subject IN (`+strings.TrimSuffix(strings.Repeat("?, ", len(chunk)), ", ")+`)`, args,
			func(scan func(...any) error) error {
				var subject, parties, question string
				var t, happened int64
				var voided *int64
				var c Counted
				if err := scan(&subject, &t, &happened, &c.Statement, &c.Hours, &parties, &question, &voided); err != nil {
					return err
				}
				i := of[subject]
				if seen[once{i, t}] || q.Definitions.Asked(question) {
					return nil // an answer does not count, whatever it matches: what does is shown to who may not see single answers
				}
				seen[once{i, t}] = true
				c.Happened = time.UnixMicro(happened).UTC()
				switch {
				case voided != nil:
					c.Reason = competency.Voided
				case c.Happened.Before(q.From) || !c.Happened.Before(q.To):
					c.Reason = competency.OutsideWindow
				case q.among(parties, persons[i]):
					c.Reason = competency.Self
				}
				all[i] = append(all[i], c)
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b Counted) int {
			return cmp.Or(a.Happened.Compare(b.Happened), strings.Compare(a.Statement, b.Statement))
		})
	}
	return all, nil
}

// among tells whether one of the keys of a column parties is a person's.
func (q *Question) among(parties, person string) bool {
	var keys []string
	if parties == "" || json.Unmarshal([]byte(parties), &keys) != nil {
		return false
	}
	return slices.ContainsFunc(keys, func(key string) bool {
		p, ok := q.People.PersonOf(key)
		return ok && p == person
	})
}
