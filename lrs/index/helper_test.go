package index

import (
	"bytes"
	"context"
	"errors"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// testLog makes the commits of a log.
type testLog struct {
	t       rapid.TB
	builder *eventlog.Builder
	head    eventlog.Head
	clock   int64 // µs; FirstStored of the next commit
	commits []*eventlog.Commit
}

func newTestLog(t rapid.TB) *testLog {
	return &testLog{
		t: t, builder: eventlog.NewBuilder(eventlog.Limits{}), clock: 1_750_000_000_000_000,
		head: eventlog.Head{Log: eventlog.LogID{1}},
	}
}

// testEvent is an event of a commit under construction.
type testEvent struct {
	draft    *xapi.Draft // or
	event    event.Event
	noDefine bool
}

var testAuthority = must(xapi.ParseAuthority([]byte(`{"objectType":"Agent","account":{"homePage":"https://lrs.example","name":"key"}}`)))

// sent parses a statement that a client sends.
func sent(json string) testEvent { return sentBy(json, testAuthority) }

func sentBy(json string, authority *xapi.Authority) testEvent {
	st, err := xapi.ParseStatement([]byte(json), xapi.V2)
	if err != nil {
		panic(err.Error() + "\n" + json)
	}
	return testEvent{draft: xapi.NewDraft(st, authority, xapi.V2)}
}

func happened(e event.Event) testEvent { return testEvent{event: e} }

// commit seals a commit. Each but the first is one millisecond behind the last
// event of the one before.
func (l *testLog) commit(events ...testEvent) (*eventlog.Commit, []*xapi.Draft) {
	l.t.Helper()
	drafts := make([]*xapi.Draft, len(events))
	for i, e := range events {
		stored := e.event
		if drafts[i] = e.draft; e.draft != nil {
			stored = event.StatementStored{Statement: bytes.Clone(e.draft.Stamp(l.clock + int64(i))), NoDefine: e.noDefine}
		}
		encoded := must(stored.Encode())
		check(l.t, l.builder.Add(eventlog.Event{
			Type: encoded.Type, Version: encoded.Version, Meta: encoded.Meta, Payload: encoded.Payload,
		}))
	}
	sealed, err := l.builder.Seal(eventlog.SealInfo{Log: l.head.Log, Previous: l.head, FirstStored: l.clock, Node: "test"})
	check(l.t, err)
	l.head = sealed.Commit.Head()
	l.clock += int64(len(events)) + 1000
	l.commits = append(l.commits, must(eventlog.Decode(sealed.Data)))
	return sealed.Commit, drafts
}

func apply(t rapid.TB, x *Index, c *eventlog.Commit, drafts []*xapi.Draft) {
	t.Helper()
	check(t, x.Apply(c, must(c.Events()), drafts))
}

// harness is an index, its log, and the file system it is on.
type harness struct {
	*testLog
	fs     vfs.FS
	x      *Index
	limits limits
}

func newHarness(t interface {
	rapid.TB
	Cleanup(func())
}, l limits) *harness {
	h := &harness{testLog: newTestLog(t), fs: vfs.NewMem(), limits: l}
	h.open()
	t.Cleanup(func() { check(t, h.x.Close()) })
	return h
}

func (h *harness) options() Options {
	return Options{FS: h.fs, Logger: slog.New(slog.DiscardHandler), limits: h.limits}
}

func (h *harness) open() {
	h.t.Helper()
	h.x = must(Open("index", h.options()))
}

func (h *harness) reopen() {
	h.t.Helper()
	check(h.t, h.x.Close())
	h.open()
}

// store commits and applies.
func (h *harness) store(events ...testEvent) {
	h.t.Helper()
	c, drafts := h.commit(events...)
	apply(h.t, h.x, c, drafts)
}

func (h *harness) view(do func(v *View)) {
	h.t.Helper()
	v := h.x.View()
	defer func() { check(h.t, v.Close()) }()
	do(v)
}

// list is the numbers of all statements of a list, page by page.
func (h *harness) list(q Query) (numbers []uint64) {
	h.t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	h.view(func(v *View) {
		for {
			p, err := v.Query(context.Background(), q)
			check(h.t, err)
			for _, st := range p.Statements {
				numbers = append(numbers, st.Number)
			}
			if q.After, q.Head = p.Next, p.Head; !p.More {
				return
			}
		}
	})
	return numbers
}

// dump is all rows of an index.
func dump(t rapid.TB, x *Index) map[string]string {
	t.Helper()
	rows := map[string]string{}
	s := store{Reader: x.db}
	check(t, s.scan(nil, nil, func(k, v []byte) bool { rows[string(k)] = string(v); return true }))
	return rows
}

// rebuild is another index, built from the log.
func (h *harness) rebuild() *Index {
	h.t.Helper()
	o := h.options()
	o.FS = vfs.NewMem()
	x := must(Open("index", o))
	for _, c := range h.commits {
		apply(h.t, x, c, nil)
	}
	check(h.t, x.Settle(context.Background()))
	return x
}

// checkRebuilt compares the index with a rebuilt one, row by row.
func (h *harness) checkRebuilt() {
	h.t.Helper()
	check(h.t, h.x.Settle(context.Background()))
	other := h.rebuild()
	defer func() { check(h.t, other.Close()) }()
	got, want := dump(h.t, h.x), dump(h.t, other)
	for k, v := range want {
		if g, ok := got[k]; !ok {
			h.t.Errorf("row %x is missing", k)
		} else if g != v {
			h.t.Errorf("row %x: %x, rebuilt %x", k, g, v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			h.t.Errorf("row %x is not in the rebuilt index", k)
		}
	}
}

// id makes ids that are easy to read in a failure.
func id(n int) uuid.UUID {
	u := uuid.MustParse("00000000-0000-4000-8000-000000000000")
	u[15], u[14] = byte(n), byte(n>>8)
	return u
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t rapid.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}
