package eventlogtest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

func checkEmpty(f *fixture) {
	f.whole()
	f.append()
	f.whole()
}

func checkAppend(f *fixture) {
	for range 5 {
		f.append()
		f.whole()
	}
	for range f.log.Read(f.ctx, 1) {
		break // a reader may leave early
	}
	f.whole()
}

func checkReadEnds(f *fixture) {
	f.appendN(5)
	next, stop := iter.Pull2(f.log.Read(f.ctx, 1))
	defer stop()
	for i := range 5 {
		r, err, ok := next()
		if err != nil || !ok {
			f.Fatalf("record %d of 5: ok %v, %v", i+1, ok, err)
		}
		f.is(r, i+1)
		f.append()
	}
	if r, err, ok := next(); ok {
		f.Fatalf("after the 5 records that were there when it began, the read went on with %d, %v", r.Revision, err)
	}
	f.whole()
}

func checkConflict(f *fixture) {
	f.appendN(3)
	for expected := range 3 {
		rival := f.chain.Fork("rival")
		rival.Head.Revision = eventlog.Revision(expected)
		if expected == 0 {
			rival.Head.Hash = eventlog.Hash{}
		}
		err := f.log.Append(f.ctx, rival.Head.Revision, rival.Seal().Data)
		f.refused("append with an old revision", err, eventlog.ErrConflict)
		f.whole()
	}
	err := f.log.Append(f.ctx, 2, f.stored[2])
	f.refused("append of what is already stored", err, eventlog.ErrConflict)
	f.append()
	f.whole()
}

func checkBeyond(f *fixture) {
	for range 2 {
		ahead := f.chain.Fork("ahead")
		ahead.Head.Revision += 2
		ahead.Head.Hash = eventlog.Hash{1}
		err := f.log.Append(f.ctx, ahead.Head.Revision, ahead.Seal().Data)
		f.refused("append with a revision beyond the head", err, eventlog.ErrLogDamaged)
		f.whole()
		f.append()
	}
}

// checkRace has writers that know each other's commits by the log only.
func checkRace(f *fixture) {
	const writers, each = 3, 8
	f.append()
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		mine   = map[eventlog.Revision][]byte{} // acknowledged; under mu
		errors = make([]error, writers)
	)
	for w := range writers {
		wg.Go(func() {
			chain := f.chain.Fork(string(rune('a' + w)))
			for n := 0; n < each; {
				sealed := chain.Seal()
				err := f.log.Append(f.ctx, chain.Head.Revision, sealed.Data)
				if err == nil {
					n++
					mu.Lock()
					if mine[sealed.Commit.Revision] != nil {
						f.Errorf("revision %d was acknowledged twice", sealed.Commit.Revision)
					}
					mine[sealed.Commit.Revision] = sealed.Data
					mu.Unlock()
				} else if !isConflict(err) {
					errors[w] = err
					return
				}
				if errors[w] = f.catchUp(chain); errors[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for w, err := range errors {
		if err != nil {
			f.Fatalf("writer %d: %v", w, err)
		}
	}
	for i := range writers * each {
		f.stored = append(f.stored, mine[eventlog.Revision(i+2)])
	}
	if err := f.catchUp(f.chain); err != nil {
		f.Fatal(err)
	}
	f.whole()
}

// catchUp moves a chain to the log's head, or waits a little if it is there: after
// a conflict the winner need not be readable yet.
func (f *fixture) catchUp(chain *Chain) error {
	before := chain.Head
	for c, err := range eventlog.Follow(f.log.Read(f.ctx, chain.Head.Revision+1), chain.Head) {
		if err != nil {
			return err
		}
		chain.Head = c.Head()
	}
	if chain.Head == before {
		select {
		case <-time.After(time.Millisecond):
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
	return nil
}

func checkSubscribe(f *fixture) {
	f.appendN(3)
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	next, stop := iter.Pull2(f.log.Subscribe(ctx, 2))
	defer stop()
	expect := func(revision int) {
		f.Helper()
		r, err, ok := next()
		if err != nil || !ok {
			f.Fatalf("revision %d: ok %v, %v", revision, ok, err)
		}
		f.is(r, revision)
	}
	expect(2)
	f.append()
	expect(3)
	expect(4)
	for i := range 5 {
		f.append()
		expect(5 + i)
	}
	// Now it waits; another goroutine appends, or ends it.
	sealed := f.chain.Seal()
	f.stored = append(f.stored, sealed.Data)
	appended := make(chan error, 1)
	go func() { appended <- f.log.Append(f.ctx, f.chain.Head.Revision, sealed.Data) }()
	expect(10)
	if err := <-appended; err != nil {
		f.Fatal(err)
	}
	f.chain.Head = sealed.Commit.Head()

	go cancel()
	r, err, ok := next()
	if !ok || !errors.Is(err, context.Canceled) {
		f.Fatalf("a subscription whose context was cancelled: ok %v, revision %d, %v", ok, r.Revision, err)
	}
	if r, err, ok := next(); ok {
		f.Fatalf("a subscription went on after its error: revision %d, %v", r.Revision, err)
	}
	f.whole()
}

func checkSubscribers(f *fixture) {
	const subscribers, commits = 4, 20
	f.appendN(commits / 2)
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	got := make([][][]byte, subscribers)
	var wg sync.WaitGroup
	for i := range subscribers {
		wg.Go(func() {
			for r, err := range f.log.Subscribe(ctx, 1) {
				if err != nil {
					f.Errorf("subscriber %d, after %d commits: %v", i, len(got[i]), err)
					return
				}
				if got[i] = append(got[i], r.Data); len(got[i]) == commits {
					return
				}
			}
			f.Errorf("subscriber %d: an end, after %d commits", i, len(got[i]))
		})
	}
	f.appendN(commits / 2)
	wg.Wait()
	for i, records := range got {
		for j, data := range records {
			if !bytes.Equal(data, f.stored[j]) {
				f.Fatalf("subscriber %d got something else as revision %d", i, j+1)
			}
		}
	}
	f.whole()
}

func checkContext(f *fixture) {
	f.appendN(2)
	ended, cancel := context.WithCancel(f.ctx)
	cancel()
	if head, err := f.log.Head(ended); err == nil {
		f.Fatalf("head %d under a context that had ended", head)
	}
	for name, records := range map[string]iter.Seq2[eventlog.Record, error]{
		"read":                      f.log.Read(ended, 1),
		"read behind the head":      f.log.Read(ended, 3),
		"subscribe":                 f.log.Subscribe(ended, 1),
		"subscribe behind the head": f.log.Subscribe(ended, 3),
	} {
		var last error
		for _, err := range records {
			last = err
		}
		if last == nil {
			f.Fatalf("%s: a context that had ended gave an end without an error", name)
		}
	}

	sealed := f.chain.Seal()
	switch err := f.log.Append(ended, 2, sealed.Data); {
	case err == nil:
		f.Fatal("append under a context that had ended")
	case errors.Is(err, eventlog.ErrUnknownOutcome):
		if err := f.settle(f.log, sealed.Data); err != nil {
			f.Fatal(err)
		}
		f.stored = append(f.stored, sealed.Data)
		f.chain.Head = sealed.Commit.Head()
	default:
		f.refused("append under a context that had ended", err, eventlog.ErrUnavailable)
	}
	f.whole()
	f.append()
	f.whole()
}

func checkSizes(f *fixture) {
	noise := make([]byte, TooLarge)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	payload := noise[:eventlog.DefaultLimits.Encoded-2_000]
	f.append(eventlog.Event{Type: "Large", Version: 1, Payload: payload})
	if n := len(f.stored[0]); n < len(payload) {
		f.Fatalf("the large commit has only %d bytes", n)
	}
	f.whole()
	err := f.log.Append(f.ctx, 1, noise)
	f.refused("append of 9 MiB", err, eventlog.ErrTooLarge)
	f.whole()
	f.append()
	f.whole()
}

func checkReopen(f *fixture) {
	for range 3 {
		f.appendN(3)
		if err := f.log.Close(); err != nil {
			f.Fatal(err)
		}
		f.log = f.reopen()
		f.whole()
		err := f.log.Append(f.ctx, 0, f.stored[0])
		f.refused("append of the first commit after a reopen", err, eventlog.ErrConflict)
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

func isConflict(err error) bool { return errors.Is(err, eventlog.ErrConflict) }
