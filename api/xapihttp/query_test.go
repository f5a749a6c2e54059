package xapihttp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// sample are statements whose filters a reader can tell by looking.
var sample = map[int]string{
	1: `"actor":{"mbox":"mailto:a@x.example"},"verb":{"id":"urn:v1"},"object":{"id":"urn:o1"}`,
	2: `"actor":{"mbox":"mailto:b@x.example","name":"a@x.example"},"verb":{"id":"urn:v2"},"object":{"id":"urn:o1"},` +
		`"context":{"registration":"00000000-0000-4000-8000-00000000abcd","contextActivities":{"parent":{"id":"urn:o2"}},"instructor":{"mbox":"mailto:c@x.example"}}`,
	3: `"actor":{"objectType":"Group","member":[{"mbox":"mailto:a@x.example"},{"account":{"homePage":"https://x.example","name":"n"}}]},` +
		`"verb":{"id":"urn:v1"},"object":{"id":"urn:o2"}`,
	4: `"actor":{"openid":"https://x.example/d"},"verb":{"id":"urn:v1"},"object":{"objectType":"Agent","mbox":"mailto:a@x.example"}`,
	5: `"actor":{"mbox":"mailto:b@x.example"},"verb":{"id":"urn:v3"},"object":{"objectType":"SubStatement",` +
		`"actor":{"mbox":"mailto:a@x.example"},"verb":{"id":"urn:v1"},"object":{"id":"urn:o3"}}`,
	6: `"actor":{"objectType":"Group","mbox":"mailto:g@x.example","member":[{"mbox":"mailto:c@x.example"}]},"verb":{"id":"urn:v2"},` +
		`"object":{"id":"urn:o3"},"context":{"registration":"00000000-0000-4000-8000-00000000ABCD","team":{"objectType":"Group","mbox":"mailto:t@x.example"}}`,
	// References: 7 to 1, 8 to 7, 9 to 8; 10 names a statement in its context, which does not count.
	7: `"actor":{"mbox":"mailto:b@x.example"},"verb":{"id":"urn:v4"},"object":{"objectType":"StatementRef","id":"` + id(1) + `"}`,
	8: `"actor":{"mbox":"mailto:c@x.example"},"verb":{"id":"urn:v4"},"object":{"objectType":"StatementRef","id":"` + id(7) + `"}`,
	9: `"actor":{"mbox":"mailto:c@x.example"},"verb":{"id":"urn:v5"},"object":{"objectType":"StatementRef","id":"` + id(8) + `"},` +
		`"context":{"registration":"00000000-0000-4000-8000-00000000dddd"}`,
	10: `"actor":{"mbox":"mailto:c@x.example"},"verb":{"id":"urn:v5"},"object":{"id":"urn:o9"},"context":{"statement":{"objectType":"StatementRef","id":"` + id(1) + `"}}`,
}

func sampleStatement(n int) string { return `{"id":"` + id(n) + `",` + sample[n] + `}` }

func agent(mbox string) string { return `{"mbox":"mailto:` + mbox + `@x.example"}` }

// filterTests are filters and the statements of sample that match, C 2.1.3.
var filterTests = []struct {
	filter []string
	want   []int
}{
	{nil, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
	{[]string{"verb", "urn:v1"}, []int{1, 3, 4, 7, 8, 9}},
	{[]string{"verb", "urn:v3"}, []int{5}},
	{[]string{"verb", "urn:v4"}, []int{7, 8, 9}},
	{[]string{"verb", "urn:V1"}, nil},
	{[]string{"activity", "urn:o1"}, []int{1, 2, 7, 8, 9}},
	{[]string{"activity", "urn:o2"}, []int{3}},
	{[]string{"activity", "urn:o2", "related_activities", "true"}, []int{2, 3}},
	{[]string{"activity", "urn:o3"}, []int{6}},
	{[]string{"activity", "urn:o3", "related_activities", "true"}, []int{5, 6}},
	{[]string{"registration", "00000000-0000-4000-8000-00000000abcd"}, []int{2, 6}},
	{[]string{"registration", "00000000-0000-4000-8000-00000000DDDD"}, []int{9}},
	{[]string{"agent", agent("a")}, []int{1, 3, 4, 7, 8, 9}},
	{[]string{"agent", `{"mbox":"mailto:a@X.EXAMPLE","objectType":"Agent","name":"other"}`}, []int{1, 3, 4, 7, 8, 9}},
	{[]string{"agent", agent("a"), "related_agents", "true"}, []int{1, 3, 4, 5, 7, 8, 9}},
	{[]string{"agent", agent("b")}, []int{2, 5, 7, 8, 9}},
	{[]string{"agent", agent("c")}, []int{6, 8, 9, 10}},
	{[]string{"agent", agent("c"), "related_agents", "true"}, []int{2, 6, 8, 9, 10}},
	{[]string{"agent", agent("t")}, nil},
	{[]string{"agent", `{"objectType":"Group","mbox":"mailto:t@x.example"}`, "related_agents", "true"}, []int{6}},
	{[]string{"agent", `{"objectType":"Group","mbox":"mailto:g@x.example"}`}, []int{6}},
	{[]string{"agent", `{"account":{"homePage":"https://x.example","name":"n"}}`}, []int{3}},
	{[]string{"agent", `{"openid":"https://x.example/d"}`}, []int{4}},
	{[]string{"agent", `{"account":{"homePage":"http://lrs.example","name":"everything"}}`}, nil},
	{[]string{"related_agents", "true"}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
	{[]string{"related_activities", "true"}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
	{[]string{"agent", agent("a"), "related_agents", "false"}, []int{1, 3, 4, 7, 8, 9}},
}

func TestFilters(t *testing.T) {
	for _, order := range []string{"in order", "backwards", "in one batch"} {
		t.Run(order, func(t *testing.T) {
			l := newLab(t)
			var list []string
			for n := 1; n <= len(sample); n++ {
				list = append(list, sampleStatement(n))
			}
			switch order {
			case "backwards":
				slices.Reverse(list)
			case "in one batch":
				list = []string{`[` + strings.Join(list, ",") + `]`}
			}
			for _, s := range list {
				l.post(t, s)
			}
			for i, test := range filterTests {
				expect(t, l, test.filter, test.want)
				// Two filters find what both find; a filter given twice is no combination.
				for _, other := range filterTests[i+1:] {
					if filter, ok := combine(test.filter, other.filter); ok && isWhole(test.filter) && isWhole(other.filter) {
						expect(t, l, filter, both(test.want, other.want))
					}
				}
			}
		})
	}
}

func expect(t *testing.T, l *lab, filter []string, want []int) {
	t.Helper()
	got := l.get(t, "/statements"+query(filter...)).page().ids(t)
	slices.Sort(got)
	ids := []string{}
	for _, n := range want {
		ids = append(ids, id(n))
	}
	if !slices.Equal(got, ids) {
		t.Errorf("%v\nfound %v\nwant  %v", filter, got, ids)
	}
}

// isWhole says that a filter does not change the meaning of others.
func isWhole(filter []string) bool {
	return !slices.Contains(filter, "related_agents") && !slices.Contains(filter, "related_activities")
}

func combine(a, b []string) ([]string, bool) {
	for i := 0; i < len(a); i += 2 {
		for j := 0; j < len(b); j += 2 {
			if a[i] == b[j] {
				return nil, false
			}
		}
	}
	return slices.Concat(a, b), true
}

// both is what two filters find together. A referrer matches a filter by itself
// or by its target, each filter on its own.
func both(a, b []int) []int {
	var c []int
	for _, n := range a {
		if slices.Contains(b, n) {
			c = append(c, n)
		}
	}
	return c
}

// Filters with their related_ companions combine too.
func TestFiltersRelatedCombined(t *testing.T) {
	l := newLab(t)
	for n := 1; n <= len(sample); n++ {
		l.post(t, sampleStatement(n))
	}
	expect(t, l, []string{"agent", agent("c"), "related_agents", "true", "activity", "urn:o2", "related_activities", "true"}, []int{2})
	expect(t, l, []string{"agent", agent("a"), "related_agents", "true", "activity", "urn:o3", "related_activities", "true"}, []int{5})
	expect(t, l, []string{"agent", agent("c"), "related_agents", "true", "registration", "00000000-0000-4000-8000-00000000abcd", "verb", "urn:v2"}, []int{2, 6})
	expect(t, l, []string{"verb", "urn:v5", "activity", "urn:o1"}, []int{9})
	expect(t, l, []string{"agent", agent("c"), "verb", "urn:v1", "registration", "00000000-0000-4000-8000-00000000dddd"}, []int{9})
}

// since excludes, until includes, by the time of storing; newest first unless
// ascending; limit cuts (C 2.1.3).
func TestTimesAndOrder(t *testing.T) {
	l := newLab(t)
	var all, stored []string
	for n := 1; n <= 6; n++ {
		// The timestamps run against the times of storing: they play no part.
		l.post(t, simple(n, fmt.Sprintf(`"timestamp":"20%02d-01-01T00:00:00Z"`, 30-n)))
		all, stored = append(all, id(n)), append(stored, member(t, l.statement(t, id(n)), "stored"))
	}
	l.post(t, ref(7, 1, "urn:about"))
	all, stored = append(all, id(7)), append(stored, member(t, l.statement(t, id(7)), "stored"))
	tests := []struct {
		filter   []string
		from, to int // all[from:to]
	}{
		{nil, 0, 7},
		{[]string{"since", stored[1]}, 2, 7},
		{[]string{"until", stored[1]}, 0, 2},
		{[]string{"since", stored[1], "until", stored[4]}, 2, 5},
		{[]string{"since", stored[4], "until", stored[1]}, 0, 0},
		{[]string{"since", stored[6]}, 0, 0},
		{[]string{"since", stored[1][:26] + "9Z"}, 2, 7}, // below a microsecond
		{[]string{"until", stored[1][:26] + "9Z"}, 0, 2},
		{[]string{"since", "1901-01-01T00:00:00Z"}, 0, 7},
		{[]string{"until", "1901-01-01T00:00:00Z"}, 0, 0},
		{[]string{"until", "9999-12-31T23:59:59+14:00"}, 0, 7},
		{[]string{"since", "2020-01-01T00:00:00.000-05:00"}, 0, 7},
		// Times are the referrer's own, not its target's.
		{[]string{"verb", "https://v.example/done", "since", stored[4]}, 5, 7},
	}
	for _, test := range tests {
		want := all[test.from:test.to]
		got := l.get(t, "/statements"+query(append(test.filter, "ascending", "true")...)).page().ids(t)
		if !slices.Equal(got, want) {
			t.Errorf("%v ascending: %v, want %v", test.filter, got, want)
		}
		want = slices.Clone(want)
		slices.Reverse(want)
		for _, ascending := range []string{"", "false"} {
			filter := test.filter
			if ascending != "" {
				filter = slices.Concat(filter, []string{"ascending", ascending})
			}
			if got := l.get(t, "/statements"+query(filter...)).page().ids(t); !slices.Equal(got, want) {
				t.Errorf("%v: %v, want %v", filter, got, want)
			}
		}
	}
	for limit, want := range map[string]int{"0": 7, "1": 1, "5": 5, "7": 7, "8": 7, "2147483647": 7} {
		p := l.get(t, "/statements?limit="+limit).page()
		if got := p.ids(t); len(got) != want || got[0] != id(7) {
			t.Errorf("limit %s: %v", limit, got)
		}
		if (*p.More != "") != (want < 7) {
			t.Errorf("limit %s: more %q", limit, *p.More)
		}
	}
}
