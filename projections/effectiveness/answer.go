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
		pre, ok := attempt(q.deeds[as.Pre][person], math.MinInt64, until)
		if !ok {
			l.Excluded = append(l.Excluded, Excluded{person, NoPre})
			continue
		}
		post, ok := attempt(q.deeds[as.Post][person], pre.happened+1, until)
		if !ok {
			l.Excluded = append(l.Excluded, Excluded{person, NoPost})
			continue
		}
		pairs = append(pairs, measure.Pair{Pre: pre.score, Post: post.score})
		if as.Retention == nil {
			continue
		}
		const day = 24 * 60 * 60 * 1_000_000
		if later, ok := attempt(q.deeds[as.Retention.Activity][person], post.happened+int64(as.Retention.AfterDays)*day, until); ok {
			kept = append(kept, measure.Pair{Pre: post.score, Post: later.score})
		}
	}
	l.Paired = measure.PairedOf(pairs)
	if as.Retention != nil {
		l.Retention = new(measure.PairedOf(kept))
	}
	return l
}

// behaviour compares what people have shown in the windows before and after the programme.
func (q *question) behaviour(e *Effectiveness, at time.Time) error {
	b := q.p.Behaviour
	if b == nil {
		return nil
	}
	scene := q.scene
	scene.At = at
	starts, ends := moment(q.p.Starts), moment(q.p.Ends)
	first, last := starts.AddDate(0, 0, -b.WindowDays), ends.AddDate(0, 0, b.WindowDays)
	pairs := make([][]measure.Pair, len(b.Competencies))
	err := q.Competency.Scored(q.ctx, q.tx, scene, q.persons, func(_ string, found func(string) []measure.Evidence) {
		for i, id := range b.Competencies {
			var before, after mean
			for _, piece := range found(id) {
				t := piece.Timestamp
				switch {
				case !slices.Contains(b.Kinds, piece.Kind):
				case !t.Before(first) && t.Before(starts):
					before.add(piece.Score)
				case !t.Before(ends) && t.Before(last):
					after.add(piece.Score)
				}
			}
			if before.n > 0 && after.n > 0 {
				pairs[i] = append(pairs[i], measure.Pair{Pre: before.of(), Post: after.of()})
			}
		}
	})
	for i, id := range b.Competencies {
		e.Behaviour = append(e.Behaviour, Behaviour{id, measure.PairedOf(pairs[i])})
	}
	return err
}

type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m *mean) of() float64 { return m.sum / float64(m.n) }
