package hrhttp_test

import (
	"bufio"
	"bytes"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// hospital has the domain's vectors (DOMAIN.md, "Vectors").
const hospital = "../../../shared/domain/hospital-1"

// fewest is how many values a phase has at least.
const fewest = 3800

// TestHospital: every value of the vectors is met, in both phases, and those of the
// first by asOf in the second; and the same bytes then.
func TestHospital(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.csv(t, "/units", hospitalFile(t, "units.csv"))
		l.csv(t, "/people", hospitalFile(t, "people.csv"))
		if strings.HasSuffix(t.Name(), "SQLite") {
			for _, d := range hospitalDefinitions(t) {
				l.put(t, "/definitions/"+d.Kind+"/"+esc(d.ID), d.body)
			}
		} else { // in whatever order
			var bodies []string
			for _, d := range slices.Backward(hospitalDefinitions(t)) {
				bodies = append(bodies, d.body)
			}
			l.do(t, "POST", base+"/definitions", "["+strings.Join(bodies, ",")+"]").want(200)
		}
		l.batches(t, "statements-1.jsonl")
		l.do(t, "POST", base+"/measures", hospitalFile(t, "measures.json"), "Content-Type", "application/json").want(200)
		asOf := l.now(t)
		first := l.vectors(t, "expected-1.json", "")

		l.csv(t, "/people", hospitalFile(t, "people-2.csv"))
		l.batches(t, "statements-2.jsonl")
		l.vectors(t, "expected-2.json", "")
		l.vectors(t, "expected-1.json", asOf)
		for target, before := range first {
			if before.status == 200 {
				l.get(t, with(target, "asOf", before.text("asOf"))).same(before)
			}
		}
	})
}

func hospitalFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(hospital, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type document struct {
	Kind, ID string
	body     string
}

// hospitalDefinitions are all definitions, none before one that it refers to.
func hospitalDefinitions(t testing.TB) (all []document) {
	t.Helper()
	names, err := filepath.Glob(hospital + "/definitions/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no definitions: %v", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		d := document{body: string(b)}
		if err := json.Unmarshal(b, &d, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	order := []string{"survey", "kpi", "framework", "evidence-rules", "programme", "evaluation"}
	slices.SortStableFunc(all, func(a, b document) int { return slices.Index(order, a.Kind) - slices.Index(order, b.Kind) })
	return all
}

// batches stores a file of statements, a hundred at a time.
func (l *lab) batches(t testing.TB, name string) {
	t.Helper()
	var batch []string
	lines := bufio.NewScanner(strings.NewReader(hospitalFile(t, name)))
	for lines.Scan() {
		if batch = append(batch, lines.Text()); len(batch) == 100 {
			l.statements(t, batch...)
			batch = nil
		}
	}
	if len(batch) > 0 {
		l.statements(t, batch...)
	}
}

// vectors checks the values of a phase, as known at asOf if that is given, and returns
// the answers.
func (l *lab) vectors(t testing.TB, name, asOf string) map[string]*answer {
	t.Helper()
	var all []struct {
		Path   string            `json:"path"`
		Query  map[string]string `json:"query"`
		Select []any             `json:"select"`
		Value  any               `json:"value"`
	}
	if err := json.Unmarshal([]byte(hospitalFile(t, name)), &all); err != nil {
		t.Fatal(err)
	}
	answers := map[string]*answer{}
	made, evidence := 0, 0
	for _, v := range all {
		resource, ok := strings.CutPrefix(v.Path, base)
		if !ok {
			continue
		}
		q := url.Values{}
		for name, value := range v.Query {
			q.Set(name, value)
		}
		target := resource + "?" + q.Encode()
		a := answers[target]
		if a == nil {
			if asOf == "" {
				a = l.do(t, "GET", base+target, "")
			} else {
				a = l.do(t, "GET", base+with(target, "asOf", asOf), "")
			}
			answers[target] = a
		}
		made++
		if strings.HasSuffix(resource, "/evidence") {
			evidence++
		}
		var got any = float64(a.status)
		if !slices.Equal(v.Select, []any{"error"}) {
			got = a.want(200).at(v.Select...)
		}
		if !close6(got, v.Value) {
			t.Errorf("%s as of %q: %v is %v, want %v", target, asOf, v.Select, got, v.Value)
		}
	}
	if made < fewest || evidence == 0 {
		t.Fatalf("%s has only %d values, %d about evidence", name, made, evidence)
	}
	return answers
}

// close6 compares values of JSON, numbers within 1e-6.
func close6(got, want any) bool {
	g, ok := got.(float64)
	w, alike := want.(float64)
	if ok && alike {
		return math.Abs(g-w) <= 1e-6
	}
	a, errA := json.Marshal(got, json.Deterministic(true))
	b, errB := json.Marshal(want, json.Deterministic(true))
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
