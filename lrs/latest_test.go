package lrs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// askedLog counts how often its head is asked for. While it is away it does not answer.
type askedLog struct {
	eventlog.Log
	asked atomic.Int64
	away  atomic.Bool
}

func (l *askedLog) of(log eventlog.Log) eventlog.Log {
	l.Log = log
	return l
}

func (l *askedLog) Head(ctx context.Context) (eventlog.Revision, error) {
	l.asked.Add(1)
	if l.away.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	time.Sleep(time.Millisecond)
	return l.Log.Head(ctx)
}

// TestLatest: a node that is slow to hear of others shows, to who asks for the latest, what another acknowledged before.
func TestLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 0, 300*time.Millisecond)
		stale := 0
		for range 10 {
			id := uuid.New()
			if _, err := all[0].put(t, draft(t, id, "passed")); err != nil {
				t.Fatal(err)
			}
			if all[1].stored(t, id) == "" {
				stale++
			}
			if err := all[1].Latest(t.Context()); err != nil {
				t.Fatal(err)
			}
			if all[1].stored(t, id) == "" {
				t.Error("what another node has acknowledged is not there")
			}
		}
		if stale == 0 {
			t.Error("the node was never behind")
		}
		for _, b := range all {
			b.close(t)
		}
	})
}

// TestLatestTogether: many who ask at once ask the log twice at most: for who came before the first question, and after.
func TestLatestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &askedLog{}
		all := nodesOn(t, log.of, 0)
		synctest.Wait() // for the sweeper, who asks too
		time.Sleep(time.Second)
		asked := log.asked.Load()
		var asking sync.WaitGroup
		for range 1000 {
			asking.Go(func() {
				if err := all[0].Latest(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if n := log.asked.Load() - asked; n < 1 || n > 2 {
			t.Errorf("the log was asked %d times", n)
		}
		all[0].close(t)
	})
}

// TestLatestAway: while the log does not answer the first reader waits for it, the others do not; when it does, all again
// see what is the latest.
func TestLatestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &askedLog{}
		all := nodesOn(t, log.of, 0, 300*time.Millisecond)
		log.away.Store(true)
		latest := func() time.Duration {
			begun := time.Now()
			if err := all[1].Latest(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(begun)
		}
		if took := latest(); took != headPatience {
			t.Errorf("the first reader waited %v", took)
		}
		for range 3 {
			if took := latest(); took != 0 {
				t.Errorf("a later reader waited %v", took)
			}
		}
		if notes := all[1].Notes(); len(notes) != 1 || !strings.Contains(notes[0], "head") {
			t.Errorf("while the log is away: notes %q", notes)
		}
		log.away.Store(false)
		time.Sleep(2 * headPatience) // nobody reads
		if notes := all[1].Notes(); len(notes) != 0 {
			t.Errorf("when it is back: notes %q", notes)
		}
		id := uuid.New()
		if _, err := all[0].put(t, draft(t, id, "passed")); err != nil {
			t.Fatal(err)
		}
		if latest(); all[1].stored(t, id) == "" {
			t.Error("what another node has acknowledged is not there")
		}
		for _, b := range all {
			b.close(t)
		}
	})
}

// TestLatestBehind: a node that knows that it is behind says so, when its client no longer waits.
func TestLatestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 0, 5*time.Minute)
		if _, err := all[0].put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := all[1].Latest(ctx); !errors.Is(err, ErrUnavailable) {
			t.Errorf("behind: %v", err)
		}
		for _, b := range all {
			b.close(t)
		}
	})
}

// TestLatestBroken: a node that can serve no more says so at once, also to who waits already.
func TestLatestBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 0, 5*time.Minute)
		if _, err := all[0].put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		waiting := make(chan error, 1)
		go func() { waiting <- all[1].Latest(ctx) }()
		synctest.Wait()
		begun := time.Now()
		all[1].fail(errors.New("planted"))
		for _, err := range []error{<-waiting, all[1].Latest(ctx)} {
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "planted") {
				t.Errorf("broken: %v", err)
			}
		}
		if waited := time.Since(begun); waited > headPatience {
			t.Errorf("it was found out after %v", waited)
		}
		for _, b := range all {
			b.close(t)
		}
	})
}

// shortLog says for a while that it ends at the beginning, as a leader does that is new or is one no more.
type shortLog struct {
	eventlog.Log
	until time.Time
}

func (l *shortLog) Head(ctx context.Context) (eventlog.Revision, error) {
	if time.Now().Before(l.until) {
		return 1, nil
	}
	return l.Log.Head(ctx)
}

// TestStartBehind: a node that starts while the log of several servers says less than it has seen asks again; only if that
// lasts, or if the log is on one server, it is damaged.
func TestStartBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := nodes(t, 0)[0]
		id := uuid.New()
		for range 3 {
			if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.put(t, draft(t, id, "passed")); err != nil {
			t.Fatal(err)
		}
		b.close(t)
		start := func(shared bool, while time.Duration) error {
			return b.open(t, func(c *Config) {
				c.Shared, c.Node, c.Log = shared, "node-0", &shortLog{b.log, time.Now().Add(while)}
			})
		}
		for name, try := range map[string]struct {
			shared bool
			while  time.Duration
		}{"for a long time": {true, time.Hour}, "on one server": {false, 5 * time.Second}} {
			if err := start(try.shared, try.while); !errors.Is(err, eventlog.ErrLogDamaged) {
				t.Fatalf("%s: %v", name, err)
			}
			if err := b.index.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := start(true, 5*time.Second); err != nil {
			t.Fatal(err)
		}
		if b.stored(t, id) == "" {
			t.Error("it does not have what it had")
		}
		b.close(t)
	})
}

// fullLog takes nothing for a while, and never says that for certain.
type fullLog struct {
	eventlog.Log
	full atomic.Bool
}

func (l *fullLog) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if l.full.Load() {
		return fmt.Errorf("%w: insufficient resources", eventlog.ErrUnknownOutcome)
	}
	return l.Log.Append(ctx, expected, data)
}

// TestOpenAppend: while an append is not settled, who asks whether the node is ready is told why, and its log says so once;
// then all is as before.
func TestOpenAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &fullLog{}
		var said bytes.Buffer
		b := nodesOn(t, func(l eventlog.Log) eventlog.Log { log.Log = l; return log }, 0)[0]
		b.cfg.Logger = slog.New(slog.NewTextHandler(&said, nil))
		log.full.Store(true)
		stored := make(chan error, 1)
		go func() {
			_, err := b.put(t, draft(t, uuid.New(), "passed"))
			stored <- err
		}()
		time.Sleep(10 * slowAppend)
		if reasons := fmt.Sprint(b.Ready()); !strings.Contains(reasons, "insufficient resources") {
			t.Errorf("not ready, because of %s", reasons)
		}
		log.full.Store(false)
		if err := <-stored; err != nil {
			t.Error(err)
		}
		if reasons := b.Ready(); len(reasons) > 0 {
			t.Errorf("it is stored; not ready, because of %v", reasons)
		}
		b.close(t)
		if n := strings.Count(said.String(), "insufficient resources"); n != 1 {
			t.Errorf("its log says so %d times: %s", n, &said)
		}
	})
}

// TestLostEnd: a node whose log has lost its end for good stops, also if the log grows again: it would append to what it does
// not know.
func TestLostEnd(t *testing.T) {
	b := newBench(t)
	b.close(t)
	log := &lostLog{Log: b.log}
	if err := b.open(t, func(c *Config) { c.Log = log }); err != nil {
		t.Fatal(err)
	}
	log.lost.Store(true)
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); !errors.Is(err, eventlog.ErrLogDamaged) {
		t.Errorf("it has lost its end: %v", err)
	}
	log.lost.Store(false)
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("it has grown again: %v", err)
	}
}

type lostLog struct {
	eventlog.Log
	lost atomic.Bool
}

func (l *lostLog) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if l.lost.Load() {
		return fmt.Errorf("%w: it ends before %d", eventlog.ErrLogDamaged, expected)
	}
	return l.Log.Append(ctx, expected, data)
}

// damagedLog says of itself that it has lost commits: when its head is asked for, or to who follows it.
type damagedLog struct {
	eventlog.Log
	head, followed atomic.Bool
}

var errPlanted = fmt.Errorf("%w: stream bedside-main has 50 messages in sequences 51 to 100", eventlog.ErrLogDamaged)

func (l *damagedLog) Head(ctx context.Context) (eventlog.Revision, error) {
	if l.head.Load() {
		return 0, errPlanted
	}
	return l.Log.Head(ctx)
}

func (l *damagedLog) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		for r, err := range l.Log.Subscribe(ctx, from) {
			if l.followed.Load() {
				r, err = eventlog.Record{}, errPlanted
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// TestLostBeginning: a node whose log says that it has lost its beginning stops, also if nobody reads; and so does one that
// meets a gap in what others append. It says why, and nothing else.
func TestLostBeginning(t *testing.T) {
	for name, lose := range map[string]func(*damagedLog) *atomic.Bool{
		"the beginning": func(l *damagedLog) *atomic.Bool { return &l.head },
		"a gap":         func(l *damagedLog) *atomic.Bool { return &l.followed },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &damagedLog{}
				b := nodesOn(t, func(l eventlog.Log) eventlog.Log { log.Log = l; return log }, 0)[0]
				if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				lose(log).Store(true)
				_, _ = b.put(t, draft(t, uuid.New(), "passed")) // maybe stored before it is noticed
				time.Sleep(2 * headEvery)
				if _, err := b.put(t, draft(t, uuid.New(), "passed")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "in sequences 51 to 100") {
					t.Errorf("it takes a statement: %v", err)
				}
				if reasons := fmt.Sprint(b.Ready()); !strings.Contains(reasons, "in sequences 51 to 100") {
					t.Errorf("not ready, because of %s", reasons)
				}
				if notes := b.Notes(); len(notes) > 0 {
					t.Errorf("notes %q", notes)
				}
				b.close(t)
			})
		})
	}
}

// lateLog delivers nothing of what others append until it is opened.
type lateLog struct {
	eventlog.Log
	opened chan struct{}
}

func (l *lateLog) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		select {
		case <-l.opened:
			l.Log.Subscribe(ctx, from)(yield)
		case <-ctx.Done():
			yield(eventlog.Record{}, ctx.Err())
		}
	}
}

// TestFarBehindIsNotReady: a node that does not come to where the log was ten seconds ago says so, until it has.
func TestFarBehindIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := &lateLog{opened: make(chan struct{})}
		all := nodesWith(t, func(log eventlog.Log) eventlog.Log { late.Log = log; return log }, func(c *Config, _ time.Duration) {
			if c.Node == "node-1" {
				c.Log = late
			}
		}, 0, 0)
		var last Position
		for range 5 {
			at, err := all[0].put(t, draft(t, uuid.New(), "passed"))
			if err != nil {
				t.Fatal(err)
			}
			last = at
		}
		time.Sleep(headEvery + slowFollow - time.Second)
		if reasons := all[1].Ready(); len(reasons) > 0 {
			t.Errorf("so soon: %v", reasons)
		}
		time.Sleep(2 * time.Second)
		if reasons := fmt.Sprint(all[1].Ready()); !strings.Contains(reasons, fmt.Sprintf("of %d, at which the log was 11s ago", last.Revision)) {
			t.Errorf("it is behind, and not ready for: %s", reasons)
		}
		if reasons := all[0].Ready(); len(reasons) > 0 {
			t.Errorf("the other: %v", reasons)
		}
		close(late.opened)
		upTo(t, all, last.Revision)
		if reasons := all[1].Ready(); len(reasons) > 0 {
			t.Errorf("it has caught up: %v", reasons)
		}
		for _, b := range all {
			b.close(t)
		}
	})
}
