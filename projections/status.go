package projections

import (
	"context"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Status is how a projection stands.
type Status struct {
	Name     string
	Live     readmodel.Checkpoint  // Live.Live is false until it has answers
	Building *readmodel.Checkpoint // of a rebuild under way
	Err      error                 // why it stands still
	SetAside int64                 // events that it could not digest
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
