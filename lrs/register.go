package lrs

import (
	"context"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Register stores events about people, units and definitions, all or none. The
// caller has decided them against the state that its projections show, and says by
// since which event was the last of this kind there (its time, µs; 0 for none):
// ErrStale if the log has a later one, so that no rule is broken by two
// registrations that do not know of each other, on whatever node. The position is
// that of the first event.
func (s *Store) Register(ctx context.Context, events []event.Event, since int64) (Position, error) {
	encoded := make([]eventlog.Event, len(events))
	var size int64
	for i, e := range events {
		switch e.(type) {
		case event.UnitRegistered, event.UnitRemoved, event.PersonRegistered, event.PersonRemoved,
			event.AssignmentMade, event.AssignmentRemoved, event.IdentityLinked, event.IdentityUnlinked,
			event.PersonAttributesSet,
			event.DefinitionRegistered, event.MeasureRecorded,
			event.EvaluationDecided, event.EvaluationCommented:
		default:
			return Position{}, fmt.Errorf("lrs: %T is no registration: %w", e, event.ErrInvalid)
		}
		var err error
		if encoded[i], err = encode(e); err != nil {
			return Position{}, err
		}
		size += int64(len(encoded[i].Payload)) + 64
	}
	return s.submit(ctx, size, func(tx *transaction) (decision, error) {
		if tx.registered {
			return decision{rests: true}, ErrStale
		}
		last, err := tx.view.Registered()
		if err != nil {
			return decision{}, fmt.Errorf("%w: index: %w", ErrUnavailable, err)
		}
		if last > since {
			return decision{}, ErrStale
		}
		return decision{events: encoded, merge: func(tx *transaction) { tx.registered = true }}, nil
	})
}
