package projections_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// rule is the type of the events for which a careful projection looks at all earlier ones.
const rule = "Rule"

// careful is a toy whose Writer prepares for rules.
type careful struct {
	*toy
	between func() error // called between two transactions of a preparation
	seen    atomic.Int64 // earlier events that were looked at
}

type carefulWriter struct {
	projections.Writer
	of   *careful
	past projections.Past
}

func (p *careful) Load(ctx context.Context, tx *readmodel.Tx, g readmodel.Generation, past projections.Past) (projections.Writer, error) {
	w, err := p.toy.Load(ctx, tx, g, past)
	return &carefulWriter{w, p, past}, err
}

func (w *carefulWriter) Prepare(ctx context.Context, update projections.Update, e *projections.Digested) error {
	if e.Encoded.Type != rule {
		return nil
	}
	w.of.seen.Store(0)
	return projections.Earlier(ctx, w.past, e.Position, func(ctx context.Context, do func(*readmodel.Tx) error) error {
		if err := update(ctx, do); err != nil {
			return err
		}
		return w.of.between()
	}, func(*readmodel.Tx, *projections.Digested) error {
		w.of.seen.Add(1)
		return nil
	})
}

// TestPrepare: while one projection looks at all earlier events for a new rule, the others get on; it has looked at each
// when it takes the rule, and one that fails meanwhile begins again.
func TestPrepare(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		held := newGate()
		var failed atomic.Bool
		first := true
		slow, fast := &careful{toy: newToy("slow")}, newToy("fast")
		slow.between = func() error {
			if first {
				first = false
				held.pass()
			}
			if failed.CompareAndSwap(false, true) {
				return errors.New("broken")
			}
			return nil
		}
		rt := w.start(slow, fast)
		for range 30 {
			w.append("A", "B", "A", ignored)
		}
		w.append("A", rule, "B")
		w.reached(held)
		w.append("A")
		if err := rt.Wait(w.ctx, w.revision(), "fast"); err != nil {
			t.Fatalf("the other projection waits: %v", err)
		}
		close(held.open)
		w.caughtUp(rt)
		if got := slow.seen.Load(); got != 91 || !failed.Load() {
			t.Errorf("%d earlier events were looked at, want 91; failed: %v", got, failed.Load())
		}
		w.check("slow")
		w.check("fast")
		w.closed(rt)
	})
}
