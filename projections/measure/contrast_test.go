package measure

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// R's manual of lm, "Annette Dobson (1990), An Introduction to Generalized Linear Models, page 9: Plant Weight Data":
// treatment less control is −0.3710 with a standard error of 0.3114 and 18 degrees of freedom.
func TestContrastDobson(t *testing.T) {
	control := []float64{4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14}
	treated := []float64{4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89, 4.32, 4.69}
	c := ContrastOf(control, treated)
	is(t, "difference", c.Difference, -0.3710, 1e-12)
	near(t, "standard error", (*c.Upper-*c.Lower)/2/2.10092204024104, 0.3114, 5e-5)
	near(t, "middle", (*c.Upper+*c.Lower)/2, -0.3710, 1e-12)
}

// The same of Student's sleep data as two groups, R's t.test with var.equal: −3.363874 0.203874.
func TestContrastSleep(t *testing.T) {
	first := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	second := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	c := ContrastOf(second, first)
	is(t, "lower", c.Lower, -3.363874, 5e-7)
	is(t, "upper", c.Upper, 0.203874, 5e-7)
}

func TestContrastEdges(t *testing.T) {
	for _, x := range []struct {
		before, after []float64
	}{{nil, nil}, {nil, []float64{1, 2, 3}}, {[]float64{1, 2, 3}, nil}} {
		if c := ContrastOf(x.before, x.after); c != (Contrast{}) {
			t.Errorf("with none on a side %+v", c)
		}
	}
	for _, x := range []struct {
		before, after []float64
	}{{[]float64{1}, []float64{3}}, {[]float64{0, 2}, []float64{3, 3, 3, 3}}, {[]float64{1, 1, 1}, []float64{2, 4}}} {
		c := ContrastOf(x.before, x.after)
		is(t, "difference of few", c.Difference, 2, 0)
		none(t, "bounds of few", c.Lower, c.Upper)
	}
	// Three and four, by hand: squares 2 and 4, s² = 6/5, 5 degrees of freedom.
	c := ContrastOf([]float64{1, 2, 3}, []float64{4, 4, 6, 6})
	half := 2.570581835636315514696 * math.Sqrt(1.2*(1.0/3+1.0/4))
	is(t, "difference", c.Difference, 3, 0)
	is(t, "lower", c.Lower, 3-half, 1e-12)
	is(t, "upper", c.Upper, 3+half, 1e-12)
	c = ContrastOf([]float64{0.1, 0.1, 0.1}, []float64{0.1, 0.1, 0.1})
	is(t, "lower of equals", c.Lower, 0, 0)
	is(t, "upper of equals", c.Upper, 0, 0)
}

func TestContrastProperties(t *testing.T) {
	months := rapid.SliceOfN(rapid.Float64Range(-100, 100), 3, 12)
	rapid.Check(t, func(t *rapid.T) {
		before, after := months.Draw(t, "before"), months.Draw(t, "after")
		c := ContrastOf(before, after)
		shuffled := ContrastOf(rapid.Permutation(before).Draw(t, "b"), rapid.Permutation(after).Draw(t, "a"))
		if *c.Difference != *shuffled.Difference || *c.Lower != *shuffled.Lower || *c.Upper != *shuffled.Upper {
			t.Fatal("the order of months matters")
		}
		if !(*c.Lower <= *c.Difference && *c.Difference <= *c.Upper) {
			t.Fatalf("%g ≤ %g ≤ %g", *c.Lower, *c.Difference, *c.Upper)
		}
		turned := ContrastOf(after, before)
		within(t, "turned", *turned.Lower, -*c.Upper, 1e-9)
	})
}
