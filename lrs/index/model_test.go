package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// model is what the index must answer, by looking at every statement for every
// question.
type model struct {
	statements  []*modelStatement // by number, from 1
	byID        map[uuid.UUID]*modelStatement
	hops        int
	earlier     bool // only targets that came before who refers to them count
	definitions map[string][]byte
	names       map[string][]string // in the order they came up
	documents   map[event.DocumentKey]Document
	credentials map[string]string
	blobs       map[string]bool // that something has named
}

func newModel(hops int) *model {
	return &model{
		byID: map[uuid.UUID]*modelStatement{}, hops: hops,
		definitions: map[string][]byte{}, names: map[string][]string{},
		documents: map[event.DocumentKey]Document{}, credentials: map[string]string{}, blobs: map[string]bool{},
	}
}

// modelStatement is a statement as the test made it. Agents, verbs, activities,
// registrations and authorities are small numbers; 0 is none.
type modelStatement struct {
	number                       uint64
	stored                       int64
	id                           uuid.UUID
	json                         string
	agents, related              []int
	verb, activity, registration int
	activities                   []int // related
	authority                    int
	target                       *uuid.UUID
	voiding                      bool
	blobs                        []string // its attachments'
}

func (m *model) voided(s *modelStatement) bool {
	return !s.voiding && slices.ContainsFunc(m.statements, func(v *modelStatement) bool {
		return v.voiding && *v.target == s.id
	})
}

// meets reports whether s, or a statement along its chain of targets, does.
func (m *model) meets(s *modelStatement, condition func(*modelStatement) bool) bool {
	first := s
	for range m.hops + 1 {
		if condition(s) {
			return true
		}
		if s.target == nil || m.byID[*s.target] == nil {
			return false
		}
		if s = m.byID[*s.target]; m.earlier && s.number > first.number {
			return false
		}
	}
	return false
}

// modelQuery is a Query in the test's numbers.
type modelQuery struct {
	agent, verb, activity, registration, authority int
	relatedAgents, relatedActivities, ascending    bool
	since, until                                   int64
	limit                                          int
}

func (q modelQuery) query() Query {
	out := Query{
		RelatedAgents: q.relatedAgents, RelatedActivities: q.relatedActivities,
		Since: q.since, Until: q.until, Ascending: q.ascending, Limit: q.limit,
	}
	if q.agent > 0 {
		out.Agent = &xapi.IFI{Kind: xapi.Account, HomePage: "https://hr.example", Value: fmt.Sprint(q.agent)}
	}
	if q.verb > 0 {
		out.Verb = verbIRI(q.verb)
	}
	if q.activity > 0 {
		out.Activity = activityIRI(q.activity)
	}
	if q.registration > 0 {
		out.Registration = uuid.NullUUID{UUID: id(1000 + q.registration), Valid: true}
	}
	if q.authority > 0 {
		out.Authority = &authorities[q.authority].Actor
	}
	return out
}

func (m *model) matches(s *modelStatement, q modelQuery) bool {
	agents := func(s *modelStatement) []int { return s.agents }
	if q.relatedAgents {
		agents = func(s *modelStatement) []int { return s.related }
	}
	activities := func(s *modelStatement) []int { return []int{s.activity} }
	if q.relatedActivities {
		activities = func(s *modelStatement) []int { return s.activities }
	}
	meets := func(wanted int, of func(*modelStatement) []int) bool {
		return wanted == 0 || m.meets(s, func(s *modelStatement) bool { return slices.Contains(of(s), wanted) })
	}
	return !m.voided(s) &&
		(q.since == 0 || s.stored > q.since) && (q.until == 0 || s.stored <= q.until) &&
		(q.authority == 0 || s.authority == q.authority) &&
		meets(q.agent, agents) && meets(q.activity, activities) &&
		meets(q.verb, func(s *modelStatement) []int { return []int{s.verb} }) &&
		meets(q.registration, func(s *modelStatement) []int { return []int{s.registration} })
}

// list is the numbers of the whole list.
func (m *model) list(q modelQuery) (numbers []uint64) {
	for _, s := range m.statements {
		if m.matches(s, q) {
			numbers = append(numbers, s.number)
		}
	}
	if !q.ascending {
		slices.Reverse(numbers)
	}
	return numbers
}

func (m *model) add(e testEvent, s *modelStatement) {
	m.statements = append(m.statements, s)
	m.byID[s.id] = s
	for _, hash := range s.blobs {
		m.blobs[hash] = true
	}
	if e.noDefine {
		return
	}
	st := e.draft.Statement()
	for _, d := range xapi.Definitions(st) {
		if d.Raw != nil {
			m.definitions[d.ID] = slices.Clone(xapi.MergeDefinition(m.definitions[d.ID], d.Raw))
		}
	}
	for _, a := range xapi.Names(st) {
		if names := m.names[a.IFI.Key()]; !slices.Contains(names, a.Name) {
			m.names[a.IFI.Key()] = append(names, a.Name)
		}
	}
}

// checkPage asks for a page and compares it with the model as it is now.
func (h *harness) checkPage(m *model, q modelQuery, after, head uint64) (p Page) {
	h.t.Helper()
	ask := q.query()
	ask.After, ask.Head = after, head
	h.view(func(v *View) { p = must(v.Query(context.Background(), ask)) })
	if head == 0 {
		head = uint64(len(m.statements) + 1)
	}
	want := slices.DeleteFunc(m.list(q), func(n uint64) bool {
		return n >= head || after > 0 && (q.ascending && n <= after || !q.ascending && n >= after)
	})
	more := len(want) > q.limit
	want = want[:min(q.limit, len(want))]
	var got []uint64
	for _, st := range p.Statements {
		got = append(got, st.Number)
		if s := m.statements[st.Number-1]; !strings.Contains(string(st.Raw), s.id.String()) || st.Stored != s.stored || st.Voided {
			h.t.Fatalf("statement %d: %+v", st.Number, st)
		}
	}
	if !slices.Equal(got, want) || p.More != more || p.Head != head {
		h.t.Fatalf("%+v after %d: %v, more %v, head %d; want %v, %v, %d", q, after, got, p.More, p.Head, want, more, head)
	}
	return p
}

// checkState compares everything but lists.
func (h *harness) checkState(m *model) {
	h.t.Helper()
	h.view(func(v *View) {
		for n := range poolSize {
			st, err := v.Statement(id(n + 1))
			s := m.byID[id(n+1)]
			switch {
			case s == nil:
				wantError(h.t, err, ErrNotFound)
			case err != nil:
				h.t.Fatal(err)
			case st.Number != s.number || st.Stored != s.stored || st.Voided != m.voided(s):
				h.t.Fatalf("statement %s: %d at %d, voided %v", s.id, st.Number, st.Stored, st.Voided)
			}
		}
		for n := range 4 {
			if got, want := must(v.Activity(activityIRI(n))), m.definitions[activityIRI(n)]; string(got) != string(want) {
				h.t.Fatalf("activity %d: %s, want %s", n, got, want)
			}
			agent := xapi.IFI{Kind: xapi.Account, HomePage: "https://hr.example", Value: fmt.Sprint(n)}.Key()
			want := slices.Clone(m.names[agent])
			slices.Reverse(want)
			if got := must(v.Names(agent)); !slices.Equal(got, want) {
				h.t.Fatalf("names of %d: %q, want %q", n, got, want)
			}
		}
		for n := range 5 {
			if got := must(v.BlobReferenced(blobHash(n))); got != m.blobs[blobHash(n)] {
				h.t.Fatalf("blob %d is named: %v", n, got)
			}
		}
		scopes := map[event.DocumentKey][]string{}
		for k, want := range m.documents {
			got, err := v.Document(k)
			check(h.t, err)
			if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", want) {
				h.t.Fatalf("document %+v: %+v, want %+v", k, *got, want)
			}
			scope := k
			scope.ID = ""
			scopes[scope] = append(scopes[scope], k.ID)
		}
		for _, r := range []string{"", "r"} {
			scope := event.DocumentKey{Kind: event.State, Activity: activityIRI(1), Agent: "a", Registration: r}
			slices.Sort(scopes[scope])
			if got := must(v.DocumentIDs(scope, 0, noHold)); !slices.Equal(got, scopes[scope]) {
				h.t.Fatalf("documents of %+v: %q, want %q", scope, got, scopes[scope])
			}
		}
	})
}

// TestModel compares the index with the model after any history.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := limits{
			hops:   rapid.SampledFrom([]int{2, 100}).Draw(t, "hops"),
			visits: rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "visits"),
			terms:  rapid.SampledFrom([]int{5, 1000}).Draw(t, "terms"),
			cheap:  rapid.SampledFrom([]int{1, 5, 32}).Draw(t, "cheap"),
		}
		h, m := newHarness(t, l), newModel(l.hops)
		commit := func(t *rapid.T) {
			var events []testEvent
			for i := range rapid.IntRange(0, 6).Draw(t, "events") {
				if e, ok := drawEvent(t, m, h.clock+int64(i)); ok {
					events = append(events, e)
				} else {
					break
				}
			}
			h.store(events...)
		}
		settle := func() { check(t, h.x.Settle(context.Background())) }
		t.Repeat(map[string]func(*rapid.T){
			"commit": commit,
			"reopen": func(*rapid.T) { h.reopen() },
			"list": func(t *rapid.T) {
				settle()
				q := drawQuery(t, m)
				p := h.checkPage(m, q, 0, 0)
				for p.More {
					if rapid.Bool().Draw(t, "meanwhile") {
						commit(t)
						settle()
					}
					p = h.checkPage(m, q, p.Next, p.Head)
				}
			},
			"list in haste": func(t *rapid.T) {
				settle()
				q := drawQuery(t, m)
				h.x.options.Budget = rapid.IntRange(1, 6).Draw(t, "budget")
				defer func() { h.x.options.Budget = 20_000 }()
				if got, want := h.list(q.query()), m.list(q); !slices.Equal(got, want) {
					t.Fatalf("%+v: %v, want %v", q, got, want)
				}
			},
			"": func(*rapid.T) { h.checkState(m) },
		})
		h.checkRebuilt()
	})
}
