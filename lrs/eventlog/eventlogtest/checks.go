package eventlogtest

import (
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
	// What is stored there already may be said to be stored.
	if err := f.log.Append(f.ctx, 2, f.stored[2]); err != nil {
		f.refused("append of what is already stored", err, eventlog.ErrConflict)
	}
	f.append()
	f.whole()
}

func checkBeyond(f *fixture) {
	for range 2 {
		ahead := f.chain.Fork("ahead")
		ahead.Head.Revision += 2
		ahead.Head.Hash = eventlog.Hash{1}
		data := ahead.Seal().Data
		err := f.log.Append(f.ctx, ahead.Head.Revision, data)
		for errors.Is(err, eventlog.ErrUnavailable) && f.ctx.Err() == nil { // it may be over in a moment, for all the driver knows
			<-time.After(time.Millisecond)
			err = f.log.Append(f.ctx, ahead.Head.Revision, data)
		}
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

func isConflict(err error) bool { return errors.Is(err, eventlog.ErrConflict) }
