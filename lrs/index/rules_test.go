package index

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// about is a statement of agent n with a verb about an activity.
func about(statement uuid.UUID, agent, verb, activity int) testEvent {
	return sent(fmt.Sprintf(`{"id":"%s","actor":%s,"verb":{"id":"%s"},"object":{"id":"%s"}}`,
		statement, agentJSON(agent, ""), verbIRI(verb), activityIRI(activity)))
}

// refer is a statement of agent n with a verb about another statement. Verb 1
// voids it.
func refer(statement uuid.UUID, agent, verb int, target uuid.UUID) testEvent {
	return sent(fmt.Sprintf(`{"id":"%s","actor":%s,"verb":{"id":"%s"},"object":{"objectType":"StatementRef","id":"%s"}}`,
		statement, agentJSON(agent, ""), verbIRI(verb), target))
}

func agent(n int) *xapi.IFI {
	return &xapi.IFI{Kind: xapi.Account, HomePage: "https://hr.example", Value: fmt.Sprint(n)}
}

func (h *harness) wantList(q Query, want ...uint64) {
	h.t.Helper()
	for _, ascending := range []bool{false, true} {
		q.Ascending = ascending
		if got := h.list(q); !slices.Equal(got, want) {
			h.t.Errorf("%+v: %v, want %v", q, got, want)
		}
		slices.Reverse(want)
	}
}

// each runs a test with all events in one commit, and with one commit each.
func each(t *testing.T, events func() []testEvent, test func(t *testing.T, h *harness)) {
	t.Run("one commit", func(t *testing.T) {
		h := newHarness(t, limits{})
		h.store(events()...)
		test(t, h)
		h.checkRebuilt()
	})
	t.Run("a commit each", func(t *testing.T) {
		h := newHarness(t, limits{})
		for _, e := range events() {
			h.store(e)
			h.reopen()
		}
		test(t, h)
		h.checkRebuilt()
	})
}

func TestTimeBounds(t *testing.T) {
	h := newHarness(t, limits{})
	h.store()
	for range 3 {
		h.store(about(uuid.New(), 1, 2, 1), happened(event.LogCreated{}), about(uuid.New(), 1, 2, 1))
	}
	var stored []int64
	h.view(func(v *View) {
		for _, st := range must(v.Query(context.Background(), Query{Limit: 10, Ascending: true})).Statements {
			stored = append(stored, st.Stored)
		}
	})
	if len(stored) != 6 || stored[1] != stored[0]+2 {
		t.Fatalf("stored %v", stored)
	}
	for _, filter := range []Query{{}, {Verb: verbIRI(2)}} {
		for i, t0 := range stored {
			for j, t1 := range stored {
				q := filter
				q.Since, q.Until = t0, t1
				var want []uint64
				for n := j; n > i; n-- {
					want = append(want, uint64(n+1))
				}
				h.wantList(q, want...)
			}
			q := filter
			q.Since, q.Until = t0-1, t0
			h.wantList(q, uint64(i+1))
		}
		q := filter
		q.Until = stored[0] - 1
		h.wantList(q)
		q.Until = -1
		h.wantList(q)
		q.Until, q.Since = 0, stored[5]
		h.wantList(q)
		q.Since = -1
		h.wantList(q, 6, 5, 4, 3, 2, 1)
	}
}

// What was erased keeps its number, so that the others keep theirs and cursors
// hold.
func TestErasedStatement(t *testing.T) {
	h := newHarness(t, limits{})
	c, _ := h.commit(about(id(1), 1, 2, 1), about(id(2), 1, 2, 1), refer(id(3), 1, 2, id(2)))
	events := must(c.Events())
	events[1].Payload, events[1].Erased = nil, true
	check(t, h.x.Apply(c, events, nil))
	h.store(about(id(4), 1, 2, 1))
	h.wantList(Query{}, 4, 3, 1)
	h.wantList(Query{Agent: agent(1)}, 4, 3, 1)
	h.view(func(v *View) {
		_, err := v.Statement(id(2))
		wantError(t, err, ErrNotFound)
	})
}

func TestDefinitions(t *testing.T) {
	h := newHarness(t, limits{})
	define := func(definition string) testEvent {
		return sent(fmt.Sprintf(`{"actor":%s,"verb":{"id":"x:y"},"object":{"id":"x:a","definition":%s}}`,
			agentJSON(1, `,"name":"Kim"`), definition))
	}
	undefined := define(`{"name":{"en":"never"}}`)
	undefined.noDefine = true
	h.store(undefined)
	h.view(func(v *View) {
		if d := must(v.Activity("x:a")); d != nil {
			t.Errorf("defined without the scope: %s", d)
		}
		if n := must(v.Names(agent(1).Key())); len(n) > 0 {
			t.Errorf("named without the scope: %q", n)
		}
	})
	h.store(define(`{"name":{"en":"A"}}`), define(`{"name":{"de":"B"}}`), undefined)
	h.reopen()
	h.store(define(`{"name":{"en":"C"}}`))
	h.view(func(v *View) {
		if d, want := string(must(v.Activity("x:a"))), `{"name":{"en":"C","de":"B"}}`; d != want {
			t.Errorf("definition %s, want %s", d, want)
		}
		if d := must(v.Activity("x:b")); d != nil {
			t.Errorf("an unknown activity has %s", d)
		}
		if n := must(v.Names(agent(1).Key())); !slices.Equal(n, []string{"Kim"}) {
			t.Errorf("names %q", n)
		}
	})
}

func TestDocumentIDsSince(t *testing.T) {
	h := newHarness(t, limits{})
	doc := func(id string) testEvent {
		d := event.Document{Key: event.DocumentKey{Kind: event.ActivityProfile, Activity: "x:a", ID: id}}
		d.ETag, d.Blob, d.Size = strings.Repeat("0", 40), strings.Repeat("ab", 32), 1<<20
		return happened(event.DocumentStored{Document: d})
	}
	h.store(doc("b"), doc("a"))
	h.store(doc("c"), doc("a"))
	scope := event.DocumentKey{Kind: event.ActivityProfile, Activity: "x:a"}
	h.view(func(v *View) {
		first := must(v.Document(event.DocumentKey{Kind: event.ActivityProfile, Activity: "x:a", ID: "b"}))
		for since, want := range map[int64][]string{
			0: {"a", "b", "c"}, first.Updated - 1: {"a", "b", "c"}, first.Updated: {"a", "c"}, h.clock: {},
		} {
			if got := must(v.DocumentIDs(scope, since, noHold)); !slices.Equal(got, want) {
				t.Errorf("since %d: %q, want %q", since, got, want)
			}
		}
		if first.Blob == "" || first.Size != 1<<20 || first.Body != nil {
			t.Errorf("document %+v", first)
		}
		_, err := v.Document(event.DocumentKey{Kind: event.ActivityProfile, Activity: "x:b", ID: "b"})
		wantError(t, err, ErrNotFound)
	})
}

func TestBlobReferences(t *testing.T) {
	h := newHarness(t, limits{})
	sum := strings.Repeat("0f", 32)
	h.store(sent(fmt.Sprintf(`{"actor":%s,"verb":{"id":"x:y"},"object":{"id":"x:a"},"attachments":[{"usageType":"x:u",
		"display":{"en":"D"},"contentType":"text/plain","length":1,"sha2":"%s"}]}`, agentJSON(1, ""), strings.ToUpper(sum))))
	inner := strings.Repeat("1e", 32)
	h.store(sent(fmt.Sprintf(`{"actor":%s,"verb":{"id":"x:y"},"object":{"objectType":"SubStatement","actor":%[1]s,"verb":{"id":"x:y"},
		"object":{"id":"x:a"},"attachments":[{"usageType":"x:u","display":{"en":"D"},"contentType":"text/plain","length":1,"sha2":"%s"}]}}`,
		agentJSON(1, ""), inner)))
	d := event.Document{Key: event.DocumentKey{Kind: event.ActivityProfile, Activity: "x:a", ID: "b"}}
	d.ETag, d.Blob = strings.Repeat("0", 40), strings.Repeat("ab", 32)
	h.store(happened(event.DocumentStored{Document: d}))
	// The log still names the blob of a document that is gone.
	h.store(happened(event.DocumentDeleted{Key: d.Key}))
	h.view(func(v *View) {
		for sha, want := range map[string]bool{sum: true, inner: true, strings.ToUpper(sum): true, d.Blob: true, strings.Repeat("00", 32): false} {
			if got := must(v.BlobReferenced(sha)); got != want {
				t.Errorf("%s: %v", sha, got)
			}
		}
	})
}

func TestCredentials(t *testing.T) {
	h := newHarness(t, limits{})
	credential := func(key, name string) auth.Credential {
		_, hash := auth.GenerateSecret()
		return auth.Credential{Key: key, Name: name, Secret: hash, Scopes: auth.ScopeAll, Created: time.UnixMicro(1).UTC()}
	}
	b := credential("b", "old")
	h.store(happened(event.CredentialAdded{Credential: b}), happened(event.CredentialAdded{Credential: credential("c", "")}))
	b = credential("b", "new")
	h.store(happened(event.CredentialAdded{Credential: credential("a", "")}), happened(event.CredentialAdded{Credential: b}),
		happened(event.CredentialRevoked{Key: "c"}))
	var got []string
	h.view(func(v *View) {
		for c, err := range v.Credentials() {
			check(t, err)
			got = append(got, c.Credential.Key+" "+c.Credential.Name)
			if c.Credential.Key == "b" && fmt.Sprint(c.Credential) != fmt.Sprint(b) {
				t.Errorf("%+v, want %+v", c.Credential, b)
			}
		}
	})
	if !slices.Equal(got, []string{"a ", "b new"}) {
		t.Errorf("credentials %q", got)
	}
}

// An event that this release does not know stops everything, and leaves nothing.
func TestUnknownEvent(t *testing.T) {
	h := newHarness(t, limits{})
	h.store(about(id(1), 1, 2, 1))
	c, drafts := h.commit(about(id(2), 1, 2, 1), happened(event.LogCreated{}))
	events := must(c.Events())
	before := dump(t, h.x)
	for _, e := range []eventlog.Event{{Type: "ShiftPlanned", Version: 1}, {Type: event.TypeLogCreated, Version: 2}} {
		changed := slices.Clone(events)
		changed[1].Type, changed[1].Version = e.Type, e.Version
		wantError(t, h.x.Apply(c, changed, drafts), ErrUnknownType)
	}
	if got := dump(t, h.x); !equalRows(got, before) || h.x.Position().Head.Revision != 1 {
		t.Error("rows changed")
	}
	check(t, h.x.Err())
	check(t, h.x.Apply(c, events, drafts))
}

func equalRows(a, b map[string]string) bool {
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return len(a) == len(b)
}

func TestOutOfOrder(t *testing.T) {
	h, other := newHarness(t, limits{}), newTestLog(t)
	first, _ := h.commit(about(id(1), 1, 2, 1))
	second, _ := h.commit(about(id(2), 1, 2, 1))
	third, _ := h.commit()
	_, _ = other.commit(about(id(3), 1, 2, 1))
	branch, _ := other.commit()

	wantError(t, h.x.Apply(second, must(second.Events()), nil), ErrOutOfOrder)
	apply(t, h.x, first, nil)
	wantError(t, h.x.Apply(first, must(first.Events()), nil), ErrOutOfOrder)
	wantError(t, h.x.Apply(third, nil, nil), ErrOutOfOrder)
	wantError(t, h.x.Apply(branch, nil, nil), ErrOutOfOrder)
	if err := h.x.Apply(second, nil, nil); err == nil {
		t.Error("applied without its events")
	}
	cut := *second
	cut.Frames = nil
	if err := h.x.Apply(&cut, must(second.Events()), nil); err == nil {
		t.Error("applied without its frames")
	}
	apply(t, h.x, second, nil)
	apply(t, h.x, third, nil)
	if p := h.x.Position(); p.Head != third.Head() || p.Next != 3 || p.LastStored != third.FirstStored {
		t.Errorf("position %+v", p)
	}
	h.clock = second.FirstStored // a clock that went back
	c, _ := h.commit(about(id(4), 1, 2, 1))
	wantError(t, h.x.Apply(c, must(c.Events()), nil), eventlog.ErrLogDamaged)
}

// A commit of many frames, and a statement that has one for itself.
func TestFrames(t *testing.T) {
	h := newHarness(t, limits{})
	var events []testEvent
	for n := range 5 {
		size := 30_000
		if n == 3 {
			size = 100_000
		}
		events = append(events, sent(fmt.Sprintf(`{"id":"%s","actor":%s,"verb":{"id":"x:y"},"object":{"id":"x:a"},"result":{"response":"%s"}}`,
			id(n), agentJSON(1, ""), bytes.Repeat([]byte{byte('a' + n)}, size))))
	}
	c, drafts := h.commit(events...)
	if len(c.Frames) < 3 {
		t.Fatalf("%d frames", len(c.Frames))
	}
	apply(t, h.x, c, drafts)
	h.view(func(v *View) {
		for i, e := range must(c.Events()) {
			if st := must(v.Statement(id(i))); !bytes.Equal(st.Raw, e.Payload) {
				t.Errorf("statement %d is %.60s", i, st.Raw)
			}
		}
	})
	h.checkRebuilt()
}

func noHold(int) error { return nil }
