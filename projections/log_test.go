package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// heldLog is a log that can be held.
type heldLog struct {
	eventlog.Log
	head atomic.Pointer[gate] // the next Head waits at it
	hold atomic.Pointer[gate] // the next Read waits at it, or until it is cancelled
	ends atomic.Int64         // so many subscriptions end without an error, which no log may do
}

func (l *heldLog) Head(ctx context.Context) (eventlog.Revision, error) {
	if held := l.head.Swap(nil); held != nil {
		held.pass()
	}
	return l.Log.Head(ctx)
}

func (l *heldLog) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		if held := l.hold.Swap(nil); held != nil {
			held.waits <- struct{}{}
			select {
			case <-held.open:
			case <-ctx.Done():
			}
		}
		l.Log.Read(ctx, from)(yield)
	}
}

func (l *heldLog) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		if l.ends.Add(-1) >= 0 {
			return
		}
		for r, err := range l.Log.Subscribe(ctx, from) {
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// TestFaultyLog: a log that fails now and then delays a projection, and changes nothing
// in what it makes.
func TestFaultyLog(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		var faults atomic.Int64 // how many are still planned
		random := rand.New(rand.NewPCG(1, 2))
		log := &eventlogtest.Faulty{Log: w.log, Plan: func(c eventlogtest.Call) eventlogtest.Fault {
			if faults.Add(-1) < 0 {
				return eventlogtest.None
			}
			return []eventlogtest.Fault{eventlogtest.Lost, eventlogtest.Kept, eventlogtest.None}[c.N%3]
		}}
		p := newToy("toy")
		w.append("A")
		rt := w.startWith(projections.Config{Log: log, Projections: []projections.Projection{p}})
		for range 3 {
			faults.Store(random.Int64N(5))
			for range 1 + random.IntN(5) {
				w.append("A", "B", fragile)
			}
			w.caughtUp(rt)
			w.check(p.name)
			faults.Store(random.Int64N(3))
			if _, err := rt.Replay(w.ctx, p.name); err != nil && !errors.Is(err, eventlog.ErrUnavailable) {
				t.Errorf("the replay ended with %v", err)
			}
			faults.Store(0)
			w.append("A")
			w.caughtUp(rt)
			w.check(p.name)
		}
		w.until(rt, "healed", func(s projections.Status) bool { return s.Err == nil })
	})
}

// TestReplayOfStaleLog: a log whose Read ends before what its Subscribe has given does
// not take the readers back.
func TestReplayOfStaleLog(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		var late atomic.Bool
		log := &eventlogtest.Faulty{Log: w.log, Plan: func(c eventlogtest.Call) eventlogtest.Fault {
			if c.Op == eventlogtest.Read && late.Load() {
				return eventlogtest.Late
			}
			return eventlogtest.None
		}}
		p := newToy("toy")
		w.append("A", "B")
		w.append("A", "B")
		rt := w.startWith(projections.Config{Log: log, Projections: []projections.Projection{p}})
		w.caughtUp(rt)
		late.Store(true)
		if _, err := rt.Replay(w.ctx, p.name); err == nil || !strings.Contains(err.Error(), "the live tables of toy are at 2") {
			t.Errorf("the replay ended with %v", err)
		}
		w.check(p.name)
	})
}

// TestDamagedLog: a projection stops before damage, says so, and goes on when it is
// mended.
func TestDamagedLog(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		w.append("A")
		rt := w.start(p)
		w.caughtUp(rt)
		rt.Close()
		w.append("B")
		w.append("C")
		var whole []byte
		w.log.Damage(2, func(data []byte) []byte {
			whole = append(whole, data...)
			data[len(data)/2] ^= 1
			return data
		})
		rt = w.start(p)
		w.until(rt, "standing still", func(s projections.Status) bool { return errors.Is(s.Err, eventlog.ErrLogDamaged) })
		if c := w.checkpoints(p.name); len(c) != 1 || c[0].Revision != 1 {
			t.Errorf("%+v", c)
		}
		w.log.Damage(2, func([]byte) []byte { return whole })
		w.caughtUp(rt)
		w.check(p.name)
	})
}

// lateLog is a log whose answer to the first who asks for its head is on its way while something happens.
type lateLog struct {
	eventlog.Log
	once      sync.Once
	meanwhile func()
}

func (l *lateLog) Head(ctx context.Context) (eventlog.Revision, error) {
	head, err := l.Log.Head(ctx)
	l.once.Do(l.meanwhile)
	return head, err
}

// TestOthersGoOn: a process that opens tables which another one keeps up to the log goes on with them, though these have come
// further meanwhile.
func TestOthersGoOn(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		w.append("A")
		other := w.start(p)
		w.caughtUp(other)
		before := w.checkpoints(p.name)
		log := &lateLog{Log: w.log, meanwhile: func() {
			w.append("B")
			w.caughtUp(other)
		}}
		w.caughtUp(w.startWith(projections.Config{Log: log, Projections: []projections.Projection{newToy("toy")}}))
		after := w.checkpoints(p.name)
		if len(before) != 1 || len(after) != 1 || after[0].Generation != before[0].Generation {
			t.Errorf("of %+v came %+v", before, after)
		}
		w.check(p.name)
	})
}

// TestStatusWhileLogHangs: how projections stand is told also while the log answers nobody, and heeds no context.
func TestStatusWhileLogHangs(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		log := &heldLog{Log: w.log}
		w.append("A")
		rt := w.startWith(projections.Config{Log: log, Projections: []projections.Projection{newToy("one"), newToy("other")}})
		w.caughtUp(rt)
		held := newGate()
		log.head.Store(held)
		all, err := rt.Status(w.ctx)
		if err != nil || len(all) != 2 || all[0].Live.Revision != 1 || all[1].Live.Revision != 1 {
			t.Errorf("%+v, %v", all, err)
		}
		w.reached(held)
		close(held.open)
	})
}

// TestOtherHistory: when the log becomes another one while it is followed, there are no
// answers until the projection is built of that.
func TestOtherHistory(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		for range 3 {
			w.append("A")
		}
		rt := w.start(p)
		w.caughtUp(rt)
		held := newGate()
		p.onLoad(func(readmodel.Generation, projections.Past) error { held.pass(); return nil })
		w.truncate(1)
		for range 3 { // the fourth does not follow the third
			w.append("B")
		}
		w.reached(held)
		status, err := rt.Status(w.ctx)
		if err != nil || status[0].Live.Live {
			t.Errorf("%+v %v", status, err)
		}
		close(held.open)
		w.caughtUp(rt)
		w.check(p.name)
	})
}

// TestSilentEnd: a subscription that ends without an error is one that failed: it is
// not taken up again without a pause.
func TestSilentEnd(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		w.append("A")
		log := &heldLog{Log: w.log}
		log.ends.Store(1)
		rt := w.startWith(projections.Config{Log: log, Projections: []projections.Projection{p}})
		w.until(rt, "standing still", func(s projections.Status) bool { return s.Err != nil })
		w.append("A")
		w.caughtUp(rt)
		w.check(p.name)
		runtime.KeepAlive(rt)
	})
}

// TestPast: the events before a position, whichever it is, and an error where they
// cannot be had.
func TestPast(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.append("A", ignored, "B", odd, refused)
		w.append()
		w.append("C")
		w.append("A", fragile, "B")
		p := newToy("toy")
		called := false
		p.onLoad(func(_ readmodel.Generation, past projections.Past) error {
			if called {
				return nil
			}
			called = true
			read := func(ctx context.Context, before projections.Position) (all []string, err error) {
				for e, err := range past(ctx, before) {
					if err != nil {
						return all, err
					}
					all = append(all, fmt.Sprint(e.Revision, e.Index, e.T, e.Encoded.Type, e.Digest))
				}
				return all, nil
			}
			var want []string
			for i, c := range w.commits {
				for j := range len(c.events) + 1 {
					got, err := read(t.Context(), projections.Position{Revision: uint64(i + 1), Index: j})
					if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("before event %d of commit %d: %v, not %v: %v", j, i+1, got, want, err)
					}
					if j < len(c.events) && c.events[j].Type != ignored && c.events[j].Type != odd {
						want = append(want, fmt.Sprint(i+1, j, c.first+int64(j), c.events[j].Type, string(c.events[j].Payload)))
					}
				}
			}
			if got, err := read(t.Context(), projections.Position{}); err != nil || len(got) != 0 {
				t.Errorf("before the log: %v, %v", got, err)
			}
			if _, err := read(t.Context(), projections.Position{Revision: 5}); err != nil {
				t.Errorf("before what comes next: %v", err)
			}
			if _, err := read(t.Context(), projections.Position{Revision: 7}); err == nil {
				t.Error("the log ends before the position, and nobody says so")
			}
			ctx, cancel := context.WithCancel(t.Context())
			for _, err := range past(ctx, projections.Position{Revision: 5}) { // a loop may end early
				if err != nil {
					t.Error(err)
				}
				break
			}
			cancel()
			if _, err := read(ctx, projections.Position{Revision: 5}); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			return nil
		})
		rt := w.start(p)
		w.caughtUp(rt)
		w.check(p.name)
		w.closed(rt)
	})
}
