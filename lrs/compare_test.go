package lrs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// largeDraft is a statement that the committer does not compare.
func largeDraft(t testing.TB, id uuid.UUID, value int) *xapi.Draft {
	t.Helper()
	return parseDraft(t, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/v"},"object":{"id":"https://a.example/1"},`+
		`"result":{"extensions":{"https://e.example/e":[%s%d]}}}`, id, strings.Repeat("0,", maxCompare/2), value))
}

// TestLargeResend: a large statement that is sent again is compared all the same, whether it is stored or in the open commit
// yet, alone or in a batch.
func TestLargeResend(t *testing.T) {
	b, log := held(t)
	id, other := uuid.New(), uuid.New()
	put := func(drafts ...*xapi.Draft) func() error {
		return func() error { _, err := b.StoreStatements(context.Background(), drafts, true); return err }
	}
	errs := gather(t, b, log, func() { log.refuse(1) }, put(largeDraft(t, id, 1)), put(largeDraft(t, id, 1)))
	if !errors.Is(errs[0], ErrUnavailable) || errs[1] != nil {
		t.Errorf("the second in a commit that failed: %v", errs)
	}
	errs = gather(t, b, log, func() {}, put(largeDraft(t, other, 1)), put(largeDraft(t, other, 2)), put(largeDraft(t, other, 1)))
	conflict := new(ConflictError)
	if errs[0] != nil || !errors.As(errs[1], &conflict) || conflict.ID != other || errs[2] != nil {
		t.Errorf("in the open commit: %v", errs)
	}
	added := uuid.New()
	err := put(draft(t, added, "passed"), largeDraft(t, id, 1), largeDraft(t, other, 2))()
	if conflict = nil; !errors.As(err, &conflict) || conflict.Statement != 2 || b.stored(t, added) != "" {
		t.Errorf("a batch with another content: %v", err)
	}
	if err := put(draft(t, added, "passed"), largeDraft(t, id, 1), largeDraft(t, other, 1))(); err != nil || b.stored(t, added) == "" {
		t.Errorf("a batch: %v", err)
	}
}

// TestComparingTakesTurns: large statements are compared one at a time, and the committer goes on meanwhile.
func TestComparingTakesTurns(t *testing.T) {
	b, log := held(t)
	id := uuid.New()
	if _, err := b.put(t, largeDraft(t, id, 1)); err != nil {
		t.Fatal(err)
	}
	b.comparing <- struct{}{} // somebody else compares
	ctx, cancel := context.WithCancel(t.Context())
	resent := make(chan error, 1)
	errs := gather(t, b, log, func() {}, func() error {
		go func() {
			_, err := b.StoreStatements(ctx, []*xapi.Draft{largeDraft(t, id, 1)}, true)
			resent <- err
		}()
		return nil
	}, func() error { _, err := b.put(t, draft(t, uuid.New(), "passed")); return err })
	if err := errors.Join(errs...); err != nil {
		t.Errorf("somebody else's: %v", err)
	}
	cancel()
	if err := <-resent; err == nil { // ErrBusy, or ErrUnknownOutcome if it had not come to wait for its turn
		t.Error("it was compared out of turn")
	}
	<-b.comparing
	if _, err := b.put(t, largeDraft(t, id, 1)); err != nil {
		t.Errorf("in its turn: %v", err)
	}
}

// TestComparingIsShared: who has many large statements compared has another credential wait for one of them, not for all.
func TestComparingIsShared(t *testing.T) {
	b := newBench(t)
	id := uuid.New()
	if _, err := b.put(t, largeDraft(t, id, 1)); err != nil {
		t.Fatal(err)
	}
	authority, err := xapi.ParseAuthority([]byte(`{"mbox":"mailto:another@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	b.comparing <- struct{}{} // somebody else compares
	done := make(chan string, 6)
	send := func(name string, d *xapi.Draft) {
		if _, err := b.put(t, d); err != nil {
			t.Error(err)
		}
		done <- name
	}
	for range 5 {
		go send("many", largeDraft(t, id, 1))
	}
	waiting := func(n int) bool {
		b.comparers.mu.Lock()
		defer b.comparers.mu.Unlock()
		users := 0
		for _, q := range b.comparers.queues {
			users += q.users
		}
		return users == n
	}
	for !waiting(5) {
		runtime.Gosched()
	}
	go send("another", xapi.NewDraft(largeDraft(t, id, 1).Statement(), authority, xapi.V1))
	for !waiting(6) {
		runtime.Gosched()
	}
	<-b.comparing
	place := 0
	for i := range 6 {
		if <-done == "another" {
			place = i
		}
	}
	if place > 2 { // one has come first, and one more may be answered before it
		t.Errorf("another credential was answered behind %d", place)
	}
	if len(b.comparers.queues) > 0 {
		t.Errorf("%d queues are left over", len(b.comparers.queues))
	}
}
