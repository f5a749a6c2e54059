package measure

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestJudge(t *testing.T) {
	by := epoch
	before, after := by.Add(-time.Millisecond), by.Add(time.Hour)
	n := func(n int) *int { return &n }
	for _, x := range []struct {
		name       string
		comparator Comparator
		target     float64
		at         time.Time
		outcome    Outcome
		state      ObjectiveState
		confirmed  bool
	}{
		{"met", ">=", 0.1, before, Outcome{Value: ref(0.2)}, ObjectiveMet, false},
		{"met at last", ">=", 0.1, after, Outcome{Value: ref(0.2)}, ObjectiveMet, false},
		{"exactly", ">=", 0.2, before, Outcome{Value: ref(0.2)}, ObjectiveMet, false},
		{"not more than", ">", 0.2, before, Outcome{Value: ref(0.2)}, ObjectiveOpen, false},
		{"more than", ">", 0.2, before, Outcome{Value: ref(0.21)}, ObjectiveMet, false},
		{"at most", "<=", 0.2, before, Outcome{Value: ref(0.2)}, ObjectiveMet, false},
		{"above at most", "<=", 0.2, after, Outcome{Value: ref(0.21)}, ObjectiveMissed, false},
		{"not less than", "<", 0.2, after, Outcome{Value: ref(0.2)}, ObjectiveMissed, false},
		{"less than", "<", 0.2, after, Outcome{Value: ref(0.19)}, ObjectiveMet, false},
		{"open", ">=", 0.5, before, Outcome{Value: ref(0.2)}, ObjectiveOpen, false},
		{"missed from by on", ">=", 0.5, by, Outcome{Value: ref(0.2)}, ObjectiveMissed, false},
		{"no value yet", ">=", -9, before, Outcome{}, ObjectiveOpen, false},
		{"no value", ">=", -9, by, Outcome{N: n(50)}, ObjectiveMissed, false},
		{"infinite", ">=", 9, by, Outcome{Value: ref(math.Inf(1)), N: n(9)}, ObjectiveMissed, false},
		{"NaN", "<", 9, by, Outcome{Value: ref(math.NaN())}, ObjectiveMissed, false},
		{"enough", ">=", 0.1, before, Outcome{Value: ref(0.2), N: n(5)}, ObjectiveMet, false},
		{"too few", ">=", 0.1, before, Outcome{Value: ref(0.2), Lower: ref(0.15), Upper: ref(1), N: n(4)}, ObjectiveOpen, false},
		{"too few at last", ">=", 0.1, after, Outcome{Value: ref(0.2), N: n(4)}, ObjectiveMissed, false},
		{"confirmed", ">=", 0.1, before, Outcome{Value: ref(0.2), Lower: ref(0.1), Upper: ref(0.3)}, ObjectiveMet, true},
		{"not confirmed", ">=", 0.1, before, Outcome{Value: ref(0.2), Lower: ref(0.09), Upper: ref(0.3)}, ObjectiveMet, false},
		{"bound on >", ">", 0.1, before, Outcome{Value: ref(0.2), Lower: ref(0.1), Upper: ref(0.3)}, ObjectiveMet, false},
		{"confirmed below", "<=", 0.5, before, Outcome{Value: ref(0.2), Lower: ref(0.1), Upper: ref(0.5)}, ObjectiveMet, true},
		{"not confirmed below", "<=", 0.25, before, Outcome{Value: ref(0.2), Lower: ref(0.1), Upper: ref(0.3)}, ObjectiveMet, false},
		{"bound on <", "<", 0.3, before, Outcome{Value: ref(0.2), Lower: ref(0.1), Upper: ref(0.3)}, ObjectiveMet, false},
		{"the far bound", ">=", 0.1, before, Outcome{Value: ref(0.2), Upper: ref(0.3)}, ObjectiveMet, false},
		{"bounds without meeting", ">=", 0.5, before, Outcome{Value: ref(0.2), Lower: ref(0.6), Upper: ref(0.7)}, ObjectiveOpen, false},
		{"unknown comparator", "=", 0.2, by, Outcome{Value: ref(0.2)}, ObjectiveMissed, false},
	} {
		o := Objective{Comparator: x.comparator, Target: x.target, By: by, MinN: 5}
		state, confirmed := o.Judge(x.at, x.outcome)
		if state != x.state || confirmed != x.confirmed {
			t.Errorf("%s: %s, confirmed %t; want %s, %t", x.name, state, confirmed, x.state, x.confirmed)
		}
	}
}

// An objective turned around stands as it did.
func TestJudgeProperties(t *testing.T) {
	small := rapid.Map(rapid.IntRange(-4, 4), func(i int) float64 { return float64(i) })
	turned := map[Comparator]Comparator{AtLeast: AtMost, MoreThan: LessThan, AtMost: AtLeast, LessThan: MoreThan}
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]Comparator{AtLeast, MoreThan, AtMost, LessThan}).Draw(t, "comparator")
		v, half, target := small.Draw(t, "value"), small.Draw(t, "half"), small.Draw(t, "target")
		half = math.Abs(half)
		at := epoch.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "at")))
		o := Objective{Comparator: c, Target: target, By: epoch}
		state, confirmed := o.Judge(at, Outcome{Value: &v, Lower: ref(v - half), Upper: ref(v + half)})
		o = Objective{Comparator: turned[c], Target: -target, By: epoch}
		otherwise, also := o.Judge(at, Outcome{Value: ref(-v), Lower: ref(-v - half), Upper: ref(-v + half)})
		if state != otherwise || confirmed != also {
			t.Fatalf("%s, %t; turned %s, %t", state, confirmed, otherwise, also)
		}
		if confirmed && state != ObjectiveMet || state == ObjectiveOpen && !at.Before(epoch) {
			t.Fatalf("%s, %t", state, confirmed)
		}
	})
}
