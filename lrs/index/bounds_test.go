package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// define is a statement about an Activity with a definition.
func define(iri, definition string) testEvent {
	return sent(fmt.Sprintf(`{"actor":%s,"verb":{"id":"x:y"},"object":{"id":"%s","definition":%s}}`,
		agentJSON(1, ""), iri, definition))
}

// named is a statement of agent 1 with a name.
func named(name string) testEvent {
	return sent(fmt.Sprintf(`{"actor":%s,"verb":{"id":"x:y"},"object":{"id":"x:a"}}`, agentJSON(1, `,"name":"`+name+`"`)))
}

// extension is a definition with one extension of so many bytes.
func extension(key, size int) string {
	return fmt.Sprintf(`{"extensions":{"x:%d":"%s"}}`, key, strings.Repeat("y", size))
}

// categories is a statement with contextActivities.
func categories(statement uuid.UUID, registration uuid.UUID, activities int) testEvent {
	var b strings.Builder
	for n := range activities {
		fmt.Fprintf(&b, `,{"id":"https://c.example/%d"}`, n)
	}
	return sent(fmt.Sprintf(`{"id":"%s","actor":%s,"verb":{"id":"%s"},"object":{"id":"%s"},
		"context":{"registration":"%s","contextActivities":{"category":[%s]}}}`,
		statement, agentJSON(1, ""), verbIRI(2), activityIRI(1), registration, b.String()[1:]))
}

func (h *harness) activity(iri string) (definition string) {
	h.view(func(v *View) { definition = string(must(v.Activity(iri))) })
	return definition
}

// A merged definition stops growing, but what still fits is merged; and a
// definition that is too large by itself is none.
func TestDefinitionIsBounded(t *testing.T) {
	each(t, func() (events []testEvent) {
		for n := range 10 {
			events = append(events, define("x:a", extension(n, 10_000)))
		}
		large := `{"name":{"en":"large"}` + strings.Repeat(" ", defaultLimits.definition) + `}`
		return append(events, define("x:a", `{"name":{"en":"A"}}`),
			define("x:b", large), define("x:b", `{"name":{"en":"B"}}`), define("x:b", large), define("x:c", large))
	}, func(t *testing.T, h *harness) {
		d := h.activity("x:a")
		if len(d) > defaultLimits.definition || !strings.Contains(d, `"x:5"`) || strings.Contains(d, `"x:6"`) {
			t.Errorf("%d bytes: %.100s…", len(d), d)
		}
		if !strings.HasSuffix(d, `,"name":{"en":"A"}}`) {
			t.Errorf("what fits is not merged: …%s", d[len(d)-100:])
		}
		if d := h.activity("x:b"); d != `{"name":{"en":"B"}}` {
			t.Errorf("%.100s…", d)
		}
		if d := h.activity("x:c"); d != "" {
			t.Errorf("%.100s…", d)
		}
		h.view(func(v *View) {
			p := must(v.Query(context.Background(), Query{Activity: "x:c", Limit: 1}))
			if raw := p.Statements[0].Raw; len(raw) < defaultLimits.definition {
				t.Errorf("the statement lost its definition: %s", raw)
			}
		})
	})
}

// dense is a definition that takes long to read for its size.
func dense(size int) string {
	return fmt.Sprintf(`{"extensions":{"x:0":[0%s]}}`, strings.Repeat(",0", size/2))
}

// A commit merges a large definition a number of times only, and the other
// Activities' all the same.
func TestMergingIsBounded(t *testing.T) {
	h := newHarness(t, limits{})
	h.store(define("x:a", dense(60_000)))
	var events []testEvent
	for n := range 998 {
		events = append(events, define("x:a", fmt.Sprintf(`{"name":{"en":"%03d"}}`, n)))
	}
	h.store(append(events, define("x:b", `{"name":{"en":"B"}}`))...)
	d := h.activity("x:a")
	if name := d[len(d)-len(`000"}}`):]; name >= "010" {
		t.Errorf("merged up to %s", name)
	}
	if d := h.activity("x:b"); d == "" {
		t.Error("another Activity was not defined")
	}
	h.store(define("x:a", `{"name":{"en":"later"}}`))
	if d := h.activity("x:a"); !strings.HasSuffix(d, `"later"}}`) {
		t.Errorf("the next commit did not merge: …%s", d[len(d)-30:])
	}
	h.checkRebuilt()
}

// The same for many Activities together, even in one statement.
func TestMergingIsBoundedInAll(t *testing.T) {
	h := newHarness(t, limits{merging: 25})
	var b strings.Builder
	for n := range 100 {
		fmt.Fprintf(&b, `,{"id":"x:%d","definition":{"name":{"en":"A"}}}`, n)
	}
	statement := fmt.Sprintf(`{"actor":%s,"verb":{"id":"x:y"},"object":{"id":"x:a"},"context":{"contextActivities":{"other":[%s]}}}`,
		agentJSON(1, ""), b.String()[1:])
	h.store(sent(statement))
	s := store{Reader: h.x.db}
	if n := must(s.count(key{kindActivity})); n != 13 {
		t.Errorf("%d definitions", n)
	}
	h.store(define("x:99", `{"name":{"en":"A"}}`))
	if h.activity("x:99") == "" {
		t.Error("the next commit did not define")
	}
	h.checkRebuilt()
}

func TestNamesAreBounded(t *testing.T) {
	each(t, func() (events []testEvent) {
		events = append(events, named(strings.Repeat("n", defaultLimits.name+1)), named(strings.Repeat("n", defaultLimits.name)))
		for n := range defaultLimits.names + 5 {
			events = append(events, named(fmt.Sprintf("Name %d", n)))
		}
		events = append(events, named("Name 0"), named("Name 100"))
		other := fmt.Sprintf(`{"actor":%s,"verb":{"id":"x:y"},"object":{"id":"x:a"}}`, agentJSON(2, `,"name":"Sam"`))
		return append(events, sent(other))
	}, func(t *testing.T, h *harness) {
		h.view(func(v *View) {
			names := must(v.Names(agent(1).Key()))
			if last := len(names) - 1; last+1 != defaultLimits.names || names[0] != "Name 98" || len(names[last]) != defaultLimits.name {
				t.Errorf("%d names: %q", len(names), names)
			}
			if names := must(v.Names(agent(2).Key())); !slices.Equal(names, []string{"Sam"}) {
				t.Errorf("another's: %q", names)
			}
		})
	})
}

// What is left out at a limit depends on the commits only, whatever a cache has.
func TestBoundsAreDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string, from, to int) int { return rapid.IntRange(from, to).Draw(t, label) }
		h, m := newHarness(t, limits{
			definition: draw("definition", 18, 30), merging: draw("merging", 1, 12), mergingOne: draw("one", 1, 8),
			names: 1, name: 6, inherited: draw("inherited", 1, 5), visits: draw("visits", 1, 4), parsed: 1,
		}), newModel(100)
		for range draw("commits", 1, 10) {
			var events []testEvent
			for i := range draw("events", 1, 6) {
				if e, ok := drawEvent(t, m, h.clock+int64(i)); ok {
					events = append(events, e)
				}
			}
			h.store(events...)
			if rapid.Bool().Draw(t, "reopen") {
				h.reopen()
			}
		}
		h.checkRebuilt()
	})
}

// Of a target with very many terms a referrer gets a part, in which is all that
// a target has one of. The target itself is found by everything.
func TestInheritedIsBounded(t *testing.T) {
	const activities = 3_000
	each(t, func() []testEvent {
		return []testEvent{
			categories(id(1), id(9), activities), refer(id(2), 2, 3, id(1)), refer(id(3), 3, 4, id(2)),
		}
	}, func(t *testing.T, h *harness) {
		check(t, h.x.Settle(context.Background()))
		h.wantList(Query{Verb: verbIRI(2)}, 3, 2, 1)
		h.wantList(Query{Activity: activityIRI(1)}, 3, 2, 1)
		h.wantList(Query{Agent: agent(1)}, 3, 2, 1)
		h.wantList(Query{Registration: uuid.NullUUID{UUID: id(9), Valid: true}}, 3, 2, 1)
		h.wantList(Query{Agent: agent(2)}, 3, 2)
		b := h.x.writer.begin()
		if n := len(must(b.passedTerms(1))); n != defaultLimits.inherited {
			t.Errorf("%d terms are passed on", n)
		}
		b.close()
		related := map[uint64]int{}
		for k, v := range dump(t, h.x) {
			switch {
			case k[0] == kindInherited && len(v) != defaultLimits.inherited*inheritedSize:
				t.Errorf("statement %d inherits %d terms", lastNumber([]byte(k)), len(v)/inheritedSize)
			case k[0] == kindPosting && xapi.Facet(k[1]) == xapi.FacetRelatedActivity:
				related[postedNumber([]byte(k))]++
			}
		}
		if related[1] != activities+1 || related[2] == 0 || related[2] > defaultLimits.inherited {
			t.Errorf("postings of related activities by statement: %v", related)
		}
	})
}

// Which terms a referrer inherits does not depend on the order of arrival.
func TestInheritedWhateverCameFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := limits{
			inherited: rapid.IntRange(1, 12).Draw(t, "inherited"), visits: rapid.IntRange(1, 4).Draw(t, "visits"),
			terms: rapid.SampledFrom([]int{1, 1000}).Draw(t, "terms"),
		}
		h, m := newHarness(t, limits), newModel(100)
		drafts := map[uuid.UUID]*xapi.Draft{}
		for range rapid.IntRange(1, 8).Draw(t, "commits") {
			var events []testEvent
			for i := range rapid.IntRange(1, 5).Draw(t, "events") {
				if e, ok := drawEvent(t, m, h.clock+int64(i)); ok {
					if events = append(events, e); e.draft != nil {
						drafts[e.draft.ID()] = e.draft
					}
				}
			}
			h.store(events...)
			if rapid.Bool().Draw(t, "settle") {
				check(t, h.x.Settle(context.Background()))
			}
		}
		check(t, h.x.Settle(context.Background()))

		var inherits func(s *modelStatement, hops int) []xapi.Term
		inherits = func(s *modelStatement, hops int) (terms []xapi.Term) {
			if hops == 0 || s.target == nil || m.byID[*s.target] == nil {
				return nil
			}
			var all []xapi.Term
			for _, f := range passedFacets {
				for _, t := range drafts[*s.target].Terms() {
					if t.Facet == f {
						all = append(all, t)
					}
				}
			}
			all = all[:min(len(all), limits.inherited)]
			for _, t := range append(all, inherits(m.byID[*s.target], hops-1)...) {
				if !slices.Contains(terms, t) {
					terms = append(terms, t)
				}
			}
			return terms[:min(len(terms), limits.inherited)]
		}
		rows := dump(t, h.x)
		for _, s := range m.statements {
			var got []xapi.Term
			for _, term := range must(decodeInherited(nil, []byte(rows[string(inheritedKey(s.number))]))) {
				got = append(got, term.Term)
			}
			if want := inherits(s, 100); !slices.Equal(got, want) {
				t.Fatalf("statement %d inherits %v, want %v", s.number, got, want)
			}
		}
	})
}

// Settle reads of the queue what it has work left for, and not all of it to put
// it back; statements without referrers are work too.
func TestSettleReadsWhatItNeeds(t *testing.T) {
	h := newHarness(t, limits{visits: 3, cheap: 1})
	var targets, referrers []testEvent
	for n := range 100 {
		targets = append(targets, about(id(n), 1, 2, n))
		referrers = append(referrers, refer(id(100+n), 2, 3, id(n)))
	}
	h.store(targets...)
	h.store(referrers...)
	if n := h.x.Pending(); n < 90 {
		t.Fatalf("%d are queued", n)
	}
	for h.x.Pending() > 0 {
		b := h.x.writer.begin()
		check(t, b.settle())
		if n := len(b.queue); n > 10 {
			t.Errorf("%d rows of the queue are changed at once", n)
		}
		check(t, h.x.writer.write(b))
		b.close()
	}
	h.checkRebuilt()
}

// Statements that are large and have few terms are work too.
func TestParsingIsBounded(t *testing.T) {
	h := newHarness(t, limits{parsed: 1, cheap: 1})
	h.store(about(id(1), 1, 2, 1), about(id(2), 1, 2, 1), about(id(3), 1, 2, 1))
	h.store(refer(id(4), 2, 3, id(1)), refer(id(5), 2, 3, id(2)), refer(id(6), 2, 3, id(3)))
	if n := h.x.Pending(); n < 2 {
		t.Errorf("%d are queued", n)
	}
	check(t, h.x.Settle(context.Background()))
	h.wantList(Query{Activity: activityIRI(1)}, 6, 5, 4, 3, 2, 1)
}

// A commit that voids much takes back a bounded number of postings; what is left is met by nobody, and the same in a rebuild.
func TestVoidingIsBounded(t *testing.T) {
	const most = 50
	h := newHarness(t, limits{unposted: most})
	var targets, voids []testEvent
	for n := range 10 {
		targets = append(targets, categories(id(n+1), uuid.New(), 20))
		voids = append(voids, refer(id(100+n), 3, 1, id(n+1)))
	}
	h.store(targets...)
	before := dump(t, h.x)
	h.store(voids...)
	after, gone := dump(t, h.x), 0
	for row := range before {
		if _, there := after[row]; !there {
			gone++
		}
	}
	if gone < most || gone > 2*most { // and the rest of the one that it came to in between
		t.Errorf("%d postings were taken back", gone)
	}
	h.wantList(Query{Activity: activityIRI(1)}, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11) // by the voided targets
	h.wantList(Query{Activity: "https://c.example/1", RelatedActivities: true}, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11)
	h.checkRebuilt()
}
