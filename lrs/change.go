package lrs

import (
	"context"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Position is where a change stands in the log. Positions grow with time and
// are the same on every node and after every replay.
type Position struct {
	Revision eventlog.Revision // of the commit
	Index    int               // of the event in it
}

// change is one request that is decided as a whole. It is made by a writing
// method of Store, travels through the committer's queue, and is answered once.
type change struct {
	ctx    context.Context
	size   int64                                   // bytes it holds in the queue
	decide func(*transaction) (decision, error)    // pure but for reading; may run more than once
	run    func(context.Context, *committer) error // instead of decide: the committer's own work, between commits
	answer chan answer                             // capacity 1: the committer never waits for a client
}

type answer struct {
	position Position // of its first event; zero when it needed none
	err      error
}

// pending is a change that has been decided for the open commit and waits for
// the commit's outcome.
type pending struct {
	*change
	answer
	events int
}
