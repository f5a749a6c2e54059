package catalog

import (
	"context"
	"fmt"

	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Revisions reads the definitions that another projection keeps for itself, in a table with the columns t and definition,
// in the order in which they were registered.
func Revisions[D definition.Definition](ctx context.Context, tx *readmodel.Tx, table string, each func(d D, t int64)) error {
	return tx.Each(ctx, "SELECT t, definition FROM "+table+" ORDER BY t", nil, func(scan func(...any) error) error {
		var body string
		var t int64
		if err := scan(&t, &body); err != nil {
			return err
		}
		parsed, err := definition.Parse([]byte(body))
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		d, ok := parsed.(D)
		if !ok {
			return fmt.Errorf("%s: %s is a %s", table, parsed.ID(), parsed.Kind())
		}
		each(d, t)
		return nil
	})
}
