package definition

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/schemas"
)

// TestNoFaults: what is shipped and what the vectors use is in order, in any order, at once, and again.
func TestNoFaults(t *testing.T) {
	for name, definitions := range map[string][]Definition{"shipped": shipped(t), "shared": shared(t)} {
		t.Run(name, func(t *testing.T) {
			if len(definitions) < 10 {
				t.Fatalf("only %d definitions", len(definitions))
			}
			rapid.Check(t, func(t *rapid.T) {
				if faults := CheckAll(nil, rapid.Permutation(definitions).Draw(t, "order")); faults != nil {
					t.Fatal(faults)
				}
			})
			set := NewSet(definitions...)
			if faults := CheckAll(set, definitions); faults != nil {
				t.Errorf("again: %v", faults)
			}
			inTurn := Set{}
			for _, kind := range schemas.Kinds() {
				for _, d := range definitions {
					if d.Kind() != kind {
						continue
					}
					if faults := Check(set, d); faults != nil {
						t.Errorf("again: %v", faults)
					}
					if faults := Check(inTurn, d); faults != nil {
						t.Errorf("in turn: %v", faults)
					}
					inTurn = inTurn.With(d)
				}
			}
		})
	}
}

// withSpare is the shipped definitions, and a survey that nothing else uses.
func withSpare(t *testing.T) Set {
	t.Helper()
	set := NewSet(shipped(t)...)
	return set.With(edited(t, set[Ref{KindSurvey, base + "surveys/reaction"}], edit{"/id", `"urn:spare"`},
		edit{"/questions", `[{"id":"urn:q1","scale":{"min":1,"max":5},"topBox":[4,5]},{"id":"urn:q2","scale":{"min":1,"max":5},"topBox":[4,5]}]`}))
}

// planted is a definition of the shipped ones with changes; with a new id it is one more.
type planted struct {
	kind, id string // id after base
	edits    []edit
}

func quoted(id string) string { return `"` + base + id + `"` }

func copyOf(kind, id string, edits ...edit) planted {
	return planted{kind, id, append([]edit{{"/id", quoted(id + "-copy")}}, edits...)}
}

// hiding is a copy of a KPI that is of another measure and hides its small numbers.
func hiding(id, measure string) planted {
	return planted{KindKPI, id, []edit{{"/id", `"urn:hiding"`}, {"/measure", `"` + measure + `"`}, {"/minN", `10`}}}
}

const complaint = "kpis/complaints"

// TestRefusals plants one fault each among definitions that are in order.
func TestRefusals(t *testing.T) {
	// Everything below about a fault in a definition in force begins so.
	tests := []struct {
		name  string
		plant []planted
		want  []string // KIND ID POINTER RULE, with the id after base
	}{
		// In one document.
		{"a level twice", []planted{{KindFramework, "framework", []edit{{"/levels/3/id", `"novice"`}, {"/competencies/0/indicators/exemplary", ""}, {"/competencies/1/indicators/exemplary", ""}, {"/competencies/2/indicators/exemplary", ""}, {"/competencies/3/indicators/exemplary", ""}, {"/competencies/4/indicators/exemplary", ""}}}},
			[]string{"framework framework /levels/3/id definition.id.unique"}},
		{"levels that do not rise", []planted{{KindFramework, "framework", []edit{{"/levels/2/from", `0.4`}}}}, []string{"framework framework /levels/2/from definition.levels.order"}},
		{"levels in the wrong order", []planted{{KindFramework, "framework", []edit{{"/levels/0/from", `0.9`}}}}, []string{"framework framework /levels/1/from definition.levels.order"}},
		{"a competency twice in a framework", []planted{{KindFramework, "framework", []edit{{"/competencies/5", `{"id":` + quoted("competencies/empathy") + `}`}}}}, []string{"framework framework /competencies/5/id definition.id.unique"}},
		{"indicators of no level", []planted{{KindFramework, "framework", []edit{{"/competencies/0/indicators/be~1st", `[]`}}}}, []string{"framework framework /competencies/0/indicators/be~1st definition.reference"}},
		{"a requirement of another competency", []planted{{KindFramework, "framework", []edit{{"/requirements/0/competency", `"urn:c"`}}}}, []string{"framework framework /requirements/0/competency definition.reference"}},
		{"a requirement of no level", []planted{{KindFramework, "framework", []edit{{"/requirements/1/level", `"best"`}}}}, []string{"framework framework /requirements/1/level definition.reference"}},
		{"a rule twice", []planted{{KindEvidenceRules, "rules", []edit{{"/rules/1/id", `"test"`}}}}, []string{"evidence-rules rules /rules/1/id definition.id.unique"}},
		{"a question twice", []planted{{KindSurvey, "surveys/reaction", []edit{{"/questions/1/id", quoted("surveys/reaction/useful")}}}}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.changed", "survey surveys/reaction /questions/1/id definition.id.unique"}},
		{"a scale upside down", []planted{{KindSurvey, "surveys/reaction", []edit{{"/questions/0/scale/max", `1`}, {"/questions/0/topBox", `[1]`}}}}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.changed", "survey surveys/reaction /questions/0/scale definition.scale.order"}},
		{"a top box above the scale", []planted{{KindSurvey, "surveys/reaction", []edit{{"/questions/0/topBox/1", `6`}}}}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.changed", "survey surveys/reaction /questions/0/topBox/1 definition.topbox.scale"}},
		{"a top box below the scale", []planted{{KindSurvey, "surveys/reaction", []edit{{"/questions/0/topBox/0", `0`}}}}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.changed", "survey surveys/reaction /questions/0/topBox/0 definition.topbox.scale"}},
		{"a programme that ends as it starts", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/ends", `"2027-01-01T01:00:00+01:00"`}}}}, []string{"programme programmes/listen-first /ends definition.times.order", "programme programmes/listen-first /ends definition.reaction.changed"}},
		{"an activity twice", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/activities/1/id", quoted("programmes/listen-first/activities/module")}}}}, []string{"programme programmes/listen-first /activities/1/id definition.id.unique"}},
		{"an objective twice", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/objectives/1/id", `"completion"`}}}}, []string{"programme programmes/listen-first /objectives/1/id definition.id.unique"}},
		{"a metric of nothing", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/objectives/0/metric", `"learning.gain"`}}}}, []string{"programme programmes/listen-first /objectives/0/metric definition.metric.path"}},
		{"no reaction", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/reactionSurvey", ""}}}}, []string{"programme programmes/listen-first /objectives/1/metric definition.metric.measured", "programme programmes/listen-first /reactionSurvey definition.reaction.changed"}},
		{"no assessments", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/assessments", ""}}}}, []string{"programme programmes/listen-first /objectives/2/metric definition.metric.measured", "programme programmes/listen-first /objectives/3/metric definition.metric.measured"}},
		{"no retention", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/assessments/retention", ""}}}}, []string{"programme programmes/listen-first /objectives/3/metric definition.metric.measured"}},
		{"another behaviour", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/behaviour/competencies/0", ""}}}}, []string{"programme programmes/listen-first /objectives/4/metric definition.metric.measured"}},
		{"no behaviour", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/behaviour", ""}}}}, []string{"programme programmes/listen-first /objectives/4/metric definition.metric.measured"}},
		{"other results", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/results/kpis/0", ""}}}}, []string{"programme programmes/listen-first /objectives/5/metric definition.metric.measured"}},
		{"no results", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/results", ""}}}}, []string{"programme programmes/listen-first /objectives/5/metric definition.metric.measured"}},
		{"a metric twice", []planted{{KindEvaluation, "evaluations/nurse-annual", []edit{{"/metrics/1/id", `"listening"`}}}}, []string{"evaluation evaluations/nurse-annual /metrics/1/id definition.id.unique"}},
		{"a scale without length", []planted{{KindEvaluation, "evaluations/nurse-annual", []edit{{"/metrics/1/scale/to", `0`}}}}, []string{"evaluation evaluations/nurse-annual /metrics/1/scale definition.scale.order"}},
		{"a match without verbs", []planted{{KindKPI, complaint, []edit{{"/match/verbs", ""}}}}, []string{"kpi kpis/complaints /match definition.kpi.responded"}},
		{"a match of answers", []planted{{KindKPI, complaint, []edit{{"/match/verbs/1", `"http://adlnet.gov/expapi/verbs/responded"`}}}}, []string{"kpi kpis/complaints /match/verbs/1 definition.kpi.responded"}},

		// References.
		{"a competency's kpi", []planted{{KindFramework, "framework", []edit{{"/competencies/1/kpi", `"urn:k"`}}}}, []string{"framework framework /competencies/1/kpi definition.reference"}},
		{"a kpi that is no kpi", []planted{{KindFramework, "framework", []edit{{"/competencies/1/kpi", quoted("surveys/inpatient")}}}}, []string{"framework framework /competencies/1/kpi definition.reference"}},
		{"a rule's competency", []planted{{KindEvidenceRules, "rules", []edit{{"/rules/2/competencies", `["urn:c"]`}}}}, []string{"evidence-rules rules /rules/2/competencies/0 definition.reference"}},
		{"a kpi's question", []planted{copyOf(KindKPI, "kpis/listened", edit{"/questions/0", `"urn:q"`})}, []string{"kpi kpis/listened-copy /questions/0 definition.reference"}},
		{"a programme's survey", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/reactionSurvey", `"urn:s"`}}}}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.changed", "programme programmes/listen-first /reactionSurvey definition.reference"}},
		{"a programme's competency", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/behaviour/competencies/1", `"urn:c"`}}}}, []string{"programme programmes/listen-first /behaviour/competencies/1 definition.reference"}},
		{"a programme's kpi", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/results/kpis/1", `"urn:k"`}}}}, []string{"programme programmes/listen-first /results/kpis/1 definition.reference"}},
		{"an evaluation's competency", []planted{{KindEvaluation, "evaluations/nurse-annual", []edit{{"/metrics/0/source/competency", `"urn:c"`}}}}, []string{"evaluation evaluations/nurse-annual /metrics/0/source/competency definition.reference"}},
		{"an evaluation's programme", []planted{{KindEvaluation, "evaluations/nurse-annual", []edit{{"/metrics/5/source/completion/1", `"urn:p"`}}}}, []string{"evaluation evaluations/nurse-annual /metrics/5/source/completion/1 definition.reference"}},
		{"an evaluation's kpi", []planted{{KindEvaluation, "evaluations/nurse-annual", []edit{{"/metrics/6/source/kpi", `"urn:k"`}}}}, []string{"evaluation evaluations/nurse-annual /metrics/6/source/kpi definition.reference"}},

		// Contradictions.
		{"two frameworks with one competency", []planted{copyOf(KindFramework, "framework", edit{"/competencies/1/id", `"urn:c"`}, edit{"/competencies/2/id", `"urn:d"`}, edit{"/competencies/3/id", `"urn:e"`}, edit{"/competencies/4/id", `"urn:f"`}, edit{"/requirements", `[]`})},
			[]string{"framework framework-copy /competencies/0/id definition.competency.unique"}},
		{"rules with another prior", []planted{copyOf(KindEvidenceRules, "rules", edit{"/prior/beta", `0.6`})}, []string{"evidence-rules rules-copy /prior definition.prior.same"}},
		{"rules with the default prior beside others", []planted{{KindEvidenceRules, "rules", []edit{{"/prior/alpha", `2`}}}, copyOf(KindEvidenceRules, "rules", edit{"/prior", ""})}, []string{"evidence-rules rules-copy  definition.prior.same"}},
		{"a survey that asks the same on another scale", []planted{copyOf(KindSurvey, "surveys/reaction", edit{"/questions/0/scale/max", `7`})}, []string{"survey surveys/reaction-copy /questions/0 definition.question.same"}},
		{"a survey that asks the same with another top box", []planted{copyOf(KindSurvey, "surveys/reaction", edit{"/questions/2/topBox", `[5]`})}, []string{"survey surveys/reaction-copy /questions/2 definition.question.same"}},
		{"a kpi that shares a question, with another minN", []planted{copyOf(KindKPI, "kpis/listened", edit{"/minN", `6`})}, []string{"kpi kpis/listened-copy /questions/0 definition.kpi.shared"}},
		{"a kpi that shares a question, with another interval", []planted{copyOf(KindKPI, "kpis/listened", edit{"/interval", `"week"`})}, []string{"kpi kpis/listened-copy /questions/0 definition.kpi.shared"}},
		{"a kpi that shares one of two questions", []planted{copyOf(KindKPI, "kpis/listened", edit{"/questions/1", quoted("surveys/inpatient/explained")})},
			[]string{"kpi kpis/listened-copy /questions/0 definition.kpi.shared", "kpi kpis/listened-copy /questions/1 definition.kpi.shared"}},
		{"two new kpis that share a question", []planted{copyOf(KindKPI, "kpis/listened", edit{"/questions/0", `"urn:q1"`}), {KindKPI, "kpis/listened", []edit{{"/id", `"urn:k"`}, {"/questions/0", `"urn:q1"`}, {"/minN", `9`}}}},
			[]string{"kpi urn:k /questions/0 definition.kpi.shared"}},
		{"a kpi that hides what another's measure tells", []planted{copyOf(KindKPI, "kpis/returning", edit{"/minN", `10`})}, []string{"kpi kpis/returning-copy /measure definition.kpi.shared"}},
		{"a kpi whose measure tells what another hides", []planted{hiding("kpis/returning", "urn:m"), copyOf(KindKPI, "kpis/returning", edit{"/measure", `"urn:m"`})}, []string{"kpi kpis/returning-copy /measure definition.kpi.shared"}},
		{"a kpi of a hidden measure, by another interval", []planted{hiding("kpis/returning", "urn:m"), copyOf(KindKPI, "kpis/returning", edit{"/measure", `"urn:m"`}, edit{"/minN", `10`}, edit{"/interval", `"week"`})}, []string{"kpi kpis/returning-copy /measure definition.kpi.shared"}},
		{"a kpi of a hidden measure, with another minN", []planted{hiding("kpis/returning", "urn:m"), copyOf(KindKPI, "kpis/returning", edit{"/measure", `"urn:m"`}, edit{"/minN", `5`})}, []string{"kpi kpis/returning-copy /measure definition.kpi.shared"}},
		{"a kpi that divides by a hidden measure", []planted{hiding("kpis/returning", "urn:m"), copyOf(KindKPI, complaint, edit{"/measure", `"urn:m"`})}, []string{"kpi kpis/complaints-copy /measure definition.kpi.shared"}},
		{"a kpi that divides by a hidden measure, and hides as much", []planted{hiding("kpis/returning", "urn:m"), copyOf(KindKPI, complaint, edit{"/match/verbs", `["urn:v"]`}, edit{"/measure", `"urn:m"`}, edit{"/minN", `10`}, edit{"/interval", `"quarter"`})},
			[]string{"kpi kpis/complaints-copy /measure definition.kpi.shared"}},

		{"an activity that is a survey's question", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/activities/0/id", `"urn:q1"`}}}}, []string{"programme programmes/listen-first /activities/0/id definition.programme.question"}},
		{"an assessment that is a survey's question", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/assessments/post", `"urn:q1"`}}}}, []string{"programme programmes/listen-first /assessments/post definition.programme.question"}},
		{"a survey that asks a programme's activity", []planted{{KindSurvey, "surveys/reaction", []edit{{"/id", `"urn:s"`}, {"/questions", `[{"id":` + quoted("programmes/listen-first/activities/module") + `,"scale":{"min":1,"max":5},"topBox":[5]}]`}}}}, []string{"programme programmes/listen-first /activities/0/id definition.programme.question"}},
		{"an id that is too long", []planted{copyOf(KindKPI, "kpis/compliments", edit{"/id", `"urn:` + strings.Repeat("x", 2045) + `"`})}, []string{"kpi urn:" + strings.Repeat("x", 2045) + " /id definition.id.length"}},

		// Changes of registered KPIs.
		{"other questions", []planted{{KindKPI, "kpis/compliments", nil}, {KindKPI, "kpis/listened", []edit{{"/questions/1", `"urn:q1"`}}}}, []string{"kpi kpis/listened /questions definition.kpi.changed"}},
		{"another interval", []planted{{KindKPI, "kpis/compliments", []edit{{"/interval", `"week"`}}}}, []string{"kpi kpis/compliments /interval definition.kpi.changed"}},
		{"another minN", []planted{{KindKPI, "kpis/rating", []edit{{"/minN", `10`}}}}, []string{"kpi kpis/rating /minN definition.kpi.changed"}},
		{"a minN", []planted{{KindKPI, "kpis/returning", []edit{{"/minN", `10`}}}}, []string{"kpi kpis/returning /minN definition.kpi.changed"}},
		{"answers instead of statements", []planted{{KindKPI, "kpis/compliments", []edit{{"/match", ""}, {"/statistic", `"mean"`}, {"/questions", `[` + `"urn:q1"` + `]`}}}}, []string{"kpi kpis/compliments /questions definition.kpi.changed", "kpi kpis/compliments /minN definition.kpi.changed"}},

		// What would publish answers again in another grouping.
		{"a kpi of a reaction survey's question", []planted{copyOf(KindKPI, "kpis/listened", edit{"/questions/0", quoted("surveys/reaction/useful")})}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.kpi"}},
		{"a reaction survey of a kpi's questions", []planted{copyOf(KindProgramme, "programmes/listen-first", edit{"/reactionSurvey", quoted("surveys/inpatient")})}, []string{"programme programmes/listen-first-copy /reactionSurvey definition.reaction.kpi"}},
		{"a programme with a reaction ends later", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/ends", `"2027-05-01T00:00:00Z"`}}}}, []string{"programme programmes/listen-first /ends definition.reaction.changed"}},
		{"another reaction survey", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/reactionSurvey", `"urn:spare"`}}}}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.changed"}},
		{"a reaction survey with one question less", []planted{{KindSurvey, "surveys/reaction", []edit{{"/questions/3", ""}}}}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.changed"}},
		{"another top box of a reaction survey", []planted{{KindSurvey, "surveys/reaction", []edit{{"/questions/0/topBox", `[5]`}}}}, []string{"programme programmes/listen-first /reactionSurvey definition.reaction.changed"}},

		// KPIs that are named must be monthly, and a competency's must be of answers.
		{"a competency's kpi is quarterly", []planted{copyOf(KindKPI, "kpis/listened", edit{"/questions/0", `"urn:q1"`}, edit{"/interval", `"quarter"`}), {KindFramework, "framework", []edit{{"/competencies/0/kpi", quoted("kpis/listened-copy")}}}},
			[]string{"framework framework /competencies/0/kpi definition.kpi.monthly"}},
		{"a programme's kpi is quarterly", []planted{{KindProgramme, "programmes/listen-first", []edit{{"/results/kpis/4", quoted("kpis/returning")}}}}, []string{"programme programmes/listen-first /results/kpis/4 definition.kpi.monthly"}},
		{"an evaluation's kpi is quarterly", []planted{{KindEvaluation, "evaluations/nurse-annual", []edit{{"/metrics/6/source/kpi", quoted("kpis/returning")}}}}, []string{"evaluation evaluations/nurse-annual /metrics/6/source/kpi definition.kpi.monthly"}},
		{"a competency's kpi counts", []planted{{KindFramework, "framework", []edit{{"/competencies/0/kpi", quoted("kpis/compliments")}}}}, []string{"framework framework /competencies/0/kpi definition.competency.kpi"}},
		{"a competency's kpi is per 1000", []planted{{KindFramework, "framework", []edit{{"/competencies/0/kpi", quoted(complaint)}}}}, []string{"framework framework /competencies/0/kpi definition.competency.kpi"}},
		{"a competency's kpi is a measure", []planted{{KindKPI, "kpis/returning", []edit{{"/id", `"urn:k"`}, {"/interval", `"month"`}}}, {KindFramework, "framework", []edit{{"/competencies/0/kpi", `"urn:k"`}}}}, []string{"framework framework /competencies/0/kpi definition.competency.kpi"}},
		{"a competency's kpi is a mean over two scales", []planted{
			{KindSurvey, "surveys/reaction", []edit{{"/id", `"urn:s"`}, {"/questions", `[{"id":"urn:1","scale":{"min":1,"max":5},"topBox":[5]},{"id":"urn:2","scale":{"min":1,"max":4},"topBox":[4]}]`}}},
			{KindKPI, "kpis/rating", []edit{{"/id", `"urn:k"`}, {"/questions", `["urn:1","urn:2"]`}}}, {KindFramework, "framework", []edit{{"/competencies/0/kpi", `"urn:k"`}}}},
			[]string{"framework framework /competencies/0/kpi definition.competency.kpiscale"}},

		// Changes that break what is in force.
		{"a framework drops a competency", []planted{{KindEvidenceRules, "rules", []edit{{"/id", `"urn:r"`}, {"/rules/0/competencies", `[` + quoted("competencies/empathy") + `]`}}}, {KindFramework, "framework", []edit{{"/competencies/1/id", `"urn:c"`}, {"/requirements", `[]`}}}},
			[]string{"evaluation evaluations/nurse-annual /metrics/1/source/competency definition.reference", "programme programmes/listen-first /behaviour/competencies/1 definition.reference", "evidence-rules urn:r /rules/0/competencies/0 definition.reference"}},
		{"a survey drops a question", []planted{{KindSurvey, "surveys/inpatient", []edit{{"/questions/0", ""}}}}, []string{"kpi kpis/listened /questions/0 definition.reference"}},
		{"two of one id", []planted{{KindKPI, "kpis/rating", nil}, {KindKPI, "kpis/rating", nil}}, []string{"kpi kpis/rating /id definition.batch.unique"}},
	}
	set := withSpare(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var together []Definition
			for _, p := range test.plant {
				together = append(together, edited(t, set[Ref{p.kind, base + p.id}], p.edits...))
			}
			var got []string
			isNew := NewSet(together...)
			for _, f := range CheckAll(set, together) {
				got = append(got, strings.Join([]string{f.Kind, strings.TrimPrefix(f.ID, base), f.Pointer, f.Rule}, " "))
				_, new := isNew[Ref{f.Kind, f.ID}]
				if f.Message == "" || new == strings.HasPrefix(f.Message, "this definition is in force and would be broken: ") {
					t.Errorf("message %q", f.Message)
				}
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if len(together) == 1 && len(got) != len(Check(set, together[0])) {
				t.Error("Check finds others than CheckAll")
			}
			// What is judged with everything else at once has the same faults, but for what was in force before.
			if whole := CheckAll(nil, slices.Collect(allOf(set.With(together...)))); len(whole) == 0 && !slices.ContainsFunc(test.want, needsOld) {
				t.Error("all at once is accepted")
			}
		})
	}
}

// needsOld are the refusals of changes, which take what was in force.
func needsOld(want string) bool {
	return strings.HasSuffix(want, ruleKPIChanged) || strings.HasSuffix(want, ruleBatch) || strings.HasSuffix(want, ruleReactionChanged)
}

func allOf(s Set) func(func(Definition) bool) {
	return func(yield func(Definition) bool) {
		for _, d := range sorted(s) {
			if !yield(d) {
				return
			}
		}
	}
}

// TestAllowed are changes near the refused ones that must pass.
func TestAllowed(t *testing.T) {
	tests := map[string][]planted{
		"a kpi of the same questions":                  {copyOf(KindKPI, "kpis/rating", edit{"/statistic", `"topBox"`}, edit{"/target", `0.5`})},
		"a kpi of the same questions, minN not said":   {copyOf(KindKPI, "kpis/rating", edit{"/minN", ""})},
		"another target and direction":                 {{KindKPI, "kpis/rating", []edit{{"/target", `8`}, {"/direction", `"down"`}, {"/name", ""}}}},
		"minN as by default":                           {{KindKPI, "kpis/rating", []edit{{"/minN", ""}, {"/interval", ""}}}},
		"other statements":                             {{KindKPI, complaint, []edit{{"/match/activityTypes", ""}}}},
		"a kpi of the same measure, nothing hidden":    {copyOf(KindKPI, "kpis/returning", edit{"/interval", `"week"`}), copyOf(KindKPI, complaint, edit{"/measure", `"returning-patients"`}, edit{"/interval", `"week"`})},
		"a kpi that hides a measure in the same way":   {hiding("kpis/returning", "urn:m"), copyOf(KindKPI, "kpis/returning", edit{"/measure", `"urn:m"`}, edit{"/minN", `10`}, edit{"/direction", `"down"`})},
		"two rates by one measure, one hides":          {copyOf(KindKPI, complaint, edit{"/match/verbs", `["urn:v"]`}, edit{"/minN", `5`})},
		"two rates by one measure that hide otherwise": {copyOf(KindKPI, complaint, edit{"/match/verbs", `["urn:v"]`}, edit{"/minN", `5`}, edit{"/measure", `"urn:m"`}), {KindKPI, complaint, []edit{{"/id", `"urn:k"`}, {"/minN", `10`}, {"/interval", `"quarter"`}, {"/measure", `"urn:m"`}}}},
		"a measure beside a rate by it that hides":     {copyOf(KindKPI, complaint, edit{"/measure", `"returning-patients"`}, edit{"/minN", `5`})},
		"the same statements, one hides":               {copyOf(KindKPI, "kpis/compliments", edit{"/minN", `5`})},
		"a kpi that hides other statements":            {copyOf(KindKPI, "kpis/compliments", edit{"/match/category", `["urn:c"]`}, edit{"/minN", `5`})},
		"the default prior, not said":                  {copyOf(KindEvidenceRules, "rules", edit{"/prior", ""})},
		"another prior in all rules":                   {{KindEvidenceRules, "rules", []edit{{"/prior/alpha", `1`}}}, copyOf(KindEvidenceRules, "rules", edit{"/prior/alpha", `1`})},
		"a competency moves":                           {{KindFramework, "framework", []edit{{"/competencies/1", ""}, {"/requirements", `[]`}}}, {KindFramework, "framework", []edit{{"/id", `"urn:f"`}, {"/competencies/0", ""}, {"/competencies/1", ""}, {"/competencies/1", ""}, {"/competencies/1", ""}, {"/requirements", `[]`}}}},
		"two surveys that ask the same":                {copyOf(KindSurvey, "surveys/reaction", edit{"/questions/0/topBox", `[5,4]`})},
		"the same surveys, the first in another order": {{KindSurvey, "surveys/reaction", []edit{{"/questions/0/topBox", `[5,4]`}}}, copyOf(KindSurvey, "surveys/reaction")},
		"levels that begin above 0":                    {{KindFramework, "framework", []edit{{"/levels/0/from", `0.1`}}}},
		"a mean over one scale":                        {copyOf(KindKPI, "kpis/rating", edit{"/questions", `[` + `"urn:q1"` + `,` + `"urn:q2"` + `]`}), {KindFramework, "framework", []edit{{"/competencies/0/kpi", quoted("kpis/rating-copy")}}}},
		"two requirements of one role":                 {{KindFramework, "framework", []edit{{"/requirements/1/competency", quoted("competencies/active-listening")}}}},
		"an evaluation's scale downwards":              {{KindEvaluation, "evaluations/nurse-annual", []edit{{"/metrics/0/scale", `{"from":1,"to":0}`}}}},
	}
	set := withSpare(t)
	for name, plants := range tests {
		var together []Definition
		for _, p := range plants {
			together = append(together, edited(t, set[Ref{p.kind, base + p.id}], p.edits...))
		}
		if faults := CheckAll(set, together); faults != nil {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

// TestOldFaults: what an earlier release let pass does not stop what has nothing to do with it.
func TestOldFaults(t *testing.T) {
	set := withSpare(t)
	rating, _ := Find[*KPI](set, base+"kpis/rating")
	broken := edited(t, set[Ref{KindProgramme, base + "programmes/listen-first"}], edit{"/results/kpis/1", `"urn:k"`})
	if faults := Check(set.With(broken), rating); faults != nil {
		t.Error(faults)
	}
	if faults := Check(set.With(broken), broken); len(faults) != 1 {
		t.Error(faults)
	}
}

func TestSet(t *testing.T) {
	set := withSpare(t)
	if _, ok := Find[*KPI](set, base+"framework"); ok {
		t.Error("a framework is no kpi")
	}
	if f, ok := Find[*Framework](set, base+"framework"); !ok || len(f.Competencies) != 5 {
		t.Error("no framework")
	}
	kpis := All[*KPI](set)
	if len(kpis) != 10 || !slices.IsSortedFunc(kpis, func(a, b *KPI) int { return strings.Compare(a.ID(), b.ID()) }) {
		t.Errorf("%d kpis", len(kpis))
	}
	before := len(set)
	if set.With(edited(t, kpis[0], edit{"/id", `"urn:k"`})); len(set) != before {
		t.Error("With changes the set")
	}
}

func BenchmarkCheck(b *testing.B) {
	all := shipped(b)
	set := NewSet(all...)
	for b.Loop() {
		if Check(set, all[0]) != nil {
			b.Fatal("faults")
		}
	}
}
