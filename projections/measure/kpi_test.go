package measure

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

// Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I, the
// score method without continuity correction.
func TestTopBoxNewcombe(t *testing.T) {
	for _, x := range []struct {
		top, n       int
		lower, upper float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		p := TopBoxOf(x.top, x.n)
		is(t, "value", p.Value, float64(x.top)/float64(x.n), 0)
		is(t, "lower", p.Lower, x.lower, 5e-5)
		is(t, "upper", p.Upper, x.upper, 5e-5)
		if p.N != x.n {
			t.Errorf("n = %d; want %d", p.N, x.n)
		}
	}
}

// Wilson's bounds are the proportions from which the observed one is z standard errors away.
func TestTopBoxProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(1, 50), rapid.IntRange(1, 1e9)).Draw(t, "n")
		top := rapid.IntRange(0, n).Draw(t, "top")
		p := TopBoxOf(top, n)
		lower, v, upper := *p.Lower, *p.Value, *p.Upper
		if !(0 <= lower && lower <= v && v <= upper && upper <= 1) {
			t.Fatalf("%g ≤ %g ≤ %g", lower, v, upper)
		}
		for _, bound := range []float64{lower, upper} {
			away := math.Abs(v - bound)
			within(t, "distance", away, 1.959964*math.Sqrt(bound*(1-bound)/float64(n)), 1e-9)
		}
		mirrored := TopBoxOf(n-top, n)
		within(t, "mirrored lower", *mirrored.Lower, 1-upper, 1e-12)
		if top == 0 && lower != 0 || top == n && upper != 1 {
			t.Fatalf("%d of %d: from %g to %g", top, n, lower, upper)
		}
	})
	for n := 1; n < 2000; n++ { // among them those where rounding would leave the bound beside the value
		if lower, upper := *TopBoxOf(0, n).Lower, *TopBoxOf(n, n).Upper; lower != 0 || upper != 1 {
			t.Fatalf("of %d: from %g, to %g", n, lower, upper)
		}
	}
	none(t, "of nobody", TopBoxOf(0, 0).Value, TopBoxOf(0, 0).Lower, TopBoxOf(0, 0).Upper)
}

// R's manual of t.test: the differences of Student's sleep data, 95 percent confidence interval 0.7001142 2.4598858.
func TestMeanOfSleep(t *testing.T) {
	p := MeanOf(HistogramOf(1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4))
	is(t, "mean", p.Value, 1.58, 1e-15)
	is(t, "lower", p.Lower, 0.7001142, 5e-8)
	is(t, "upper", p.Upper, 2.4598858, 5e-8)
}

func TestMeanEdges(t *testing.T) {
	p := MeanOf(nil)
	none(t, "of nobody", p.Value, p.Lower, p.Upper)
	p = MeanOf(HistogramOf(7))
	is(t, "of one", p.Value, 7, 0)
	none(t, "bounds of one", p.Lower, p.Upper)
	p = MeanOf(Histogram{{0.1, 3}})
	is(t, "lower of equals", p.Lower, 0.1, 0)
	is(t, "upper of equals", p.Upper, 0.1, 0)
	p = MeanOf(HistogramOf(1, 2)) // t(1) × √½ / √2
	is(t, "lower of two", p.Lower, 1.5-12.706204736/2, 1e-9)
	p = MeanOf(HistogramOf(math.MaxFloat64, -math.MaxFloat64))
	none(t, "bounds that are too far", p.Lower, p.Upper)
	if p.N != 2 {
		t.Errorf("n = %d", p.N)
	}
}

// W. Huber's example (Cross Validated, "How can I calculate margin of error in a NPS result?"): of 324 half are
// promoters, a third is passive and a sixth are detractors. The score is 1/3, its variance 5/9, its error √5/54.
func TestNPSHuber(t *testing.T) {
	p := NPSOf(Histogram{{0, 20}, {3, 14}, {6, 20}, {7, 50}, {8, 58}, {9, 100}, {10, 62}})
	is(t, "value", p.Value, 100.0/3, 1e-13)
	is(t, "lower", p.Lower, 100.0/3-1.959964*100*math.Sqrt(5)/54, 1e-12)
	is(t, "upper", p.Upper, 100.0/3+1.959964*100*math.Sqrt(5)/54, 1e-12)
}

func TestNPSEdges(t *testing.T) {
	p := NPSOf(nil)
	none(t, "of nobody", p.Value, p.Lower, p.Upper)
	for _, x := range []struct {
		of    Histogram
		value float64
	}{
		{Histogram{{10, 7}}, 100}, {Histogram{{0, 7}}, -100}, {Histogram{{8, 7}}, 0}, {Histogram{{9, 3}}, 100}, {Histogram{{6, 3}}, -100},
		{Histogram{{6.5, 1}, {8.5, 1}, {-1, 1}, {11, 1}}, 0},
	} {
		p := NPSOf(x.of)
		is(t, "of equals", p.Value, x.value, 0)
		is(t, "lower of equals", p.Lower, x.value, 0)
		is(t, "upper of equals", p.Upper, x.value, 0)
	}
	if p := NPSOf(Histogram{{0, 1}, {10, 99}}); *p.Upper <= 98 || *p.Value != 98 {
		t.Errorf("%g, up to %g", *p.Value, *p.Upper)
	}
	if p := NPSOf(Histogram{{8, 1}, {10, 29}}); *p.Upper <= 100 {
		t.Errorf("clipped at %g", *p.Upper)
	}
}

// The score is the mean of tickets that say 100, 0 and −100, and its error that of this mean.
func TestNPSAgreesWithGonum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.IntRange(0, 10), 1, 80).Draw(t, "scores")
		var h Histogram
		var tickets []float64
		for _, s := range scores {
			h.Add(float64(s), 1)
			tickets = append(tickets, []float64{-100, -100, -100, -100, -100, -100, -100, 0, 0, 100, 100}[s])
		}
		mean, variance := stat.PopMeanVariance(tickets, nil)
		half := 1.959964 * math.Sqrt(variance/float64(len(tickets)))
		p := NPSOf(h)
		within(t, "value", *p.Value, mean, 1e-10)
		within(t, "lower", *p.Lower, mean-half, 1e-5)
		within(t, "upper", *p.Upper, mean+half, 1e-5)
	})
}

func TestCount(t *testing.T) {
	for _, x := range []struct {
		n            int
		lower, upper float64
	}{
		{0, 0, 0}, {1, 0, 2.959964}, {3, 0, 3 + 1.959964*1.7320508075688772}, {4, 4 - 2*1.959964, 4 + 2*1.959964},
		{100, 100 - 19.59964, 119.59964}, {1e12, 1e12 - 1959964, 1e12 + 1959964},
	} {
		p := CountOf(x.n)
		is(t, "count", p.Value, float64(x.n), 0)
		is(t, "lower", p.Lower, x.lower, 1e-12*(1+x.lower))
		is(t, "upper", p.Upper, x.upper, 1e-12*(1+x.upper))
		if p.N != x.n {
			t.Errorf("n = %d; want %d", p.N, x.n)
		}
	}
}

func TestPer1000(t *testing.T) {
	p := Per1000Of(25, 10000) // 2.5; √25 × 1000/10000 = 0.5
	is(t, "value", p.Value, 2.5, 1e-15)
	is(t, "lower", p.Lower, 2.5-0.5*1.959964, 1e-15)
	is(t, "upper", p.Upper, 2.5+0.5*1.959964, 1e-15)
	if p.N != 25 {
		t.Errorf("n = %d", p.N)
	}
	p = Per1000Of(1, 500)
	is(t, "value", p.Value, 2, 1e-15)
	is(t, "lower", p.Lower, 0, 0)
	p = Per1000Of(0, 500)
	is(t, "upper of none", p.Upper, 0, 0)
	for _, sum := range []float64{0, -5, math.NaN()} {
		if p := Per1000Of(3, sum); p != (Point{N: 3}) {
			t.Errorf("per 1000 of %g: %+v", sum, p)
		}
	}
	p = Per1000Of(3, 5e-324)
	none(t, "per next to nothing", p.Value, p.Lower, p.Upper)
}

func TestMeasure(t *testing.T) {
	p := MeasureOf(Histogram{{0.7, 1}, {0.8, 39}, {0.9, 60}}) // (0.7 + 31.2 + 54)/100
	is(t, "value", p.Value, 0.859, 1e-15)
	none(t, "bounds", p.Lower, p.Upper)
	if p.N != 100 {
		t.Errorf("n = %d", p.N)
	}
	none(t, "of no record", MeasureOf(nil).Value)
}
