package measure

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// series makes points; NaN is a suppressed one.
func series(values ...float64) (points []*float64) {
	for _, v := range values {
		if math.IsNaN(v) {
			points = append(points, nil)
		} else {
			points = append(points, &v)
		}
	}
	return points
}

var gone = math.NaN()

// NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2, "Individuals control charts": flowrates of ten batches. Its
// 3/1.128 is 2.6596.
func TestLimitsNIST(t *testing.T) {
	flow := series(49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1)
	l := LimitsOf(flow)
	near(t, "centre", l.Centre, 50.81, 1e-13)
	near(t, "upper", l.Upper, 55.8041, 1e-3)
	near(t, "lower", l.Lower, 45.8159, 1e-3)
	near(t, "moving range", (l.Upper-l.Centre)/2.66, 1.8778, 5e-5)
	if l.Points != 10 {
		t.Errorf("%d points", l.Points)
	}
	for i, s := range l.Signals(flow) { // "the process is in control"
		if len(s) > 0 {
			t.Errorf("batch %d: %v", i+1, s)
		}
	}
}

// Wheeler, Understanding Variation (1993), figures 6.7 to 6.10: the U.S. trade deficits of the second half of 1988 in
// $ billions: average 10.32, average moving range 0.80; those of spring 1989 are beyond the limits.
func TestLimitsWheeler(t *testing.T) {
	l := LimitsOf(series(10.5, 11.2, 9.2, 10.1, 10.4, 10.5))
	near(t, "centre", l.Centre, 10.32, 5e-3)
	near(t, "upper", l.Upper, 61.9/6+2.66*0.8, 1e-13)
	near(t, "lower", l.Lower, 61.9/6-2.66*0.8, 1e-13)
	got := l.Signals(series(10.5, 7.0, 6.8, 9.0))
	if want := [][]Signal{{}, {BeyondLimits}, {BeyondLimits}, {}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
}

func TestLimitsEdges(t *testing.T) {
	if l := LimitsOf(series(1, 2, 3, 4, 5)); l != nil {
		t.Errorf("from five points: %+v", l)
	}
	if l := LimitsOf(series(1, gone, 2, 3, gone, 4, 5)); l != nil {
		t.Errorf("from five points and suppressed ones: %+v", l)
	}
	if l := LimitsOf(nil); l != nil {
		t.Errorf("from nothing: %+v", l)
	}
	// The moving range is over the suppressed point: 0, 6, 0, 0, 0; mean 1.2.
	got := LimitsOf(series(gone, 3, 3, gone, 9, 9, 9, 9, gone))
	want := Limits{Centre: 7, Lower: 7 - 2.66*1.2, Upper: 7 + 2.66*1.2, Points: 6}
	near(t, "lower", got.Lower, want.Lower, 1e-14)
	near(t, "upper", got.Upper, want.Upper, 1e-14)
	if got.Centre != 7 || got.Points != 6 {
		t.Errorf("%+v; want %+v", got, want)
	}
	// Of equal points the centre is exactly theirs, so that none of them is beyond it or on a side of it.
	same := series(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
	l := LimitsOf(same)
	if *l != (Limits{0.1, 0.1, 0.1, 9}) {
		t.Errorf("of equals %+v", l)
	}
	for _, s := range l.Signals(append(same, ref(0.1))) {
		if len(s) > 0 {
			t.Errorf("of equals %v", s)
		}
	}
	if l := LimitsOf(series(-1e308, 1e308, -1e308, 1e308, -1e308, 1e308)); l != nil {
		t.Errorf("too far: %+v", l)
	}
}

func TestDefaultBaseline(t *testing.T) {
	points := series(gone, 1, 2, 3, gone, 4, 5, 6, 7, 8, 9, 10, 11, gone, 12, 13, 14)
	got := DefaultBaseline(points)
	if len(got) != 12 || *got[0] != 1 || *got[11] != 12 {
		t.Errorf("%d points from %g", len(got), *got[0])
	}
	if got := DefaultBaseline(series(gone, 1)); len(got) != 1 {
		t.Errorf("%d points of one", len(got))
	}
}

func TestSignals(t *testing.T) {
	l := &Limits{Centre: 5, Lower: 2, Upper: 8, Points: 6}
	up := []float64{6, 6, 6, 6, 6, 6, 6} // seven
	for _, x := range []struct {
		name   string
		points []float64
		want   map[int][]Signal
	}{
		{"on the limits", []float64{2, 8}, nil},
		{"beyond", []float64{1.99, 8.01}, map[int][]Signal{0: {BeyondLimits}, 1: {BeyondLimits}}},
		{"seven", up, nil},
		{"eight and nine", append(slices.Clone(up), 6, 6), map[int][]Signal{7: {RunOf8}, 8: {RunOf8}}},
		{"below", []float64{4, 4, 4, 4, 4, 4, 4, 4}, map[int][]Signal{7: {RunOf8}}},
		{"both", append(slices.Clone(up), 9), map[int][]Signal{7: {BeyondLimits, RunOf8}}},
		{"the other side", append(append(slices.Clone(up), 4), up...), nil},
		{"on the centre", append(append(slices.Clone(up), 5), up...), nil},
		{"all on the centre", []float64{5, 5, 5, 5, 5, 5, 5, 5, 5}, nil},
		{"suppressed", append(slices.Clone(up), gone, 6), map[int][]Signal{8: {RunOf8}}},
		{"suppressed first", append([]float64{gone}, up...), nil},
	} {
		got := l.Signals(series(x.points...))
		for i := range x.points {
			if got[i] == nil || !slices.Equal(got[i], x.want[i]) {
				t.Errorf("%s, point %d: %v; want %v", x.name, i, got[i], x.want[i])
			}
		}
	}
	var no *Limits
	for _, s := range no.Signals(series(1, 99, gone)) {
		if s == nil || len(s) > 0 {
			t.Errorf("without limits: %#v", s)
		}
	}
}

// Suppressed points change nothing for the others; moving or turning a series moves or turns its limits.
func TestChartProperties(t *testing.T) {
	value := rapid.OneOf(rapid.Just(gone), rapid.Map(rapid.IntRange(-8, 8), func(i int) float64 { return float64(i) }))
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(value, 0, 40).Draw(t, "points")
		points := series(values...)
		l := LimitsOf(points)
		signals := l.Signals(points)
		rest := published(points)
		if again := LimitsOf(rest); !reflect.DeepEqual(again, l) {
			t.Fatalf("without suppressed points %+v; with them %+v", again, l)
		}
		i := 0
		restSignals := l.Signals(rest)
		for k, p := range points {
			if p == nil {
				continue
			}
			if !slices.Equal(signals[k], restSignals[i]) {
				t.Fatalf("point %d: %v and %v", k, signals[k], restSignals[i])
			}
			i++
			if l == nil {
				continue
			}
			if slices.Contains(signals[k], BeyondLimits) != (*p < l.Lower || *p > l.Upper) {
				t.Fatalf("point %d: %v", k, signals[k])
			}
			// A run, read literally: of this point and the seven published ones before it.
			above, below := i >= 8, i >= 8
			for j := max(0, i-8); j < i; j++ {
				above, below = above && *rest[j] > l.Centre, below && *rest[j] < l.Centre
			}
			if slices.Contains(signals[k], RunOf8) != (above || below) {
				t.Fatalf("point %d: %v", k, signals[k])
			}
		}
		if (l == nil) != (len(rest) < 6) {
			t.Fatalf("%+v from %d points", l, len(rest))
		}
		if l != nil {
			var turned []float64
			for _, v := range values {
				turned = append(turned, 100-v)
			}
			u := LimitsOf(series(turned...))
			within(t, "turned lower", u.Lower, 100-l.Upper, 1e-9)
			within(t, "turned centre", u.Centre, 100-l.Centre, 1e-9)
		}
	})
}
