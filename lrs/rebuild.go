package lrs

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// closeEnough is how many commits a new index may be behind for the committer
// to apply the rest while the queue waits.
const closeEnough = 20

// Rebuild fills a new, empty index from the log while the live one serves, and
// then puts it in its place. adopt is called in between, when nothing is
// written: it makes the new index the one that the next start opens. The old
// index is closed when Rebuild returns nil; after an error the new one is the
// caller's to close, and the old one goes on.
func (s *Store) Rebuild(ctx context.Context, next *index.Index, adopt func() error) error {
	for {
		if err := s.fill(ctx, next, math.MaxUint64); err != nil {
			return err
		}
		if err := next.Settle(ctx); err != nil {
			return fmt.Errorf("lrs: rebuild: %w", err)
		}
		// The log may be ahead of the live index, and so may the new one.
		if next.Position().Head.Revision+closeEnough >= s.Head().Revision {
			break
		}
	}
	var old *index.Index
	ch := &change{ctx: ctx, answer: make(chan answer, 1), run: func(ctx context.Context, c *committer) error {
		if err := c.meet(ctx, next); err != nil {
			return err
		}
		if got := next.Position().Head; got != c.head {
			return fmt.Errorf("lrs: rebuild: the new index is at revision %d (%s), the live one at %d (%s): "+
				"one of them is wrong; verify the log", got.Revision, got.Hash, c.head.Revision, c.head.Hash)
		}
		if err := settleLate(ctx, next); err != nil {
			return fmt.Errorf("lrs: rebuild: %w", err)
		}
		if err := adopt(); err != nil {
			return fmt.Errorf("lrs: rebuild: %w", err)
		}
		c.swapping.Lock()
		old = c.index.Swap(next)
		c.swapping.Unlock()
		c.settleLater()
		c.wake() // who waits for what the new index has already
		return nil
	}}
	if err := s.enqueue(ch); err != nil {
		return err
	}
	if a := <-ch.answer; a.err != nil { // the committer always answers
		return a.err
	}
	if err := old.Close(); err != nil {
		s.cfg.Logger.Warn("the index that was replaced did not close well", "error", err)
	}
	return nil
}

// meet brings a new index and the committer to the same revision.
func (c *committer) meet(ctx context.Context, next *index.Index) error {
	if errors.Is(c.Index().Err(), index.ErrDamaged) { // it may not have taken the last commit, and takes none any more
		if err := c.fill(ctx, next, math.MaxUint64); err != nil {
			return err
		}
		return c.moveTo(ctx, next.Position().Head.Revision)
	}
	// Other nodes go on appending, so that a read of the log may end further on each time.
	if c.head.Revision < next.Position().Head.Revision {
		if err := c.catchUp(ctx); err != nil {
			return fmt.Errorf("lrs: rebuild: %w", err)
		}
	}
	return c.fill(ctx, next, c.head.Revision)
}

// settleLate passes on what is late in a new index: what a watermark has said must hold of the lists that it gives.
func settleLate(ctx context.Context, next *index.Index) error {
	for next.Position().Late > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := next.SettleSome(); err != nil {
			return err
		}
	}
	return nil
}

// moveTo moves the head behind commits that another index has taken.
func (c *committer) moveTo(ctx context.Context, revision eventlog.Revision) error {
	if c.head.Revision >= revision {
		return nil
	}
	for commit, err := range eventlog.Follow(c.log.Read(ctx, c.head.Revision+1), c.head) {
		if err != nil {
			return fmt.Errorf("lrs: read the log behind revision %d: %w", c.head.Revision, err)
		}
		events, err := commit.Events()
		if err == nil {
			err = c.loadCredentials(events)
		}
		if err != nil {
			return fmt.Errorf("lrs: commit %d: %w", commit.Revision, err)
		}
		if c.applied(commit); commit.Revision == revision {
			break
		}
	}
	c.note()
	return nil
}

// fill applies what the log has behind an index, up to a revision.
func (s *Store) fill(ctx context.Context, x *index.Index, upTo eventlog.Revision) error {
	after := x.Position().Head
	if after.Revision >= upTo {
		return nil
	}
	for commit, err := range eventlog.Follow(s.log.Read(ctx, after.Revision+1), after) {
		if err != nil {
			return fmt.Errorf("lrs: read the log behind revision %d: %w", after.Revision, err)
		}
		events, err := commit.Events()
		if err != nil {
			return fmt.Errorf("lrs: commit %d: %w", commit.Revision, err)
		}
		if err := applyTo(ctx, x, commit, events, nil); err != nil {
			return fmt.Errorf("lrs: apply commit %d: %w", commit.Revision, err)
		}
		if commit.Revision == upTo {
			break
		}
	}
	return nil
}
