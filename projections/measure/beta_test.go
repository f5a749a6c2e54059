package measure

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"pgregory.net/rapid"
)

// near fails unless got is within tolerance of want.
func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.17g; want %.17g ± %g", what, got, want, tolerance)
	}
}

// Quantiles that mpmath 1.3.0 gives by bisecting betainc(a, b, 0, x, regularized=True) at 40 digits.
func TestBetaQuantileReference(t *testing.T) {
	for _, x := range []struct{ p, a, b, want float64 }{
		{0.05, 0.5, 0.5, 0.006155829702431137587},
		{0.95, 0.5, 0.5, 0.99384417029756885218},
		{0.05, 0.5, 3.5, 0.00060299854220929834497},
		{0.95, 0.5, 3.5, 0.44406710946101786342},
		{0.05, 0.5, 60.5, 0.000032631053543902216451},
		{0.95, 0.5, 60.5, 0.031375931439359243856},
		{0.05, 25.25, 0.5, 0.9260561398517545155},
		{0.95, 25.25, 0.5, 0.99992136422816575245},
		{0.05, 0.75, 0.5000001, 0.039787541476381070713},
		{0.95, 0.75, 0.5000001, 0.99641329300269017525},
		{0.05, 1.25, 2.75, 0.036094320953783892635},
		{0.95, 1.25, 2.75, 0.70282623311029406362},
		{0.05, 5.9, 3.9, 0.34449019531461775999},
		{0.95, 5.9, 3.9, 0.83478291891070773291},
		{0.05, 8.8, 1.000001, 0.71146836584588644342},
		{0.95, 8.8, 1.000001, 0.99418815101935696478},
		{0.05, 40.25, 12.5, 0.66212608584966859101},
		{0.95, 40.25, 12.5, 0.85250626747522921841},
		{0.05, 300.5, 700.5, 0.27661036011981205231},
		{0.95, 300.5, 700.5, 0.32424336959781892573},
		{0.05, 20000.5, 0.5, 0.99990396934117956496},
		{0.95, 20000.5, 0.5, 0.99999990169773361726},
	} {
		got := betaQuantile(x.p, x.a, x.b)
		near(t, "quantile", got, x.want, 1e-12*x.want)
	}
}

// Values in print, to the digits printed: R's manual of binom.test (the Clopper-Pearson interval of Mendel's 682 in
// 925), and tables of Student's t and of F, which are quantiles of Beta distributions.
func TestBetaQuantilePublished(t *testing.T) {
	near(t, "binom.test(682, 925), lower", betaQuantile(0.025, 682, 925-682+1), 0.7076683, 5e-8)
	near(t, "binom.test(682, 925), upper", betaQuantile(0.975, 682+1, 925-682), 0.7654066, 5e-8)

	for df, want := range map[float64]float64{1: 6.314, 2: 2.920, 5: 2.015, 10: 1.812, 30: 1.697, 120: 1.658} {
		x := betaQuantile(0.1, df/2, 0.5)
		near(t, "t(0.95)", math.Sqrt(df*(1-x)/x), want, 5e-4)
	}
	for _, f := range []struct{ d1, d2, want float64 }{{1, 1, 161.45}, {5, 10, 3.33}, {10, 5, 4.74}, {12, 60, 1.92}} {
		x := betaQuantile(0.95, f.d1/2, f.d2/2)
		near(t, "F(0.95)", x/(1-x)*f.d2/f.d1, f.want, 5e-3)
	}
}

// Where the quantile has a closed form.
func TestBetaQuantileClosedForms(t *testing.T) {
	for _, p := range []float64{1e-6, 0.01, 0.05, 0.3, 0.5, 0.77, 0.95, 0.999} {
		sin := math.Sin(math.Pi * p / 2)
		near(t, "uniform", betaQuantile(p, 1, 1), p, 1e-13)
		near(t, "arcsine", betaQuantile(p, 0.5, 0.5), sin*sin, 1e-13)
		near(t, "Beta(2, 2)", betaQuantile(p, 2, 2), 0.5-math.Sin(math.Asin(1-2*p)/3), 1e-13)
		for _, c := range []float64{0.02, 0.3, 1, 2.5, 40, 1e4} {
			near(t, "power", betaQuantile(p, c, 1), math.Pow(p, 1/c), 1e-13)
			near(t, "power from above", betaQuantile(p, 1, c), -math.Expm1(math.Log1p(-p)/c), 1e-13)
		}
	}
}

// An independent implementation agrees, whatever scores and weights a hospital has.
func TestBetaQuantileAgreesWithGonum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.OneOf(rapid.Float64Range(0.02, 5), rapid.Float64Range(0.5, 3000), rapid.Float64Range(1, 1e6)).Draw(t, "a")
		b := rapid.OneOf(rapid.Float64Range(0.02, 5), rapid.Float64Range(0.5, 3000), rapid.Float64Range(1, 1e6)).Draw(t, "b")
		p := rapid.SampledFrom([]float64{0.025, 0.05, 0.5, 0.95, 0.975}).Draw(t, "p")
		got, want := betaQuantile(p, a, b), mathext.InvRegIncBeta(a, b, p)
		if !(math.Abs(got-want) <= 1e-9) {
			t.Fatalf("quantile %g of Beta(%g, %g) = %.17g; gonum has %.17g", p, a, b, got, want)
		}
	})
}

// Whatever it is asked, it answers with a number in [0, 1]; all mass at an end is that end.
func TestBetaQuantileExtremes(t *testing.T) {
	values := []float64{5e-324, 1e-300, 1e-9, 1e-3, 0.5, 1, 2, 1e3, 1e6, 1e8, 1e9, 1e12, 1e100, 1e300}
	for _, a := range values {
		for _, b := range values {
			low, high := betaQuantile(0.05, a, b), betaQuantile(0.95, a, b)
			if !(0 <= low && low <= high+1e-25 && high <= 1) {
				t.Errorf("Beta(%g, %g) is mostly in [%g, %g]", a, b, low, high)
			}
			if mean := a / (a + b); a+b > 1e13 {
				near(t, "low", low, mean, 1e-6)
				near(t, "high", high, mean, 1e-6)
			}
		}
	}
	for _, x := range []struct{ a, b, want float64 }{
		{0, 1, 0}, {1, 0, 1}, {0, 0, 0}, {1e-3, 1e8, 0}, {1e8, 1e-3, 1}, {math.NaN(), 1, 0}, {1, math.NaN(), 1},
	} {
		near(t, "quantile", betaQuantile(0.5, x.a, x.b), x.want, 1e-9)
	}
	near(t, "where the density is nothing or endless", betaQuantile(0.95, 2437.5, 0.0625), 1, 1e-15)
	// The normal distribution with Beta's own moments, which at this size is as good as the guess.
	near(t, "beyond certainty", betaQuantile(0.95, 1e9, 3e9), 0.25+1.644853627*math.Sqrt(0.25*0.75/4e9), 1e-7)
	near(t, "before certainty", betaQuantile(0.95, 1e8, 3e8), 0.25+1.644853627*math.Sqrt(0.25*0.75/4e8), 1e-8)
}

func BenchmarkBetaQuantile(b *testing.B) {
	for i := range b.N {
		betaQuantile(0.05, 0.5+float64(i%10), 0.5+float64(i%7))
	}
}
