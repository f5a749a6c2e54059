package lrs

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// settleLater wakes keepSettled if there is something to do.
func (s *Store) settleLater() {
	if s.Index().Pending() > 0 {
		select {
		case s.unsettled <- struct{}{}:
		default: // it is awake
		}
	}
}

// keepSettled passes on the terms that did not fit into a commit's share of work, beside the commits.
func (s *Store) keepSettled(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.unsettled:
		}
		err := s.settle(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, index.ErrClosed) { // closed: replaced by another
			s.cfg.Logger.Error("some StatementRefs do not match yet by what they refer to; it is tried again", "error", err)
			select {
			case <-time.After(settleRetry):
				s.settleLater()
			case <-ctx.Done():
			}
		}
	}
}

// settleRetry is how long nothing is settled after an error, such as a full disk.
const settleRetry = 5 * time.Second

// settle works until nothing is left. While somebody writes it takes a small share of the time: what it writes keeps the
// disk from what they wait for.
func (s *Store) settle(ctx context.Context) error {
	for x := s.Index(); x.Pending() > 0; x = s.Index() {
		began := time.Now()
		if err := x.SettleSome(); err != nil {
			return err
		}
		s.wake()
		var pause time.Duration
		p, now := s.Position(), s.clock.now().UnixMicro()
		if now-p.LastStored < busyFor.Microseconds() {
			share := settlePause
			switch late := now - p.LateStored; {
			case p.Late == 0 || late <= soon.Microseconds():
			case late <= veryLate.Microseconds():
				share = settlePauseLate
			default:
				share = 0
			}
			pause = min(time.Duration(share)*time.Since(began), busyFor) // it may have waited for a disk
		}
		if pause <= 0 { // also no yielding: among many who parse requests its turn comes seldom
			if err := ctx.Err(); err != nil {
				return err
			}
			continue
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Somebody is taken to write for busyFor after a commit. Then settle pauses for settlePause times as long as it works, or
// settlePauseLate times when statements have been late for longer than soon, and not at all when for longer than veryLate:
// lists with `since` end before them.
const (
	busyFor         = time.Second
	soon            = time.Second
	veryLate        = 4 * time.Second
	settlePause     = 5
	settlePauseLate = 1
)

// awaitLate returns when statements that this node has just stored are found by what they refer to, or after Config.Late:
// who sends many with large targets does not send more meanwhile. They are stored, and Consistent-Through is before the
// first of those that are not found, whatever happens here. It returns the number of the last that is late, 0 if none is.
func (s *Store) awaitLate(ctx context.Context, drafts []*xapi.Draft) (late uint64) {
	if s.Position().Late == 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Late)
	defer cancel()
	late = s.lastLate(drafts)
	if late == 0 || s.awaitShown(ctx, late) == nil {
		return 0
	}
	return late
}

// lastLate is the greatest number of a statement among drafts that is late; 0 if none is.
func (s *Store) lastLate(drafts []*xapi.Draft) (last uint64) {
	view := s.indexView()
	defer view.Close()
	late := func(id uuid.UUID) uint64 {
		if n, late, err := view.Late(id); err == nil && late {
			return n
		}
		return 0
	}
	for _, d := range drafts {
		if _, refers := d.Statement().Target(); refers {
			last = max(last, late(d.ID()))
		}
	}
	return last
}
