package effectiveness

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Effectiveness is what a programme has brought about.
type Effectiveness struct {
	Enrolled, Started, Completed int
	CompletionRate               *float64

	Reaction   *feedback.Reaction // nil: not measured
	Learning   *Learning          // nil: not measured
	Behaviour  []Behaviour
	Results    []Result
	Objectives []Objective
}

// Learning is what the enrolled have learnt.
type Learning struct {
	measure.Paired
	Excluded  []Excluded
	Retention *measure.Paired // nil: not measured
}

// Excluded is somebody enrolled who is not among the pairs.
type Excluded struct{ Person, Reason string }

// The reasons.
const (
	NoPre  = "no_pre"
	NoPost = "no_post"
)

// Behaviour is how what the enrolled show of a competency has changed.
type Behaviour struct {
	Competency string
	measure.Paired
}

// Result is what moved in a KPI together with the programme.
type Result struct {
	KPI                               string
	TreatedBefore, TreatedAfter       measure.Point // over the months that count
	ComparisonBefore, ComparisonAfter measure.Point
	MonthsBefore, MonthsAfter         []feedback.Period
	measure.Contrast
}

// Objective is how one stands.
type Objective struct {
	ID        string
	Value     *float64
	Target    float64
	By        time.Time
	State     measure.ObjectiveState
	Confirmed bool
}

// Of answers for one programme.
func (r *Reader) Of(ctx context.Context, tx *readmodel.Tx, s competency.Scene, f feedback.Scene, p *definition.Programme) (*Effectiveness, error) {
	persons := Enrolled(s.People, p)
	deeds, err := r.deeds(ctx, tx, s, persons, activities(p))
	if err != nil {
		return nil, err
	}
	results, err := r.tallies(ctx, tx, f, s, p)
	if err != nil {
		return nil, err
	}
	q := question{r, ctx, tx, s, f, p, persons, deeds, results}
	e, err := q.at(s.At)
	if err != nil {
		return nil, err
	}
	// An objective is about the moment that it was to be met by.
	earlier := map[time.Time]*Effectiveness{s.At: e}
	for _, o := range p.Objectives {
		by := moment(o.By)
		at := s.At
		if by.Before(at) {
			at = by
		}
		if earlier[at] == nil {
			if earlier[at], err = q.at(at); err != nil {
				return nil, err
			}
		}
		outcome := earlier[at].outcome(o.Metric)
		j := Objective{ID: o.ID, Value: outcome.Value, Target: o.Target, By: by}
		j.State, j.Confirmed = measure.Objective{
			Comparator: measure.Comparator(o.Comparator), Target: o.Target, By: by, MinN: o.MinN,
		}.Judge(s.At, outcome)
		e.Objectives = append(e.Objectives, j)
	}
	return e, nil
}

// question is one that is asked at several moments.
type question struct {
	*Reader
	ctx     context.Context
	tx      *readmodel.Tx
	scene   competency.Scene
	kpis    feedback.Scene
	p       *definition.Programme
	persons []string // enrolled
	deeds   map[string]map[string][]deed
	tallies []tallied
}

// at answers for a moment, but for the objectives.
func (q *question) at(at time.Time) (*Effectiveness, error) {
	e := &Effectiveness{Enrolled: len(q.persons)}
	until := at.UnixMicro()
	for _, person := range q.persons {
		started, completed := stand(q.p, q.deeds, person, until)
		if started {
			e.Started++
		}
		if completed {
			e.Completed++
		}
	}
	if e.Enrolled > 0 {
		e.CompletionRate = new(float64(e.Completed) / float64(e.Enrolled))
	}
	if survey, ok := q.scene.Definitions.Get(definition.KindSurvey, q.p.ReactionSurvey); ok && q.p.ReactionSurvey != "" {
		var err error
		if e.Reaction, err = q.Feedback.Reaction(q.ctx, q.tx, q.kpis, survey.Definition.(*definition.Survey), q.p, at); err != nil {
			return nil, err
		}
	}
	if q.p.Assessments != nil {
		e.Learning = q.learning(until)
	}
	if err := q.behaviour(e, at); err != nil {
		return nil, err
	}
	for i := range q.tallies {
		e.Results = append(e.Results, q.tallies[i].result(q.p, at))
	}
	return e, nil
}

func (q *question) learning(until int64) *Learning {
	as := q.p.Assessments
	l := &Learning{}
	var pairs, kept []measure.Pair
	for _, person := range q.persons {
		score := map[Part]float64{}
		for _, a := range assessed(as, q.deeds, person, until) {
			score[a.part] = a.score
		}
		pre, hasPre := score[Pre]
		post, hasPost := score[Post]
		switch {
		case !hasPre:
			l.Excluded = append(l.Excluded, Excluded{person, NoPre})
			continue
		case !hasPost:
			l.Excluded = append(l.Excluded, Excluded{person, NoPost})
			continue
		}
		pairs = append(pairs, measure.Pair{Pre: pre, Post: post})
		if later, ok := score[Retention]; ok {
			kept = append(kept, measure.Pair{Pre: post, Post: later})
		}
	}
	l.Paired = measure.PairedOf(pairs)
	if as.Retention != nil {
		l.Retention = new(measure.PairedOf(kept))
	}
	return l
}

// attempted is the attempt that counts at one of the assessments.
type attempted struct {
	part     Part
	activity string
	deed
}

// assessed gives somebody's first attempt, the first after it at the second assessment, and the first long enough after
// that, as far as there are these.
func assessed(as *definition.Assessments, deeds map[string]map[string][]deed, person string, until int64) (all []attempted) {
	pre, ok := attempt(deeds[as.Pre][person], math.MinInt64, until)
	if !ok {
		return nil
	}
	all = append(all, attempted{Pre, as.Pre, pre})
	post, ok := attempt(deeds[as.Post][person], pre.happened+1, until)
	if !ok {
		return all
	}
	all = append(all, attempted{Post, as.Post, post})
	if as.Retention == nil {
		return all
	}
	const day = 24 * 60 * 60 * 1_000_000
	if later, ok := attempt(deeds[as.Retention.Activity][person], post.happened+int64(as.Retention.AfterDays)*day, until); ok {
		all = append(all, attempted{Retention, as.Retention.Activity, later})
	}
	return all
}

// behaviour compares what people have shown in the windows before and after the programme.
func (q *question) behaviour(e *Effectiveness, at time.Time) error {
	b := q.p.Behaviour
	if b == nil {
		return nil
	}
	scene := q.scene
	scene.At = at
	type key struct{ person, competency string }
	before, after := map[key]*mean{}, map[key]*mean{}
	err := q.shown(q.ctx, q.tx, scene, q.p, q.persons, func(person, id string, part Part, e measure.Evidence) {
		side := before
		if part == After {
			side = after
		}
		k := key{person, id}
		if side[k] == nil {
			side[k] = &mean{}
		}
		side[k].add(e.Score)
	})
	for _, id := range b.Competencies {
		var pairs []measure.Pair
		for _, person := range q.persons {
			k := key{person, id}
			if x, y := before[k], after[k]; x != nil && y != nil {
				pairs = append(pairs, measure.Pair{Pre: x.of(), Post: y.of()})
			}
		}
		e.Behaviour = append(e.Behaviour, Behaviour{id, measure.PairedOf(pairs)})
	}
	return err
}

// shown gives the evidence of people in the windows before and after a programme, superseded attempts included, in the
// order in which it is added up.
func (r *Reader) shown(ctx context.Context, tx *readmodel.Tx, s competency.Scene, p *definition.Programme, persons []string,
	each func(person, competency string, part Part, e measure.Evidence),
) error {
	b := p.Behaviour
	if b == nil {
		return nil
	}
	return r.Competency.Scored(ctx, tx, s, persons, func(person string, found func(string) ([]measure.Evidence, []competency.LeftOut)) {
		for _, id := range b.Competencies {
			evidence, _ := found(id)
			for _, e := range evidence {
				if part, within := windowOf(p, e.Timestamp); within && slices.Contains(b.Kinds, e.Kind) {
					each(person, id, part, e)
				}
			}
		}
	})
}

// windowOf tells on which side of a programme something happened, and whether in the window of behaviour there. What
// happened while the programme lasted is after its start, and in none.
func windowOf(p *definition.Programme, t time.Time) (part Part, within bool) {
	starts, ends := moment(p.Starts), moment(p.Ends)
	if t.Before(starts) {
		return Before, !t.Before(starts.AddDate(0, 0, -p.Behaviour.WindowDays))
	}
	return After, !t.Before(ends) && t.Before(ends.AddDate(0, 0, p.Behaviour.WindowDays))
}

type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m *mean) of() float64 { return m.sum / float64(m.n) }
