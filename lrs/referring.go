package lrs

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// mostReferring is how many statements that refer to others a credential may have under way or late (index.Position.Late)
// before its next ones wait. Each may inherit a thousand filter values, so a request of a few hundred KB can be seconds of
// work for the index, and until that is done nobody's new statements are in a list that has `since`.
const mostReferring = 500

// mostWaiting bounds how many requests of a credential wait for that: each looks again at every step of the index.
const mostWaiting = 32

// referring counts, by credential, the statements that refer to others.
type referring struct {
	mu      sync.Mutex
	of      map[xapi.IFI]*referrers // by authority; under mu
	waiting int                     // requests of all; under mu
}

// referrers are those of one credential.
type referrers struct {
	underWay int // being stored, or waited for until they are not late
	late     []lateReferrers
	waiting  int // requests
}

// lateReferrers are those of one request that were late when it was answered.
type lateReferrers struct {
	last  uint64 // the number of the last that is late
	count int    // of the request
}

// at gives those of a credential, new if it has none.
func (r *referring) at(who xapi.IFI) *referrers {
	h := r.of[who]
	if h == nil {
		if r.of == nil {
			r.of = map[xapi.IFI]*referrers{}
		}
		h = &referrers{}
		r.of[who] = h
	}
	return h
}

// enter counts those of a request, unless the credential has too many; p is how far the index is settled. A request that is
// alone may have any number.
func (r *referring) enter(who xapi.IFI, count int, p index.Position) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.at(who)
	h.late = slices.DeleteFunc(h.late, func(l lateReferrers) bool { return p.Late == 0 || p.Late > l.last })
	has := h.underWay
	for _, l := range h.late {
		has += l.count
	}
	if has > 0 && has+count > mostReferring {
		return false
	}
	h.underWay += count
	return true
}

// leave ends a request; last is the number of its last statement that is late, 0 if none is. It reports whether others wait.
func (r *referring) leave(who xapi.IFI, count int, last uint64) (others bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.of[who]
	h.underWay -= count
	if last > 0 {
		h.late = append(h.late, lateReferrers{last, count})
	}
	r.forget(who, h)
	return r.waiting > 0
}

// forget removes a credential that has nothing.
func (r *referring) forget(who xapi.IFI, h *referrers) {
	if h.underWay == 0 && len(h.late) == 0 && h.waiting == 0 {
		delete(r.of, who)
	}
}

// wait counts a request that waits, unless the credential has too many.
func (r *referring) wait(who xapi.IFI) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.at(who)
	if h.waiting >= mostWaiting {
		return false
	}
	h.waiting++
	r.waiting++
	return true
}

// waited ends that.
func (r *referring) waited(who xapi.IFI) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.of[who]
	h.waiting--
	r.waiting--
	r.forget(who, h)
}

// refer waits, for Config.Late at most, until the credential of drafts may store as many that refer to others; leave must be
// called when they are stored, with the number of the last that is late. The error is ErrReferring, or as of await.
func (s *Store) refer(ctx context.Context, drafts []*xapi.Draft) (leave func(last uint64), err error) {
	count := 0
	for _, d := range drafts {
		if _, refers := d.Statement().Target(); refers {
			count++
		}
	}
	if count == 0 {
		return func(uint64) {}, nil
	}
	who, _ := drafts[0].Statement().Authority.IFI() // all have the same; those without any share one count
	if err := s.enterReferring(ctx, who, count); err != nil {
		return nil, err
	}
	return func(last uint64) {
		if s.referring.leave(who, count, last) {
			s.wake()
		}
	}, nil
}

// enterReferring is refer for so many of a credential.
func (s *Store) enterReferring(ctx context.Context, who xapi.IFI, count int) error {
	enter := func() bool { return s.referring.enter(who, count, s.Position()) }
	if enter() {
		return nil
	}
	tooMany := fmt.Errorf("%w: %d more, beside those that are late", ErrReferring, count)
	if !s.referring.wait(who) {
		return tooMany
	}
	defer s.referring.waited(who)
	limited, cancel := context.WithTimeout(ctx, s.cfg.Late)
	defer cancel()
	err := s.await(limited, enter)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return tooMany
	}
	return err
}
