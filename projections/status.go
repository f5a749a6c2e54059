package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Status is how a projection stands.
type Status struct {
	Name     string
	Live     readmodel.Checkpoint  // Live.Live is false until it has answers
	Building *readmodel.Checkpoint // of a rebuild under way
	Err      error                 // why it stands still
	SetAside int64                 // events that it could not digest
	Next     int64                 // time of the first event that it has not taken, µs; 0: none is known
}

func (n *runner) status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Status{Name: n.name, Live: n.live, Building: n.building, Err: n.err}
}

// Status gives how each projection stands. The error is that of the database.
func (r *Runtime) Status(ctx context.Context) ([]Status, error) {
	all := make([]Status, len(r.names))
	for i, name := range r.names {
		all[i] = r.runners[name].status()
	}
	next := map[uint64]int64{} // by revision: most have come as far as each other
	for i := range all {
		revision := all[i].Live.Revision
		if _, asked := next[revision]; !asked {
			next[revision] = r.next(ctx, revision)
		}
		all[i].Next = next[revision]
	}
	err := r.cfg.Store.View(ctx, func(tx *readmodel.Tx) error {
		for i := range all {
			live, _, err := tx.Live(ctx, all[i].Name)
			if err != nil {
				return err
			}
			if all[i].SetAside, err = tx.CountAsides(ctx, live.Generation); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// nextPatience is how long the log is waited for by who asks for the status: it tells the more, the less the log answers.
const nextPatience = time.Second

// next is the time of the first event after a revision; 0 if there is none or it cannot
// be read, which whoever follows the log says.
func (r *Runtime) next(ctx context.Context, revision uint64) int64 {
	ctx, cancel := context.WithTimeout(ctx, nextPatience)
	defer cancel()
	found := make(chan int64, 1)
	go func() { // which may be longer than ctx: a connection to NATS is locked while it connects again to a server that hangs
		first, _, err := r.Commit(ctx, revision+1)
		if err != nil {
			first = 0
		}
		found <- first
	}()
	select {
	case first := <-found:
		return first
	case <-ctx.Done():
		return 0
	}
}

// Commit reads from the log the time of a commit's first event, µs, and how many events it has, each a µs after the one
// before; none where the log has no such commit.
func (r *Runtime) Commit(ctx context.Context, revision uint64) (first int64, events int, err error) {
	head, err := r.cfg.Log.Head(ctx)
	if err != nil || revision < 1 || uint64(head) < revision {
		return 0, 0, err
	}
	for record, err := range r.cfg.Log.Read(ctx, eventlog.Revision(revision)) {
		if err != nil {
			return 0, 0, err
		}
		c, err := eventlog.Decode(record.Data)
		if err != nil {
			return 0, 0, fmt.Errorf("commit %d: %w", revision, err)
		}
		return c.FirstStored, c.Header.Events, nil
	}
	return 0, 0, fmt.Errorf("%w: reading revision %d gave nothing", eventlog.ErrLogDamaged, revision)
}

// SetAside gives the events that a projection has set aside, at most limit.
func (r *Runtime) SetAside(ctx context.Context, projection string, limit int) (all []readmodel.SetAside, err error) {
	if _, err := r.runner(projection); err != nil {
		return nil, err
	}
	err = r.cfg.Store.View(ctx, func(tx *readmodel.Tx) error {
		live, _, err := tx.Live(ctx, projection)
		if err == nil {
			all, err = tx.Asides(ctx, live.Generation, limit)
		}
		return err
	})
	return all, err
}
