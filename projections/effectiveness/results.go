package effectiveness

import (
	"context"
	"slices"
	"time"

	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// tallied is a KPI in the months before and after a programme.
type tallied struct {
	kpi    string
	months []feedback.Period
	before int // of the months are before the programme
	*feedback.Tally
}

func (r *Reader) tallies(ctx context.Context, tx *readmodel.Tx, f feedback.Scene, s competency.Scene, p *definition.Programme) ([]tallied, error) {
	if p.Results == nil {
		return nil, nil
	}
	n := p.Results.WindowMonths
	months := append(feedback.MonthsBefore(moment(p.Starts), n), feedback.MonthsFrom(moment(p.Ends), n)...)
	var all []tallied
	for _, id := range p.Results.KPIs {
		kpi, ok := s.Definitions.Get(definition.KindKPI, id)
		if !ok {
			continue // refused at registration
		}
		t, err := r.Feedback.Tally(ctx, tx, f, kpi, months)
		if err != nil {
			return nil, err
		}
		all = append(all, tallied{id, months, n, t})
	}
	return all, nil
}

// result compares target and comparison units by what is known of the months that had ended by an instant.
func (t *tallied) result(p *definition.Programme, at time.Time) Result {
	r := Result{KPI: t.kpi}
	units := slices.Concat(p.TargetUnits, p.ComparisonUnits)
	var treated, comparison [2][]feedback.UnitPeriod // before, after
	var differences [2][]float64
	for i, m := range t.months {
		if m.To.After(at) || slices.ContainsFunc(units, func(u string) bool { return !t.Published(feedback.UnitPeriod{Unit: u, Period: i}) }) {
			continue
		}
		side, list := 0, &r.MonthsBefore
		if i >= t.before {
			side, list = 1, &r.MonthsAfter
		}
		*list = append(*list, m)
		these, those := in(i, p.TargetUnits), in(i, p.ComparisonUnits)
		treated[side], comparison[side] = append(treated[side], these...), append(comparison[side], those...)
		if a, b := t.point(these).Value, t.point(those).Value; a != nil && b != nil {
			differences[side] = append(differences[side], *a-*b)
		}
	}
	r.TreatedBefore, r.TreatedAfter = t.point(treated[0]), t.point(treated[1])
	r.ComparisonBefore, r.ComparisonAfter = t.point(comparison[0]), t.point(comparison[1])
	r.Contrast = measure.ContrastOf(differences[0], differences[1])
	return r
}

// point is a Point that says nothing where there is nothing to say it of.
func (t *tallied) point(of []feedback.UnitPeriod) measure.Point {
	if len(of) == 0 {
		return measure.Point{}
	}
	return t.Point(of...)
}

func in(period int, units []string) (all []feedback.UnitPeriod) {
	for _, u := range units {
		all = append(all, feedback.UnitPeriod{Unit: u, Period: period})
	}
	return all
}
