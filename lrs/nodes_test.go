package lrs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

// farLog is a log at the end of a network: an append and its answer take their time, and so does what others append. It is
// for synctest, where a sleep is the clock of the test moving on.
type farLog struct {
	eventlog.Log
	away time.Duration // one way
}

func (l *farLog) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	time.Sleep(l.away)
	err := l.Log.Append(ctx, expected, data)
	time.Sleep(l.away)
	if errors.Is(err, eventlog.ErrConflict) { // which is certain when the commit that has the revision was read
		time.Sleep(4 * l.away)
	}
	return err
}

func (l *farLog) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	time.Sleep(2 * l.away)
	return l.Log.Read(ctx, from)
}

func (l *farLog) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	type late struct {
		record eventlog.Record
		err    error
		due    time.Time
	}
	return func(yield func(eventlog.Record, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		under := make(chan late, 1000) // way
		var carrying sync.WaitGroup
		defer carrying.Wait()
		defer stop()
		carrying.Go(func() {
			defer close(under)
			for r, err := range l.Log.Subscribe(ctx, from) {
				select {
				case under <- late{r, err, time.Now().Add(l.away)}:
				case <-ctx.Done():
					return
				}
			}
		})
		for one := range under {
			time.Sleep(time.Until(one.due))
			if !yield(one.record, one.err) {
				return
			}
		}
	}
}

// nodes are stores that share a log, each this far away from it.
func nodes(t *testing.T, away ...time.Duration) []*bench {
	t.Helper()
	return nodesOn(t, func(log eventlog.Log) eventlog.Log { return log }, away...)
}

// nodesOn are nodes that see their log as something else.
func nodesOn(t *testing.T, as func(eventlog.Log) eventlog.Log, away ...time.Duration) []*bench {
	t.Helper()
	return nodesWith(t, as, func(*Config, time.Duration) {}, away...)
}

// nodesWith are nodesOn with more configured for each, which knows how far away it is.
func nodesWith(t *testing.T, as func(eventlog.Log) eventlog.Log, more func(*Config, time.Duration), away ...time.Duration) []*bench {
	t.Helper()
	log := memlog.New()
	seen := as(log)
	var all []*bench
	for i, d := range away {
		b := &bench{
			log: log, fs: vfs.NewCrashableMem(), dir: t.TempDir(),
			clock: &testClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		}
		if err := b.open(t, func(c *Config) {
			c.Shared, c.Node = true, fmt.Sprintf("node-%d", i)
			if c.Log = seen; d > 0 {
				c.Log = &farLog{seen, d}
			}
			more(c, d)
		}); err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// upTo waits until nodes have applied what one of them has.
func upTo(t *testing.T, all []*bench, revision eventlog.Revision) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for i, b := range all {
		if err := b.Await(ctx, revision); err != nil {
			t.Fatalf("node %d: %v", i, err)
		}
	}
}

// TestNodesRace: of statements with one id that are posted to all nodes at once, one is stored; whoever has the same gets
// the same answer, whoever has another is refused.
func TestNodesRace(t *testing.T) {
	all := nodes(t, 0, 0, 0)
	for range 50 {
		id := uuid.New()
		results := make([]error, len(all))
		var posting sync.WaitGroup
		for i, b := range all {
			d := draft(t, id, []string{"passed", "failed", "passed"}[i])
			posting.Go(func() { _, results[i] = b.put(t, d) })
		}
		posting.Wait()
		upTo(t, all, eventlog.Revision(max(all[0].Head().Revision, all[1].Head().Revision, all[2].Head().Revision)))
		first := all[0].stored(t, id)
		for i, b := range all {
			for late := time.Now().Add(time.Minute); b.passedOver.Load() != 0; { // a conflict, and then nothing to append
				if runtime.Gosched(); time.Now().After(late) {
					t.Fatalf("node %d takes itself for passed over", i)
				}
			}
			if got := b.stored(t, id); got != first || got == "" {
				t.Fatalf("node %d has\n%s\nand node 0\n%s", i, got, first)
			}
		}
		if won := results[1] == nil; won == (results[0] == nil) || (results[0] == nil) != (results[2] == nil) {
			t.Fatalf("answers %v", results)
		}
		for _, err := range results {
			if err != nil && !errors.As(err, new(*ConflictError)) {
				t.Fatal(err)
			}
		}
	}
}

// TestNodesWatermark: what one node has acknowledged, another shows as soon as its watermark says so; a watermark that
// nobody moves does so when it is read.
func TestNodesWatermark(t *testing.T) {
	all := nodes(t, 0, 0)
	id := uuid.New()
	all[1].clock.Step(2 * time.Second) // its clock goes wrong by so much
	if _, err := all[1].put(t, draft(t, id, "passed")); err != nil {
		t.Fatal(err)
	}
	stored := all[1].ConsistentThrough()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for all[0].ConsistentThrough().Before(stored) {
		if err := all[0].Await(ctx, all[0].Head().Revision+1); err != nil {
			t.Fatal(err)
		}
	}
	if all[0].stored(t, id) == "" {
		t.Error("the watermark says that the statement can be read, and it cannot")
	}
	// Both clocks move on; nothing is appended but what reading brings about.
	for _, b := range all {
		b.clock.Step(10 * time.Second)
	}
	before := all[0].Head().Revision
	all[0].ConsistentThrough()
	all[1].ConsistentThrough()
	upTo(t, all, before+1)
	if through := all[1].ConsistentThrough(); through.Sub(stored) < 7*time.Second { // by either's clock
		t.Errorf("the watermark stands at %v, %v after the statement", through, through.Sub(stored))
	}
}

// TestNodeBehind: a node whose clock is 10 s behind refuses writes and says why; it follows all the same.
func TestNodeBehind(t *testing.T) {
	all := nodes(t, 0, 0)
	all[0].clock.Step(10 * time.Second)
	id := uuid.New()
	at, err := all[0].put(t, draft(t, id, "passed"))
	if err != nil {
		t.Fatal(err)
	}
	upTo(t, all, at.Revision)
	if all[1].stored(t, id) == "" {
		t.Error("the node that is behind does not show the statement")
	}
	if _, err := all[1].put(t, draft(t, uuid.New(), "passed")); !errors.Is(err, ErrClock) {
		t.Errorf("a write at a node that is behind: %v", err)
	}
}

// TestNodeJoins: a node with an empty disk shows what was written before it was there, and goes on.
func TestNodeJoins(t *testing.T) {
	all := nodes(t, 0, 0)
	var last Position
	ids := []uuid.UUID{}
	for i := range 40 {
		ids = append(ids, uuid.New())
		at, err := all[i%2].put(t, draft(t, ids[i], "passed"))
		if err != nil {
			t.Fatal(err)
		}
		last = at
	}
	all[1].close(t)
	all[1].log = all[0].log
	all[1].fs, all[1].dir = vfs.NewCrashableMem(), t.TempDir()
	if err := all[1].open(t, func(c *Config) { c.Shared, c.Node = true, "node-1" }); err != nil {
		t.Fatal(err)
	}
	upTo(t, all, last.Revision)
	for _, id := range ids {
		if all[1].stored(t, id) == "" {
			t.Fatalf("%s is not there", id)
		}
	}
	if _, err := all[1].put(t, draft(t, uuid.New(), "passed")); err != nil {
		t.Error(err)
	}
}

// TestNodeRebuilds: an index is rebuilt on one node while another goes on writing.
func TestNodeRebuilds(t *testing.T) {
	all := nodes(t, 0, 0)
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	var mu sync.Mutex
	var ids []uuid.UUID
	writing.Go(func() {
		for ctx.Err() == nil {
			id := uuid.New()
			if _, err := all[0].put(t, draft(t, id, "passed")); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			ids = append(ids, id)
			mu.Unlock()
		}
	})
	for i := range 5 {
		next := all[1].emptyIndex(t, fmt.Sprintf("index-%d", i))
		if err := all[1].Rebuild(t.Context(), next, func() error { return nil }); err != nil {
			t.Error(err)
		}
	}
	stop()
	writing.Wait()
	upTo(t, all, all[0].Head().Revision)
	for _, id := range ids {
		if all[1].stored(t, id) == "" {
			t.Fatalf("%s is not there", id)
		}
	}
}

// TestNodesUnavailable: while the log cannot be reached a node that has lost a race waits, and then goes on.
func TestNodesUnavailable(t *testing.T) {
	all := nodes(t, 0, 0)
	down := &refusingLog{Log: all[1].log}
	all[1].close(t)
	all[1].log = all[0].log
	down.Log = &deafLog{all[0].log}
	if err := all[1].open(t, func(c *Config) { c.Shared, c.Node, c.Log = true, "node-1", down }); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := all[0].put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := all[1].put(t, draft(t, uuid.New(), "passed")); err != nil { // a conflict, then a read
		t.Error(err)
	}
}

// deafLog hears of nothing that others append.
type deafLog struct{ eventlog.Log }

func (l *deafLog) Subscribe(ctx context.Context, _ eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		<-ctx.Done()
		yield(eventlog.Record{}, ctx.Err())
	}
}

// TestNodesAwait: who has waited for a commit gets a watermark behind it.
func TestNodesAwait(t *testing.T) {
	all := nodes(t, 0, 0)
	for range 200 {
		if _, err := all[0].put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
		written := all[0].Head().Revision
		upTo(t, all[1:], written)
		if got, want := all[1].ConsistentThrough(), all[0].ConsistentThrough(); got.Before(want) {
			t.Fatalf("revision %d: consistent through %s, on the other node through %s", written, got, want)
		}
	}
}
