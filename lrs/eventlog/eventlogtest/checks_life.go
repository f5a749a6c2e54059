package eventlogtest

import (
	"iter"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

func checkReopen(f *fixture) {
	for range 3 {
		f.appendN(3)
		if err := f.log.Close(); err != nil {
			f.Fatal(err)
		}
		f.log = f.reopen()
		f.whole()
		err := f.log.Append(f.ctx, 0, NewChain(f).Seal().Data)
		f.refused("append of another first commit after a reopen", err, eventlog.ErrConflict)
	}
	f.append()
	f.whole()
}

func checkClose(f *fixture) {
	f.appendN(2)
	log := f.log
	waiting := make(chan error, 1)
	subscribed := make(chan struct{})
	go func() {
		var last error
		for r, err := range log.Subscribe(f.ctx, 1) {
			if last = err; r.Revision == 2 {
				close(subscribed)
			}
		}
		waiting <- last
	}()
	<-subscribed
	if err := log.Close(); err != nil {
		f.Fatal(err)
	}
	f.refused("a subscription when the log is closed", <-waiting, eventlog.ErrClosed)

	_, err := log.Head(f.ctx)
	f.refused("head", err, eventlog.ErrClosed)
	f.refused("append", log.Append(f.ctx, 2, f.chain.Seal().Data), eventlog.ErrClosed)
	for _, records := range []iter.Seq2[eventlog.Record, error]{log.Read(f.ctx, 1), log.Subscribe(f.ctx, 1)} {
		var last error
		for _, err := range records {
			last = err
		}
		f.refused("read or subscribe", last, eventlog.ErrClosed)
	}
	if err := log.Close(); err != nil {
		f.Fatalf("close again: %v", err)
	}
	f.log = f.reopen()
	f.whole()
}

// checkSettle puts one fault at each step of Settle, with and without a rival that
// takes the revision at that step.
func checkSettle(f *fixture) {
	f.append()
	for _, fault := range Faults {
		for step := range 3 {
			for _, race := range []bool{false, true} {
				before := f.chain.Fork("rival").Seal()
				faulty := &Faulty{Log: f.log, Plan: func(c Call) Fault {
					if c.N != step {
						return None
					}
					if race {
						// If it comes too late it conflicts, which is fine.
						_ = f.log.Append(f.ctx, f.chain.Head.Revision, before.Data)
					}
					return fault
				}}
				f.settled(faulty, f.chain.Seal(), before)
			}
		}
	}
	f.whole()
}

// checkUnanswered settles appends of which each meets the same fault, so that none
// is ever answered: only what the log has tells what became of them. A rival takes
// the revision before the first attempt, or before the second if that is not too late.
func checkUnanswered(f *fixture) {
	f.append()
	for _, fault := range Faults[1:] {
		for _, first := range []bool{true, false} {
			theirs := f.chain.Fork("rival").Seal()
			faulty := &Faulty{Log: f.log, Plan: func(c Call) Fault {
				if c.Op != Append {
					return None
				}
				if first || c.N > 0 {
					_ = f.log.Append(f.ctx, f.chain.Head.Revision, theirs.Data)
				}
				return fault
			}}
			f.settled(faulty, f.chain.Seal(), theirs)
		}
	}
}

// settled settles ours through faulty, and checks the answer by what the log has
// in the end: ours, or theirs.
func (f *fixture) settled(faulty *Faulty, ours, theirs eventlog.Sealed) {
	f.Helper()
	err := f.settle(faulty, ours.Data)
	faulty.Arrive()
	won := ours
	if err != nil {
		f.refused("settle", err, eventlog.ErrConflict)
		won = theirs
	}
	f.stored = append(f.stored, won.Data)
	f.chain.Head = won.Commit.Head()
	f.whole()
}

func (f *fixture) settle(log eventlog.Log, data []byte) error {
	return eventlog.Settle(f.ctx, log, f.chain.Head.Revision, data, eventlog.SettleOptions{
		Timeout: 200 * time.Millisecond, // so long is cut off
		Backoff: func(int, error) time.Duration { return time.Millisecond },
	})
}
