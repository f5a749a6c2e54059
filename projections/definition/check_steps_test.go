package definition

import (
	"slices"
	"testing"
)

// TestDetours: what is refused in one step is refused in several, each of which alone might look harmless.
func TestDetours(t *testing.T) {
	programme := Ref{KindProgramme, base + "programmes/listen-first"}
	reaction := Ref{KindSurvey, base + "surveys/reaction"}
	listened := Ref{KindKPI, base + "kpis/listened"}
	spare := Ref{KindSurvey, "urn:spare"}
	drop := []edit{{"/reactionSurvey", ""}, {"/objectives", `[]`}}
	type step struct {
		of    Ref
		edits []edit
	}
	for name, detour := range map[string]struct {
		before []step // registered, and in order
		steps  []step // one of which is to be refused
		rule   string
	}{
		"a programme drops its reaction survey, ends later and takes it again": {
			steps: []step{
				{programme, drop},
				{programme, []edit{{"/ends", `"2027-05-01T00:00:00Z"`}}},
				{programme, []edit{{"/reactionSurvey", quoted("surveys/reaction")}}},
			}, rule: ruleReactionChanged,
		},
		"a programme drops its reaction survey, and a kpi takes a question of it": {
			steps: []step{
				{programme, drop},
				{listened, []edit{{"/id", `"urn:k"`}, {"/questions", `[` + quoted("surveys/reaction/useful") + `]`}}},
			}, rule: ruleReactionChanged,
		},
		"a programme drops its reaction survey, which loses a question": {
			steps: []step{
				{programme, drop},
				{reaction, []edit{{"/questions/3", ""}}},
				{programme, []edit{{"/reactionSurvey", quoted("surveys/reaction")}}},
			}, rule: ruleReactionChanged,
		},
		"a kpi of two questions is a mean while the top box of one changes": {
			before: []step{{listened, []edit{{"/id", `"urn:k"`}, {"/questions", `["urn:q1","urn:q2"]`}}}},
			steps: []step{
				{Ref{KindKPI, "urn:k"}, []edit{{"/statistic", `"mean"`}}},
				{spare, []edit{{"/questions/0/topBox", `[5]`}}},
				{Ref{KindKPI, "urn:k"}, []edit{{"/statistic", `"topBox"`}}},
			}, rule: ruleKPIChanged,
		},
	} {
		t.Run(name, func(t *testing.T) {
			set := withSpare(t)
			for _, s := range detour.before {
				d := edited(t, set[s.of], s.edits...)
				if faults := Check(set, d); faults != nil {
					t.Fatal(faults)
				}
				set = set.With(d)
			}
			for _, s := range detour.steps {
				d := edited(t, set[s.of], s.edits...)
				faults := Check(set, d)
				if slices.ContainsFunc(faults, func(f Fault) bool { return f.Rule == detour.rule }) {
					return
				}
				if faults != nil {
					t.Fatalf("refused for another reason: %v", faults)
				}
				set = set.With(d)
			}
			t.Error("every step is let pass")
		})
	}
}
