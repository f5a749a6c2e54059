package projections_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// TestReplayBeside: while a projection is built anew, commits arrive and readers read:
// they find all that the checkpoint of the same moment says, never less than before,
// and the new generation goes on where the old one ended.
func TestReplayBeside(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		for range 10 {
			w.append("A", "B")
		}
		rt := w.start(p)
		w.caughtUp(rt)

		reading, stop := context.WithCancel(w.ctx)
		defer stop()
		var routines sync.WaitGroup
		begun := make(chan struct{}, 2)
		for range cap(begun) {
			routines.Go(func() {
				last := uint64(0)
				for first := true; reading.Err() == nil; first = false {
					err := w.store.View(reading, func(tx *readmodel.Tx) error {
						c, found, err := tx.Live(reading, p.name)
						if err != nil {
							return err
						}
						var n, tally int64
						if _, err := tx.One(reading, "SELECT count(*) FROM toy_list", nil, &n); err != nil {
							return err
						}
						if _, err := tx.One(reading, "SELECT sum(n) FROM toy_tally", nil, &tally); err != nil {
							return err
						}
						if !found || n != c.Events || tally != n || c.Revision < last {
							t.Errorf("%d rows, a tally of %d, at %+v after %d", n, tally, c, last)
						}
						last = c.Revision
						return nil
					})
					if err != nil && reading.Err() == nil {
						t.Error(err)
					}
					if first {
						begun <- struct{}{}
					}
				}
			})
		}
		for range cap(begun) {
			<-begun
		}
		for round := range 2 {
			held := newGate()
			var once sync.Once
			old := w.checkpoints(p.name)[0].Number
			p.onApply(func(g readmodel.Generation, e *projections.Digested) error {
				if g.Number > old {
					once.Do(func() { held.waits <- struct{}{} })
				}
				return nil
			})
			replayed := make(chan error, 1)
			go func() { replayed <- replay(w.ctx, rt, p.name) }()
			w.reached(held)
			for range 10 {
				w.append("A", "C")
			}
			if err := <-replayed; err != nil {
				t.Fatal(err)
			}
			all := w.checkpoints(p.name)
			if len(all) != 1 || !all[0].Live || all[0].Number == old {
				t.Fatalf("round %d: checkpoints %+v", round, all)
			}
			w.append("D")
			w.caughtUp(rt)
			w.check(p.name)
		}
		stop()
		routines.Wait()
		w.until(rt, "still", func(s projections.Status) bool { return s.Building == nil && s.Err == nil })
		w.closed(rt)
	})
}

// TestReplayTwice: one replay at a time; and a failure of the live projection, which has
// it start over, leaves the build alone.
func TestReplayTwice(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		for range 10 {
			w.append("A", "B")
		}
		rt := w.start(p, newToy("other"))
		w.caughtUp(rt)
		held := newGate()
		var failing atomic.Bool
		var inside sync.Once
		reads := make(chan struct{})
		p.onLoad(func(g readmodel.Generation, past projections.Past) error {
			if g.Number == 2 {
				// Not in the middle of a transaction, which the live one would wait for.
				inside.Do(func() { close(reads) })
				return nil
			}
			return nil
		})
		p.onApply(func(g readmodel.Generation, e *projections.Digested) error {
			if g.Number == 1 && failing.CompareAndSwap(true, false) {
				return errors.New("broken")
			}
			return nil
		})
		log := &heldLog{Log: w.log}
		rt.Close()
		rt = w.startWith(projections.Config{Log: log, Projections: []projections.Projection{p, newToy("other")}})
		w.caughtUp(rt)
		log.hold.Store(held)
		replayed := make(chan error, 1)
		go func() { replayed <- replay(w.ctx, rt, "toy") }()
		w.reached(held)
		w.until(rt, "building", func(s projections.Status) bool { return s.Building != nil })
		if _, err := rt.Replay(w.ctx, "toy"); !errors.Is(err, projections.ErrBuilding) {
			t.Errorf("the second replay: %v", err)
		}
		if _, err := rt.Replay(w.ctx, "nobody"); !errors.Is(err, projections.ErrUnknownProjection) {
			t.Errorf("a replay of nobody: %v", err)
		}
		failing.Store(true)
		w.append("A")
		w.caughtUp(rt) // after it has failed, and has looked again at what is there
		if failing.Load() {
			t.Error("it has not failed")
		}
		if _, err := rt.Replay(w.ctx, "other"); err != nil { // reads past the gate: it has let one in
			t.Error(err)
		}
		close(held.open)
		if err := <-replayed; err != nil {
			t.Fatal(err)
		}
		if all := w.checkpoints("toy"); len(all) != 1 || all[0].Number != 2 {
			t.Errorf("%+v", all)
		}
		w.append("B")
		w.caughtUp(rt)
		w.check("toy")
		if _, err := rt.Replay(w.ctx, "toy"); err != nil { // the refusal has left nothing
			t.Error(err)
		}
		w.check("toy")
	})
}

// TestReplayMeetsStart: a replay that wants its turn while the runtime is about to follow
// does not wait for ever.
func TestReplayMeetsStart(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		last := w.append("A", "B")
		rt := w.start(p)
		w.caughtUp(rt)
		rt.Close()
		log := &heldLog{Log: w.log}
		held := newGate()
		log.head.Store(held)
		rt = w.startWith(projections.Config{Log: log, Projections: []projections.Projection{p}})
		w.reached(held)
		replayed := make(chan error, 1)
		go func() { replayed <- replay(w.ctx, rt, p.name) }()
		w.until(rt, "near the head", func(s projections.Status) bool { return s.Building != nil && s.Building.Revision == last })
		close(held.open)
		if err := <-replayed; err != nil {
			t.Error(err)
		}
		w.append("C")
		w.caughtUp(rt)
		w.check(p.name)
	})
}

// TestReplayEndsEarly: cancelled or failed at any moment, a replay leaves no tables, and
// the live ones go on.
func TestReplayEndsEarly(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		for range 10 {
			w.append("A", "B")
		}
		log := &heldLog{Log: w.log}
		rt := w.startWith(projections.Config{Log: log, Projections: []projections.Projection{p}})
		w.caughtUp(rt)
		broken := errors.New("broken")
		for name, run := range map[string]func(ctx context.Context, cancel func()) error{
			"before it begins": func(ctx context.Context, cancel func()) error {
				cancel()
				return replay(ctx, rt, p.name)
			},
			"while it reads": func(ctx context.Context, cancel func()) error {
				held := newGate()
				log.hold.Store(held)
				defer close(held.open)
				go func() { <-held.waits; cancel() }()
				return replay(ctx, rt, p.name)
			},
			"while it writes": func(ctx context.Context, cancel func()) error {
				p.onApply(func(g readmodel.Generation, e *projections.Digested) error {
					if g.Number > 1 && e.Revision == 5 {
						cancel()
					}
					return nil
				})
				return replay(ctx, rt, p.name)
			},
			"because of an error": func(ctx context.Context, cancel func()) error {
				p.onApply(func(g readmodel.Generation, e *projections.Digested) error {
					if g.Number > 1 && e.Revision == 5 {
						return broken
					}
					return nil
				})
				err := replay(ctx, rt, p.name)
				if errors.Is(err, broken) {
					err = context.Canceled
				}
				return err
			},
			"while it waits for its turn": func(ctx context.Context, cancel func()) error {
				// The live one has its turn and does not yield: it hangs over an event. What is
				// built is at the head before.
				held := newGate()
				built := make(chan struct{})
				var once sync.Once
				p.onApply(func(g readmodel.Generation, e *projections.Digested) error {
					if g.Number > 1 && e.Revision == uint64(len(w.commits)) {
						once.Do(func() { close(built) })
					}
					return nil
				})
				p.digest.Store(held)
				defer close(held.open)
				w.append("C")
				w.reached(held)
				go func() { <-built; cancel() }()
				return replay(ctx, rt, p.name)
			},
		} {
			ctx, cancel := context.WithCancel(w.ctx)
			if err := run(ctx, cancel); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: it ended with %v", name, err)
			}
			cancel()
			p.onApply(func(readmodel.Generation, *projections.Digested) error { return nil })
			log.hold.Store(nil)
			if all := w.checkpoints(p.name); len(all) != 1 || all[0].Number != 1 || w.hasTable(p.name, 2) {
				t.Errorf("%s: checkpoints %+v, tables of the second are there: %v", name, all, w.hasTable(p.name, 2))
			}
			w.append("B")
			w.caughtUp(rt)
			w.check(p.name)
		}
		if err := replay(w.ctx, rt, p.name); err != nil {
			t.Error(err)
		}
		w.check(p.name)
	})
}

// TestClose: whatever is under way, Close ends it, and no goroutine is left.
func TestClose(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for range 5 {
			w.append("A", "B")
		}
		log := &heldLog{Log: w.log}
		config := func(p *toy) projections.Config {
			return projections.Config{Log: log, Projections: []projections.Projection{p}}
		}
		for name, run := range map[string]func(p *toy) *projections.Runtime{
			"at once": func(p *toy) *projections.Runtime { return w.startWith(config(p)) },
			"while it follows": func(p *toy) *projections.Runtime {
				rt := w.startWith(config(p))
				w.caughtUp(rt)
				return rt
			},
			"while it builds": func(p *toy) *projections.Runtime {
				held := newGate()
				log.hold.Store(held)
				rt := w.startWith(config(p))
				w.reached(held)
				return rt
			},
			"after an error": func(p *toy) *projections.Runtime {
				p.onLoad(func(readmodel.Generation, projections.Past) error { return errors.New("broken") })
				rt := w.startWith(config(p))
				w.until(rt, "standing still", func(s projections.Status) bool { return s.Err != nil })
				return rt
			},
			"while the past is read": func(p *toy) *projections.Runtime {
				at := newGate()
				close(at.open)
				p.onLoad(func(_ readmodel.Generation, past projections.Past) error {
					for _, err := range past(t.Context(), projections.Position{Revision: 3}) {
						if err != nil {
							return err
						}
						at.pass()
					}
					return nil
				})
				rt := w.startWith(config(p))
				w.reached(at)
				return rt
			},
			"while it is replayed and waited for": func(p *toy) *projections.Runtime {
				rt := w.startWith(config(p))
				w.caughtUp(rt)
				held := newGate()
				log.hold.Store(held)
				ended := make(chan error, 3)
				go func() { ended <- replay(w.ctx, rt, p.name) }()
				go func() { ended <- rt.Wait(w.ctx, 1<<40) }()
				go func() { ended <- rt.Reach(w.ctx, 1<<60, 1<<40) }()
				w.reached(held)
				t.Cleanup(func() {
					for range cap(ended) {
						if err := <-ended; !errors.Is(err, projections.ErrClosed) {
							t.Errorf("it ended with %v", err)
						}
					}
				})
				return rt
			},
		} {
			p := newToy(fmt.Sprint("toy", len(name)))
			rt := run(p)
			rt.Close()
			for _, c := range w.checkpoints(p.name) { // the caller closes the store now
				if !c.Live {
					t.Errorf("%s: generation %d is left", name, c.Number)
				}
			}
			w.closed(rt)
			log.hold.Store(nil)
			w.closed(rt) // again
		}
	})
}
