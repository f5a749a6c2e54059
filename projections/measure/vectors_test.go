package measure_test

import (
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/measure"
)

// vectors is the small hospital whose answers an independent implementation has computed (DOMAIN.md, "Vectors"). It is
// no part of the repository, but of the specification; without it this test fails.
const vectors = "../../../shared/domain/hospital-1"

// expectation is a request, the way into its answer, and the value there.
type expectation struct {
	Path   string
	Query  map[string]string
	Select []any
	Value  any
}

// Every value of a person's competencies, and of the evidence behind them, in both phases.
func TestVectors(t *testing.T) {
	for _, phase := range []struct {
		expected           string
		statements, people []string
	}{
		{"expected-1.json", []string{"statements-1.jsonl"}, []string{"people.csv"}},
		{"expected-2.json", []string{"statements-1.jsonl", "statements-2.jsonl"}, []string{"people.csv", "people-2.csv"}},
	} {
		t.Run(phase.expected, func(t *testing.T) {
			h := readHospital(t, phase.statements, phase.people)
			var expected []expectation
			readJSON(t, phase.expected, &expected)
			competencies, evidence := 0, 0
			for _, x := range expected {
				rest, ok := strings.CutPrefix(x.Path, "/api/v1/people/")
				if !ok || !strings.Contains(rest, "/competencies") || strings.Contains(rest, "/evaluations") {
					continue
				}
				if _, ok := x.Query["asOf"]; ok {
					t.Fatalf("this test cannot ask %v", x.Query)
				}
				at, err := time.Parse(time.RFC3339, x.Query["at"])
				if err != nil {
					t.Fatal(err)
				}
				parts := strings.Split(rest, "/")
				var answer any
				if len(parts) == 2 {
					competencies++
					answer = h.competencies(parts[0], at)
				} else {
					evidence++
					competency, err := url.PathUnescape(parts[2])
					if err != nil {
						t.Fatal(err)
					}
					answer = h.evidence(parts[0], competency, at)
				}
				if got := walk(answer, x.Select); !same(got, x.Value) {
					t.Errorf("%s at %s, %v: %v; want %v", x.Path, x.Query["at"], x.Select, got, x.Value)
				}
			}
			if competencies < 800 || evidence < 30 {
				t.Errorf("only %d values of competencies and %d of evidence were found", competencies, evidence)
			}
		})
	}
}

// competencies answers as people/{person}/competencies does, but for position and links.
func (h *hospital) competencies(person string, at time.Time) any {
	var all []any
	for _, c := range h.framework.Competencies {
		kept, _ := measure.Supersede(h.upTo(person, c.ID, at))
		requirements := h.required(person, c.ID, at)
		if len(kept) == 0 && len(requirements) == 0 {
			continue
		}
		s := measure.Assess(kept, at, h.rules.Prior, h.framework.Levels, requirements)
		all = append(all, map[string]any{
			"competency": c.ID, "estimate": value(s.Value), "mean": value(s.Mean), "lower": value(s.Lower),
			"upper": value(s.Upper), "weight": s.Weight, "evidence": float64(s.Evidence),
			"level": value(s.Level), "required": value(s.Required), "state": string(s.State),
		})
	}
	return map[string]any{"person": person, "competencies": all}
}

// evidence answers as people/{person}/competencies/{competency}/evidence does.
func (h *hospital) evidence(person, competency string, at time.Time) any {
	kept, superseded := measure.Supersede(h.upTo(person, competency, at))
	var evidence, leftOut []any
	for _, p := range measure.Weigh(kept, at) {
		evidence = append(evidence, map[string]any{
			"statement": p.Statement, "rule": p.Rule, "kind": p.Kind, "score": p.Score, "weight": p.Weight,
			"decay": p.Decay, "share": p.Share,
		})
	}
	for _, e := range superseded {
		leftOut = append(leftOut, map[string]any{"statement": e.Statement, "reason": "superseded"})
	}
	return map[string]any{"evidence": evidence, "leftOut": leftOut}
}

// upTo is the evidence of what had happened by then.
func (h *hospital) upTo(person, competency string, at time.Time) (evidence []measure.Evidence) {
	for _, e := range h.pieces[[2]string{person, competency}] {
		if !e.Timestamp.After(at) {
			evidence = append(evidence, e)
		}
	}
	return evidence
}

func (h *hospital) required(person, competency string, at time.Time) (requirements []measure.Requirement) {
	for _, r := range h.framework.Requirements {
		for _, a := range h.assignments {
			if a.person == person && a.role == r.Role && r.Competency == competency &&
				!at.Before(a.from) && (a.to.IsZero() || at.Before(a.to)) {
				requirements = append(requirements, measure.Requirement{
					Level: r.Level, MinEvidence: r.MinEvidence, MinWeight: r.MinWeight, Kinds: r.Kinds,
				})
			}
		}
	}
	return requirements
}

// value turns a pointer to what it points to, nil to null.
func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// walk follows a select into an answer; what is not there is null.
func walk(answer any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := answer.(map[string]any)
			answer = object[step]
		case float64:
			list, _ := answer.([]any)
			if answer = nil; int(step) < len(list) {
				answer = list[int(step)]
			}
		case map[string]any:
			list, _ := answer.([]any)
			answer = nil
			for _, element := range list {
				equal := true
				for name, want := range step {
					equal = equal && same(walk(element, []any{name}), want)
				}
				if equal {
					answer = element
					break
				}
			}
		}
	}
	return answer
}

// same compares as the specification says: numbers to 1e-6.
func same(got, want any) bool {
	g, ok1 := got.(float64)
	w, ok2 := want.(float64)
	if ok1 && ok2 {
		return math.Abs(g-w) <= 1e-6
	}
	return got == want
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectors, name))
	if err != nil {
		t.Fatalf("%v: the domain vectors belong beside the repository, in shared/domain", err)
	}
	return data
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	decode(t, name, readFile(t, name), into)
}

func decode(t *testing.T, name string, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
}
