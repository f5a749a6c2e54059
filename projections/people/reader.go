package people

import (
	"context"
	"sync"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Reader reads States from the live tables. It keeps what it has read, so a State
// costs little once its events are known. Its methods may be called concurrently.
type Reader struct {
	mu      sync.Mutex
	live    readmodel.Generation
	history *History
	last    int64 // time of the last event in history
}

// State gives the State as known at asOf, µs, as far as the snapshot has it.
func (r *Reader) State(ctx context.Context, tx *readmodel.Tx, asOf int64) (*State, error) {
	h, through, err := r.load(ctx, tx)
	if err != nil {
		return nil, err
	}
	return h.At(min(asOf, through)), nil // another snapshot may have been newer
}

// load gives the history with all that the snapshot has, and perhaps more, and the time that the snapshot goes up to.
func (r *Reader) load(ctx context.Context, tx *readmodel.Tx) (*History, int64, error) {
	c, _, err := tx.Live(ctx, Name)
	if err != nil {
		return nil, 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.history == nil || r.live != c.Generation {
		r.live, r.history, r.last = c.Generation, NewHistory(), 0
	}
	if c.Live {
		if r.last, err = load(ctx, tx, "people_events", r.history, r.last); err != nil {
			r.history = nil
			return nil, 0, err
		}
	}
	return r.history, c.Through, nil
}
