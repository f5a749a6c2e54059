package lrs

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// TestReferring: who counts for how much, and until when.
func TestReferring(t *testing.T) {
	a, b := xapi.IFI{Value: "a"}, xapi.IFI{Value: "b"}
	late := func(first uint64) index.Position { return index.Position{Late: first} }
	settled := index.Position{}
	var r referring
	for i, step := range []struct {
		who     xapi.IFI
		enters  int // or leaves, below zero
		last    uint64
		at      index.Position
		refused bool
	}{
		{who: a, enters: 300, at: settled},
		{who: a, enters: 200, at: settled},
		{who: a, enters: 1, at: settled, refused: true},
		{who: b, enters: 5000, at: settled}, // alone any number
		{who: b, enters: 1, at: settled, refused: true},
		{who: a, enters: -200, last: 70, at: late(60)}, // answered, and not found
		{who: a, enters: 1, at: late(60), refused: true},
		{who: a, enters: 1, at: late(70), refused: true},
		{who: a, enters: 200, at: late(71)},
		{who: a, enters: 1, at: late(71), refused: true},
		{who: a, enters: -200, at: late(80)},
		{who: a, enters: -300, last: 90, at: late(80)},
		{who: a, enters: 1, at: late(80)},
		{who: a, enters: 200, at: late(80), refused: true},
		{who: a, enters: 499, at: settled},
		{who: a, enters: -1}, {who: a, enters: -499}, {who: b, enters: -5000},
	} {
		if step.enters < 0 {
			r.leave(step.who, -step.enters, step.last)
			continue
		}
		if got := !r.enter(step.who, step.enters, step.at); got != step.refused {
			t.Fatalf("step %d: refused is %v", i, got)
		}
	}
	if len(r.of) != 0 {
		t.Errorf("%d credentials are left over", len(r.of))
	}
}

// TestReferringTooMuch: a credential whose statements are not found yet by what they refer to waits, and is refused after
// Config.Late; others are not, nor is what refers to nothing.
func TestReferringTooMuch(t *testing.T) {
	b := newBenchOn(t, func(c *Config) { c.Late = -1 })
	target := b.manyReferrers(t, 250)
	refused := refersTo(t, target)
	if _, err := b.put(t, refused); !errors.Is(err, ErrReferring) || b.stored(t, refused.ID()) != "" {
		t.Errorf("one more: %v, and it is stored: %v", err, b.stored(t, refused.ID()) != "")
	}
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
		t.Errorf("one that refers to nothing: %v", err)
	}
	authority, err := xapi.ParseAuthority([]byte(`{"mbox":"mailto:another@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	st, err := xapi.ParseStatement(fmt.Appendf(nil,
		`{"actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/commented"},"object":{"objectType":"StatementRef","id":"%s"}}`, target), xapi.V1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.put(t, xapi.NewDraft(st, authority, xapi.V1)); err != nil {
		t.Errorf("one of another credential: %v", err)
	}
}

// TestReferringWaits: one that must wait is stored as soon as the others are found.
func TestReferringWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBenchOn(t, func(c *Config) { c.Late = time.Hour })
		b.crowdAndReferrers(t)
		leave, err := b.refer(t.Context(), []*xapi.Draft{refersTo(t, uuid.New())})
		if err != nil {
			t.Fatal(err)
		}
		many := make([]*xapi.Draft, mostReferring)
		for i := range many {
			many[i] = refersTo(t, uuid.New())
		}
		stored := make(chan error, 1)
		go func() {
			_, err := b.StoreStatements(t.Context(), many, true)
			stored <- err
		}()
		synctest.Wait()
		if len(stored) > 0 {
			t.Error("they did not wait")
		}
		leave(0)
		if err := <-stored; err != nil {
			t.Error(err)
		}
		b.close(t)
	})
}

// TestReferringHungUp: who does not wait for the answer has what is stored counted all the same.
func TestReferringHungUp(t *testing.T) {
	log := &refusingLog{}
	b := newBenchOn(t, func(c *Config) { log.Log, c.Log, c.Late = c.Log, log, -1 })
	target := uuid.New()
	if _, err := b.put(t, crowd(t, target, 250)); err != nil {
		t.Fatal(err)
	}
	drafts := make([]*xapi.Draft, mostReferring)
	for i := range drafts {
		drafts[i] = refersTo(t, target)
	}
	held, release := log.hold()
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { _, err := b.StoreStatements(ctx, drafts, true); gone <- err }()
	<-held
	hangUp()
	if err := <-gone; !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("who hung up is told %v", err)
	}
	stored := b.Head().Revision + 1
	release()
	if err := b.Await(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	if _, err := b.put(t, refersTo(t, target)); !errors.Is(err, ErrReferring) {
		t.Errorf("one more: %v", err)
	}
}

// TestReferringCrowd: of many requests that would have to wait most are refused at once.
func TestReferringCrowd(t *testing.T) {
	var r referring
	who, late := xapi.IFI{Value: "a"}, index.Position{Late: 1}
	r.enter(who, mostReferring, late)
	for i := range mostWaiting {
		if r.enter(who, 1, late) || !r.wait(who) {
			t.Fatalf("request %d does not wait", i)
		}
	}
	if r.wait(who) {
		t.Error("one more waits")
	}
	for range mostWaiting {
		r.waited(who)
	}
	if r.leave(who, mostReferring, 0); len(r.of) > 0 || r.waiting != 0 {
		t.Errorf("left over: %d credentials, %d requests", len(r.of), r.waiting)
	}
}
