package competency

import (
	"context"
	"sync"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// voidings keeps which statements are voided, and since when: there are few, and to
// join their table to every row of evidence would cost more than reading the rows.
type voidings struct {
	mu   sync.Mutex
	live readmodel.Generation
	t    *sync.Map // int64 by statement; what is there never changes
	last int64     // time up to which they are there
}

// load reads what has come since it was last called. The function that it returns
// tells whether a statement is voided as known at asOf, for any asOf up to the
// snapshot's. It may be called concurrently.
func (v *voidings) load(ctx context.Context, tx *readmodel.Tx) (func(statement string, asOf int64) bool, error) {
	c, _, err := tx.Live(ctx, Name)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.t == nil || v.live != c.Generation {
		v.live, v.t, v.last = c.Generation, &sync.Map{}, 0
	}
	of := v.t
	if c.Live && c.Through > v.last {
		err = tx.Each(ctx, "SELECT statement, t FROM competency_voidings WHERE t > ?", []any{v.last}, func(scan func(...any) error) error {
			var statement string
			var t int64
			err := scan(&statement, &t)
			of.Store(statement, t)
			return err
		})
		if err != nil {
			v.t = nil
			return nil, err
		}
		v.last = c.Through
	}
	return func(statement string, asOf int64) bool {
		t, voided := of.Load(statement)
		return voided && t.(int64) <= asOf
	}, nil
}
