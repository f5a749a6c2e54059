package competency

import (
	"context"
	"sync"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// voidings keeps which statements are voided, and since when: there are few, and to
// join their table to every row of evidence would cost more than reading the rows.
type voidings struct {
	mu   sync.RWMutex
	live readmodel.Generation
	t    map[string]int64 // by statement; what is there never changes
	last int64            // time up to which they are there
}

// load reads what has come since it was last called. The function that it returns
// tells whether a statement is voided as known at asOf, for any asOf up to the
// snapshot's.
func (v *voidings) load(ctx context.Context, tx *readmodel.Tx) (func(statement string, asOf int64) bool, error) {
	c, _, err := tx.Live(ctx, Name)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.t == nil || v.live != c.Generation {
		v.live, v.t, v.last = c.Generation, map[string]int64{}, 0
	}
	if c.Live && c.Through > v.last {
		err = tx.Each(ctx, "SELECT statement, t FROM competency_voidings WHERE t > ?", []any{v.last}, func(scan func(...any) error) error {
			var statement string
			var t int64
			err := scan(&statement, &t)
			v.t[statement] = t
			return err
		})
		if err != nil {
			v.t = nil
			return nil, err
		}
		v.last = c.Through
	}
	of := v.t
	return func(statement string, asOf int64) bool {
		v.mu.RLock()
		defer v.mu.RUnlock()
		t, voided := of[statement]
		return voided && t <= asOf
	}, nil
}
