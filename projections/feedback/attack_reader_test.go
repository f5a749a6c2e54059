package feedback_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/gaps"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/projectiontest"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// attacker asks everything, again and again, with one credential.
type attacker struct {
	town  *town
	final bool // the credential has no answers/read

	people        people.Reader
	catalog       catalog.Reader
	competency    competency.Reader
	feedback      feedback.Reader
	effectiveness effectiveness.Reader
	gaps          gaps.Reader
	evaluation    evaluation.Reader

	numbers []number
	points  map[string]string // each period's, as it was given first
}

func newAttacker(c *town, final bool) *attacker {
	a := &attacker{town: c, final: final, points: map[string]string{}}
	a.effectiveness.Competency, a.effectiveness.Feedback = &a.competency, &a.feedback
	a.gaps = gaps.Reader{Competency: &a.competency, Feedback: &a.feedback}
	a.evaluation = evaluation.Reader{Competency: &a.competency, Feedback: &a.feedback, Effectiveness: &a.effectiveness}
	return a
}

// build makes the tables of a town.
func (c *town) build(ctx context.Context, store *readmodel.Store) error {
	log := projectiontest.NewLog()
	for _, o := range c.events {
		raw, err := o.event.Encode()
		if err != nil {
			return err
		}
		if _, err := log.Append(ctx, o.t, raw); err != nil {
			return err
		}
	}
	if _, err := log.Append(ctx, dusk.UnixMicro()); err != nil {
		return err
	}
	return projections.Build(ctx, log, store, []projections.Projection{
		people.Projection{}, catalog.Projection{}, competency.Projection{}, feedback.Projection{}, effectiveness.Projection{}, evaluation.Projection{},
	}, nil)
}

// ask asks everything that can be asked as of a time, µs.
func (a *attacker) ask(ctx context.Context, store *readmodel.Store, asOf int64) error {
	return store.View(ctx, func(tx *readmodel.Tx) (err error) {
		q := question{attacker: a, ctx: ctx, tx: tx, asOf: asOf}
		if q.state, err = a.people.State(ctx, tx, asOf); err != nil {
			return err
		}
		if q.definitions, err = a.catalog.At(ctx, tx, asOf); err != nil {
			return err
		}
		q.scene = feedback.Scene{Trees: &a.people, Definitions: q.definitions, AsOf: asOf, Final: a.final}
		for _, step := range []func() error{q.series, q.gaps, q.evaluations, q.effects} {
			if err := step(); err != nil {
				return fmt.Errorf("as of %s: %w", time.UnixMicro(asOf).UTC().Format(time.RFC3339Nano), err)
			}
		}
		return nil
	})
}

// question is what is asked as of one time.
type question struct {
	*attacker
	ctx         context.Context
	tx          *readmodel.Tx
	asOf        int64
	state       *people.State
	definitions *catalog.Definitions
	scene       feedback.Scene
}

// known is as of when the answer about a period is.
func (q *question) known(p feedback.Period) int64 {
	if q.final {
		return final(p.To)
	}
	return q.asOf
}

// told notes a number: it is of what the model says it is of, and of nothing else.
func (q *question) told(what string, k *definition.KPI, of []unitPeriod, value *float64, n int) error {
	set := q.town.behind(k.Questions, of, q.known)
	if q.final {
		for _, u := range of {
			if q.asOf < final(u.period.To) {
				return fmt.Errorf("%s: %s is told before it is final", what, u.period.From)
			}
		}
	}
	if n >= 0 && n != len(set) {
		return fmt.Errorf("%s: n = %d, but there are %d answers:%s", what, n, len(set), q.town.describe(set))
	}
	if value == nil || math.Abs(*value-q.town.value(k.Statistic, set)) > 1e-9 {
		return fmt.Errorf("%s: %v is not the %s of%s", what, value, k.Statistic, q.town.describe(set))
	}
	q.numbers = append(q.numbers, number{what: what, family: familyOf(k.Questions[0]), least: k.MinN, of: set})
	return nil
}

// familyOf names the questions that numbers have in common.
func familyOf(question string) string {
	for _, family := range [][]string{monthly, quarterly, reacting} {
		if slices.Contains(family, question) {
			return family[0]
		}
	}
	return question
}

// series asks for each KPI of each unit, as one series, in parts and with a baseline: what is told of a period is the
// same however it is asked for.
func (q *question) series() error {
	for _, entry := range q.definitions.Of(definition.KindKPI) {
		k := entry.Definition.(*definition.KPI)
		from, to := month(time.January).AddDate(-1, 0, 0), month(time.July)
		if k.Interval == definition.IntervalMonth {
			from = dawn
		}
		all, ok := feedback.Periods(k.Interval, from, to)
		if !ok {
			return fmt.Errorf("no periods from %s to %s", from, to)
		}
		windows := [][]feedback.Period{all, all[1:3], all[2:]}
		for i := range all {
			windows = append(windows, all[i:i+1])
		}
		for _, u := range q.state.Units() {
			for _, w := range windows {
				s, err := q.feedback.Series(q.ctx, q.tx, q.scene, entry, u.ID, w, all[:len(w)])
				if err != nil {
					return err
				}
				for i, p := range s.Points {
					if err := q.point(k, u.ID, w[i], p, len(w) == len(all)); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func (q *question) point(k *definition.KPI, unit string, period feedback.Period, p feedback.Point, note bool) error {
	what := fmt.Sprintf("%s of %s from %s", k.ID(), unit, period.From.Format(time.DateOnly))
	p.Signals = nil // they are of the series
	b, err := json.Marshal(p, jsontext.CanonicalizeRawFloats(false))
	if err != nil {
		return err
	}
	key := fmt.Sprint(what, q.known(period))
	switch {
	case q.final && q.asOf < final(period.To):
		if !p.Suppressed {
			return fmt.Errorf("%s is told before it is final", what)
		}
		return nil
	case q.points[key] == "":
		q.points[key] = string(b)
	case q.points[key] != string(b):
		return fmt.Errorf("%s: %s, which was %s", what, b, q.points[key])
	}
	if p.Suppressed {
		if p.Point.Value != nil || p.N != 0 || p.Lower != nil || p.Upper != nil {
			return fmt.Errorf("%s is suppressed and says %s", what, b)
		}
		return nil
	}
	if !note {
		return nil
	}
	return q.told(what, k, []unitPeriod{{unit, period}}, p.Value, p.N)
}

func (q *question) moment(at time.Time) competency.Scene {
	return competency.Scene{People: q.state, Definitions: q.definitions, At: at, AsOf: q.asOf}
}

func (q *question) kpi(id string) *definition.KPI {
	e, _ := q.definitions.Get(definition.KindKPI, id)
	return e.Definition.(*definition.KPI)
}

// gaps asks each unit's, at several times.
func (q *question) gaps() error {
	for _, u := range q.state.Units() {
		for _, at := range []time.Time{time.UnixMicro(q.asOf).UTC(), month(time.March).AddDate(0, 0, 9), month(time.April), month(time.May)} {
			all, err := q.attacker.gaps.Unit(q.ctx, q.tx, q.moment(at), q.scene, u.ID)
			if err != nil {
				return err
			}
			for _, g := range all {
				if g.Patient == nil {
					continue
				}
				var of []unitPeriod
				for _, p := range g.Months {
					of = append(of, unitPeriod{u.ID, p})
				}
				what := fmt.Sprintf("patients of %s at %s by %s", u.ID, at.Format(time.DateOnly), g.KPI)
				if err := q.told(what, q.kpi(g.KPI), of, g.Patient, -1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// evaluations asks for everybody's inputs, over several windows.
func (q *question) evaluations() error {
	entry, ok := q.definitions.Get(definition.KindEvaluation, iri+"evaluation")
	if !ok {
		return nil
	}
	metrics := entry.Definition.(*definition.Evaluation).Metrics
	for _, w := range [][2]time.Month{{time.January, time.April}, {time.January, time.March}, {time.February, time.April}, {time.March, time.April}, {time.January, time.May}} {
		scene := q.moment(month(w[1]))
		scene.Before = true
		asked := evaluation.Question{Scene: scene, KPIs: q.scene, Entry: entry, From: month(w[0]), To: month(w[1])}
		all, err := q.evaluation.Inputs(q.ctx, q.tx, asked, q.town.staff)
		if err != nil {
			return err
		}
		for i, person := range q.town.staff {
			for j, m := range all[i].Metrics {
				if m.Value == nil {
					continue
				}
				kpi, _ := q.definitions.Get(definition.KindKPI, metrics[j].Source.KPI)
				units, months, err := q.evaluation.UnitMonths(q.ctx, q.tx, &asked, kpi, person)
				if err != nil {
					return err
				}
				var of []unitPeriod
				for k := range units {
					of = append(of, unitPeriod{units[k], months[k]})
				}
				what := fmt.Sprintf("%s of %s over %s to %s", kpi.ID(), person, w[0], w[1])
				if err := q.told(what, q.kpi(kpi.ID()), of, m.Value, -1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// effects asks for each programme's, at several times.
func (q *question) effects() error {
	for _, id := range q.town.programmes {
		entry, ok := q.definitions.Get(definition.KindProgramme, id)
		if !ok {
			continue
		}
		p := entry.Definition.(*definition.Programme)
		for _, at := range []time.Time{time.UnixMicro(q.asOf).UTC(), month(time.April), dusk} {
			e, err := q.effectiveness.Of(q.ctx, q.tx, q.moment(at), q.scene, p)
			if err != nil {
				return err
			}
			for _, r := range e.Results {
				for _, side := range []struct {
					name   string
					units  []string
					months []feedback.Period
					value  *float64
					n      int
				}{
					{"treated before", p.TargetUnits, r.MonthsBefore, r.TreatedBefore.Value, r.TreatedBefore.N},
					{"treated after", p.TargetUnits, r.MonthsAfter, r.TreatedAfter.Value, r.TreatedAfter.N},
					{"comparison before", p.ComparisonUnits, r.MonthsBefore, r.ComparisonBefore.Value, r.ComparisonBefore.N},
					{"comparison after", p.ComparisonUnits, r.MonthsAfter, r.ComparisonAfter.Value, r.ComparisonAfter.N},
				} {
					if len(side.months) == 0 {
						continue
					}
					var of []unitPeriod
					for _, m := range side.months {
						for _, u := range side.units {
							of = append(of, unitPeriod{u, m})
						}
					}
					if err := q.told(fmt.Sprintf("%s of %s, %s", r.KPI, id, side.name), q.kpi(r.KPI), of, side.value, side.n); err != nil {
						return err
					}
				}
			}
			if err := q.reaction(p, e.Reaction, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *question) reaction(p *definition.Programme, r *feedback.Reaction, at time.Time) error {
	if r == nil || r.Suppressed {
		return nil
	}
	known := min(q.asOf, at.UnixMicro())
	if q.final {
		known = final(time.UnixMicro(int64(p.Ends)).UTC())
		if q.asOf < known {
			return fmt.Errorf("reaction to %s is told before it is final", p.ID())
		}
		if at.UnixMicro() < int64(p.Ends) {
			return fmt.Errorf("reaction to %s is told of %s, before it ended", p.ID(), at)
		}
	}
	survey, _ := q.definitions.Get(definition.KindSurvey, p.ReactionSurvey)
	var questions []string
	for _, x := range survey.Definition.(*definition.Survey).Questions {
		questions = append(questions, x.ID)
	}
	set, sheets := q.town.reacted(questions, p.ID(), known)
	what := fmt.Sprintf("reaction to %s, of %d questions, as of %s", p.ID(), len(questions), time.UnixMicro(known).UTC().Format(time.DateOnly))
	if q.final && (r.Responses != sheets || math.Abs(*r.Mean-q.town.value("mean", set)) > 1e-9) {
		return fmt.Errorf("%s: %d sheets with a mean of %v, not %d of%s", what, r.Responses, *r.Mean, sheets, q.town.describe(set))
	}
	q.numbers = append(q.numbers, number{what: what, family: familyOf(reacting[0]), least: 5, of: set})
	return nil
}
