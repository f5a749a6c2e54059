package lrs

import (
	"context"
	"errors"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// othersAhead is how many commits of other nodes wait for the committer.
const othersAhead = 64

// resubscribe is how long a subscription that ended is waited for.
const resubscribe = 200 * time.Millisecond

// keepUp reads what is appended to a shared log and hands it to the committer, until ctx ends. What this node has
// applied already, its own commits among it, it leaves out. A damaged log it does not read again: the store must not go on.
func (s *Store) keepUp(ctx context.Context) {
	for {
		for r, err := range s.log.Subscribe(ctx, s.Head().Revision+1) {
			if errors.Is(err, eventlog.ErrLogDamaged) {
				s.fail(err)
				return
			}
			if err != nil {
				if ctx.Err() == nil {
					s.cfg.Logger.Warn("what other nodes append cannot be read now", "error", err)
				}
				break
			}
			if r.Revision <= s.Head().Revision {
				continue
			}
			select {
			case s.others <- r:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-time.After(resubscribe):
		case <-ctx.Done():
			return
		}
	}
}

// take applies a commit of another node. It reports what cannot be mended: a store that cannot apply must not go on.
func (c *committer) take(ctx context.Context, r eventlog.Record) {
	if r.Revision <= c.head.Revision || c.failure() != nil {
		return
	}
	if r.Revision > c.head.Revision+1 { // cannot be, but reading them costs nothing that counts
		c.catchUpWaiting(ctx)
		return
	}
	one := func(yield func(eventlog.Record, error) bool) { yield(r, nil) }
	for commit, err := range eventlog.Follow(one, c.head) {
		if err == nil {
			err = c.applyOther(ctx, commit)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
	c.note()
}

// takeAll applies what has come from other nodes, and notes what they called.
func (c *committer) takeAll(ctx context.Context) {
	for {
		select {
		case r := <-c.others:
			c.take(ctx, r)
		case other := <-c.calls:
			c.heard(other)
		default:
			return
		}
	}
}

// overtaken waits for the commit that has taken the revision of ours, and applies it. It mostly comes by itself, which is
// faster than to ask for it.
func (c *committer) overtaken(ctx context.Context) {
	before := c.head.Revision
	timer := time.NewTimer(resubscribe)
	defer timer.Stop()
	for c.others != nil && c.head.Revision == before && c.failure() == nil {
		select {
		case r := <-c.others:
			c.take(ctx, r)
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		break
	}
	if c.head.Revision == before {
		c.catchUpWaiting(ctx)
	}
}

// catchUpWaiting catches up with the log, however long that takes: without it nothing can be decided. Only a closing
// store, or a log that is damaged, ends it.
func (c *committer) catchUpWaiting(ctx context.Context) {
	for {
		err := c.catchUp(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil || !errors.Is(err, eventlog.ErrUnavailable) {
			c.fail(err)
			return
		}
		c.logFailure.Store(&logFailure{at: time.Now(), err: err})
		select {
		case <-time.After(resubscribe):
		case <-ctx.Done():
		}
	}
}
