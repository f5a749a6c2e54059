package measure

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestScore(t *testing.T) {
	n := func(v float64) *float64 { return &v }
	yes, no := true, false
	inf, nan := math.Inf(1), math.NaN()
	rule := Bounds{n(1), n(5)}
	for _, x := range []struct {
		name string
		of   Result
		rule Bounds
		want float64 // -1: no score
	}{
		{"nothing", Result{}, rule, -1},
		{"scaled", Result{Scaled: n(0.73)}, rule, 0.73},
		{"scaled before raw and success", Result{Scaled: n(0.2), Raw: n(9), Min: n(0), Max: n(10), Success: &yes}, rule, 0.2},
		{"negative scaled", Result{Scaled: n(-0.4), Success: &yes}, rule, 0},
		{"scaled above 1", Result{Scaled: n(1.5)}, rule, 1},
		{"not a finite scaled", Result{Scaled: n(nan), Raw: n(3)}, rule, 0.5},
		{"an infinite scaled", Result{Scaled: n(-inf), Success: &yes}, rule, 1},
		{"raw in its own bounds", Result{Raw: n(4), Min: n(0), Max: n(10)}, rule, 0.4},
		{"raw in its own bounds, no rule", Result{Raw: n(15), Min: n(10), Max: n(20)}, Bounds{}, 0.5},
		{"raw in the rule's bounds", Result{Raw: n(4)}, rule, 0.75},
		{"raw before success", Result{Raw: n(4), Success: &no}, rule, 0.75},
		{"raw below", Result{Raw: n(-3)}, rule, 0},
		{"raw above", Result{Raw: n(11), Min: n(0), Max: n(10)}, rule, 1},
		{"raw with one bound of each", Result{Raw: n(4), Min: n(0)}, Bounds{Max: n(5)}, -1},
		{"raw with its own max only", Result{Raw: n(4), Max: n(100)}, rule, 0.75},
		{"raw in equal bounds", Result{Raw: n(4), Min: n(4), Max: n(4)}, rule, 0.75},
		{"raw in turned bounds", Result{Raw: n(4), Min: n(10), Max: n(0)}, rule, 0.75},
		{"raw in turned bounds of the rule", Result{Raw: n(4), Success: &yes}, Bounds{n(5), n(1)}, 1},
		{"raw in bounds that are no numbers", Result{Raw: n(4), Min: n(-inf), Max: n(inf)}, rule, 0.75},
		{"raw in bounds of NaN", Result{Raw: n(4), Min: n(nan), Max: n(10)}, Bounds{n(1), n(nan)}, -1},
		{"raw that is no number", Result{Raw: n(nan), Min: n(0), Max: n(10), Success: &no}, rule, 0},
		{"raw that is infinite", Result{Raw: n(inf), Min: n(0), Max: n(10)}, rule, -1},
		{"bounds without raw", Result{Min: n(0), Max: n(10)}, rule, -1},
		{"the widest bounds", Result{Raw: n(0), Min: n(-math.MaxFloat64), Max: n(math.MaxFloat64)}, rule, 0.5},
		{"the narrowest bounds", Result{Raw: n(5e-324), Min: n(0), Max: n(5e-324)}, rule, 1},
		{"success", Result{Success: &yes}, rule, 1},
		{"failure", Result{Success: &no}, rule, 0},
	} {
		got, ok := Score(x.of, x.rule)
		if ok != (x.want >= 0) || ok && got != x.want || !ok && got != 0 {
			t.Errorf("%s: %g, %t; want %g", x.name, got, ok, x.want)
		}
	}
	zero := math.Copysign(0, -1)
	if got, _ := Score(Result{Scaled: &zero}, rule); math.Signbit(got) {
		t.Error("a score of -0")
	}
}

func TestScoreIsInRange(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) *float64 {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			v := rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 0}).Draw(t, "v")
			return &v
		}
		v := rapid.Float64().Draw(t, "v")
		return &v
	})
	rapid.Check(t, func(t *rapid.T) {
		r := Result{Scaled: number.Draw(t, "scaled"), Raw: number.Draw(t, "raw"), Min: number.Draw(t, "min"), Max: number.Draw(t, "max")}
		got, _ := Score(r, Bounds{number.Draw(t, "rule min"), number.Draw(t, "rule max")})
		if !(0 <= got && got <= 1) {
			t.Fatalf("score %g", got)
		}
	})
}
