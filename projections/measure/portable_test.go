package measure

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Package math's functions differ in bits between processors, but in no more than these tolerances.
func TestPortableFunctions(t *testing.T) {
	close := func(t *rapid.T, what string, x, got, want, tolerance float64) {
		if !(math.Abs(got-want) <= tolerance*max(math.Abs(want), 1e-300)) {
			t.Fatalf("%s(%g) = %.17g; want %.17g", what, x, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-1000, 0).Draw(t, "x")
		close(t, "exp2", x, exp2(x), math.Exp2(x), 1e-15)
		y := rapid.Float64Range(-690, 700).Draw(t, "y")
		close(t, "exp", y, exp(y), math.Exp(y), 1e-15)
		z := math.Abs(rapid.Float64().Draw(t, "z"))
		if z > 0x1p-1022 { // below this package math's is wrong on amd64
			close(t, "log", z, log(z), math.Log(z), 1e-15)
		}
		g := rapid.OneOf(rapid.Float64Range(1e-9, 50), rapid.Float64Range(1, 1e9)).Draw(t, "g")
		want, _ := math.Lgamma(g)
		if got := lnGamma(g); !(math.Abs(got-want) <= 1e-14+2e-15*math.Abs(want)) {
			t.Fatalf("lnGamma(%g) = %.17g; want %.17g", g, got, want)
		}
	})
}

func TestPortableFunctionsAtTheEdges(t *testing.T) {
	inf := math.Inf(1)
	for _, x := range []struct {
		name      string
		got, want float64
	}{
		{"exp2(0)", exp2(0), 1},
		{"exp2(-1)", exp2(-1), 0.5},
		{"exp2(-1074)", exp2(-1074), 5e-324},
		{"exp2(-1e9)", exp2(-1e9), 0},
		{"exp2(-inf)", exp2(-inf), 0},
		{"exp(0)", exp(0), 1},
		{"exp(-800)", exp(-800), 0},
		{"exp(-inf)", exp(-inf), 0},
		{"exp(800)", exp(800), inf},
		{"exp(1e300)", exp(1e300), inf},
		{"exp(inf)", exp(inf), inf},
		{"log(1)", log(1), 0},
		{"log(2)", log(2), math.Ln2},
		{"log(5e-324)", log(5e-324), -1074 * math.Ln2},
	} {
		if x.got != x.want {
			t.Errorf("%s = %.17g; want %.17g", x.name, x.got, x.want)
		}
	}
}
