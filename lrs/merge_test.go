package lrs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// countedBlobs counts what is written.
type countedBlobs struct {
	blob.Store
	created atomic.Int64
}

func (b *countedBlobs) Create(ctx context.Context, want string) (blob.Writer, error) {
	b.created.Add(1)
	return b.Store.Create(ctx, want)
}

// withLarge is a bench with a large document in it, and its blobs, counted from then on.
func withLarge(t *testing.T, id string) (*bench, *countedBlobs) {
	t.Helper()
	b := newBench(t)
	b.close(t)
	counted := new(countedBlobs)
	if err := b.open(t, func(c *Config) { counted.Store = c.Blobs; c.Blobs = counted }); err != nil {
		t.Fatal(err)
	}
	if err := b.write(t, stateKey(id), `{"a":"`+strings.Repeat("x", 4*maxInline)+`"}`, false, nil); err != nil {
		t.Fatal(err)
	}
	counted.created.Store(0)
	return b, counted
}

// TestMergesTakeTurns: of many who merge into one large document each succeeds, and writes one blob: none in vain.
func TestMergesTakeTurns(t *testing.T) {
	const many = 30
	b, blobs := withLarge(t, "large")
	var writers sync.WaitGroup
	for i := range many {
		writers.Go(func() {
			if err := b.write(t, stateKey("large"), fmt.Sprintf(`{"b%d":%d}`, i, i), true, nil); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	writers.Wait()
	got := b.body(t, stateKey("large"))
	for i := range many {
		if !strings.Contains(got, fmt.Sprintf(`"b%d":%d`, i, i)) {
			t.Errorf("what writer %d was told is stored is not there", i)
		}
	}
	if n := blobs.created.Load(); n != many {
		t.Errorf("%d blobs were written for %d merges", n, many)
	}
	if len(b.merging.queues) != 0 {
		t.Errorf("%d turns are left over", len(b.merging.queues))
	}
}

// TestMergeTurnIsWaitedFor no longer than the client does; another document has turns of its own.
func TestMergeTurnIsWaitedFor(t *testing.T) {
	b, _ := withLarge(t, "large")
	done, err := b.merging.turn(t.Context(), stateKey("large"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.mergeOutside(ctx, DocumentWrite{Key: stateKey("large")}); !errors.Is(err, ErrBusy) {
		t.Errorf("without its turn: %v, want ErrBusy", err)
	}
	other, err := b.merging.turn(t.Context(), stateKey("other"))
	if err != nil {
		t.Fatal(err)
	}
	other()
	done()
	if err := b.write(t, stateKey("large"), `{"b":1}`, true, nil); err != nil || len(b.merging.queues) != 0 {
		t.Errorf("afterwards: %v, and %d turns are left over", err, len(b.merging.queues))
	}
}

// TestMergeIsHeld: what merging into a large document takes is told before, and given back; what is refused, for that or by
// its check, writes no blob and changes nothing.
func TestMergeIsHeld(t *testing.T) {
	b, blobs := withLarge(t, "large")
	before := b.body(t, stateKey("large"))
	refused := errors.New("refused")
	var held, most, limit int64
	w := DocumentWrite{
		Key: stateKey("large"), ContentType: "application/json", Body: []byte(`{"b":1}`), Merge: true,
		Hold: func(n int64) error {
			if held += n; n > 0 && limit > 0 && held > limit {
				return refused
			}
			most = max(most, held)
			return nil
		},
	}
	for _, limit = range []int64{1, int64(len(before)) + 1} {
		if _, _, err := b.WriteDocument(t.Context(), w); !errors.Is(err, refused) {
			t.Errorf("with %d bytes: %v", limit, err)
		}
	}
	limit = 0
	w.Check = func(*index.Document) error { return refused }
	if _, _, err := b.WriteDocument(t.Context(), w); !errors.Is(err, refused) {
		t.Errorf("against its check: %v", err)
	}
	if n := blobs.created.Load(); n != 0 || b.body(t, w.Key) != before {
		t.Errorf("%d blobs were written by who was refused", n)
	}
	w.Body = []byte(`{"c":"` + strings.Repeat("y", 2*maxInline) + `"}`)
	if _, _, err := b.WriteDocument(t.Context(), w); !errors.Is(err, refused) || blobs.created.Load() != 0 {
		t.Errorf("a large one against its check: %v, %d blobs", err, blobs.created.Load())
	}
	w.Check = nil
	if _, _, err := b.WriteDocument(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if most < int64(2*len(before)) || held != 0 {
		t.Errorf("%d bytes were told for a document of %d, and %d not given back", most, len(before), held)
	}
}
