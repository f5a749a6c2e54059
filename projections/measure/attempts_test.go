package measure

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func ids(evidence []Evidence) string {
	var all []string
	for _, e := range evidence {
		all = append(all, e.Statement)
	}
	return strings.Join(all, " ")
}

// Attempts at one activity, those at one moment ordered by id: s1 0.5, s2 0.9, s3 0.9, s4 0.7.
func TestSupersede(t *testing.T) {
	for _, x := range []struct {
		attempts         Attempts
		kept, superseded string
	}{
		{Latest, "s4", "s1 s2 s3"},
		{"", "s4", "s1 s2 s3"},
		{First, "s1", "s2 s3 s4"},
		{Best, "s2", "s1 s3 s4"},
		{All, "s1 s2 s3 s4", ""},
	} {
		try := func(id string, days, score float64) Evidence {
			return Evidence{
				Statement: id, Timestamp: ago(days), Rule: "r", Activity: "a", Score: score, Weight: 1, Attempts: x.attempts,
			}
		}
		tries := []Evidence{try("s4", 1, 0.7), try("s3", 1, 0.9), try("s2", 2, 0.9), try("s1", 2, 0.5)}
		given := slices.Clone(tries)
		kept, superseded := Supersede(tries)
		if ids(kept) != x.kept || ids(superseded) != x.superseded {
			t.Errorf("%q keeps %s, not %s; want %s, not %s", x.attempts, ids(kept), ids(superseded), x.kept, x.superseded)
		}
		if !slices.Equal(tries, given) {
			t.Errorf("%q: the argument is changed to %s", x.attempts, ids(tries))
		}
	}
}

// Attempts supersede each other only at one activity under one rule; what is at no activity is an attempt of its own.
func TestSupersedeKeepsApart(t *testing.T) {
	kept, superseded := Supersede([]Evidence{
		{Statement: "s1", Timestamp: ago(9), Rule: "r", Activity: "a"},
		{Statement: "s2", Timestamp: ago(8), Rule: "r", Activity: "b"},
		{Statement: "s3", Timestamp: ago(7), Rule: "q", Activity: "a"},
		{Statement: "s4", Timestamp: ago(6), Rule: "r"},
		{Statement: "s5", Timestamp: ago(5), Rule: "r"},
		{Statement: "s6", Timestamp: ago(4), Rule: "r", Activity: "a"},
	})
	if got := ids(kept); got != "s2 s3 s4 s5 s6" || ids(superseded) != "s1" {
		t.Errorf("keeps %s, not %s", got, ids(superseded))
	}
	if kept, superseded := Supersede(nil); len(kept)+len(superseded) != 0 {
		t.Error("something comes of nothing")
	}
}

// Nothing is lost or doubled, both parts are sorted, the order of the input does not matter, and what is kept is kept
// when asked again.
func TestSupersedeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evidence := someEvidence(25).Draw(t, "evidence")
		kept, superseded := Supersede(evidence)
		byTime := func(a, b Evidence) int { return compare(&a, &b) }
		if !slices.IsSortedFunc(kept, byTime) || !slices.IsSortedFunc(superseded, byTime) {
			t.Fatal("not sorted")
		}
		if all := slices.Concat(kept, superseded); !slices.Equal(inOrder(all), inOrder(evidence)) {
			t.Fatalf("of %s there are %s", ids(evidence), ids(all))
		}
		if alone := Kept(slices.Clone(evidence)); !slices.Equal(alone, kept) {
			t.Fatalf("alone %s are kept, beside others %s", ids(alone), ids(kept))
		}
		again, _ := Supersede(rapid.Permutation(evidence).Draw(t, "shuffled"))
		if !slices.Equal(again, kept) {
			t.Fatalf("in another order %s are kept; first %s", ids(again), ids(kept))
		}
		if again, rest := Supersede(kept); !slices.Equal(again, kept) || len(rest) != 0 {
			t.Fatalf("of %s only %s are kept", ids(kept), ids(again))
		}
		for _, s := range superseded {
			counts := func(k Evidence) bool { return k.Rule == s.Rule && k.Activity == s.Activity }
			i := slices.IndexFunc(kept, counts)
			if i < 0 || slices.ContainsFunc(kept[i+1:], counts) {
				t.Fatalf("%s is superseded by nothing, or by more than one", s.Statement)
			}
		}
	})
}
