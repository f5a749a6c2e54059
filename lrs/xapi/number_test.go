package xapi

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Any two numbers are ordered as their exact values are.
func TestNumberCompare(t *testing.T) {
	literal := rapid.StringMatching(`-?(0|[1-9][0-9]{0,4})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?`)
	exact := func(s string) *big.Rat {
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatal(s)
		}
		return r
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := literal.Draw(t, "a"), literal.Draw(t, "b")
		if got, want := Number(a).Compare(Number(b)), exact(a).Cmp(exact(b)); got != want {
			t.Fatalf("%s, %s: got %d, want %d", a, b, got, want)
		}
	})
}

func TestNumberCompareExtremes(t *testing.T) {
	ascending := []Number{"-1e99999999999999999999", "-1e400", "-1.00000000000000000000000001", "-1", "-1e-99999999999999999999", "0",
		"1e-99999999999999999999", "0.99999999999999999999", "1", "1.00000000000000000000000001", "1e400", "1e99999999999999999999"}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%s, %s: got %d, want %d", a, b, got, want)
			}
		}
	}
	for _, equal := range [][2]Number{{"0", "-0.000e7"}, {"1", "1.000"}, {"100", "1e2"}, {"0.05", "5E-2"}, {"12.50", "1250e-2"}} {
		if equal[0].Compare(equal[1]) != 0 {
			t.Errorf("%s and %s are equal", equal[0], equal[1])
		}
	}
}

func TestNumberNatural(t *testing.T) {
	for n, want := range map[Number]int64{"0": 0, "-0": 0, "0e99999999999": 0, "27": 27, "27.0": 27, "2.7e1": 27, "270e-1": 27, "9223372036854775807": math.MaxInt64} {
		if got, ok := n.natural(); !ok || got != want {
			t.Errorf("%s: got %d, %v", n, got, ok)
		}
	}
	for _, n := range []Number{"-1", "1.5", "1e-1", "9223372036854775808", "1e19", "1e20", "1e999999999999999999999", "1e-999999999999999999999"} {
		if got, ok := n.natural(); ok {
			t.Errorf("%s is taken for %d", n, got)
		}
	}
}

func TestNumberFloat(t *testing.T) {
	for n, want := range map[Number]float64{"": 0, "0.85": 0.85, "-1e400": math.Inf(-1), "1e-400": 0, "100.6767676": 100.6767676} {
		if got := n.Float(); got != want {
			t.Error(fmt.Sprint(n), got, want)
		}
	}
}
