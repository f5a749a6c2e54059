package measure

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// One fresh piece of weight 1 and one that a half-life has halved: all by hand.
func TestEstimateByHand(t *testing.T) {
	kept := []Evidence{
		{Statement: "old", Timestamp: ago(100), Weight: 2, HalfLifeDays: 100, Score: 0.25},
		{Statement: "new", Timestamp: ago(0), Weight: 1, HalfLifeDays: 100, Score: 1},
		{Statement: "lasting", Timestamp: ago(4000), Weight: 2, Score: 0.5},
	}
	// wd = 1, 1, 2; weight 4; good 0.25 + 1 + 1 = 2.25, mean 0.5625; alpha 2.75, beta 2.25: 0.55
	e := EstimateOf(kept, epoch, DefaultPrior)
	near(t, "weight", e.Weight, 4, 1e-15)
	near(t, "mean", *e.Mean, 0.5625, 1e-15)
	near(t, "estimate", *e.Value, 0.55, 1e-15)
	near(t, "lower", *e.Lower, betaQuantile(0.05, 2.75, 2.25), 1e-15)
	near(t, "upper", *e.Upper, betaQuantile(0.95, 2.75, 2.25), 1e-15)
	if e.Evidence != 3 {
		t.Errorf("%d pieces; want 3", e.Evidence)
	}
	near(t, "estimate with another prior", *EstimateOf(kept, epoch, Prior{1, 5}).Value, 3.25/10, 1e-15)

	pieces := Weigh(kept, epoch)
	for i, want := range []struct {
		id           string
		decay, share float64
	}{{"lasting", 1, 0.5}, {"old", 0.5, 0.25}, {"new", 1, 0.25}} {
		p := pieces[i]
		if p.Statement != want.id {
			t.Fatalf("piece %d is %s; want %s", i, p.Statement, want.id)
		}
		near(t, p.Statement+" decay", p.Decay, want.decay, 1e-15)
		near(t, p.Statement+" share", p.Share, want.share, 1e-15)
	}
}

// Thin evidence does not raise the estimate above its mean, nor good evidence above what it proves.
func TestEstimateIsTheLesser(t *testing.T) {
	one := func(score float64) Estimate {
		return EstimateOf([]Evidence{{Statement: "s", Timestamp: epoch, Weight: 1, Score: score}}, epoch, DefaultPrior)
	}
	near(t, "estimate from one 0", *one(0).Value, 0, 0)
	near(t, "lower from one 0", *one(0).Lower, 0, 0)
	near(t, "estimate from one 1", *one(1).Value, 0.75, 1e-15)
	near(t, "mean of one 1", *one(1).Mean, 1, 0)
}

func TestAgesAreFractionalDays(t *testing.T) {
	piece := func(age time.Duration) Evidence {
		return Evidence{Statement: "s", Timestamp: epoch.Add(-age), Weight: 1, HalfLifeDays: 2, Score: 1}
	}
	for _, x := range []struct {
		age  time.Duration
		want float64
	}{
		{0, 1}, {48 * time.Hour, 0.5}, {12 * time.Hour, math.Pow(0.5, 0.25)}, {96 * time.Hour, 0.25},
		{time.Millisecond, math.Pow(0.5, 1.0/(2*86400e3))},
		{-time.Hour, 1}, // later than the moment asked about
	} {
		e := piece(x.age)
		near(t, x.age.String(), e.decay(epoch), x.want, 1e-15)
	}
	e := piece(time.Microsecond)
	if got := e.decay(epoch); !(got < 1 && got > 1-1e-11) {
		t.Errorf("a microsecond leaves %.17g", got)
	}
}

// There is nothing to estimate from without evidence, and where all of it weighs nothing: never NaN.
func TestNothingToEstimateFrom(t *testing.T) {
	for _, x := range []struct {
		name string
		kept []Evidence
	}{
		{"none", nil},
		{"weight 0", []Evidence{{Statement: "s", Timestamp: ago(1), Score: 1, HalfLifeDays: 5}}},
		{"decayed to nothing", []Evidence{{Statement: "s", Timestamp: ago(1e4), Score: 1, Weight: 5, HalfLifeDays: 1}}},
	} {
		if got, want := EstimateOf(x.kept, epoch, DefaultPrior), (Estimate{Evidence: len(x.kept)}); got != want {
			t.Errorf("%s: %+v; want %+v", x.name, got, want)
		}
		for _, p := range Weigh(x.kept, epoch) {
			if p.Share != 0 {
				t.Errorf("%s: share %g", x.name, p.Share)
			}
		}
		s := Assess(x.kept, epoch, DefaultPrior, []Level{{"l", 0}}, []Requirement{{Level: "l"}})
		if s.State != NoEvidence || s.Level != nil || s.Required == nil {
			t.Errorf("%s: %+v", x.name, s)
		}
	}
}

// bits makes NaN, -0 and the last bit count.
func bits(e Estimate) (all [5]uint64) {
	for i, v := range []*float64{e.Value, e.Mean, e.Lower, e.Upper, &e.Weight} {
		if v != nil {
			all[i] = math.Float64bits(*v)
		}
	}
	return all
}

func TestEstimateProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kept := someEvidence(25).Draw(t, "kept")
		prior := Prior{rapid.Float64Range(0.01, 20).Draw(t, "alpha"), rapid.Float64Range(0.01, 20).Draw(t, "beta")}
		given := slices.Clone(kept)
		e := EstimateOf(kept, epoch, prior)
		if !slices.Equal(kept, given) {
			t.Fatal("the argument is changed")
		}
		if e.Evidence != len(kept) {
			t.Fatalf("%d pieces of %d", e.Evidence, len(kept))
		}

		// The order of the input does not matter to a single bit.
		shuffled := rapid.Permutation(kept).Draw(t, "shuffled")
		if again := EstimateOf(shuffled, epoch, prior); bits(again) != bits(e) {
			t.Fatalf("in another order %v; first %v", bits(again), bits(e))
		}
		if !reflect.DeepEqual(Weigh(shuffled, epoch), Weigh(kept, epoch)) {
			t.Fatal("in another order pieces weigh differently")
		}

		// Time takes weight and never gives it.
		later := epoch.Add(time.Duration(rapid.Int64Range(0, int64(2000*day)).Draw(t, "later")))
		if l := EstimateOf(kept, later, prior); l.Weight > e.Weight {
			t.Fatalf("the weight grows from %g to %g", e.Weight, l.Weight)
		}

		if e.Weight == 0 {
			if e.Value != nil || e.Mean != nil || e.Lower != nil || e.Upper != nil {
				t.Fatal("an estimate from nothing")
			}
			return
		}
		s := sumUp(inOrder(kept), epoch)
		alpha, beta := s.posterior(prior)
		if *e.Value > *e.Mean || *e.Value > alpha/(alpha+beta) {
			t.Fatalf("estimate %g above the mean %g or the posterior's %g", *e.Value, *e.Mean, alpha/(alpha+beta))
		}
		if *e.Value != *e.Mean && *e.Value != alpha/(alpha+beta) {
			t.Fatalf("estimate %g is neither", *e.Value)
		}
		if !(0 <= *e.Lower && *e.Lower <= *e.Value && *e.Mean <= 1 && 0 <= *e.Upper && *e.Upper <= 1) {
			t.Fatalf("%g ≤ %g ≤ %g, up to %g", *e.Lower, *e.Value, *e.Mean, *e.Upper)
		}
		share := 0.0
		for _, p := range Weigh(kept, epoch) {
			if !(0 <= p.Decay && p.Decay <= 1 && 0 <= p.Share && p.Share <= 1) {
				t.Fatalf("decay %g, share %g", p.Decay, p.Share)
			}
			share += p.Share
		}
		if math.Abs(share-1) > 1e-12 {
			t.Fatalf("shares add up to %g", share)
		}
	})
}

// As many pieces as a busy person has.
func BenchmarkAssess(b *testing.B) {
	kept := someEvidence(50).Filter(func(e []Evidence) bool { return len(e) >= 10 }).Example(1)
	levels := []Level{{"novice", 0}, {"proficient", 0.3}}
	requirements := []Requirement{{Level: "proficient"}}
	kept = inOrder(kept)
	for b.Loop() {
		Assess(kept, epoch, DefaultPrior, levels, requirements)
	}
	b.ReportMetric(float64(len(kept)), "pieces")
}

// A time.Duration ends after 292 years; decay does not.
func TestDecayOfCenturies(t *testing.T) {
	begin := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, year := range []int{2300, 2400, 2800, 9999} {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		days := float64(at.Unix()-begin.Unix()) / 86400
		e := Evidence{Timestamp: begin, HalfLifeDays: 36500}
		if got, want := e.decay(at), math.Exp2(-days/36500); math.Abs(got-want) > 1e-15 {
			t.Errorf("%d: %v, want %v", year, got, want)
		}
	}
}
