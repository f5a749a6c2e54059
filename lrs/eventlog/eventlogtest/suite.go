// Package eventlogtest is the contract of eventlog.Log as tests, which every
// driver passes, and a wrapper that makes any log faulty.
package eventlogtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// TooLarge is a size that every driver refuses, in bytes.
const TooLarge = 9 << 20

// patience bounds a check, and so every wait of a driver that hangs.
const patience = 30 * time.Second

// Run runs the contract's checks against a driver, each on a log of its own. open
// gives an empty log, and what opens the same log again after it was closed. Run
// closes what it opens.
func Run(t *testing.T, open func(t *testing.T) (log eventlog.Log, reopen func() eventlog.Log)) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			log, reopen := open(t)
			runCheck(t, c.run, log, reopen)
		})
	}
}

func runCheck(tb testing.TB, run func(*fixture), log eventlog.Log, reopen func() eventlog.Log) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f := &fixture{TB: tb, ctx: ctx, log: log, reopen: reopen, chain: NewChain(tb)}
	defer func() { _ = f.log.Close() }()
	run(f)
}

var checks = []struct {
	name string
	run  func(*fixture)
}{
	{"an empty log has nothing", checkEmpty},
	{"what is appended is read", checkAppend},
	{"a read ends at the head it began with", checkReadEnds},
	{"a conflict stores nothing", checkConflict},
	{"a log shorter than expected is damaged", checkBeyond},
	{"writers that race share the revisions", checkRace},
	{"a subscription goes on after the backlog", checkSubscribe},
	{"many subscribers see the same", checkSubscribers},
	{"nothing outlives its context", checkContext},
	{"sizes", checkSizes},
	{"reopen keeps everything", checkReopen},
	{"a closed log says so", checkClose},
	{"settled at every fault", checkSettle},
	{"settled without an answer", checkUnanswered},
}

// fixture is what a check works on.
type fixture struct {
	testing.TB
	ctx    context.Context
	log    eventlog.Log
	reopen func() eventlog.Log
	chain  *Chain

	stored [][]byte // what the log must hold
}

// append appends the chain's next commit, which must work.
func (f *fixture) append(events ...eventlog.Event) {
	f.Helper()
	f.stored = append(f.stored, f.chain.Append(f.ctx, f.log, events...).Data)
}

func (f *fixture) appendN(n int) {
	f.Helper()
	for range n {
		f.append()
	}
}

// whole checks that the log holds what it must, from every side.
func (f *fixture) whole() {
	f.Helper()
	if head, err := f.log.Head(f.ctx); err != nil || head != eventlog.Revision(len(f.stored)) {
		f.Fatalf("head %d (%v), not %d", head, err, len(f.stored))
	}
	for _, from := range []int{1, 2, len(f.stored), len(f.stored) + 1} {
		if from < 1 {
			continue
		}
		next := from
		for r, err := range f.log.Read(f.ctx, eventlog.Revision(from)) {
			if err != nil {
				f.Fatalf("read from %d: %v", from, err)
			}
			f.is(r, next)
			next++
		}
		if next < len(f.stored)+1 {
			f.Fatalf("the read from %d ended before %d, without an error; the head is %d", from, next, len(f.stored))
		}
	}
	last := f.chain.Head
	for c, err := range eventlog.Follow(f.log.Read(f.ctx, 1), eventlog.Head{}) {
		if err != nil {
			f.Fatal(err)
		}
		last = c.Head()
	}
	if last != f.chain.Head {
		f.Fatalf("the chain ends at %v, not at %v", last, f.chain.Head)
	}
}

// is checks that r is the commit with the given revision.
func (f *fixture) is(r eventlog.Record, revision int) {
	f.Helper()
	switch {
	case revision > len(f.stored):
		f.Fatalf("revision %d was read, behind the head %d", r.Revision, len(f.stored))
	case r.Revision != eventlog.Revision(revision):
		f.Fatalf("revision %d was read, not %d", r.Revision, revision)
	case !bytes.Equal(r.Data, f.stored[revision-1]):
		f.Fatalf("revision %d has %d bytes, not the %d that were appended", revision, len(r.Data), len(f.stored[revision-1]))
	}
}

// refused checks that err is of one of the kinds.
func (f *fixture) refused(what string, err error, kinds ...error) {
	f.Helper()
	if !slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) }) {
		f.Fatalf("%s: %v; it should be one of %q", what, err, kinds)
	}
}
