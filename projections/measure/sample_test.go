package measure

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

// is fails unless got is a number within tolerance of want.
func is(t testing.TB, what string, got *float64, want, tolerance float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s is nil; want %g", what, want)
		return
	}
	near(t, what, *got, want, tolerance)
}

// within does what near does, for rapid.
func within(t *rapid.T, what string, got, want, tolerance float64) {
	if !(math.Abs(got-want) <= tolerance) {
		t.Fatalf("%s = %.17g; want %.17g ± %g", what, got, want, tolerance)
	}
}

// none fails unless all are nil.
func none(t testing.TB, what string, all ...*float64) {
	t.Helper()
	for i, v := range all {
		if v != nil {
			t.Errorf("%s, %d: %g; want nil", what, i, *v)
		}
	}
}

// ref is what optional numbers are in tests.
func ref(v float64) *float64 { return &v }

// michelson is the speed of light in air in 1879, in km/s above 299000: five series of twenty, as R's data set morley.
var michelson = []float64{
	850, 740, 900, 1070, 930, 850, 950, 980, 980, 880, 1000, 980, 930, 650, 760, 810, 1000, 1000, 960, 960,
	960, 940, 960, 940, 880, 800, 850, 880, 900, 840, 830, 790, 810, 880, 880, 830, 800, 790, 760, 800,
	880, 880, 880, 860, 720, 720, 620, 860, 970, 950, 880, 910, 850, 870, 840, 840, 850, 840, 840, 840,
	890, 810, 810, 820, 800, 770, 760, 740, 750, 760, 910, 920, 890, 860, 880, 720, 840, 850, 850, 780,
	890, 840, 780, 810, 760, 810, 790, 810, 820, 850, 870, 870, 810, 740, 810, 940, 950, 800, 810, 870,
}

// The certified values of NIST's Statistical Reference Datasets, univariate summary statistics. Those of the last two
// are met as closely as float64 holds the data.
func TestSampleNIST(t *testing.T) {
	speeds := make([]float64, len(michelson))
	for i, v := range michelson {
		speeds[i] = (299000*1000 + v*1000) / 1e6 // as NIST has them, in 1000 km/s
	}
	for _, x := range []struct {
		name                   string
		sample                 Histogram
		n                      int
		mean, sd, toMean, toSD float64
	}{
		{"Michelson", HistogramOf(speeds...), 100, 299.852400000000, 0.0790105478190518, 1e-13, 1e-13},
		{"NumAcc1", HistogramOf(10000001, 10000003, 10000002), 3, 10000002, 1, 0, 0},
		{"NumAcc2", Histogram{{1.1, 500}, {1.2, 1}, {1.3, 500}}, 1001, 1.2, 0.1, 1e-15, 1e-15},
		{"NumAcc3", Histogram{{1000000.1, 500}, {1000000.2, 1}, {1000000.3, 500}}, 1001, 1000000.2, 0.1, 1e-10, 1e-10},
		{"NumAcc4", Histogram{{10000000.1, 500}, {10000000.2, 1}, {10000000.3, 500}}, 1001, 10000000.2, 0.1, 2e-9, 2e-9},
	} {
		if x.sample.N() != x.n {
			t.Errorf("%s: n = %d; want %d", x.name, x.sample.N(), x.n)
		}
		is(t, x.name+" mean", x.sample.Mean(), x.mean, x.toMean)
		is(t, x.name+" sd", x.sample.SD(), x.sd, x.toSD)
	}
}

func TestSampleEdges(t *testing.T) {
	var empty Histogram
	none(t, "of nothing", empty.Mean(), empty.SD(), empty.Share(func(float64) bool { return true }))
	if empty.N() != 0 || empty.Sum() != 0 || HistogramOf() != nil || empty.Merge(nil) != nil {
		t.Error("something comes of nothing")
	}
	one := HistogramOf(-3)
	is(t, "mean of one", one.Mean(), -3, 0)
	none(t, "sd of one", one.SD())
	for _, v := range []float64{0.1, 1.0 / 3, -0.7, 1e300, 5e-324, 299.8524} {
		for n := 2; n < 60; n++ {
			same := Histogram{{v, n}}
			is(t, "mean of equals", same.Mean(), v, 0)
			is(t, "sd of equals", same.SD(), 0, 0)
		}
	}
	huge := Histogram{{1, 1e15}, {2, 1e15}}
	is(t, "mean of many", huge.Mean(), 1.5, 0)
	is(t, "sd of many", huge.SD(), 0.5, 1e-15)
	for _, v := range []float64{math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN()} {
		none(t, "of what is too large", HistogramOf(v, v, v).Mean(), HistogramOf(1, v).SD())
	}
	minus := math.Copysign(0, -1)
	if h := HistogramOf(minus, 0, minus); len(h) != 1 || math.Signbit(h[0].Value) || math.Signbit(*number(minus)) {
		t.Errorf("-0 is kept: %v", h)
	}
}

func TestSampleCounts(t *testing.T) {
	h := HistogramOf(4, 1, 4, 2, 4, 3)
	top := func(v float64) bool { return v == 4 }
	if h.Count(top) != 3 || h.Sum() != 18 {
		t.Errorf("of %v %d are 4, and the sum is %g", h, h.Count(top), h.Sum())
	}
	is(t, "share", h.Share(top), 0.5, 0)
	h.Add(4, -3)
	h.Add(9, 0)
	if !slices.Equal(h, Histogram{{1, 1}, {2, 1}, {3, 1}}) {
		t.Errorf("without 4: %v", h)
	}
}

func TestSampleProperties(t *testing.T) {
	value := rapid.OneOf(rapid.SampledFrom([]float64{0, 1, 4, 5, 0.1, -2}), rapid.Float64Range(-1e6, 1e6))
	values := rapid.SliceOfN(value, 0, 40)
	rapid.Check(t, func(t *rapid.T) {
		a, b := values.Draw(t, "a"), values.Draw(t, "b")
		all := slices.Concat(a, b)
		given := slices.Clone(all)
		h := HistogramOf(all...)
		if !slices.Equal(all, given) {
			t.Fatal("the argument is changed")
		}
		for i := range h {
			if h[i].N < 1 || i > 0 && h[i-1].Value >= h[i].Value {
				t.Fatalf("%v is no histogram", h)
			}
		}
		ha, hb := HistogramOf(a...), HistogramOf(b...)
		if merged := ha.Merge(hb); !slices.Equal(merged, h) || !slices.Equal(ha, HistogramOf(a...)) {
			t.Fatalf("merged %v; want %v", merged, h)
		}
		// In any order, and with what is taken back before it is added.
		var one Histogram
		for _, v := range b {
			one.Add(v, -1)
		}
		for _, v := range rapid.Permutation(slices.Concat(all, b)).Draw(t, "shuffled") {
			one.Add(v, 1)
		}
		if !slices.Equal(one, h) {
			t.Fatalf("one by one %v; want %v", one, h)
		}
		if h.N() != len(all) {
			t.Fatalf("n = %d of %d", h.N(), len(all))
		}
		if len(all) == 0 {
			return
		}
		mean, sd := stat.MeanStdDev(all, nil)
		within(t, "mean", *h.Mean(), mean, 1e-9)
		if m := *h.Mean(); m < h[0].Value || m > h[len(h)-1].Value {
			t.Fatalf("the mean %g is outside %v", m, h)
		}
		if len(all) > 1 {
			within(t, "sd", *h.SD(), sd, 1e-8)
		}
	})
}
