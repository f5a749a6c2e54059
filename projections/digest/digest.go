// Package digest reads what the projections of statements have in common.
package digest

import (
	"errors"
	"unicode/utf8"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/fact"
)

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
