package measure

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestGap(t *testing.T) {
	g := GapOf([]Need{
		{State: NoEvidence, From: 0.5},                      // 0.5
		{State: NotMet, Estimate: ref(0.4), From: 0.65},     // 0.25
		{State: NotMet, Estimate: ref(0.9), From: 0.65},     // 0: it lacks evidence of a kind
		{State: Lapsed, Estimate: ref(0.7), From: 0.65},     // 0
		{State: Expiring, Estimate: ref(0.66), From: 0.65},  // 0
		{State: Met, Estimate: ref(0.8), From: 0.65},        // 0
		{State: NotRequired, Estimate: ref(0.5), From: 0.5}, // 0, and met
		{State: NotMet, Estimate: ref(0), From: 0.25},       // 0.25
	})
	if g.People != 8 || g.NotMet != 5 {
		t.Errorf("%d of %d", g.NotMet, g.People)
	}
	near(t, "share", g.Share, 0.625, 0)
	near(t, "mean gap", g.MeanGap, 0.125, 1e-15)
	if g := GapOf(nil); g != (Gap{}) {
		t.Errorf("of nobody %+v", g)
	}
}

// The domain's vectors, hospital-1: gaps of medicine in July 2026, with topBox 0.475 and without a KPI.
func TestPriority(t *testing.T) {
	g := Gap{People: 13, NotMet: 9, Share: 9.0 / 13}
	near(t, "active listening", g.Priority(ref(0.47540983606557374), TopBoxScale, false), 1.055485498108449, 1e-15)
	near(t, "clear communication", Gap{Share: 2.0 / 3}.Priority(nil, Scale{}, false), 0.6666666666666666, 0)
	half := Gap{Share: 0.5}
	for _, x := range []struct {
		patient float64
		on      Scale
		down    bool
		want    float64
	}{
		{1, TopBoxScale, false, 0.5}, {0, TopBoxScale, false, 1}, {0.2, TopBoxScale, true, 0.6},
		{8, Scale{0, 10}, false, 0.6}, {2, Scale{1, 5}, false, 0.875}, {2, Scale{1, 5}, true, 0.625},
		{-100, NPSScale, false, 1}, {100, NPSScale, false, 0.5}, {50, NPSScale, false, 0.625}, {50, NPSScale, true, 0.875},
		{12, Scale{0, 10}, false, 0.5}, // an answer off the scale
	} {
		near(t, "priority", half.Priority(&x.patient, x.on, x.down), x.want, 1e-15)
	}
	// Two that are equally urgent are equally urgent: 1 less a third, and a third of the way down.
	up, down := Gap{Share: 0.75}.Priority(ref(2.0/9), TopBoxScale, false), Gap{Share: 0.75}.Priority(ref(7.0/3), Scale{0, 3}, true)
	if up != down {
		t.Errorf("%v and %v", up, down)
	}
}

func TestNeedOf(t *testing.T) {
	levels := []Level{{"low", 0.3}, {"high", 0.6}}
	kept := []Evidence{{Statement: "s", Timestamp: epoch, Weight: 1, Score: 1}}
	n, ok := NeedOf(levels, Assess(kept, epoch, DefaultPrior, levels, []Requirement{{Level: "high"}}))
	if !ok || n.From != 0.6 || n.State != Expiring && n.State != Met || *n.Estimate != 0.75 {
		t.Errorf("%+v, %t", n, ok)
	}
	n, ok = NeedOf(levels, Assess(nil, epoch, DefaultPrior, levels, []Requirement{{Level: "low"}}))
	if !ok || n != (Need{State: NoEvidence, From: 0.3}) {
		t.Errorf("without evidence %+v, %t", n, ok)
	}
	if _, ok := NeedOf(levels, Assess(kept, epoch, DefaultPrior, levels, nil)); ok {
		t.Error("a need that nothing requires")
	}
	if _, ok := NeedOf(nil, Standing{Required: &levels[0].ID}); ok {
		t.Error("a need of an unknown level")
	}
}

// What a unit lacks is what its people lack, in whatever order.
func TestGapProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var needs []Need
		notMet, short := 0, 0.0
		for range rapid.IntRange(1, 12).Draw(t, "people") {
			l := rapid.SampledFrom(scale).Draw(t, "level")
			kept := Kept(someEvidence(4).Draw(t, "evidence"))
			s := Assess(kept, epoch.Add(time.Hour), DefaultPrior, scale, []Requirement{{Level: l.ID}})
			n, ok := NeedOf(scale, s)
			if !ok {
				t.Fatal("no need")
			}
			needs = append(needs, n)
			if s.State != Met && s.State != Expiring {
				notMet++
			}
			if s.Value == nil {
				short += l.From
			} else if *s.Value < l.From {
				short += l.From - *s.Value
			}
		}
		g := GapOf(needs)
		if g.NotMet != notMet || g != GapOf(rapid.Permutation(needs).Draw(t, "shuffled")) {
			t.Fatalf("%+v; want %d", g, notMet)
		}
		within(t, "mean gap", g.MeanGap, short/float64(len(needs)), 1e-12)
		p := g.Priority(ref(rapid.Float64Range(-0.5, 1.5).Draw(t, "patient")), TopBoxScale, false)
		if p < g.Share || p > 2*g.Share {
			t.Fatalf("priority %g of share %g", p, g.Share)
		}
	})
}
