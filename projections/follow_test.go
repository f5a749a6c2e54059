package projections_test

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// checks is how many random histories each engine gets; -rapid.checks asks for others.
const checks = 6

func few(t *testing.T) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		old := flag.Lookup("rapid.checks").Value.String()
		if err := flag.Set("rapid.checks", fmt.Sprint(checks)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = flag.Set("rapid.checks", old) })
	}
}

// TestIncrementalEqualsRebuilt: random commits, in batches of any size, with restarts
// anywhere, make the rows that a model says; so do a replay and a build from zero.
func TestIncrementalEqualsRebuilt(t *testing.T) {
	few(t)
	for engine, store := range readmodeltest.Stores(t) {
		t.Run(engine, func(t *testing.T) {
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				n++
				w := newWorld(t, store)
				p := newToy(fmt.Sprint("toy", n))
				types := rapid.SliceOfN(rapid.SampledFrom([]string{"A", "A", "A", "B", "B", "C", ignored, odd, shocking, refused, fragile, zero}), 0, 6)
				runtime := w.start(p)
				for range rapid.IntRange(1, 8).Draw(rt, "steps") {
					for range rapid.IntRange(0, 10).Draw(rt, "commits") {
						w.append(types.Draw(rt, "types")...)
					}
					switch rapid.SampledFrom([]string{"go on", "wait", "restart", "wait and restart"}).Draw(rt, "then") {
					case "wait":
						w.caughtUp(runtime)
						w.check(p.name)
					case "restart":
						runtime.Close()
						runtime = w.start(p)
					case "wait and restart":
						w.caughtUp(runtime)
						runtime.Close()
						w.check(p.name)
						runtime = w.start(p)
					}
				}
				w.caughtUp(runtime)
				w.check(p.name)
				if _, err := runtime.Replay(w.ctx, p.name); err != nil {
					t.Fatal(err)
				}
				w.check(p.name)
				runtime.Close()
				built := newToy(p.name + "_built")
				if err := projections.Build(w.ctx, w.log, store, []projections.Projection{built}, nil); err != nil {
					t.Fatal(err)
				}
				w.check(built.name)
			})
		})
	}
}

// TestManyCommits: more than one transaction takes, before the start and after it.
func TestManyCommits(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for range 300 {
			w.append("A")
		}
		p := newToy("toy")
		rt := w.start(p)
		w.caughtUp(rt)
		w.check(p.name)
		for range 100 {
			w.append("A", "B")
		}
		w.caughtUp(rt)
		w.check(p.name)
		if c := w.checkpoints(p.name); len(c) != 1 || c[0].Revision != 400 || c[0].Events != 500 || c[0].Through != w.commits[399].first+1 || c[0].Number != 1 {
			t.Errorf("the checkpoint is %+v", c)
		}
	})
}

// TestFailedTransaction: a transaction that fails is made again, without the log's
// going on, and loses and doubles nothing.
func TestFailedTransaction(t *testing.T) {
	broken := errors.New("broken")
	kinds := map[string]func(p *toy, failing *atomic.Bool){
		"apply": func(p *toy, failing *atomic.Bool) {
			p.onApply(func(_ readmodel.Generation, e *projections.Digested) error {
				if e.Index == 2 && failing.Load() {
					return broken
				}
				return nil
			})
		},
		"load": func(p *toy, failing *atomic.Bool) {
			p.onLoad(func(readmodel.Generation, projections.Past) error {
				if failing.Load() {
					return broken
				}
				return nil
			})
		},
		"load panics": func(p *toy, failing *atomic.Bool) {
			p.onLoad(func(readmodel.Generation, projections.Past) error {
				if failing.Load() {
					panic(broken)
				}
				return nil
			})
		},
	}
	for engine, store := range readmodeltest.Stores(t) {
		n := 0
		for name, fail := range kinds {
			n++
			t.Run(engine+"/"+name, func(t *testing.T) {
				w, p, other := newWorld(t, store), newToy(fmt.Sprint("toy", n)), newToy(fmt.Sprint("other", n))
				w.append("A", "B", "A")
				rt := w.start(p)
				w.caughtUp(rt)
				w.closed(rt)
				var failing atomic.Bool
				fail(p, &failing)
				failing.Store(true)
				rt = w.start(p, other)
				w.append("A", "A")
				w.append("B", "A", "C")
				last := w.append("A")
				w.until(rt, "standing still", func(s projections.Status) bool {
					return s.Err != nil && strings.Contains(s.Err.Error(), "broken")
				})
				if err := rt.Wait(w.ctx, last, other.name); err != nil {
					t.Fatal(err)
				}
				w.check(other.name)
				failing.Store(false)
				w.caughtUp(rt)
				w.check(p.name)
				w.until(rt, "healed", func(s projections.Status) bool { return s.Err == nil })
			})
		}
	}
}

// TestTwoProcesses: two runtimes over one database, as nodes that share a PostgreSQL
// have, lose and double nothing, and do not end one another's builds.
func TestTwoProcesses(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) {
			stores := []*readmodel.Store{readmodeltest.Open(t, dsn), readmodeltest.Open(t, dsn)}
			w := newWorld(t, stores[0])
			for range 20 {
				w.append("A", "B")
			}
			start := func(store *readmodel.Store, p projections.Projection) *projections.Runtime {
				return w.startWith(projections.Config{Log: w.log, Store: store, Projections: []projections.Projection{p}})
			}
			first := newToy("toy")
			held := newGate()
			if engine == readmodeltest.PostgreSQL {
				first.onLoad(func(readmodel.Generation, projections.Past) error { held.pass(); return nil })
			} else {
				close(held.open)
			}
			rts := []*projections.Runtime{start(stores[0], first)}
			if engine == readmodeltest.PostgreSQL {
				w.reached(held) // it is building
			} else {
				w.caughtUp(rts[0]) // a file has one process that builds
			}
			rts = append(rts, start(stores[1], newToy("toy")))
			if engine == readmodeltest.PostgreSQL {
				w.until(rts[1], "refused to build", func(s projections.Status) bool { return errors.Is(s.Err, projections.ErrBuilding) })
				close(held.open)
			}
			for range 30 {
				w.append("A", fragile)
			}
			for _, rt := range rts {
				w.caughtUp(rt)
			}
			w.check("toy")
		})
	}
}
