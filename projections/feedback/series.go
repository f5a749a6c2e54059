package feedback

import (
	"context"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Point is a period of a series.
type Point struct {
	Period
	Suppressed bool // and then nothing but the period is to be shown
	measure.Point
	Signals []measure.Signal
}

// Series is a KPI of one unit over time.
type Series struct {
	Points []Point
	Limits *measure.Limits // nil: too few points are published
}

// Series gives a KPI of a unit in periods; the limits are from those of the baseline, or, without any, from the first
// that are published.
func (r *Reader) Series(ctx context.Context, tx *readmodel.Tx, s Scene, kpi catalog.Entry, unit string, periods, baseline []Period) (*Series, error) {
	t, err := r.Tally(ctx, tx, s, kpi, periods)
	if err != nil {
		return nil, err
	}
	out := &Series{Points: t.points(unit)}
	values := valuesOf(out.Points)
	base := measure.DefaultBaseline(values)
	if len(baseline) > 0 {
		if t, err = r.Tally(ctx, tx, s, kpi, baseline); err != nil {
			return nil, err
		}
		base = valuesOf(t.points(unit))
	}
	out.Limits = measure.LimitsOf(base)
	for i, signals := range out.Limits.Signals(values) {
		out.Points[i].Signals = signals
	}
	return out, nil
}

// points gives those of a unit.
func (t *Tally) points(unit string) []Point {
	points := make([]Point, len(t.periods))
	for i := range t.periods {
		points[i].Period = t.periods[i].Period
		if u := (UnitPeriod{unit, i}); t.Published(u) {
			points[i].Point = t.Point(u)
		} else {
			points[i].Suppressed = true
		}
	}
	return points
}

// valuesOf gives the values of points, nil where suppressed.
func valuesOf(points []Point) []*float64 {
	values := make([]*float64, len(points))
	for i, p := range points {
		if !p.Suppressed {
			values[i] = p.Value
		}
	}
	return values
}
