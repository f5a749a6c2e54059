package projections_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// TestWait: it returns when all that are named are there, and not before; or gives up.
func TestWait(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p, slow := newToy("toy"), newToy("slow")
		w.append("A")
		rt := w.start(p, slow)
		w.caughtUp(rt)
		if err := rt.Wait(w.ctx, 0); err != nil {
			t.Error(err)
		}
		held := newGate()
		log := make(chan struct{})
		slow.onApply(func(_ readmodel.Generation, e *projections.Digested) error { close(log); <-held.open; return nil })
		waits := make(chan error, 1)
		go func() { waits <- rt.Wait(w.ctx, 2) }()
		w.append("B")
		<-log // slow is in the middle of the commit
		select {
		case err := <-waits:
			t.Errorf("it did not wait: %v", err)
		default:
		}
		ctx, cancel := context.WithCancelCause(w.ctx)
		why := errors.New("why")
		cancel(why)
		if err := rt.Wait(ctx, 2, "slow"); !errors.Is(err, why) {
			t.Errorf("it gave up with %v", err)
		}
		if err := rt.Wait(ctx, 1, "slow"); err != nil {
			t.Errorf("what is there: %v", err)
		}
		close(held.open)
		if err := <-waits; err != nil {
			t.Error(err)
		}
		if err := rt.Wait(w.ctx, 2, "toy", "nobody"); !errors.Is(err, projections.ErrUnknownProjection) {
			t.Errorf("wait for nobody: %v", err)
		}
		if err := rt.Reach(w.ctx, w.commits[1].first, 3); err != nil {
			t.Error(err)
		}
		if err := rt.Reach(w.ctx, w.commits[1].first+1, 2); err != nil {
			t.Error(err)
		}
		if err := rt.Reach(ctx, w.commits[1].first+1, 3, "toy"); !errors.Is(err, why) {
			t.Errorf("it gave up with %v", err)
		}
	})
}

// TestChanged: each commit's keys are told once, with a position that has them; of what
// was built anew, that everything may have changed.
func TestChanged(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.append("X", "Y")
		p := newToy("toy")
		var mu sync.Mutex
		var told []string
		rt := w.startWith(projections.Config{Log: w.log, Projections: []projections.Projection{p}, Changed: func(c projections.Change) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%s %v %v", c.Projection, c.Keys, c.Position))
		}})
		w.caughtUp(rt)
		for _, types := range [][]string{{"A", "B", "A"}, {}, {ignored, odd}, {"B"}} {
			w.append(types...)
			w.caughtUp(rt)
		}
		if _, err := rt.Replay(w.ctx, "toy"); err != nil {
			t.Error(err)
		}
		rt.Close()
		want := []string{"toy [*] {1 1}", "toy [A B] {2 2}", "toy [B] {5 0}", "toy [*] {5 0}"}
		if fmt.Sprint(told) != fmt.Sprint(want) {
			t.Errorf("told %v, not %v", told, want)
		}
	})
}

// TestPositionAt: for every time, the last event up to it.
func TestPositionAt(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for _, types := range [][]string{{}, {"A"}, {ignored, odd, refused}, {}, {"A", "B"}, {}} {
			w.append(types...)
		}
		rt := w.start(newToy("toy"))
		w.caughtUp(rt)
		if err := w.store.View(w.ctx, func(tx *readmodel.Tx) error {
			for at := w.commits[0].first - 2; at < w.now+2; at++ {
				var want projections.Position
				var when int64
				for i, c := range w.commits {
					for j := range c.events {
						if c.first+int64(j) <= at {
							want, when = projections.Position{Revision: uint64(i + 1), Index: j}, c.first+int64(j)
						}
					}
				}
				p, t1, found, err := projections.PositionAt(w.ctx, tx, "toy", at)
				if err != nil || p != want || t1 != when || found != (when > 0) {
					t.Errorf("at %d: %v at %d, %v, not %v at %d: %v", at, p, t1, found, want, when, err)
				}
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}

// TestBuild: up to any event, by its position or its time, and no further.
func TestBuild(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for _, types := range [][]string{{"A", fragile, "B"}, {}, {odd}, {"A", refused, odd, "A", zero, shocking}, {"B"}} {
			w.append(types...)
		}
		n := 0
		build := func(t *testing.T, until func(projections.Position, int64) bool) readmodel.Checkpoint {
			t.Helper()
			n++
			p := newToy(fmt.Sprint("toy", n))
			if err := projections.Build(w.ctx, w.log, w.store, []projections.Projection{p}, until); err != nil {
				t.Fatal(err)
			}
			w.checkIn(w.store, p.name, until)
			all := w.checkpoints(p.name)
			if len(all) != 1 || !all[0].Live {
				t.Fatalf("%+v", all)
			}
			return all[0]
		}
		build(t, nil)
		build(t, func(projections.Position, int64) bool { return false })
		events := int64(0)
		for i, c := range w.commits {
			for j := range c.events {
				events++
				last := projections.Position{Revision: uint64(i + 1), Index: j}
				at := c.first + int64(j)
				for _, until := range []func(projections.Position, int64) bool{
					func(p projections.Position, _ int64) bool {
						return p.Revision < last.Revision || p.Revision == last.Revision && p.Index <= last.Index
					},
					func(_ projections.Position, t int64) bool { return t <= at },
				} {
					made := build(t, until)
					// Commits without events that follow are neither here nor there.
					if made.Events != events || made.Through != at || made.Revision < last.Revision || made.Revision > last.Revision+1 {
						t.Errorf("until %v at %d: the checkpoint is %+v", last, at, made)
					}
				}
			}
		}
	})
}

// TestBuildRefuses: a database that has the tables; and a build that fails shows nothing.
func TestBuildRefuses(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) {
			store := readmodeltest.Open(t, dsn)
			w := newWorld(t, store)
			w.append("A")
			p, other := newToy("toy"), newToy("other")
			broken := errors.New("broken")
			other.onApply(func(readmodel.Generation, *projections.Digested) error { return broken })
			all := []projections.Projection{p, other}
			if err := projections.Build(w.ctx, w.log, store, all, nil); !errors.Is(err, broken) {
				t.Errorf("%v", err)
			}
			w.check("toy")
			if c := w.checkpoints("other"); len(c) != 1 || c[0].Live {
				t.Errorf("%+v", c)
			}
			if err := store.View(w.ctx, func(tx *readmodel.Tx) error { _, err := got(w.ctx, tx, "other"); return err }); err == nil {
				t.Error("what is half built can be seen")
			}
			for _, p := range all {
				err := projections.Build(w.ctx, w.log, store, []projections.Projection{p}, nil)
				if !errors.Is(err, projections.ErrNotEmpty) {
					t.Errorf("%v", err)
				}
			}
			closed := readmodeltest.Open(t, dsn)
			if err := closed.Close(); err != nil {
				t.Fatal(err)
			}
			err := projections.Build(w.ctx, w.log, closed, []projections.Projection{newToy("third")}, nil)
			if err == nil || errors.Is(err, projections.ErrNotEmpty) {
				t.Errorf("a closed store: %v", err)
			}
			ctx, cancel := context.WithTimeout(w.ctx, time.Nanosecond)
			defer cancel()
			if err := projections.Build(ctx, w.log, store, []projections.Projection{newToy("fourth")}, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
		})
	}
}
