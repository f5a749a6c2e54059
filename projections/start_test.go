package projections_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// TestStart: tables that cannot be gone on with are built anew, others are not.
func TestStart(t *testing.T) {
	cases := map[string]struct {
		change func(w *world, p *toy)
		anew   bool
	}{
		"nothing": {func(*world, *toy) {}, false},
		"more commits": {func(w *world, _ *toy) {
			w.append("C")
		}, false},
		"another version": {func(_ *world, p *toy) { p.version = 2 }, true},
		"an older version": {func(_ *world, p *toy) {
			p.version = 0
		}, true},
		"another log": {func(w *world, _ *toy) {
			w.forgetLog(2)
			for range 5 {
				w.append("B", "C")
			}
		}, true},
		"another log of the same id": {func(w *world, _ *toy) {
			w.forgetLog(1)
			for range 5 {
				w.append("B", "C")
			}
		}, true},
		"another log, shorter": {func(w *world, _ *toy) {
			w.forgetLog(2)
			w.append("B", "C")
		}, true},
		"the log is shorter": {func(w *world, _ *toy) {
			w.truncate(1)
		}, true},
		"the log is empty": {func(w *world, _ *toy) {
			w.truncate(0)
		}, true},
		"a checkpoint that says nothing": {func(w *world, p *toy) {
			w.update(func(tx *readmodel.Tx) error {
				return tx.Exec(w.ctx, "UPDATE projection_checkpoints SET hash = 'x' WHERE projection = ?", p.name)
			})
		}, true},
		"a build that did not end": {func(w *world, p *toy) {
			w.update(func(tx *readmodel.Tx) error {
				c, err := tx.Begin(w.ctx, p.Schema())
				if err != nil {
					return err
				}
				return tx.Exec(w.ctx, "INSERT INTO "+c.Table(p.name+"_list")+" VALUES (1, 1, 1, 1, 'x', 'x')")
			})
		}, false},
		"a first build that did not end": {func(w *world, p *toy) {
			w.update(func(tx *readmodel.Tx) error {
				if err := tx.DropViews(w.ctx, p.name); err != nil {
					return err
				}
				return tx.Exec(w.ctx, "UPDATE projection_checkpoints SET live = 0 WHERE projection = ?", p.name)
			})
		}, true},
	}
	for engine, store := range readmodeltest.Stores(t) {
		n := 0
		for name, c := range cases {
			n++
			t.Run(engine+"/"+name, func(t *testing.T) {
				w, p := newWorld(t, store), newToy(fmt.Sprint("toy", n))
				for range 3 {
					w.append("A", "B")
				}
				rt := w.start(p)
				w.caughtUp(rt)
				w.closed(rt)
				p = newToy(p.name)
				c.change(w, p)
				loaded := false
				p.onLoad(func(g readmodel.Generation, _ projections.Past) error {
					if beside := w.hasTable(p.name, 1); !loaded && g.Number == 2 && !beside {
						t.Error("the live tables are gone while others are built")
					}
					loaded = true
					return nil
				})
				rt = w.start(p)
				w.caughtUp(rt)
				w.check(p.name)
				w.closed(rt)
				after := w.checkpoints(p.name)
				if len(after) != 1 || !after[0].Live || after[0].Version != p.version {
					t.Fatalf("checkpoints: %+v", after)
				}
				if w.hasTable(p.name, 3-after[0].Number) {
					t.Error("another generation's tables are left")
				}
				if want := w.revision() > 0 && (c.anew || name == "more commits"); loaded != want {
					t.Errorf("it was loaded is %v, not %v", loaded, want)
				}
				if want := c.anew && name != "a first build that did not end"; (after[0].Number == 2) != want {
					t.Errorf("generation %d is live; built anew beside the first is %v", after[0].Number, want)
				}
				p.onLoad(func(readmodel.Generation, projections.Past) error { return nil })
				rt = w.start(p)
				w.append("C")
				w.caughtUp(rt)
				w.check(p.name)
			})
		}
	}
}

// TestNoAnswersUntilBuilt: while the first tables are built nobody is told that they
// are there.
func TestNoAnswersUntilBuilt(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		p := newToy("toy")
		w.append("A")
		held := newGate()
		p.onLoad(func(readmodel.Generation, projections.Past) error { held.pass(); return nil })
		rt := w.start(p)
		w.reached(held)
		status, err := rt.Status(w.ctx)
		if err != nil || status[0].Live.Live || status[0].Building == nil || status[0].Building.Number != 1 {
			t.Errorf("%+v %v", status, err)
		}
		if len(w.checkpoints(p.name)) != 1 || w.checkpoints(p.name)[0].Live {
			t.Errorf("%+v", w.checkpoints(p.name))
		}
		close(held.open)
		w.caughtUp(rt)
		w.until(rt, "built", func(s projections.Status) bool { return s.Building == nil && s.Live.Live && s.Live.Revision == 1 })
		if names := rt.Names(); len(names) != 1 || names[0] != "toy" {
			t.Errorf("%v", names)
		}
		w.closed(rt)
		if _, err := rt.Replay(w.ctx, p.name); !errors.Is(err, projections.ErrClosed) {
			t.Errorf("a replay after Close: %v", err)
		}
	})
}

// TestLag: a projection that has everything has no lag, whatever time it is; else the
// first event that it has not taken tells for how long it has waited.
func TestLag(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		lag := func(rt *projections.Runtime) projections.Lag {
			all, err := rt.Status(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			return all[0].Lag(projections.Head{Events: 3, Now: 60_000_000})
		}
		p := newToy("toy")
		w.append("A")
		rt := w.start(p)
		w.caughtUp(rt)
		w.closed(rt)
		w.append("A", "A")
		w.mu.Lock()
		first := w.commits[1].first
		w.mu.Unlock()
		if got, want := lag(rt), (projections.Lag{Events: 2, Time: time.Duration(60_000_000-first) * time.Microsecond}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		rt = w.start(p)
		w.caughtUp(rt)
		if got := lag(rt); got != (projections.Lag{}) {
			t.Errorf("%+v", got)
		}
	})
}

// empty appends a commit with an event without payload.
func (w *world) empty() {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := commit{first: w.now, events: []eventlog.Event{{Type: "A", Version: 1}}}
	if err := w.builder.Add(c.events...); err != nil {
		w.t.Fatal(err)
	}
	sealed, err := w.builder.Seal(eventlog.SealInfo{Log: w.head.Log, Previous: w.head, FirstStored: c.first})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.log.Append(w.ctx, w.head.Revision, sealed.Data); err != nil {
		w.t.Fatal(err)
	}
	w.head, w.commits, w.now = sealed.Commit.Head(), append(w.commits, c), w.now+10
}

// forgetLog begins another log.
func (w *world) forgetLog(id byte) {
	w.log, w.head, w.commits, w.now = memlog.New(), eventlog.Head{}, nil, 5_000_000
	w.head.Log[0] = id
}

// truncate has the log lose its tail.
func (w *world) truncate(revision int) {
	w.t.Helper()
	id := w.head.Log
	w.log.Truncate(eventlog.Revision(revision))
	w.head, w.commits = eventlog.Head{Log: id}, w.commits[:revision]
	for r, err := range w.log.Read(w.ctx, 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		c, err := eventlog.Decode(r.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		w.head = c.Head()
	}
}

func (w *world) update(do func(tx *readmodel.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(w.ctx, do); err != nil {
		w.t.Fatal(err)
	}
}
