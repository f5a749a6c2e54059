package lrs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
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
		next := b.emptyIndex(t, fmt.Sprint("index", i))
		adopted := false
		if err := b.Rebuild(t.Context(), next, func() error { adopted = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if b.Index() != next || !adopted {
			t.Fatal("the new index is not the live one")
		}
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
	next := b.emptyIndex(t, "index-refused")
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

// TestRebuildReaders: no reader meets an index that is replaced and closed.
func TestRebuildReaders(t *testing.T) {
	b := newBench(t)
	id := uuid.New()
	if _, err := b.put(t, draft(t, id, "passed")); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				v, err := b.View()
				if err == nil {
					_, err = v.Statement(id)
					v.Close()
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 60 {
		next := b.emptyIndex(t, fmt.Sprint("next", i))
		if err := b.Rebuild(t.Context(), next, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	readers.Wait()
}

// TestRebuildDisagrees: a new index that does not come to the live one's commit
// is not adopted.
func TestRebuildDisagrees(t *testing.T) {
	b, other := newBench(t), newBench(t)
	for _, bench := range []*bench{b, other} {
		if _, err := bench.put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
	}
	live := b.Index()
	// As far as the live one, but of another log.
	foreign := other.Index()
	adopted := false
	err := b.Rebuild(t.Context(), foreign, func() error { adopted = true; return nil })
	if err == nil || adopted || b.Index() != live {
		t.Errorf("%v; adopted: %v", err, adopted)
	}
}

// emptyIndex opens a new index on the bench's disk.
func (b *bench) emptyIndex(t *testing.T, dir string) *index.Index {
	t.Helper()
	x, err := index.Open(dir, index.Options{FS: b.fs, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// readLog tells when all that it had was read, once.
type readLog struct {
	eventlog.Log
	whole func()
}

func (l *readLog) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		l.Log.Read(ctx, from)(yield)
		if whole := l.whole; whole != nil {
			l.whole = nil
			whole()
		}
	}
}

// TestRebuildIsNotLate: an index that takes the place of the live one shows all that a watermark has said, also when the last
// commits that it takes have more terms than a commit passes on.
func TestRebuildIsNotLate(t *testing.T) {
	log := &readLog{}
	b := newBenchOn(t, func(c *Config) { log.Log, c.Log = c.Log, log })
	target := uuid.New()
	if _, err := b.put(t, crowd(t, target, 250)); err != nil {
		t.Fatal(err)
	}
	next := b.emptyIndex(t, "next")
	late := false
	log.whole = func() {
		drafts := make([]*xapi.Draft, 60)
		for i := range drafts {
			drafts[i] = refersTo(t, target)
		}
		if _, err := b.StoreStatements(t.Context(), drafts, true); err != nil {
			t.Error(err)
		}
		late = true
	}
	if err := b.Rebuild(t.Context(), next, func() error {
		if p := next.Position(); p.Late > 0 || !late {
			t.Errorf("of %d statements those from %d on are late (0: none); more came while the index was filled: %v", p.Next-1, p.Late, late)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
