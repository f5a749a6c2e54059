// Package gaps tells what a unit lacks in the competencies that its people need, and how urgent that is, by what their
// patients say (DOMAIN.md, "Competency"). It has no tables of its own.
package gaps

import (
	"cmp"
	"context"
	"slices"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Reader answers questions from the live tables.
type Reader struct {
	Competency *competency.Reader
	Feedback   *feedback.Reader
}

// Gap is what a unit lacks in one competency.
type Gap struct {
	Competency string
	measure.Gap
	KPI      string            // IRI of the KPI in which patients notice, "" for none
	Months   []feedback.Period // those of it that Patient is of
	Patient  *float64          // the KPI over these months, nil if there is not enough
	Priority float64           // the greater the more urgent, in [0, 2]
}

// patientMonths is over how many whole months before the moment asked about patients are heard.
const patientMonths = 3

// Unit gives the gaps of a unit and all below it, for each competency that is required of anyone there, the most urgent
// first.
func (r Reader) Unit(ctx context.Context, tx *readmodel.Tx, s competency.Scene, f feedback.Scene, unit string) ([]Gap, error) {
	persons := s.People.InUnitAt(unit, s.At)
	standings, err := r.Competency.People(ctx, tx, s, persons)
	if err != nil {
		return nil, err
	}
	levels, kpis := map[string][]measure.Level{}, map[string]string{}
	for _, e := range s.Definitions.Of(definition.KindFramework) {
		framework := e.Definition.(*definition.Framework)
		for _, c := range framework.Competencies {
			kpis[c.ID] = c.KPI
			for _, l := range framework.Levels {
				levels[c.ID] = append(levels[c.ID], measure.Level{ID: l.ID, From: l.From})
			}
		}
	}
	needs := map[string][]measure.Need{}
	for _, all := range standings {
		for _, st := range all {
			if need, ok := measure.NeedOf(levels[st.Competency], st.Standing); ok {
				needs[st.Competency] = append(needs[st.Competency], need)
			}
		}
	}
	var gaps []Gap
	for id, all := range needs {
		g := Gap{Competency: id, Gap: measure.GapOf(all), KPI: kpis[id]}
		if err := r.patient(ctx, tx, s, f, unit, &g); err != nil {
			return nil, err
		}
		gaps = append(gaps, g)
	}
	slices.SortFunc(gaps, func(a, b Gap) int {
		return cmp.Or(-cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Competency, b.Competency))
	})
	return gaps, nil
}

// patient finds out what patients say, and how urgent that makes the gap.
func (r Reader) patient(ctx context.Context, tx *readmodel.Tx, s competency.Scene, f feedback.Scene, unit string, g *Gap) error {
	kpi, ok := s.Definitions.Get(definition.KindKPI, g.KPI)
	if g.KPI == "" || !ok {
		g.Priority = g.Gap.Priority(nil, measure.Scale{}, false)
		return nil
	}
	k := kpi.Definition.(*definition.KPI)
	months := feedback.MonthsBefore(s.At, patientMonths)
	t, err := r.Feedback.Tally(ctx, tx, f, kpi, months)
	if err != nil {
		return err
	}
	var of []feedback.UnitPeriod
	for i, m := range months {
		if u := (feedback.UnitPeriod{Unit: unit, Period: i}); t.Published(u) {
			of, g.Months = append(of, u), append(g.Months, m)
		}
	}
	if p := t.Point(of...); p.N >= k.MinN && p.N > 0 {
		g.Patient = p.Value
	}
	g.Priority = g.Gap.Priority(g.Patient, scaleOf(s.Definitions, k), k.Direction == definition.DirectionDown)
	return nil
}

// scaleOf is that of a KPI's values. The questions of a mean have one scale, which registration sees to.
func scaleOf(d *catalog.Definitions, k *definition.KPI) measure.Scale {
	switch k.Statistic {
	case definition.TopBox:
		return measure.TopBoxScale
	case definition.NPS:
		return measure.NPSScale
	}
	for _, e := range d.Of(definition.KindSurvey) {
		for _, q := range e.Definition.(*definition.Survey).Questions {
			if slices.Contains(k.Questions, q.ID) {
				return measure.Scale{From: q.Scale.Min, To: q.Scale.Max}
			}
		}
	}
	return measure.Scale{}
}
