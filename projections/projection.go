package projections

import (
	"context"
	"errors"
	"iter"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Position is the place of an event in the log.
type Position struct {
	Revision uint64 // of its commit, from 1
	Index    int    // of the event in the commit, from 0
}

// Event is an event of the log.
type Event struct {
	Position
	T       int64 // its time, µs since 1970; greater than that of every event before it
	Encoded event.Encoded

	made *once // nil: nobody else reads it now
}

// Digested is an event and what a projection's Digest made of it.
type Digested struct {
	Event
	Digest any
}

// ErrIndigestible is wrapped by an error that is about one event and not about the
// database: the event is set aside, and the projection goes on.
var ErrIndigestible = errors.New("the projection cannot digest the event")

// Projection makes rows of events.
type Projection interface {
	Schema() readmodel.Schema

	// Digest is the part of the work on an event that needs nothing but the event. It
	// is called in order, in another goroutine than the Writer's, and in several at once
	// while generations are built beside one another. nil: the event is none of this
	// projection's. An error, or a panic, sets the event aside.
	Digest(e *Event) (any, error)

	// Load makes the Writer of a generation, with what it keeps in memory read from
	// the tables as tx sees them.
	Load(ctx context.Context, tx *readmodel.Tx, g readmodel.Generation, past Past) (Writer, error)
}

// Past reads the events before a position again, digested by the same projection;
// those that it does not digest are left out, those that its Writer refused are not.
type Past func(ctx context.Context, before Position) iter.Seq2[*Digested, error]

// Writer writes the rows of one generation. It is used by one goroutine, and is
// dropped when a transaction fails, because its memory is then ahead of the tables.
type Writer interface {
	// Apply takes an event. With an error that wraps ErrIndigestible it has changed
	// nothing, and no statement has failed (PostgreSQL takes none after that). After a
	// panic, or an error that wraps readmodel.ErrUnstorable, the event is set aside too,
	// with whatever it has changed undone. Any other error ends the transaction, and it
	// is tried again.
	Apply(ctx context.Context, tx *readmodel.Tx, e *Digested) error

	// Changed gives the keys of the answers that may have changed since it or Forget was
	// last called. tx is that of the last Apply.
	Changed(ctx context.Context, tx *readmodel.Tx) ([]string, error)

	// Forget drops what Changed would give. It is called in its place while a generation
	// is built, which has no Lookups and which nobody has read.
	Forget()
}

// Preparer is a Writer that makes rows of all earlier events for some event, as for a rule that is new. In one transaction
// with Apply that would keep all other projections waiting.
type Preparer interface {
	// Prepare makes them in transactions of its own, before Apply is called with the event: rows that no answer shows
	// until Apply has taken it. It may be called for an event again, and then adds what is missing.
	Prepare(ctx context.Context, update Update, e *Digested) error
}

// Update runs do in a transaction.
type Update func(ctx context.Context, do func(tx *readmodel.Tx) error) error

// earlierAtOnce are how many earlier events are looked at in one transaction.
const earlierAtOnce = 2048

// Earlier calls each for every event before a position, many in one transaction.
func Earlier(ctx context.Context, past Past, before Position, update Update, each func(tx *readmodel.Tx, e *Digested) error) error {
	var some []*Digested
	take := func() error {
		return update(ctx, func(tx *readmodel.Tx) error {
			for _, e := range some {
				if err := each(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for e, err := range past(ctx, before) {
		if err != nil {
			return err
		}
		if some = append(some, e); len(some) == earlierAtOnce {
			if err := take(); err != nil {
				return err
			}
			some = some[:0]
		}
	}
	return take()
}

// Log is what the runtime needs of the event log.
type Log interface {
	Head(ctx context.Context) (eventlog.Revision, error)
	Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error]
	Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error]
}
