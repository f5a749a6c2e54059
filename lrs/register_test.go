package lrs

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// TestRegister: a registration counts only if no other came after the state that
// it was decided against, in its own commit, in another, or before a restart.
func TestRegister(t *testing.T) {
	b := newBench(t)
	unit := func(name string) []event.Event { return []event.Event{event.UnitRegistered{Unit: name}} }
	if _, _, err := b.Register(t.Context(), unit("a"), 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Register(t.Context(), unit("b"), 0); !errors.Is(err, ErrStale) {
		t.Errorf("decided against the empty store: %v", err)
	}
	since := b.ConsistentThrough().UnixMicro()
	if _, _, err := b.Register(t.Context(), unit("b"), since); err != nil {
		t.Error(err)
	}
	b.crash(t)
	if err := b.open(t, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Register(t.Context(), unit("c"), since); !errors.Is(err, ErrStale) {
		t.Errorf("decided against the state before b, after a restart: %v", err)
	}

	since = b.ConsistentThrough().UnixMicro()
	var contenders sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		contenders.Go(func() { _, _, errs[i] = b.Register(t.Context(), unit(fmt.Sprint("u", i)), since) })
	}
	contenders.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrStale) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 registrations that do not know of each other were stored", won)
	}

	// Who has stored a part knows of it, and of nothing behind it.
	last := b.ConsistentThrough().UnixMicro()
	for part := range 3 {
		var err error
		if _, last, err = b.Register(t.Context(), slices.Concat(unit("x"), unit("y")), last); err != nil {
			t.Fatalf("part %d: %v", part, err)
		}
	}
	if _, _, err := b.Register(t.Context(), unit("between"), last); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Register(t.Context(), unit("x"), last); !errors.Is(err, ErrStale) {
		t.Errorf("a part after another registration: %v", err)
	}

	now := b.ConsistentThrough().UnixMicro()
	for _, bad := range []event.Event{event.LogCreated{}, event.UnitRegistered{}, event.AssignmentMade{
		AssignmentKey: event.AssignmentKey{Person: "p", Role: "r", Unit: "u", From: time.Unix(1, 0).UTC()}, To: time.Unix(1, 0).UTC(),
	}} {
		if _, _, err := b.Register(t.Context(), []event.Event{bad}, now); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%#v: %v", bad, err)
		}
	}
}
