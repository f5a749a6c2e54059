package measure

import "math"

// Limits are the control limits of a KPI's series, as an XmR chart has them: what its points lie between while nothing
// changes but by chance. They are not clipped to what the KPI can be.
type Limits struct {
	Centre, Lower, Upper float64
	Points               int // of the baseline, that are published
}

const (
	// defaultBaseline is how many points a baseline has that nobody chose.
	defaultBaseline = 12

	// minBaseline is how few points limits can come from.
	minBaseline = 6

	// movingRanges is how many mean moving ranges a limit is from the centre: 3/d₂, d₂ = 1.128 for ranges of two.
	movingRanges = 2.66
)

// DefaultBaseline gives the first 12 published points of a series, or fewer if there are not so many. Points are in
// order of time, nil where suppressed.
func DefaultBaseline(points []*float64) []*float64 {
	baseline := published(points)
	return baseline[:min(len(baseline), defaultBaseline)]
}

// LimitsOf gives the control limits from the points of a baseline, in order of time, nil where suppressed: the points
// beside a suppressed one are neighbours (DOMAIN.md, "KPIs"). nil if fewer than 6 points are published.
func LimitsOf(baseline []*float64) *Limits {
	points := published(baseline)
	if len(points) < minBaseline {
		return nil
	}
	var values, ranges Histogram
	for i, p := range points {
		values.Add(*p, 1)
		if i > 0 {
			ranges.Add(math.Abs(*p-*points[i-1]), 1)
		}
	}
	centre := values.mean()
	lower, upper := around(centre, float64(movingRanges*ranges.mean()))
	if lower == nil {
		return nil
	}
	return &Limits{Centre: unsigned(centre), Lower: *lower, Upper: *upper, Points: len(points)}
}

// Signal is what a point of a series says beyond chance.
type Signal string

const (
	BeyondLimits Signal = "beyond_limits" // above the upper limit or below the lower one, not on it
	RunOf8       Signal = "run_of_8"      // the eighth or later of points in a row on one side of the centre
)

const run = 8

// Signals gives those of each point of a series, in order of time, nil where suppressed. A point on the centre ends a
// run, a suppressed one does not. Without limits (nil) and for suppressed points there are none: never nil, but empty.
func (l *Limits) Signals(points []*float64) [][]Signal {
	all := make([][]Signal, len(points))
	side, inRow := 0, 0
	for i, p := range points {
		all[i] = []Signal{}
		if l == nil || p == nil {
			continue
		}
		if *p < l.Lower || *p > l.Upper {
			all[i] = append(all[i], BeyondLimits)
		}
		if now := l.side(*p); now == side {
			inRow++
		} else {
			side, inRow = now, 1
		}
		if side != 0 && inRow >= run {
			all[i] = append(all[i], RunOf8)
		}
	}
	return all
}

// side is 1 above the centre, −1 below it and 0 on it.
func (l *Limits) side(v float64) int {
	switch {
	case v > l.Centre:
		return 1
	case v < l.Centre:
		return -1
	}
	return 0
}

// published leaves out suppressed points.
func published(points []*float64) (those []*float64) {
	for _, p := range points {
		if p != nil {
			those = append(those, p)
		}
	}
	return those
}
