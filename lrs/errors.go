package lrs

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// What a write can come to, beside success. The api package has the one table
// from these errors to HTTP statuses.
var (
	// ErrBusy: the queue of undecided changes is full. Nothing was stored; try
	// again.
	ErrBusy = errors.New("lrs: too many changes are waiting")

	// ErrReferring: the credential has so many statements that are not found yet by
	// what they refer to that no more are taken now. Nothing was stored; try again.
	ErrReferring = errors.New("lrs: too many statements of one credential are not found yet by what they refer to")

	// ErrBehind: a list would end before the time from which it was asked for, since
	// statements before that are not found yet by what they refer to; ask again.
	ErrBehind = errors.New("lrs: some statements are not found yet by what they refer to")

	// ErrNoSpace: less disk space is free than Config.MinFree. Nothing was
	// stored; writes resume by themselves when there is space.
	ErrNoSpace = errors.New("lrs: the disk is nearly full")

	// ErrClock: the machine's clock is behind the log. Nothing was stored.
	ErrClock = errors.New("lrs: the clock is wrong")

	// ErrUnavailable: the log or the index cannot take the change now. Nothing
	// was stored.
	ErrUnavailable = errors.New("lrs: the store is not available")

	// ErrUnknownOutcome: the log did not say in time whether it has the change.
	// Sending it again settles that, and is harmless for statements with an id and
	// for documents. (A precondition that the change itself has overtaken fails.)
	ErrUnknownOutcome = errors.New("lrs: it is not known yet whether the change is stored")

	// ErrTooLarge: the change does not fit into one commit.
	ErrTooLarge = errors.New("lrs: the request is larger than one commit can hold")

	// ErrClosed: the store is shutting down. Nothing was stored.
	ErrClosed = errors.New("lrs: the store is closed")

	// ErrExists: a credential with that key is there already.
	ErrExists = errors.New("lrs: it exists already")

	// ErrStale: people, units or definitions have changed since the state that a
	// registration was decided against. Nothing was stored; decide again.
	ErrStale = errors.New("lrs: other registrations came in between")

	// ErrNotFound: there is no such statement, document or credential.
	ErrNotFound = errors.New("lrs: not found")
)

// ConflictError refuses a statement whose id is stored with other content
// (xAPI 1.0.3, Communication 2.1.1 and 2.1.2: 409). Nothing of its request is
// stored.
type ConflictError struct {
	Statement int // index in the request
	ID        uuid.UUID
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("lrs: statement %s is stored with other content", e.ID)
}
