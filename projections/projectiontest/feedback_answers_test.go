package projectiontest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/gaps"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// wardReaders are kept from one question to the next, as a server does.
type wardReaders struct {
	people        people.Reader
	catalog       catalog.Reader
	competency    competency.Reader
	feedback      feedback.Reader
	gaps          gaps.Reader
	effectiveness effectiveness.Reader
	evaluation    evaluation.Reader
}

func newWardReaders() *wardReaders {
	r := &wardReaders{}
	r.gaps = gaps.Reader{Competency: &r.competency, Feedback: &r.feedback}
	r.effectiveness.Competency, r.effectiveness.Feedback = &r.competency, &r.feedback
	r.evaluation = evaluation.Reader{Competency: &r.competency, Feedback: &r.feedback, Effectiveness: &r.effectiveness}
	return r
}

// wardAnswers are all answers for one moment; those of who may see single answers, and, at true, of who may not.
type wardAnswers struct {
	Series   map[bool]map[string]map[string]*feedback.Series // by KPI and unit
	Baseline map[string]*feedback.Series                     // by KPI, of the top, with a baseline
	Evidence map[string][]*feedback.Evidence                 // by KPI, of the top
	Gaps     map[bool]map[string][]gaps.Gap                  // by unit
	Inputs   map[bool][][]evaluation.Inputs                  // by window, of all people
	Counted  map[string][][]evaluation.Counted               // by metric, of all people
	Remarks  map[string][]evaluation.Remark                  // by person
	Effects  map[bool]map[string]*effectiveness.Effectiveness
	Measures []feedback.Measure
}

// wardWindows are those of evaluations.
var wardWindows = [][2]time.Time{{wardMonth(1), wardMonth(4)}, {wardMonth(2), wardMonth(4)}, {wardMonth(2), wardMonth(6)}}

// wardPeriods are those of KPIs.
func wardPeriods(interval string) []feedback.Period {
	from, to := wardMonth(-2), wardMonth(7) // quarters too
	if interval == definition.IntervalWeek {
		from, to = time.Date(2026, 1, 12, 0, 0, 0, 0, time.UTC), time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	}
	if interval == definition.IntervalMonth {
		from = wardMonth(0)
	}
	all, ok := feedback.Periods(interval, from, to)
	if !ok {
		panic(fmt.Sprintf("no %ss from %s to %s", interval, from, to))
	}
	return all
}

// ask asks for everything that there is to know at a moment.
func (r *wardReaders) ask(ctx context.Context, store *readmodel.Store, m moment) (*wardAnswers, error) {
	a := &wardAnswers{
		Series: map[bool]map[string]map[string]*feedback.Series{}, Baseline: map[string]*feedback.Series{}, Evidence: map[string][]*feedback.Evidence{},
		Gaps: map[bool]map[string][]gaps.Gap{}, Inputs: map[bool][][]evaluation.Inputs{}, Counted: map[string][][]evaluation.Counted{},
		Remarks: map[string][]evaluation.Remark{}, Effects: map[bool]map[string]*effectiveness.Effectiveness{},
	}
	return a, store.View(ctx, func(tx *readmodel.Tx) (err error) {
		q := wardQuery{r, ctx, tx, m, competency.Scene{At: time.UnixMicro(m.at).UTC(), AsOf: m.asOf}}
		if q.scene.People, err = r.people.State(ctx, tx, m.asOf); err != nil {
			return err
		}
		if q.scene.Definitions, err = r.catalog.At(ctx, tx, m.asOf); err != nil {
			return err
		}
		for _, final := range []bool{false, true} {
			a.Series[final], a.Gaps[final] = map[string]map[string]*feedback.Series{}, map[string][]gaps.Gap{}
			a.Effects[final] = map[string]*effectiveness.Effectiveness{}
			for _, step := range []func(*wardAnswers, bool) error{q.series, q.gaps, q.inputs, q.effects} {
				if err := step(a, final); err != nil {
					return err
				}
			}
		}
		if err := q.evidence(a); err != nil {
			return err
		}
		a.Measures, err = r.feedback.Measures(ctx, tx, q.kpis(false), "")
		return err
	})
}

type wardQuery struct {
	*wardReaders
	ctx   context.Context
	tx    *readmodel.Tx
	m     moment
	scene competency.Scene
}

func (q *wardQuery) kpis(final bool) feedback.Scene {
	return feedback.Scene{Trees: &q.people, Definitions: q.scene.Definitions, AsOf: q.m.asOf, Final: final}
}

func (q *wardQuery) series(a *wardAnswers, final bool) (err error) {
	for _, kpi := range q.scene.Definitions.Of(definition.KindKPI) {
		periods := wardPeriods(kpi.Definition.(*definition.KPI).Interval)
		of := map[string]*feedback.Series{}
		a.Series[final][kpi.ID()] = of
		for _, u := range q.scene.People.Units() {
			if of[u.ID], err = q.feedback.Series(q.ctx, q.tx, q.kpis(final), kpi, u.ID, periods, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// evidence asks for what is behind numbers, and for a series with a baseline.
func (q *wardQuery) evidence(a *wardAnswers) (err error) {
	for _, kpi := range q.scene.Definitions.Of(definition.KindKPI) {
		periods := wardPeriods(kpi.Definition.(*definition.KPI).Interval)
		if a.Baseline[kpi.ID()], err = q.feedback.Series(q.ctx, q.tx, q.kpis(false), kpi, wardUnits[0], periods[1:], periods); err != nil {
			return err
		}
		for _, p := range periods {
			e, err := q.feedback.Evidence(q.ctx, q.tx, q.kpis(false), kpi, wardUnits[0], p)
			if err != nil {
				return err
			}
			counted := len(slices.DeleteFunc(slices.Clone(e.Counted), func(c feedback.Counted) bool { return c.Voided }))
			if kpi.Definition.(*definition.KPI).Statistic != definition.Measure && !e.Point.Suppressed && counted != e.Point.N {
				return fmt.Errorf("%s: %d statements are behind n = %d", kpi.ID(), counted, e.Point.N)
			}
			a.Evidence[kpi.ID()] = append(a.Evidence[kpi.ID()], e)
		}
	}
	return nil
}

func (q *wardQuery) gaps(a *wardAnswers, final bool) (err error) {
	for _, u := range q.scene.People.Units() {
		if a.Gaps[final][u.ID], err = q.wardReaders.gaps.Unit(q.ctx, q.tx, q.scene, q.kpis(final), u.ID); err != nil {
			return err
		}
	}
	return nil
}

func (q *wardQuery) inputs(a *wardAnswers, final bool) error {
	entry, ok := q.scene.Definitions.Get(definition.KindEvaluation, wardYearly)
	if !ok {
		return nil
	}
	for _, w := range wardWindows {
		scene := q.scene
		scene.At, scene.Before = w[1], true
		asked := evaluation.Question{Scene: scene, KPIs: q.kpis(final), Entry: entry, From: w[0], To: w[1]}
		all, err := q.evaluation.Inputs(q.ctx, q.tx, asked, wardPeople)
		if err != nil {
			return err
		}
		a.Inputs[final] = append(a.Inputs[final], all)
		metrics := entry.Definition.(*definition.Evaluation).Metrics
		for i := range metrics {
			if m := &metrics[i]; m.Source.Count != nil || m.Source.Hours != nil {
				counted, err := q.evaluation.Counted(q.ctx, q.tx, &asked, m, wardPeople)
				if err != nil {
					return err
				}
				a.Counted[m.ID] = append(a.Counted[m.ID], counted...)
			}
		}
		for _, p := range wardPeople {
			remarks, err := evaluation.Remarks(q.ctx, q.tx, p, wardYearly, w[0], w[1], q.m.asOf)
			if err != nil {
				return err
			}
			a.Remarks[p] = append(a.Remarks[p], remarks...)
		}
	}
	return nil
}

func (q *wardQuery) effects(a *wardAnswers, final bool) (err error) {
	for _, p := range q.scene.Definitions.Of(definition.KindProgramme) {
		a.Effects[final][p.ID()], err = q.effectiveness.Of(q.ctx, q.tx, q.scene, q.kpis(final), p.Definition.(*definition.Programme))
		if err != nil {
			return err
		}
	}
	return nil
}

// count counts what answers say, for a test that says nothing for want of answers.
func (a *wardAnswers) count(all map[string]int) {
	for final, kpis := range a.Series {
		for _, of := range kpis {
			for _, s := range of {
				for _, p := range s.Points {
					if !p.Suppressed {
						all[fmt.Sprintf("points, final %t", final)]++
					}
				}
				if s.Limits != nil {
					all[fmt.Sprintf("limits, final %t", final)]++
				}
			}
		}
		for _, of := range a.Gaps[final] {
			for _, g := range of {
				if g.Patient != nil {
					all[fmt.Sprintf("patients, final %t", final)]++
				}
			}
		}
		for _, window := range a.Inputs[final] {
			for _, in := range window {
				for i, x := range in.Metrics {
					if x.Value != nil {
						all[fmt.Sprintf("metric %d from the end, final %t", len(in.Metrics)-i, final)]++
					}
				}
			}
		}
		for _, e := range a.Effects[final] {
			if e.Reaction != nil && !e.Reaction.Suppressed {
				all[fmt.Sprintf("reactions, final %t", final)]++
			}
			if e.Completed > 0 {
				all["completed"]++
			}
			if e.Learning != nil && e.Learning.N > 0 {
				all["learnt"]++
			}
			if e.Behaviour != nil && e.Behaviour[0].N > 0 {
				all["behaved"]++
			}
			if e.Results != nil && e.Results[0].Difference != nil {
				all[fmt.Sprintf("differences, final %t", final)]++
			}
		}
	}
	for _, r := range a.Remarks {
		all["remarks"] += len(r)
	}
	all["measures"] += len(a.Measures)
}

// compare holds answers against the model.
func (a *wardAnswers) compare(w *wardModel, m moment) error {
	past := map[int64]*wardModel{}
	at := time.UnixMicro(m.at).UTC()
	for _, final := range []bool{false, true} {
		if len(a.Series[final]) != len(w.kpis) {
			return fmt.Errorf("%d KPIs, not %d", len(a.Series[final]), len(w.kpis))
		}
		for id, of := range a.Series[final] {
			g := w.glance(w.kpis[id], final, past)
			if len(of) != len(w.units) {
				return fmt.Errorf("%d units, not %d", len(of), len(w.units))
			}
			for unit, s := range of {
				if err := errors.Join(g.compareSeries(unit, s), g.compareLimits(unit, nil, s)); err != nil {
					return fmt.Errorf("%s of %s, final %t: %w", id, unit, final, err)
				}
			}
			if s := a.Baseline[id]; !final {
				if err := errors.Join(g.compareSeries(wardUnits[0], s), g.compareLimits(wardUnits[0], wardPeriods(g.k.Interval), s)); err != nil {
					return fmt.Errorf("%s with a baseline: %w", id, err)
				}
			}
		}
		for i, all := range a.Inputs[final] {
			for j, in := range all {
				if err := w.compareMetrics(wardPeople[j], wardWindows[i][0], wardWindows[i][1], in); err != nil {
					return fmt.Errorf("from %s: %w", wardWindows[i][0], err)
				}
			}
		}
		var g *glance
		if box := w.kpis[home+"kpis/box"]; box != nil {
			g = w.glance(box, final, past)
			for unit, all := range a.Gaps[final] {
				if err := g.compareGaps(unit, at, all); err != nil {
					return fmt.Errorf("gaps of %s, final %t: %w", unit, final, err)
				}
			}
			for i, all := range a.Inputs[final] {
				for j, in := range all {
					if err := g.compareInputs(wardPeople[j], wardWindows[i][0], wardWindows[i][1], in); err != nil {
						return fmt.Errorf("from %s, final %t: %w", wardWindows[i][0], final, err)
					}
				}
			}
		}
		for id, e := range a.Effects[final] {
			p := w.programmes[id]
			if err := errors.Join(w.compareReaction(p, final, m.at, past, e.Reaction), w.compareEffects(p, m.at, g, e)); err != nil {
				return fmt.Errorf("%s, final %t: %w", id, final, err)
			}
		}
	}
	return w.compareMeasures(a.Measures)
}
