package definition

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/schemas"
)

// corpus gives the files of testdata/valid or testdata/invalid. One in invalid is named after the rule by which it is
// refused, up to the first hyphen.
func corpus(t testing.TB, kind string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/" + kind + "/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(path), ".json")] = body
	}
	return files
}

func TestValid(t *testing.T) {
	kinds := map[string]bool{}
	for name, body := range corpus(t, "valid") {
		d, err := Parse(body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		kinds[d.Kind()] = true
		if !strings.HasPrefix(d.ID(), "https://h.example/") || !bytes.Equal(d.JSON(), body) {
			t.Errorf("%s: id %s, JSON %s", name, d.ID(), d.JSON())
		}
	}
	for _, kind := range schemas.Kinds() {
		if !kinds[kind] || empty(kind) == nil {
			t.Errorf("nothing of kind %s", kind)
		}
	}
}

func TestInvalid(t *testing.T) {
	for name, body := range corpus(t, "invalid") {
		d, err := Parse(body)
		faults := Faults{}
		if !errors.As(err, &faults) {
			t.Errorf("%s: %v, %v", name, d, err)
			continue
		}
		rule, _, _ := strings.Cut(name, "-")
		for _, f := range faults {
			if f.Rule != rule || f.Message == "" || f.Pointer != "" && f.Pointer[0] != '/' {
				t.Errorf("%s: %s", name, f)
			}
		}
	}
}

// TestWords shows what people are told.
func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"definition.schema.required-kpi-direction":             "kpi https://h.example/k: missing properties: 'direction': a kpi has kind, id, statistic and direction, of questions, match and measure those that the statistic is made of, and may have name, description, target, interval and minN (definition.schema.required)",
		"definition.schema.minimum-minn":                       "kpi https://h.example/k: /minN: must be >= 5 but found 4: minN is a whole number, at least 5: fewer answers would point at the people who gave them (definition.schema.minimum)",
		"definition.schema.not-topbox-match":                   "kpi https://h.example/k: topBox, mean and nps are made of questions alone: give questions, and neither match nor measure (definition.schema.not)",
		"definition.schema.pattern-verb":                       "evidence-rules https://h.example/r: /rules/0/match/verbs/0: must be an absolute IRI: a scheme, a colon and at least one more character, no spaces (Data 2.2, 4.3) (definition.schema.pattern)",
		"definition.schema.anyOf-count-of-everything":          "evaluation https://h.example/e: /metrics/0/source/count: count and hours have at least one of verbs, activities, activityTypes, objectType, parent, grouping, category, other and extensions, and may have subject (definition.schema.anyOf)",
		"definition.schema.const-competencies":                 `evidence-rules https://h.example/r: /rules/0/competencies: competencies are a list of IRIs, or "context.other" to take them from each statement (definition.schema.const)`,
		"definition.kind-unknown":                              "/kind: kind must be one of survey, kpi, framework, evidence-rules, programme, evaluation (definition.kind)",
		"definition.value-whole-number-with-fraction":          "kpi https://h.example/k: /minN: write a number within the bounds of a double, and a whole one without fraction and exponent (definition.value)",
		"definition.value-no-such-day":                         `programme https://h.example/p: /starts: xapi: "2025-02-29T00:00:00Z" is not an RFC 3339 timestamp such as 2015-11-18T12:17:00.250Z (definition.value)`,
		"definition.schema.additionalProperties-match-subject": "evidence-rules https://h.example/r: /rules/0/match: additionalProperties 'subject' not allowed: match has at least one of verbs, activities, activityTypes, objectType, parent, grouping, category, other and extensions, and nothing else (definition.schema.additionalProperties)",
	} {
		_, err := Parse(corpus(t, "invalid")[name])
		got := ""
		if err != nil {
			got = err.Error()
		}
		if want = strings.TrimSpace(want); !strings.HasSuffix(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Parse([]byte(`{"kind":"kpi","id":"k","statistic":"median","direction":"left","interval":7,"minN":1}`))
	faults := Faults{}
	if !errors.As(err, &faults) || len(faults) != 5 {
		t.Errorf("%v", err)
	}
}

func TestSize(t *testing.T) {
	body := corpus(t, "valid")["kpi"]
	longest := append(bytes.Clone(body), bytes.Repeat([]byte{' '}, MaxSize-len(body))...)
	if _, err := Parse(longest); err != nil {
		t.Error(err)
	}
	faults := Faults{}
	if _, err := Parse(append(longest, ' ')); !errors.As(err, &faults) || faults[0].Rule != ruleSize {
		t.Error(err)
	}
}

func TestDefaults(t *testing.T) {
	valid := corpus(t, "valid")
	parse := func(name string) Definition {
		d, err := Parse(valid[name])
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	rules := parse("rules").(*EvidenceRules)
	if r := rules.Rules[0]; r.Subject != SubjectActor || r.Attempts != AttemptsLatest || r.HalfLifeDays != 0 || r.Score != nil || rules.EffectivePrior() != (Prior{0.5, 0.5}) {
		t.Errorf("rule %+v", r)
	}
	if full := parse("rules-everything").(*EvidenceRules); full.EffectivePrior() != (Prior{1, 2.5}) || !full.Rules[0].Competencies.FromContext || *full.Rules[0].Score.Max != 5 {
		t.Errorf("rules %+v", full)
	}
	for name, want := range map[string]int{"kpi": 5, "kpi-mean": 5, "kpi-nps": 5, "kpi-count": 0, "kpi-per1000": 0, "kpi-measure": 10} {
		if k := parse(name).(*KPI); k.MinN != want || k.Interval != IntervalMonth {
			t.Errorf("%s: minN %d, interval %s", name, k.MinN, k.Interval)
		}
	}
	if r := parse("framework").(*Framework).Requirements[0]; r.MinEvidence != 0 || r.MinWeight != nil || r.Kinds != nil {
		t.Errorf("requirement %+v", r)
	}
	if e := parse("evaluation").(*Evaluation); e.MinCoverage != 0.8 {
		t.Errorf("coverage %v", e.MinCoverage)
	}
	if e := parse("evaluation-sources").(*Evaluation); e.MinCoverage != 0 || e.Metrics[2].Source.Count.Subject != SubjectObject || e.Metrics[4].Source.Count.Subject != SubjectActor {
		t.Errorf("evaluation %+v", e)
	}
	p := parse("programme-everything").(*Programme)
	if p.Starts != 1767225600_000_000 || p.Objectives[0].By != 1767225600_123_456-7200_000_000 || p.Objectives[0].MinN != 0 || p.Assessments.Retention.Activity == "" {
		t.Errorf("programme %+v", p)
	}
	short := edited(t, p, edit{"/objectives/0/minN", ""}, edit{"/activities/0/required", "false"}).(*Programme)
	if short.Objectives[0].MinN != 5 || short.Activities[0].Required || !p.Activities[0].Required {
		t.Errorf("programme %+v", short)
	}
	if text, err := p.Starts.MarshalText(); err != nil || string(text) != "2026-01-01T00:00:00.000Z" {
		t.Errorf("starts %s, %v", text, err)
	}
}

// TestParseKeepsNoInput: callers reuse their buffers.
func TestParseKeepsNoInput(t *testing.T) {
	body := bytes.Clone(corpus(t, "valid")["rules-everything"])
	d, err := Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if again, err := Parse(d.JSON()); err != nil || again.ID() != d.ID() {
		t.Error(err)
	}
	if string(canonical(d.(*EvidenceRules).Rules[0].Match.Extensions["https://h.example/x"])) != `{"a":[null,1]}` {
		t.Error("the extension changed with the input")
	}
}

// FuzzParse: nothing makes it panic; a refusal says what and where; what is accepted can be checked and planned.
func FuzzParse(f *testing.F) {
	for _, kind := range []string{"valid", "invalid"} {
		for _, body := range corpus(f, kind) {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body)
		if err != nil {
			faults := Faults{}
			if !errors.As(err, &faults) || len(faults) == 0 || len(faults) > schemas.MaxDefinitionViolations {
				t.Fatalf("%v", err)
			}
			for _, f := range faults {
				if !strings.HasPrefix(f.Rule, "definition.") || f.Message == "" {
					t.Fatalf("%+v", f)
				}
			}
			return
		}
		again, err := Parse(d.JSON())
		if err != nil || RefTo(again) != RefTo(d) {
			t.Fatalf("what was accepted is not again: %v", err)
		}
		if changes := Plan(NewSet(d), []Definition{again}); changes[0].Action != Unchanged {
			t.Fatalf("it differs from itself: %s", changes[0].Diff)
		}
		Check(nil, d)
		if faults := Check(NewSet(d), again); len(faults) != len(Check(nil, d)) {
			t.Fatalf("registered again: %v", faults)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	body := corpus(b, "valid")["rules-everything"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}
