package hrhttp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/api/hrhttp"
)

// The ward of the tests of reach, as plain as can be. Bob's assignment and the place of
// ward b were first registered otherwise.
type ward struct {
	parent map[string]string
	holds  []held
	counts map[string]int // statements of a person about an activity that no rule takes
}

type held struct{ person, unit, from, to string }

func (w ward) subtree(unit string) (all []string) {
	for u := range w.parent {
		for above := u; above != ""; above = w.parent[above] {
			if above == unit {
				all = append(all, u)
				break
			}
		}
	}
	slices.Sort(all)
	return all
}

func (w ward) in(unit string, at time.Time) (all []string) {
	for _, h := range w.holds {
		if slices.Contains(w.subtree(unit), h.unit) && !at.Before(day(h.from)) && (h.to == "" || at.Before(day(h.to))) {
			all = append(all, h.person)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

var everybody = []string{"ann", "bob", "cyd", "dan", "eve", "mia"}

// wards gives the ward as it was known first, and as it is known.
func wards() (before, now ward) {
	now = ward{
		parent: map[string]string{"hospital": "", "medicine": "hospital", "ward-a": "medicine", "ward-b": "medicine", "surgery": "hospital", "ward-c": "surgery"},
		holds: []held{
			{"ann", "ward-a", "2025-01-01", ""}, {"bob", "ward-b", "2025-01-01", ""}, {"cyd", "ward-c", "2025-01-01", ""},
			{"mia", "ward-a", "2025-01-01", "2026-03-01"}, {"mia", "ward-c", "2026-03-01", ""}, {"eve", "ward-a", "2030-01-01", ""},
		},
		counts: map[string]int{"ann": 1, "bob": 2, "cyd": 3, "dan": 4, "eve": 5, "mia": 6},
	}
	before = ward{counts: now.counts, parent: map[string]string{}, holds: slices.Clone(now.holds)}
	for u, p := range now.parent {
		before.parent[u] = p
	}
	before.parent["ward-b"] = "surgery"
	before.holds[1].unit = "ward-c"
	return before, now
}

// binding is what a credential is bound to.
type binding struct {
	person string
	units  []string
}

func (b binding) sees(w ward, at time.Time) (people, units []string) {
	if b.person != "" && slices.Contains(everybody, b.person) {
		people = append(people, b.person)
	}
	for _, u := range b.units {
		people = append(people, w.in(u, at)...)
		units = append(units, w.subtree(u)...)
	}
	slices.Sort(people)
	slices.Sort(units)
	return slices.Compact(people), slices.Compact(units)
}

var bindings = []binding{
	{units: []string{"medicine"}}, {units: []string{"ward-c"}}, {units: []string{"hospital"}}, {person: "cyd"}, {person: "dan"},
	{units: []string{"ward-a", "surgery"}}, {person: "mia", units: []string{"ward-b"}}, {units: []string{"nowhere"}}, {person: "nobody"},
}

// setUp registers the ward and its statements, and returns the asOf of the time before
// bob and ward b were elsewhere.
func setUpWard(t *testing.T, l *lab) (past string) {
	t.Helper()
	before, now := wards()
	l.define(t)
	l.csv(t, "/units", strings.Replace(wardUnits, "ward-b,Ward B,medicine\n", "ward-b,Ward B,surgery\n", 1))
	rows := peopleHeader
	for _, p := range everybody {
		rows += fmt.Sprintf("%s,Name of %s,,,,,%s,,\n", p, p, mboxOf(p))
	}
	for _, h := range before.holds {
		rows += fmt.Sprintf("%s,,nurse,%s,%s,%s,,,\n", h.person, h.unit, h.from, h.to)
	}
	l.csv(t, "/people", rows)
	var statements []string
	add := func(make func(n int) string) { statements = append(statements, make(len(statements))) }
	for i, p := range append(slices.Clone(everybody), "stranger") {
		add(func(n int) string { return attempt(n, agent(p), listening, 0.5+float64(i)/20, 10) })
		add(func(n int) string { return unscored(n, agent(p), "https://ward.example/broken") })
		add(func(n int) string { return uncovered(n, agent(p), "https://ward.example/shared") })
		for range now.counts[p] + 1 {
			add(func(n int) string { return uncovered(n, agent(p), "https://ward.example/own/"+p) })
		}
	}
	l.statements(t, statements...)
	past = l.now(t)
	l.put(t, "/units/ward-b", `{"name":"Ward B","parent":"medicine"}`)
	l.do(t, "DELETE", base+"/people/bob/assignments"+query("role", "nurse", "unit", "ward-c", "from", "2025-01-01"), "").want(204)
	l.post(t, "/people/bob/assignments", `{"role":"nurse","unit":"ward-b","from":"2025-01-01"}`)
	return past
}

// TestBound: a credential that is bound sees what it is bound to, at every moment, on
// every resource, and cannot tell the rest from what is not there.
func TestBound(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		past := setUpWard(t, l)
		now := l.now(t)
		before, after := wards()
		if asOf, _ := time.Parse(time.RFC3339, now); asOf.Before(day("2026-03-01")) || !asOf.Before(day("2030-01-01")) {
			t.Fatalf("the clock says %s; mia's move and eve's beginning must be behind and ahead of it", now)
		}
		moments := []struct {
			ward     ward
			asOf, at string
		}{
			{after, now, ""}, {after, now, "2026-02-01"}, {after, now, "2031-01-01"}, {before, past, ""}, {before, past, "2026-02-01"},
		}
		some := bindings
		if strings.HasSuffix(t.Name(), "PostgreSQL") { // reach is decided outside of the database
			some = bindings[5:7]
		}
		for i, b := range some {
			me := as(l.credential(t, fmt.Sprint("bound", i), "all", boundTo(b.person, b.units...)))
			for j, m := range moments {
				if i > 2 && len(b.units) < 2 && j%3 > 0 { // these differ in nothing that depends on the moment
					continue
				}
				v := view{TB: t, lab: l, as: me, binding: b, ward: m.ward, asOf: m.asOf, at: m.at}
				v.check()
			}
			for _, rt := range hrhttp.Routes() {
				if rt.Writes {
					l.do(t, rt.Method, base+targetOf(rt.Path), "", me...).refused(403, "auth.bound")
				}
			}
		}
		if got := l.get(t, "/people").each("people", "person"); !slices.Equal(got, everybody) {
			t.Errorf("after the writes that were refused: %v", got)
		}
	})
}

// view is what one credential sees at one moment.
type view struct {
	testing.TB
	lab      *lab
	as       []string
	binding  binding
	ward     ward
	asOf, at string
}

// target has the moment; resources without `at` are about what is known.
func (v *view) target(resource string) string {
	resource = with(resource, "asOf", v.asOf)
	if v.at != "" && !strings.HasPrefix(resource, "/unmapped") && !strings.HasPrefix(resource, "/definitions") {
		resource = with(resource, "at", v.at)
	}
	return resource
}

func (v *view) get(resource string) *answer {
	v.Helper()
	a := v.lab.do(v, "GET", base+v.target(resource), "", v.as...)
	a.what = fmt.Sprintf("%+v: %s", v.binding, a.what)
	return a
}

// only wants 200 for the ids that are seen, and else the very answer of an id that is
// not registered.
func (v *view) only(seen, all []string, resource func(id string) string) map[string]*answer {
	v.Helper()
	unknown := v.get(resource("no-such-id"))
	unknown.refused(404, "not_found")
	found := map[string]*answer{}
	for _, id := range all {
		a := v.get(resource(id))
		if slices.Contains(seen, id) {
			found[id] = a.want(200)
		} else if a.status != 404 || a.anonymous() != unknown.anonymous() || headers(a) != headers(unknown) {
			v.Errorf("%s: %d %s %s, unlike what is unknown: %s %s", a.what, a.status, headers(a), a.body, headers(unknown), unknown.body)
		}
	}
	return found
}

// headers are those that may tell something.
func headers(a *answer) string {
	h := a.header.Clone()
	for _, own := range []string{"Date", "X-Request-Id", "Content-Length"} {
		h.Del(own)
	}
	return fmt.Sprint(h)
}

func (v *view) check() {
	at, err := time.Parse(time.RFC3339, v.asOf)
	if v.at != "" {
		at, err = time.Parse(time.DateOnly, v.at)
	}
	if err != nil {
		v.Fatal(err)
	}
	people, units := v.binding.sees(v.ward, at)
	v.people(people, units)
	v.units(units, at)
	v.competencies(people)
	asOf, _ := time.Parse(time.RFC3339, v.asOf)
	seen, _ := v.binding.sees(v.ward, asOf)
	v.unmapped(seen)
	for _, resource := range []string{"/definitions", "/definitions/framework", "/definitions/framework/" + esc(framework)} {
		v.get(resource).same(v.lab.get(v, v.target(resource)))
	}
}

func (v *view) people(people, units []string) {
	equal(v, fmt.Sprintf("%+v, people", v.binding), v.get("/people").want(200).each("people", "person"), people)
	equal(v, fmt.Sprintf("%+v, people as CSV", v.binding), slices.Compact(v.get("/people?format=csv").column("person")), people)
	equal(v, fmt.Sprintf("%+v, people by pages", v.binding), v.pages("/people?limit=2", "people", "person"), people)
	for person, a := range v.only(people, everybody, func(id string) string { return "/people/" + id }) {
		var want []string
		for _, h := range v.ward.holds {
			if h.person == person && (slices.Contains(units, h.unit) || person == v.binding.person) {
				want = append(want, h.unit)
			}
		}
		equal(v, a.what, a.each("assignments", "unit"), want)
		csv := slices.DeleteFunc(v.get("/people/"+person+"?format=csv").column("unit"), func(u string) bool { return u == "" })
		equal(v, a.what+" as CSV", csv, want)
	}
}

func (v *view) pages(resource, list, field string) (all []string) {
	for more := ""; ; {
		r := resource
		if more != "" {
			r = with(r, "more", more)
		}
		a := v.get(r).want(200)
		all = append(all, a.each(list, field)...)
		var ok bool
		if more, ok = a.at("more").(string); !ok {
			return all
		}
	}
}

func (v *view) units(units []string, at time.Time) {
	equal(v, fmt.Sprintf("%+v, units", v.binding), v.get("/units").want(200).each("units", "unit"), units)
	equal(v, fmt.Sprintf("%+v, units as CSV", v.binding), v.get("/units?format=csv").column("unit"), units)
	every := v.ward.subtree("hospital")
	for u, a := range v.only(units, every, func(id string) string { return "/units/" + id }) {
		want := any(v.ward.parent[u])
		if !slices.Contains(units, v.ward.parent[u]) {
			want = nil // nor what is above
		}
		if got := a.at("parent"); got != want {
			v.Errorf("%s: the parent is %v, want %v", a.what, got, want)
		}
	}
	for u, a := range v.only(units, every, func(id string) string { return "/units/" + id + "/competencies" }) {
		equal(v, a.what, a.each("people", "person"), v.ward.in(u, at))
		var nurses []string // of whom everybody has a requirement
		nurses = append(nurses, v.ward.in(u, at)...)
		equal(v, a.what+" as CSV", v.get("/units/"+u+"/competencies?format=csv").column("person"), nurses)
	}
}

func (v *view) competencies(people []string) {
	for _, a := range v.only(people, everybody, competenciesOf) {
		if a.number("competencies", 0, "evidence") != 1 {
			v.Errorf("%s: %s", a.what, a.body)
		}
	}
	v.only(people, everybody, func(id string) string { return evidenceOf(id, listening) })
	none := v.get(evidenceOf("ann", "https://ward.example/competencies/none"))
	if unknown := v.get("/people/no-such-id"); none.anonymous() != unknown.anonymous() {
		v.Errorf("%s: %s", none.what, none.body)
	}
}

// unmapped counts the statements of the people who are seen, and no strangers.
func (v *view) unmapped(seen []string) {
	a := v.get("/unmapped").want(200)
	if got := a.each("actors", "name"); len(got) != 0 {
		v.Errorf("%s: strangers: %s", a.what, a.body)
	}
	want := map[string]int{}
	for _, p := range seen {
		want["https://ward.example/own/"+p] = v.ward.counts[p] + 1
		want["https://ward.example/shared"]++
		want["https://ward.example/broken"]++
	}
	got := map[string]int{}
	for _, list := range []string{"activities", "scores"} {
		for i, activity := range a.each(list, "activity") {
			got[activity] += int(a.number(list, i, "statements"))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		v.Errorf("%s: %v, want %v", a.what, got, want)
	}
	records := v.get("/unmapped?format=csv").records()[1:]
	for _, r := range records {
		if r[0] == "actor" || r[5] != fmt.Sprint(want[r[3]]) {
			v.Errorf("%s as CSV: %v", a.what, r)
		}
	}
	if !slices.IsSortedFunc(records, func(a, b []string) int { return strings.Compare(a[0], b[0]) }) {
		v.Errorf("%s as CSV is not in the order of the JSON: %v", a.what, records)
	}
	if len(records) != len(want) {
		v.Errorf("%s as CSV: %d lines, want %d", a.what, len(records), len(want))
	}
}

// TestUnboundSeesAll: what the bound do not see is there.
func TestUnboundSeesAll(t *testing.T) {
	l := onOne(t)
	setUpWard(t, l)
	a := l.get(t, "/unmapped")
	if got := a.at("actors", 0, "identity", "mbox"); got != mboxOf("stranger") || a.number("actors", 0, "statements") != 4 {
		t.Errorf("%s", a.body)
	}
	shared := map[string]any{"activity": "https://ward.example/shared"}
	broken := map[string]any{"activity": "https://ward.example/broken"}
	if a.number("activities", shared, "statements") != 7 || a.number("scores", broken, "statements") != 7 {
		t.Errorf("%s", a.body)
	}
	equal(t, "actors by volume", l.get(t, "/unmapped?limit=1").each("activities", "activity"), []string{"https://ward.example/own/mia"})
	equal(t, "units", l.get(t, "/units").each("units", "unit"), []string{"hospital", "medicine", "surgery", "ward-a", "ward-b", "ward-c"})
}
