// Package digest reads what the projections of statements have in common.
package digest

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/fact"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Earlier calls each for every statement before a position that is no voiding, as projections.Earlier does; t is its time.
func Earlier(ctx context.Context, past projections.Past, before projections.Position, update projections.Update,
	each func(tx *readmodel.Tx, t int64, f *fact.Features) error) error {
	return projections.Earlier(ctx, past, before, update, func(tx *readmodel.Tx, e *projections.Digested) error {
		f, ok := e.Digest.(*fact.Features)
		if !ok {
			return nil
		}
		if _, voids := f.Voids(); voids {
			return nil
		}
		return each(tx, e.T, f)
	})
}

// Statement gives the features of a statement; the event is a StatementStored. Other projections may have the same, so
// that they must not be changed. An error sets the event aside.
func Statement(e *projections.Event) (*fact.Features, error) {
	made, err := e.Once(func() (any, error) {
		ev, err := event.Decode(e.Encoded)
		if err != nil {
			return nil, err
		}
		raw := ev.(event.StatementStored).Statement
		if !utf8.Valid(raw) {
			return nil, errors.New("the statement is not UTF-8")
		}
		f, err := fact.FeaturesOf(raw)
		return &f, err
	})
	if err != nil {
		return nil, err
	}
	return made.(*fact.Features), nil
}
