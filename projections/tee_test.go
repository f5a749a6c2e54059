package projections_test

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// countingLog counts how often it is read from the beginning.
type countingLog struct {
	eventlog.Log
	whole atomic.Int64
}

func (l *countingLog) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	if from == 1 {
		l.whole.Add(1)
	}
	return l.Log.Read(ctx, from)
}

// TestReplayTogether: projections that are replayed together read the log once; one that fails in the middle leaves the
// others alone and is as it was.
func TestReplayTogether(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for range 300 {
			w.append("A", "B", odd)
		}
		log := &countingLog{Log: w.log}
		one, two, three := newToy("one"), newToy("two"), newToy("three")
		rt := w.startWith(projections.Config{Log: log, Projections: []projections.Projection{one, two, three}})
		w.caughtUp(rt)
		broken := errors.New("broken")
		two.onApply(func(g readmodel.Generation, e *projections.Digested) error {
			if g.Number > 1 && e.Revision == 200 {
				return broken
			}
			return nil
		})
		log.whole.Store(0)
		done, err := rt.Replay(w.ctx, "one", "two", "three")
		if !errors.Is(err, broken) || !slices.Equal(done, []string{"one", "three"}) {
			t.Fatalf("done: %v, %v", done, err)
		}
		if n := log.whole.Load(); n != 1 {
			t.Errorf("the log was read %d times from its beginning", n)
		}
		for name, generation := range map[string]int64{"one": 2, "two": 1, "three": 2} {
			if all := w.checkpoints(name); len(all) != 1 || all[0].Number != generation {
				t.Errorf("%s: checkpoints %+v", name, all)
			}
			w.check(name)
		}
		if done, err := rt.Replay(w.ctx, "one", "nobody"); !errors.Is(err, projections.ErrUnknownProjection) || done != nil {
			t.Errorf("with one that is unknown: done %v, %v", done, err)
		}
		w.closed(rt)
	})
}

// TestTogetherWithout: when all have failed, nobody goes on reading, and the replay ends.
func TestTogetherWithout(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for range 300 {
			w.append("A")
		}
		one, two := newToy("one"), newToy("two")
		rt := w.start(one, two)
		w.caughtUp(rt)
		refuse := func(g readmodel.Generation, _ projections.Past) error {
			if g.Number > 1 {
				return errors.New("broken by " + g.Projection)
			}
			return nil
		}
		one.onLoad(refuse)
		two.onLoad(refuse)
		done, err := rt.Replay(w.ctx, "one", "two")
		if len(done) != 0 || err == nil || !strings.Contains(err.Error(), "broken by one") || !strings.Contains(err.Error(), "broken by two") {
			t.Errorf("done %v, %v", done, err)
		}
		w.closed(rt)
	})
}

// TestLookups: what is built has its lookups when it is live, at the first start, after a replay, and in a database of
// its own.
func TestLookups(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.append("A", "B")
		check := func(p *toy) {
			t.Helper()
			stays := errors.New("it stays")
			err := w.store.Update(w.ctx, func(tx *readmodel.Tx) error {
				live, _, err := tx.Live(w.ctx, p.name)
				if err == nil {
					err = tx.Exec(w.ctx, "DROP INDEX "+live.Table(p.name+"_tally")+"_l0")
				}
				return cmp.Or(err, stays)
			})
			if !errors.Is(err, stays) {
				t.Error(err)
			}
		}
		p := newToy("toy")
		rt := w.start(p)
		w.caughtUp(rt)
		check(p)
		if _, err := rt.Replay(w.ctx, p.name); err != nil {
			t.Fatal(err)
		}
		check(p)
		built := newToy("built")
		if err := projections.Build(w.ctx, w.log, w.store, []projections.Projection{built}, nil); err != nil {
			t.Fatal(err)
		}
		check(built)
		w.closed(rt)
	})
}
