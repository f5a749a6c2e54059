package lrs

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/index"
)

// TestRebuild makes the index again and again while statements are stored and
// read: nobody notices, and the new index has all that the old one had.
func TestRebuild(t *testing.T) {
	b := newBench(t)
	var mu sync.Mutex
	var ids []uuid.UUID
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				id := uuid.New()
				if _, err := b.put(t, draft(t, id, "passed")); err != nil {
					t.Error(err)
					return
				}
				if b.stored(t, id) == "" {
					t.Errorf("%s is not readable after its acknowledgement", id)
					return
				}
				mu.Lock()
				ids = append(ids, id)
				mu.Unlock()
			}
		})
	}
	for i := range 5 {
		next, err := index.Open(fmt.Sprint("index", i), index.Options{FS: b.fs, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		adopted := false
		if err := b.Rebuild(t.Context(), next, func() error { adopted = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if b.Index() != next || !adopted {
			t.Fatal("the new index is not the live one")
		}
		t.Cleanup(func() { next.Close() })
	}
	close(stop)
	wg.Wait()
	if len(ids) == 0 {
		t.Fatal("nothing was stored meanwhile")
	}
	for _, id := range ids {
		if b.stored(t, id) == "" {
			t.Errorf("%s is lost", id)
		}
	}
	if got := b.Index().Position().Head; got != b.Head() {
		t.Errorf("the index is at %v, the store at %v", got, b.Head())
	}

	// If it cannot be adopted, the old one goes on.
	live := b.Index()
	next, err := index.Open("index-refused", index.Options{FS: b.fs, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	refused := errors.New("refused")
	if err := b.Rebuild(t.Context(), next, func() error { return refused }); !errors.Is(err, refused) {
		t.Errorf("not adopted: %v", err)
	}
	if b.Index() != live {
		t.Error("an index that was not adopted is live")
	}
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
		t.Error(err)
	}
}
