package lrs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// headPatience is how long the shared log is waited for when it is asked for its head, and headAgain how soon it is asked
// again if it has not answered. headEvery is how soon it is asked when nobody wants to know: it may say that it has lost what
// nobody reads again.
const (
	headPatience = time.Second
	headAgain    = 100 * time.Millisecond
	headEvery    = 5 * time.Second
)

// heads asks a shared log for its head, once for all who want to know it at the same time.
type heads struct {
	wanted chan struct{} // capacity 1: somebody waits for next

	mu   sync.Mutex
	next *headAnswer // of the question that is not asked yet, so that it says what was there when it was wanted

	away   atomic.Bool            // the last question was not answered; the next is asked by itself
	behind atomic.Pointer[behind] // how far this node must come; nil: no further than it had when it was answered last
}

// behind is a head that this node had not applied when the log said it.
type behind struct {
	head  eventlog.Revision
	since time.Time
}

type headAnswer struct {
	done chan struct{} // closed when the rest is set
	head eventlog.Revision
	err  error
}

func newHeads() *heads { return &heads{wanted: make(chan struct{}, 1), next: newHeadAnswer()} }

func newHeadAnswer() *headAnswer { return &headAnswer{done: make(chan struct{})} }

// want gives an answer that is of no earlier than now.
func (h *heads) want() *headAnswer {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case h.wanted <- struct{}{}:
	default:
	}
	return h.next
}

// run asks until ctx ends: when somebody wants to know, now and then, and while the log is away, so that it is known when
// it is back. applied is what this node has come to. If the log says that it is damaged, which it does of a gap and of a
// beginning that is gone, damaged is told.
func (h *heads) run(ctx context.Context, log eventlog.Log, applied func() eventlog.Revision, damaged func(error)) {
	again := time.After(headEvery)
	for {
		select {
		case <-h.wanted:
		case <-again:
		case <-ctx.Done():
			return
		}
		h.mu.Lock()
		a := h.next
		h.next = newHeadAnswer()
		h.mu.Unlock()
		asking, cancel := context.WithTimeout(ctx, headPatience)
		a.head, a.err = log.Head(asking)
		cancel()
		if again = time.After(headEvery); a.err != nil {
			again = time.After(headAgain)
		}
		if errors.Is(a.err, eventlog.ErrLogDamaged) {
			damaged(a.err)
		}
		h.away.Store(a.err != nil)
		if a.err == nil {
			h.follow(a.head, applied())
		}
		close(a.done)
	}
}

// follow notes where the log's head is, unless the node has still to come to one that was noted before.
func (h *heads) follow(head, applied eventlog.Revision) {
	switch b := h.behind.Load(); {
	case b != nil && applied < b.head:
	case applied < head:
		h.behind.Store(&behind{head, time.Now()})
	default:
		h.behind.Store(nil)
	}
}

// Latest waits until this node shows what any node has acknowledged before it was called. While a shared log does not
// answer nobody knows what that is: then it returns nil all the same, and the first to notice has waited for a second.
//
// Error: ErrUnavailable if this node knows that it has not applied all when ctx ends; ErrClosed.
func (s *Store) Latest(ctx context.Context) error {
	if !s.cfg.Shared {
		return nil // it shows what it acknowledges
	}
	a := s.heads.want()
	if s.heads.away.Load() {
		return nil // it has been asked; who comes when it answers again waits for it again
	}
	select {
	case <-a.done:
	case <-s.ended:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("%w: the log has not said where its head is: %w", ErrUnavailable, context.Cause(ctx))
	}
	if a.err != nil {
		return nil
	}
	return s.Await(ctx, a.head)
}
