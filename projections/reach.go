package projections

import (
	"context"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Reach returns when projections (all if none is named) have taken every event with a
// time up to t, µs, or with an error as Wait's. The caller knows that the log has none of
// these behind a revision.
func (r *Runtime) Reach(ctx context.Context, t int64, revision uint64, projections ...string) error {
	return r.await(ctx, projections, func(c readmodel.Checkpoint) bool { return c.Through >= t || c.Revision >= revision })
}

func (r *Runtime) await(ctx context.Context, projections []string, there func(readmodel.Checkpoint) bool) error {
	if len(projections) == 0 {
		projections = r.names
	}
	for _, name := range projections {
		n, err := r.runner(name)
		if err != nil {
			return err
		}
		if err := n.await(ctx, there); err != nil {
			return err
		}
	}
	return nil
}

// await returns when the live generation is where there says, or with an error.
func (n *runner) await(ctx context.Context, there func(readmodel.Checkpoint) bool) error {
	for {
		n.mu.Lock()
		live, progress := n.live, n.progress
		n.mu.Unlock()
		if live.Live && there(live) {
			return nil
		}
		select {
		case n.hurry <- struct{}{}:
		default: // it has been told
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-n.runtime.ctx.Done():
			return ErrClosed
		}
	}
}
