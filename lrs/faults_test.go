package lrs

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// quick settles without waiting in real time for long.
var quick = eventlog.SettleOptions{
	Timeout: 20 * time.Millisecond,
	Backoff: func(int, error) time.Duration { return 0 },
}

// TestFaultsAtEveryStep lets each fault befall each call of the log in turn,
// and runs of them, while statements are stored; whatever the client is told
// must be true afterwards, in this process and after a crash.
func TestFaultsAtEveryStep(t *testing.T) {
	for _, fault := range eventlogtest.Faults {
		for step := range 8 {
			for run := 1; run <= 3; run++ {
				t.Run(fmt.Sprintf("%v at call %d, %d times", fault, step, run), func(t *testing.T) {
					t.Parallel()
					b := newBench(t)
					b.close(t)
					faulty := &eventlogtest.Faulty{Log: b.log}
					if err := b.open(t, func(c *Config) { c.Log, c.Settle = faulty, quick }); err != nil {
						t.Fatal(err)
					}
					var mu sync.Mutex
					n := 0
					faulty.Plan = func(eventlogtest.Call) eventlogtest.Fault {
						mu.Lock()
						defer mu.Unlock()
						n++
						if n > step && n <= step+run {
							return fault
						}
						return eventlogtest.None
					}
					told := map[uuid.UUID]error{}
					for range 5 {
						id := uuid.New()
						_, told[id] = b.put(t, draft(t, id, "passed"))
					}
					check(t, b, told)
					b.crash(t)
					if err := b.open(t, nil); err != nil {
						t.Fatal(err)
					}
					check(t, b, told)
				})
			}
		}
	}
}

// check compares what clients were told with what is stored.
func check(t *testing.T, b *bench, told map[uuid.UUID]error) {
	t.Helper()
	for id, err := range told {
		there := b.stored(t, id) != ""
		switch {
		case err == nil && !there:
			t.Errorf("%s was acknowledged and is not there", id)
		case err != nil && !errors.Is(err, ErrUnknownOutcome) && there:
			t.Errorf("%s was refused (%v) and is there", id, err)
		}
	}
}

// TestUnavailable: an append that certainly failed is 503, stores nothing, and
// the next one works. What rested on the failed commit is decided anew.
func TestUnavailable(t *testing.T) {
	b := newBench(t)
	b.close(t)
	down := &refusingLog{Log: b.log}
	if err := b.open(t, func(c *Config) { c.Log = down }); err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	down.refuse(1)
	if _, err := b.put(t, draft(t, id, "passed")); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("the log is down: %v", err)
	}
	if len(b.Ready()) == 0 {
		t.Error("ready although the last append failed")
	}
	if b.stored(t, id) != "" {
		t.Error("a refused statement is readable")
	}
	if _, err := b.put(t, draft(t, id, "failed")); err != nil {
		t.Fatalf("the log is up again: %v", err)
	}
	if reasons := b.Ready(); len(reasons) > 0 {
		t.Errorf("not ready after a success: %v", reasons)
	}

	// Two requests in one commit: the second finds its id taken by the first.
	first, second := draft(t, uuid.New(), "passed"), draft(t, uuid.New(), "passed")
	same := draft(t, first.ID(), "failed")
	held, release := down.hold()
	answers := make(chan error, 1)
	go func() { _, err := b.put(t, second); answers <- err }() // occupies the log
	<-held
	results := make([]chan error, 2)
	for i, d := range []*xapi.Draft{first, same} {
		results[i] = make(chan error, 1)
		go func() { _, err := b.put(t, d); results[i] <- err }()
		b.waitQueued(i + 1)
	}
	down.refuse(1) // the commit with the two
	release()
	if err := <-answers; err != nil {
		t.Fatal(err)
	}
	if err := <-results[0]; !errors.Is(err, ErrUnavailable) {
		t.Errorf("in the failed commit: %v", err)
	}
	if err := <-results[1]; err != nil {
		t.Errorf("refused by a statement that was never stored: %v", err)
	}
	if got := b.stored(t, same.ID()); !strings.Contains(got, "v.example/failed") {
		t.Errorf("stored: %q", got)
	}
}

// waitQueued waits until n changes are in the queue. The committer is held by
// the test, so the number only grows.
func (b *bench) waitQueued(n int) {
	for len(b.queue) < n {
		runtime.Gosched()
	}
}

// refusingLog refuses or holds appends on demand.
type refusingLog struct {
	eventlog.Log
	mu       sync.Mutex
	refusals int           // appends still to refuse, after the held one
	held     chan struct{} // closed when an append is being held
	released chan struct{} // closed to let it go
}

func (l *refusingLog) refuse(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusals = n
}

// hold holds the next append: held is closed when it is there, release lets it
// go.
func (l *refusingLog) hold() (held <-chan struct{}, release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held, l.released = make(chan struct{}), make(chan struct{})
	released := l.released
	return l.held, func() { close(released) }
}

func (l *refusingLog) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	l.mu.Lock()
	held, released := l.held, l.released
	l.held = nil
	l.mu.Unlock()
	if held != nil {
		close(held)
		<-released
		return l.Log.Append(ctx, expected, data)
	}
	l.mu.Lock()
	refuse := l.refusals > 0
	if refuse {
		l.refusals--
	}
	l.mu.Unlock()
	if refuse {
		return fmt.Errorf("%w: refused by the test", eventlog.ErrUnavailable)
	}
	return l.Log.Append(ctx, expected, data)
}

// fillable is a file system on which no table can be written while full is set.
func fillable(fs vfs.FS, full *atomic.Bool) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
			return syscall.ENOSPC
		}
		return nil
	}))
}

// TestIndexUnwritable: a commit that is in the log when the index can write no rows
// is applied as soon as it can. Until then its clients wait, those whose time is over
// are told that nobody knows, and the store goes on afterwards.
func TestIndexUnwritable(t *testing.T) {
	b := newBench(t)
	b.close(t)
	var full atomic.Bool
	fs := fillable(b.fs, &full)
	tick := make(chan time.Time)
	log := &refusingLog{Log: b.log}
	err := b.open(t, func(c *Config) {
		if err := c.Index.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.Index, err = index.Open("index", index.Options{FS: fs, Tick: tick, Logger: c.Logger}); err != nil {
			t.Fatal(err)
		}
		b.index, c.Log = c.Index, log
	})
	if err != nil {
		t.Fatal(err)
	}
	x := b.index
	t.Cleanup(func() { x.Close() })
	impatient, giveUp := context.WithCancel(t.Context())
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New(), uuid.New()}
	told := make([]chan error, len(ids))
	put := func(i int, ctx context.Context) {
		told[i] = make(chan error, 1)
		d := draft(t, ids[i], "passed")
		go func() { _, err := b.StoreStatements(ctx, []*xapi.Draft{d}, true); told[i] <- err }()
	}

	// One commit of two statements is on its way to the log when the disk is full.
	held, release := log.hold()
	put(0, t.Context())
	<-held
	put(1, impatient)
	b.waitQueued(1)
	put(2, t.Context())
	b.waitQueued(2)
	held, releaseSecond := log.hold()
	release()
	if err := <-told[0]; err != nil {
		t.Fatal(err)
	}
	<-held
	full.Store(true)
	tick <- time.Now()
	for b.Index().Err() == nil {
		runtime.Gosched()
	}
	releaseSecond()
	for head, err := b.log.Head(t.Context()); head < 3; head, err = b.log.Head(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	giveUp()
	if err := <-told[1]; !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("a client that gave up: %v", err)
	}
	put(3, t.Context())
	if len(told[2])+len(told[3]) > 0 || b.stored(t, ids[2]) != "" {
		t.Error("acknowledged, or readable, before the index has it")
	}
	if len(b.Ready()) == 0 {
		t.Error("ready although the index cannot write")
	}

	full.Store(false)
	for i := 2; i <= 3; i++ {
		if err := <-told[i]; err != nil {
			t.Errorf("statement %d: %v", i, err)
		}
	}
	if _, err := b.put(t, draft(t, ids[1], "passed")); err != nil { // what the client does who gave up
		t.Errorf("sent again: %v", err)
	}
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if reasons := b.Ready(); len(reasons) > 0 {
		t.Errorf("not ready: %v", reasons)
	}
	wantOnce := func() {
		t.Helper()
		v, err := b.View()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		page, err := v.Query(t.Context(), index.Query{Limit: 100, Ascending: true})
		if err != nil || len(page.Statements) != 5 {
			t.Fatalf("%d statements, %v; want 5", len(page.Statements), err)
		}
		for _, id := range ids {
			if b.stored(t, id) == "" {
				t.Errorf("%s is lost", id)
			}
		}
	}
	wantOnce()
	b.close(t)
	if err := b.open(t, nil); err != nil {
		t.Fatal(err)
	}
	wantOnce()
}

// TestLosesRevision: another node takes the revision; the change is decided
// again on what that node wrote.
func TestLosesRevision(t *testing.T) {
	b := newBench(t)
	other := &bench{log: b.log, fs: vfs.NewCrashableMem(), dir: t.TempDir(), clock: b.clock}
	if err := other.open(t, nil); err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	if _, err := b.put(t, draft(t, id, "passed")); err != nil {
		t.Fatal(err)
	}
	// The other node has not seen that commit.
	if _, err := other.put(t, draft(t, uuid.New(), "passed")); err != nil {
		t.Fatalf("after a lost race: %v", err)
	}
	if other.stored(t, id) == "" {
		t.Error("the winner's statement is not readable on the node that lost")
	}
	var conflict *ConflictError
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
		t.Fatal(err)
	}
	if _, err := other.put(t, draft(t, id, "failed")); !errors.As(err, &conflict) {
		t.Errorf("an id that the other node stored: %v", err)
	}
}

// TestReady: an append that hangs is a reason against readiness, and one that
// failed is none for ever: writes must be let in to find out.
func TestReady(t *testing.T) {
	b := newBench(t)
	b.logFailure.Store(&logFailure{at: time.Now(), err: errors.New("refused")})
	if len(b.Ready()) == 0 {
		t.Error("ready just after a failure")
	}
	b.logFailure.Store(&logFailure{at: time.Now().Add(-2 * failureLasts), err: errors.New("refused")})
	if reasons := b.Ready(); len(reasons) > 0 {
		t.Errorf("long after a failure: %v", reasons)
	}
	b.appendSince.Store(time.Now().Add(-2 * slowAppend).UnixNano())
	if len(b.Ready()) == 0 {
		t.Error("ready while an append hangs")
	}
	b.appendSince.Store(0)
}

// TestIndexUnreadable: while the machine keeps the index from being read, writes and reads are refused as for now, the
// node says that it is not ready, and a commit that is in the log is applied as soon as it can be.
func TestIndexUnreadable(t *testing.T) {
	b := newBench(t)
	var many []*xapi.Draft // more than what is read when an index is opened
	for range 900 {
		many = append(many, draft(t, uuid.New(), "passed"))
	}
	if _, err := b.StoreStatements(t.Context(), many, true); err != nil {
		t.Fatal(err)
	}
	known := many[450]
	b.close(t)
	var crowded atomic.Bool
	var missed atomic.Int64
	fs := errorfs.Wrap(b.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if crowded.Load() && op.Kind == errorfs.OpFileReadAt {
			missed.Add(1)
			return syscall.EMFILE
		}
		return nil
	}))
	log := &refusingLog{Log: b.log}
	err := b.open(t, func(c *Config) {
		if err := c.Index.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.Index, err = index.Open("index", index.Options{FS: fs, Tick: make(chan time.Time), Logger: c.Logger}); err != nil {
			t.Fatal(err)
		}
		b.index, c.Log = c.Index, log
	})
	if err != nil {
		t.Fatal(err)
	}
	x := b.index
	t.Cleanup(func() { x.Close() })
	held, release := log.hold()
	onItsWay := make(chan error, 1)
	// It refers to a statement in a table, which only Apply looks for.
	refers := parseDraft(t, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/v"},`+
		`"object":{"objectType":"StatementRef","id":"%s"}}`, uuid.New(), known.ID()))
	go func() { _, err := b.put(t, refers); onItsWay <- err }()
	<-held
	crowded.Store(true)
	v, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Statement(known.ID()); !errors.Is(err, index.ErrUnreadable) {
		t.Errorf("a read: %v", err)
	}
	v.Close()
	if len(b.Ready()) == 0 {
		t.Error("ready although the index cannot be read")
	}
	before := missed.Load()
	release()
	for missed.Load() < before+2 && len(onItsWay) == 0 { // Apply has tried, and tries again
		runtime.Gosched()
	}
	crowded.Store(false)
	if err := <-onItsWay; err != nil {
		t.Errorf("the commit that was in the log: %v", err)
	}
	if b.stored(t, refers.ID()) == "" || b.stored(t, known.ID()) == "" {
		t.Error("not there")
	}
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
