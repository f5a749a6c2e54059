package lrs

import (
	"container/heap"
	"context"
	"fmt"
	"math"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// waiters wait for a number that grows, each until it has come somewhere, and are woken when it has: a commit that woke all of
// thousands would cost more than all else.
type waiters []*waiter

// waiter is one of them.
type waiter struct {
	until uint64
	woken chan struct{} // closed when the number has come there
	place int           // among the others; -1: it is woken
}

// Len, Less, Swap, Push and Pop are heap.Interface's, the nearest first.
func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].until < w[j].until }
func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].place, w[j].place = i, j
}

func (w *waiters) Push(x any) {
	one := x.(*waiter)
	one.place = len(*w)
	*w = append(*w, one)
}

func (w *waiters) Pop() any {
	all := *w
	one := all[len(all)-1]
	all[len(all)-1] = nil
	*w, one.place = all[:len(all)-1], -1
	return one
}

// add has one wait.
func (w *waiters) add(until uint64) *waiter {
	one := &waiter{until: until, woken: make(chan struct{})}
	heap.Push(w, one)
	return one
}

// remove ends that, whether or not it was woken.
func (w *waiters) remove(one *waiter) {
	if one.place >= 0 {
		heap.Remove(w, one.place)
	}
}

// reached wakes all that waited until the number was as great.
func (w *waiters) reached(number uint64) {
	for len(*w) > 0 && (*w)[0].until <= number {
		close(heap.Pop(w).(*waiter).woken)
	}
}

// tell lets those who Await see the head, when the watermark has come as far too: the head goes before it, so that who reads
// first the watermark and then the head has all of the one in the other, and these go behind it.
func (s *Store) tell() {
	s.headMu.Lock()
	defer s.headMu.Unlock()
	s.told = s.head.Revision
	s.revisions.reached(uint64(s.told))
	s.look()
}

// wake has those look again who wait for what the index shows, or for their turn to refer to others.
func (s *Store) wake() {
	s.headMu.Lock()
	defer s.headMu.Unlock()
	s.look()
}

// wakeAll has all look again: what they wait for will not come.
func (s *Store) wakeAll() {
	s.headMu.Lock()
	defer s.headMu.Unlock()
	for _, w := range []*waiters{&s.revisions, &s.shownNumbers, &s.shownTimes} {
		w.reached(math.MaxUint64)
	}
	s.look()
}

// look is wake under headMu.
func (s *Store) look() {
	number, t := shownBefore(s.Position())
	s.shownNumbers.reached(number)
	s.shownTimes.reached(t)
	close(s.advanced)
	s.advanced = make(chan struct{})
}

// shownBefore is the last number of a statement, and the last time of storing, µs, before all that is late.
func shownBefore(p index.Position) (number, t uint64) {
	if p.Late == 0 {
		return math.MaxUint64, math.MaxUint64
	}
	return p.Late - 1, uint64(max(0, p.LateStored-1))
}

// Await returns when this node has applied the commit with a revision, and its watermark is behind that: then it shows what
// a client has written to another. The error is ctx's, ErrClosed, or why the store can serve no more.
func (s *Store) Await(ctx context.Context, revision eventlog.Revision) error {
	var head eventlog.Revision
	err := s.awaitNumber(ctx, &s.revisions, uint64(revision), func() bool {
		s.headMu.Lock()
		defer s.headMu.Unlock()
		head = s.told
		return head >= revision
	})
	if err != nil && err == context.Cause(ctx) {
		return fmt.Errorf("%w: this node has applied revision %d, not yet %d: %w", ErrUnavailable, head, revision, err)
	}
	return err
}

// AwaitThrough returns when lists show everything that was stored until t, µs, which some watermark has said: this node may
// not have come as far as the one that said it, or as before it was restarted. The error is as Await's.
func (s *Store) AwaitThrough(ctx context.Context, t int64) error {
	until := uint64(max(0, t))
	err := s.awaitNumber(ctx, &s.shownTimes, until, func() bool {
		_, shown := shownBefore(s.Position())
		return until <= shown
	})
	if err != nil && err == context.Cause(ctx) {
		return fmt.Errorf("%w: %w", ErrBehind, err)
	}
	return err
}

// awaitShown returns when the statement with a number is found by what it refers to. The error is as await's.
func (s *Store) awaitShown(ctx context.Context, number uint64) error {
	return s.awaitNumber(ctx, &s.shownNumbers, number, func() bool {
		shown, _ := shownBefore(s.Position())
		return number <= shown
	})
}

// awaitNumber returns when one of the numbers that are waited for has come somewhere. The error is as await's.
func (s *Store) awaitNumber(ctx context.Context, w *waiters, until uint64, there func() bool) error {
	if err := s.failure(); err != nil {
		return err
	}
	if there() {
		return nil
	}
	s.headMu.Lock()
	one := w.add(until)
	s.headMu.Unlock()
	defer func() {
		s.headMu.Lock()
		defer s.headMu.Unlock()
		w.remove(one)
	}()
	if err := s.failure(); err != nil { // it has woken those who waited already
		return err
	}
	if there() {
		return nil
	}
	select {
	case <-one.woken:
		return s.failure()
	case <-s.ended:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// await returns when something holds that a commit or Settle may bring about: it is asked at each of them, so few may wait by
// it. The error is ctx's cause, ErrClosed, or why the store can serve no more.
func (s *Store) await(ctx context.Context, holds func() bool) error {
	for {
		s.headMu.Lock()
		advanced := s.advanced
		s.headMu.Unlock()
		if err := s.failure(); err != nil { // which wakes those who have advanced already
			return err
		}
		if holds() {
			return nil
		}
		select {
		case <-advanced:
		case <-s.ended:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
