package lrs

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// fail records why the store cannot go on. Reads and writes are refused from
// then on; a restart finds out what is true, and one of a newer release can read
// what that wrote.
func (s *Store) fail(err error) {
	if !s.broken.CompareAndSwap(nil, &err) {
		return
	}
	defer s.wakeAll() // who waits for what will not come
	if errors.Is(err, eventlog.ErrFormat) || errors.Is(err, index.ErrUnknownType) {
		s.cfg.Logger.Error("the store stops serving: a newer release writes to the log; upgrade this node", "error", err)
		return
	}
	if errors.Is(err, eventlog.ErrLogDamaged) {
		s.cfg.Logger.Error("the store stops serving: its log is damaged", "error", err)
		return
	}
	s.cfg.Logger.Error("the store stops serving; restart it", "error", err)
}

// failure is why the store cannot serve at all, nil if it can.
func (s *Store) failure() error {
	if p := s.broken.Load(); p != nil {
		return fmt.Errorf("%w: %v", ErrUnavailable, *p) // what it says of one commit is not true of others
	}
	if err := s.Index().Err(); err != nil && !errors.Is(err, index.ErrUnwritable) {
		return fmt.Errorf("%w: index: %w", ErrUnavailable, err)
	}
	return nil
}

// Ready returns what keeps the node from serving reads and writes in full; none
// when it is ready.
func (s *Store) Ready() []error {
	var reasons []error
	if err := s.writable(); err != nil {
		reasons = append(reasons, err)
	}
	if err := s.clock.behind(); err != nil {
		reasons = append(reasons, err)
	}
	if f := s.logFailure.Load(); f != nil && time.Since(f.at) < failureLasts {
		reasons = append(reasons, fmt.Errorf("%w: the last append failed: %w", ErrUnavailable, f.err))
	}
	if since := s.appendSince.Load(); since != 0 {
		if took := time.Since(time.Unix(0, since)); took > slowAppend {
			reasons = append(reasons, fmt.Errorf("%w: the log has not answered an append for %s", ErrUnavailable, took.Round(time.Second)))
		}
	}
	if b, applied := s.heads.behind.Load(), s.Head().Revision; b != nil && applied < b.head {
		if long := time.Since(b.since); long > slowFollow {
			reasons = append(reasons, fmt.Errorf("%w: this node has come to revision %d of %d, at which the log was %s ago",
				ErrUnavailable, applied, b.head, long.Round(time.Second)))
		}
	}
	if since := s.passedOver.Load(); since != 0 {
		if long := time.Since(time.Unix(0, since)); long > slowAppend {
			reasons = append(reasons, fmt.Errorf("%w: other nodes have had every commit for %s", ErrUnavailable, long.Round(time.Second)))
		}
	}
	if size := s.logBytes(); s.cfg.MaxLog > 0 && size+maxCommit > float64(s.cfg.MaxLog) {
		reasons = append(reasons, fmt.Errorf("%w: the log has %.0f bytes and may have %d", ErrUnavailable, size, s.cfg.MaxLog))
	}
	if err := s.Index().Unreadable(); err != nil {
		reasons = append(reasons, fmt.Errorf("%w: %w", ErrUnavailable, err))
	}
	return reasons
}

// Notes are what an operator should know that does not keep the node from serving.
func (s *Store) Notes() (notes []string) {
	if s.cfg.Notes != nil {
		notes = slices.Clone(s.cfg.Notes())
	}
	if s.heads.away.Load() && s.broken.Load() == nil {
		notes = append(notes, "the log does not say where its head is: until it does, reads may lack what other nodes have stored")
	}
	if n := s.Index().Pending(); n > 0 {
		notes = append(notes, fmt.Sprintf("%d statements do not match yet by what they refer to", n))
	}
	return notes
}

// logFailure is why an append failed. It is a reason against readiness for
// failureLasts: then writes are let in again to find out, since only an append
// can tell whether the log takes one.
type logFailure struct {
	at  time.Time
	err error
}

const (
	failureLasts = 10 * time.Second
	slowAppend   = 5 * time.Second
	slowFollow   = 10 * time.Second
	maxCommit    = 1 << 20 // bytes, about
)
