package lrs

import (
	"context"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Turn waits until nobody else in this process has the turn to register, and gives it up with done. Who reads the state,
// decides and registers within one turn is overtaken by other nodes only: a long decision would otherwise never be in
// time beside short ones. Turns are given in the order in which they were asked for. The error is ctx's.
func (s *Store) Turn(ctx context.Context) (done func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Register stores events about people, units and definitions, all or none. The
// caller has decided them against the state that its projections show, and says by
// since which event was the last of this kind there (its time, µs; 0 for none):
// ErrStale if the log has a later one, so that no rule is broken by two
// registrations that do not know of each other, on whatever node. The position is
// that of the first event, and last the time of the last, µs: since of who goes on.
func (s *Store) Register(ctx context.Context, events []event.Event, since int64) (at Position, last int64, err error) {
	encoded := make([]eventlog.Event, len(events))
	var size int64
	for i, e := range events {
		switch e.(type) {
		case event.UnitRegistered, event.UnitRemoved, event.PersonRegistered, event.PersonRemoved,
			event.AssignmentMade, event.AssignmentRemoved, event.IdentityLinked, event.IdentityUnlinked,
			event.PersonAttributesSet, event.UnitAttributesSet,
			event.DefinitionRegistered, event.MeasureRecorded,
			event.EvaluationDecided, event.EvaluationCommented:
		default:
			return Position{}, 0, fmt.Errorf("lrs: %T is no registration: %w", e, event.ErrInvalid)
		}
		var err error
		if encoded[i], err = encode(e); err != nil {
			return Position{}, 0, err
		}
		size += int64(len(encoded[i].Payload)) + 64
	}
	var decided int64
	at, err = s.submit(ctx, size, func(tx *transaction) (decision, error) {
		if tx.registered {
			return decision{rests: true}, ErrStale
		}
		registered, err := tx.view.Registered()
		if err != nil {
			return decision{}, fmt.Errorf("%w: index: %w", ErrUnavailable, err)
		}
		if registered > since {
			return decision{}, ErrStale
		}
		decided = tx.first + int64(len(tx.events)+len(encoded)) - 1
		return decision{events: encoded, merge: func(tx *transaction) { tx.registered = true }}, nil
	})
	if err != nil { // it may still be decided
		return at, 0, err
	}
	return at, decided, nil
}
