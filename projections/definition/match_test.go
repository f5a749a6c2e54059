package definition

import (
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/fact"
)

const simulation = `{"id":"6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1","stored":"2026-03-14T09:30:00.000001Z","actor":{"mbox":"mailto:a@b.example"},"verb":{"id":"urn:passed"},
 "object":{"id":"urn:sim","definition":{"type":"urn:simulation","extensions":{"urn:d":[1,2]}}},
 "result":{"success":true,"extensions":{"urn:x":{"a":1,"b":[null,"é"]}}},
 "context":{"contextActivities":{"parent":[{"id":"urn:p1"},{"id":"urn:p2"}],"grouping":[{"id":"urn:g"}],"category":[{"id":"urn:c"}],"other":[{"id":"urn:o1"},{"id":"urn:o2"}]},
  "extensions":{"urn:x":1.0,"urn:n":null}}}`

const rating = `{"id":"6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1","stored":"2026-03-14T09:30:00.000001Z","actor":{"mbox":"mailto:a@b.example"},"verb":{"id":"urn:rated"},"object":{"objectType":"Agent","mbox":"mailto:l@b.example"}}`

func TestMatch(t *testing.T) {
	tests := []struct {
		match              string
		simulation, rating bool
	}{
		{`{"verbs":["urn:passed"]}`, true, false},
		{`{"verbs":["urn:failed","urn:passed"]}`, true, false},
		{`{"verbs":["urn:failed"]}`, false, false},
		{`{"verbs":["urn:passed","urn:rated"]}`, true, true},
		{`{"objectType":"Activity"}`, true, false},
		{`{"objectType":"Agent"}`, false, true},
		{`{"objectType":"Group"}`, false, false},
		{`{"verbs":["urn:passed"],"objectType":"Agent"}`, false, false},
		{`{"activities":["urn:other","urn:sim"]}`, true, false},
		{`{"activities":["urn:simulation"]}`, false, false},
		{`{"activityTypes":["urn:simulation"]}`, true, false},
		{`{"activityTypes":["urn:sim"]}`, false, false},
		{`{"parent":["urn:p2"]}`, true, false},
		{`{"parent":["urn:g"]}`, false, false},
		{`{"grouping":["urn:x","urn:g"]}`, true, false},
		{`{"grouping":["urn:p1"]}`, false, false},
		{`{"category":["urn:c"]}`, true, false},
		{`{"category":["urn:o1"]}`, false, false},
		{`{"other":["urn:o2"]}`, true, false},
		{`{"other":["urn:c"]}`, false, false},
		{`{"extensions":{"urn:x":1}}`, true, false},
		{`{"extensions":{"urn:x":10e-1}}`, true, false},
		{`{"extensions":{"urn:x":2}}`, false, false},
		{`{"extensions":{"urn:x":"1"}}`, false, false},
		{`{"extensions":{"urn:x":{"b":[null,"\u00e9"],"a":1}}}`, true, false},
		{`{"extensions":{"urn:x":{"a":1}}}`, false, false},
		{`{"extensions":{"urn:d":[1,2]}}`, true, false},
		{`{"extensions":{"urn:d":[2,1]}}`, false, false},
		{`{"extensions":{"urn:n":null}}`, true, false},
		{`{"extensions":{"urn:m":null}}`, false, false},
		{`{"extensions":{"urn:x":1,"urn:n":null}}`, true, false},
		{`{"extensions":{"urn:x":1,"urn:n":0}}`, false, false},
		{`{"verbs":["urn:passed"],"objectType":"Activity","activities":["urn:sim"],"activityTypes":["urn:simulation"],"parent":["urn:p1"],"grouping":["urn:g"],"category":["urn:c"],"other":["urn:o1"],"extensions":{"urn:n":null}}`, true, false},
		{`{"verbs":["urn:passed"],"objectType":"Activity","activities":["urn:sim"],"activityTypes":["urn:simulation"],"parent":["urn:p1"],"grouping":["urn:g"],"category":["urn:c"],"other":["urn:none"],"extensions":{"urn:n":null}}`, false, false},
	}
	for _, test := range tests {
		var m Match
		if err := json.Unmarshal([]byte(test.match), &m, json.RejectUnknownMembers(true)); err != nil {
			t.Fatal(err)
		}
		matches := m.Compile()
		for raw, want := range map[string]bool{simulation: test.simulation, rating: test.rating} {
			f, err := fact.FeaturesOf([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			if got := matches(&f); got != want {
				t.Errorf("%s: %t for %s", test.match, got, f.Verb)
			}
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	var m Match
	if err := json.Unmarshal([]byte(`{"verbs":["urn:failed","urn:passed"],"activityTypes":["urn:simulation"],"other":["urn:o2"]}`), &m); err != nil {
		b.Fatal(err)
	}
	matches := m.Compile()
	f, err := fact.FeaturesOf([]byte(simulation))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !matches(&f) {
			b.Fatal("no match")
		}
	}
}
