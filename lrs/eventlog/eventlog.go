// Package eventlog is the port to the event log, the only truth of Bedside: a
// gapless sequence of commits with revisions 1, 2, 3 …, each holding the events
// of one or more requests, chained by hash, appended with an expected revision.
//
// The package holds the commit format, the chain, and what every driver shares
// (settling an append whose outcome is unknown, following a log and checking
// it). Drivers live in sub-packages and pass one contract suite, eventlogtest.
// It imports nothing else of Bedside.
package eventlog

import (
	"context"
	"errors"
	"iter"
)

// Revision is the place of a commit in the log: 1, 2, 3 … without a gap. 0
// stands for the empty log.
type Revision uint64

// Head is a commit's identity in the chain: what the next commit must follow.
// The zero Head is that of the empty log.
type Head struct {
	Log      LogID
	Revision Revision
	Hash     Hash
}

// Record is one commit as a driver keeps it: Data is Sealed.Data, byte for byte,
// and must not be changed.
type Record struct {
	Revision Revision
	Data     []byte
}

// Log is what the write path and the readers need of an event log. All methods
// may be called concurrently, except Append, of which a caller has at most one
// in flight. Drivers do not interpret commits; Follow checks what they yield.
type Log interface {
	// Append stores data as revision expected+1.
	//
	//   nil                stored, and durable (fsynced) on as many machines as
	//                      the driver promises. Also, with some drivers, when
	//                      that revision is these very bytes already.
	//   ErrConflict        another commit has that revision; this one is not
	//                      stored and never will be.
	//   ErrUnknownOutcome  it may be stored, now or later; see Settle. With
	//                      ErrConflict: that revision is taken, maybe by it.
	//   ErrLogDamaged      the log ends before expected: it has lost commits that
	//                      the caller has seen. Not stored. Where servers may
	//                      say so for a moment it is ErrUnavailable until it has
	//                      lasted; see Shorter.
	//   ErrTooLarge, ErrUnavailable, ErrClosed
	//                      certainly not stored.
	//
	// The driver bounds the time it takes. data must never be changed again.
	Append(ctx context.Context, expected Revision, data []byte) error

	// Head is the last revision that is stored, 0 for an empty log.
	Head(ctx context.Context) (Revision, error)

	// Read yields the commits from revision from (at least 1) to the head as it
	// is when the loop begins, in order, and then ends. An end before that head
	// is an error, never silence. The loop ends after the first error. What it
	// yields is stored, and durable, as Append promises: Settle rests on that.
	Read(ctx context.Context, from Revision) iter.Seq2[Record, error]

	// Subscribe yields like Read and then goes on with what is appended, until
	// ctx ends; it then yields ctx's error.
	Subscribe(ctx context.Context, from Revision) iter.Seq2[Record, error]

	// Close releases what the driver holds; calls under way return ErrClosed
	// or their result.
	Close() error
}

// Errors of the port. Drivers wrap them with what an operator can do.
var (
	ErrConflict       = errors.New("eventlog: another commit has the expected revision")
	ErrUnknownOutcome = errors.New("eventlog: the append's outcome is unknown")
	ErrTooLarge       = errors.New("eventlog: the commit is larger than the log accepts")
	ErrUnavailable    = errors.New("eventlog: the log is not available")
	ErrClosed         = errors.New("eventlog: the log is closed")

	// ErrLogDamaged: a gap, a broken chain, or bytes that are no commit. A
	// reader stops; nothing behind the damage may be served as if whole.
	ErrLogDamaged = errors.New("eventlog: the log is damaged")

	// ErrFormat: written by a newer release; this one cannot read it.
	ErrFormat = errors.New("eventlog: unknown commit format")

	// ErrFull: the commit being built has no room for this; seal it first.
	ErrFull = errors.New("eventlog: the commit is full")
)
