package measure

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var scale = []Level{{"novice", 0.1}, {"developing", 0.4}, {"proficient", 0.65}, {"exemplary", 0.85}}

func TestLevelOf(t *testing.T) {
	turned := []Level{scale[3], scale[1], scale[0], scale[2]}
	for _, levels := range [][]Level{scale, turned} {
		for _, x := range []struct {
			estimate float64
			want     string
		}{{0, ""}, {0.1, "novice"}, {0.39, "novice"}, {0.4, "developing"}, {0.65, "proficient"}, {1, "exemplary"}} {
			got := ""
			if l := LevelOf(levels, x.estimate); l != nil {
				got = l.ID
			}
			if got != x.want {
				t.Errorf("%g reaches %q; want %q", x.estimate, got, x.want)
			}
		}
	}
}

func TestAssess(t *testing.T) {
	n := func(v float64) *float64 { return &v }
	// piece weighs what it says on its day, and half of it a hundred days later.
	piece := func(id string, days, weight, score float64, kind string) Evidence {
		return Evidence{
			Statement: id, Timestamp: ago(days), Weight: weight, HalfLifeDays: 100, Score: score, Kind: kind,
		}
	}
	heavy := []Evidence{piece("s1", 10, 50, 0.7, "test"), piece("s2", 5, 50, 0.7, "simulation")}
	light := []Evidence{piece("s1", 0, 1, 0.7, "test")} // weight 1; estimate 1.2/2 = 0.6
	fading := []Evidence{piece("s1", 0, 1.1, 0.7, "test")}
	old := []Evidence{piece("s1", 10, 1, 0.7, "test")}
	// The weight of all is ample in 30 days; but the good news of today decays, and the bad stays.
	sinking := []Evidence{
		{Statement: "s1", Timestamp: ago(0), Weight: 20, HalfLifeDays: 20, Score: 0.9},
		{Statement: "s2", Timestamp: ago(0), Weight: 10, Score: 0.2},
	}
	rising := []Evidence{
		{Statement: "s1", Timestamp: ago(0), Weight: 20, HalfLifeDays: 20, Score: 0.2},
		{Statement: "s2", Timestamp: ago(0), Weight: 10, Score: 0.9},
	}
	vanishing := []Evidence{{Statement: "s1", Timestamp: ago(0), Weight: 5, HalfLifeDays: 0.01, Score: 0.9}}

	for _, x := range []struct {
		name            string
		kept            []Evidence
		requirements    []Requirement
		state           State
		level, required string
	}{
		{"no evidence, nothing required", nil, nil, NoEvidence, "", ""},
		{"no evidence", nil, []Requirement{{Level: "novice"}}, NoEvidence, "", "novice"},
		{"nothing required", heavy, nil, NotRequired, "proficient", ""},
		{"an unknown level", heavy, []Requirement{{Level: "expert"}}, NotRequired, "proficient", ""},
		{"met", heavy, []Requirement{{Level: "proficient"}}, Met, "proficient", "proficient"},
		{"met by far", heavy, []Requirement{{Level: "novice"}}, Met, "proficient", "novice"},
		{"estimate too low", heavy, []Requirement{{Level: "exemplary"}}, NotMet, "proficient", "exemplary"},
		{"too few", heavy, []Requirement{{Level: "novice", MinEvidence: 3}}, NotMet, "proficient", "novice"},
		{"just enough", heavy, []Requirement{{Level: "novice", MinEvidence: 2}}, Met, "proficient", "novice"},
		{"of no kind", heavy, []Requirement{{Level: "novice", Kinds: []string{"quiz", "rating"}}}, NotMet, "proficient", "novice"},
		{"of one kind", heavy, []Requirement{{Level: "novice", Kinds: []string{"quiz", "simulation"}}}, Met, "proficient", "novice"},
		{"weighs 1 today", light, []Requirement{{Level: "novice"}}, Expiring, "developing", "novice"},
		{"weighs less than 1 in 30 days", fading, []Requirement{{Level: "novice"}}, Expiring, "developing", "novice"},
		{"weighs less than 1", old, []Requirement{{Level: "novice"}}, Lapsed, "developing", "novice"},
		{"weighs enough for this", old, []Requirement{{Level: "novice", MinWeight: n(0.5)}}, Met, "developing", "novice"},
		{"may weigh nothing", old, []Requirement{{Level: "novice", MinWeight: n(0)}}, Met, "developing", "novice"},
		{"not met before lapsed", old, []Requirement{{Level: "exemplary"}}, NotMet, "developing", "exemplary"},
		{"too few before lapsed", old, []Requirement{{Level: "novice", MinEvidence: 2}}, NotMet, "developing", "novice"},
		{"a lower estimate in 30 days", sinking, []Requirement{{Level: "proficient"}}, Expiring, "proficient", "proficient"},
		{"yet high enough", sinking, []Requirement{{Level: "developing"}}, Met, "proficient", "developing"},
		{"a higher estimate in 30 days", rising, []Requirement{{Level: "proficient"}}, NotMet, "developing", "proficient"},
		{"nothing in 30 days", vanishing, []Requirement{{Level: "novice", MinWeight: n(0)}}, Expiring, "proficient", "novice"},

		{"the highest counts", heavy, []Requirement{{Level: "novice"}, {Level: "exemplary"}, {Level: "developing"}},
			NotMet, "proficient", "exemplary"},
		{"the lower does not count", heavy, []Requirement{{Level: "novice", MinEvidence: 9}, {Level: "developing"}},
			Met, "proficient", "developing"},
		{"the lower, later, does not count", heavy, []Requirement{{Level: "developing"}, {Level: "novice", MinEvidence: 9}},
			Met, "proficient", "developing"},
		{"of equals the first fails", heavy, []Requirement{{Level: "novice", MinEvidence: 3}, {Level: "novice"}},
			NotMet, "proficient", "novice"},
		{"of equals the last fails", heavy, []Requirement{{Level: "novice"}, {Level: "novice", Kinds: []string{"quiz"}}},
			NotMet, "proficient", "novice"},
		{"of equals one has lapsed", old, []Requirement{{Level: "novice", MinWeight: n(0.2)}, {Level: "novice"}},
			Lapsed, "developing", "novice"},
		{"of equals one expires", fading, []Requirement{{Level: "novice", MinWeight: n(1)}, {Level: "novice", MinWeight: n(0.2)}},
			Expiring, "developing", "novice"},
		{"of equals one fails and one has lapsed", old, []Requirement{{Level: "novice"}, {Level: "novice", MinEvidence: 2}},
			NotMet, "developing", "novice"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := Assess(x.kept, epoch, DefaultPrior, scale, x.requirements)
			if s.State != x.state || text(s.Level) != x.level || text(s.Required) != x.required {
				t.Errorf("%s, level %q of %q; want %s, level %q of %q",
					s.State, text(s.Level), text(s.Required), x.state, x.level, x.required)
			}
		})
	}
}

func text(id *string) string {
	if id == nil {
		return ""
	}
	return *id
}

// A level begins at its threshold: one good attempt that lasts proves exactly 0.75, and weighs exactly 1.
func TestAssessAtTheThreshold(t *testing.T) {
	kept := []Evidence{{Statement: "s", Timestamp: epoch, Weight: 1, Score: 1}}
	s := Assess(kept, epoch, DefaultPrior, []Level{{"l", 0.75}}, []Requirement{{Level: "l"}})
	if s.State != Met || text(s.Level) != "l" {
		t.Errorf("%s, level %q", s.State, text(s.Level))
	}
}

// The moment of each change: 30 days before the weight is too little, and when it is.
func TestAssessOverTime(t *testing.T) {
	kept := []Evidence{{Statement: "s", Timestamp: epoch, Weight: 2, HalfLifeDays: 100, Score: 1}}
	halved := epoch.Add(100 * day) // the weight is 1
	for _, x := range []struct {
		at   time.Time
		want State
	}{
		{epoch, Met},
		{halved.Add(-30 * 24 * time.Hour), Met},
		{halved.Add(-30*24*time.Hour + time.Second), Expiring},
		{halved, Expiring},
		{halved.Add(time.Second), Lapsed},
		{halved.Add(9000 * day), NotMet}, // nothing is left but the prior
	} {
		s := Assess(kept, x.at, DefaultPrior, []Level{{"l", 0.6}}, []Requirement{{Level: "l"}})
		if s.State != x.want {
			t.Errorf("%s after %s; want %s", s.State, x.at.Sub(epoch), x.want)
		}
	}
}

// The state is one of those that its conditions allow, read literally; and expiring is what it says.
func TestAssessProperties(t *testing.T) {
	requirement := rapid.Custom(func(t *rapid.T) Requirement {
		r := Requirement{
			Level:       rapid.SampledFrom(scale).Draw(t, "level").ID,
			MinEvidence: rapid.IntRange(0, 3).Draw(t, "min evidence"),
			Kinds:       rapid.SliceOfN(rapid.SampledFrom([]string{"test", "simulation", "quiz"}), 0, 2).Draw(t, "kinds"),
		}
		if rapid.Bool().Draw(t, "min weight") {
			w := rapid.Float64Range(0, 5).Draw(t, "weight")
			r.MinWeight = &w
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		kept := someEvidence(6).Draw(t, "kept")
		requirements := rapid.SliceOfN(requirement, 0, 3).Draw(t, "requirements")
		s := Assess(kept, epoch, DefaultPrior, scale, requirements)
		shuffled := rapid.Permutation(requirements).Draw(t, "shuffled")
		if again := Assess(kept, epoch, DefaultPrior, scale, shuffled); again.State != s.State {
			t.Fatalf("%s, in another order of requirements %s", s.State, again.State)
		}
		later := Assess(kept, epoch.Add(30*24*time.Hour), DefaultPrior, scale, requirements)
		holds := later.State == Met || later.State == Expiring
		switch s.State {
		case Met:
			if !holds {
				t.Fatalf("met, but %s in 30 days", later.State)
			}
		case Expiring:
			if holds {
				t.Fatalf("expiring, but %s in 30 days", later.State)
			}
		case Lapsed:
			for _, r := range requirements {
				if text(s.Required) == r.Level && s.Weight < r.minWeight() {
					return
				}
			}
			t.Fatalf("lapsed with a weight of %g", s.Weight)
		case NotRequired:
			if len(requirements) > 0 || len(kept) == 0 {
				t.Fatal("not required")
			}
		}
	})
}
