package measure

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Quantiles that mpmath 1.3.0 gives by bisecting betainc(v/2, 1/2, 0, v/(v + t²), regularized=True) at 40 digits, for
// numbers of degrees on both sides of the one where the formula changes.
func TestStudentReference(t *testing.T) {
	for df, want := range map[int]float64{
		1: 12.70620473617470464602, 2: 4.302652729749463852321, 3: 3.182446305283709592723, 5: 2.570581835636315514696,
		8: 2.306004135204166683295, 17: 2.10981557783331708593, 40: 2.021075390306273421301,
		200: 1.971896223633909382225, 999: 1.962341461133449978663, 1000: 1.962339080826408484999,
		1001: 1.962336705280879918484, 5000: 1.960438551706507918589, 10000: 1.960201239890626257838,
		1000000: 1.959966356814107035259,
	} {
		near(t, "t", studentT(df), want, 1e-12*want)
		if df > 1000 {
			near(t, "t by its series", studentT(df), want, 1e-14)
		}
	}
	// Where the quantile has a closed form.
	near(t, "t of Cauchy's distribution", studentT(1), math.Tan(math.Pi*0.475), 1e-12*12.7)
	near(t, "t(2)", studentT(2), 0.95/math.Sqrt(2*0.975*0.025), 1e-12*4.3)
	near(t, "t(∞)", studentT(math.MaxInt), 1.959963984540054, 1e-15)
}

// Gonum's own inverse is good to 1e-9 only where it is easy, its distribution function everywhere: that is 0.975 at t.
// The slope of the quantile by the probability is 1/density.
func TestStudentAgreesWithGonum(t *testing.T) {
	last := math.Inf(1)
	for df := 1; df <= 10000; df++ {
		got := studentT(df)
		if !(got < last) {
			t.Errorf("t(%d) = %.17g, but t(%d) = %.17g", df, got, df-1, last)
		}
		last = got
		v := float64(df)
		d := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: v}
		y := float64(got * got)
		tail := mathext.RegIncBeta(v/2, 0.5, v/(v+y)) // of both sides
		if off := (tail - 0.05) / (2 * d.Prob(got)); !(math.Abs(off) <= 1e-9*got) {
			t.Errorf("t(%d) = %.17g; gonum has it at %.17g", df, got, got+off)
		}
	}
}

// Bounds are there together or not at all.
func TestAround(t *testing.T) {
	lower, upper := around(2, 0.5)
	is(t, "lower", lower, 1.5, 0)
	is(t, "upper", upper, 2.5, 0)
	for _, x := range []struct{ value, half float64 }{
		{math.MaxFloat64, math.MaxFloat64}, {-math.MaxFloat64, math.MaxFloat64}, {0, math.Inf(1)}, {math.NaN(), 1},
	} {
		lower, upper := around(x.value, x.half)
		none(t, "too far", lower, upper)
	}
}
