package relay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// commit is a commit of the source, verified, with its bytes.
type commit struct {
	eventlog.Head
	data []byte
}

// errStalled: the source has what its subscription does not give; errSilent: a log does not answer.
var (
	errStalled = fmt.Errorf("%w: the subscription to the source does not give what it has", eventlog.ErrUnavailable)
	errSilent  = fmt.Errorf("%w: no answer in time", eventlog.ErrUnavailable)
)

// After it was overtaken so often in a row a relay waits for so long before it looks after the next commit: the other one
// is at work. If that is killed, the last of these is what a commit waits for longer.
const (
	firstLoss = 10 * time.Millisecond
	lossSteps = 5
)

// pass carries commits from where the target is until something is in the way, and says what.
func (r *Relay) pass(ctx context.Context) error {
	r.trying = 0
	head, err := r.meet(ctx)
	if err != nil {
		return err
	}
	r.reached(head, nil)

	reading, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() { r.watch(reading, cancel) })
	pull, stop := iter.Pull2(r.commits(reading, head))
	defer stop()
	next := func() (commit, error) {
		r.trying = 0
		r.awaited.Store(uint64(r.Status().Head.Revision) + 1)
		defer r.awaited.Store(0)
		c, err, ok := pull()
		r.trying = c.Revision
		switch {
		case context.Cause(reading) != nil:
			err = context.Cause(reading)
		case !ok:
			err = fmt.Errorf("%w: the subscription to the source has ended", eventlog.ErrUnavailable)
		case err != nil:
			err = fmt.Errorf("source: %w", err)
		}
		return c, err
	}
	for losses := 0; ; {
		c, err := next()
		if err != nil {
			return err
		}
		taken := false
		if losses > 0 {
			if sleep(ctx, firstLoss<<min(losses-1, lossSteps)); ctx.Err() != nil {
				return ctx.Err()
			}
			target, err := r.head(ctx, r.cfg.Target)
			if err != nil {
				return fmt.Errorf("target: %w", err)
			}
			taken = target >= c.Revision
		}
		if !taken {
			if taken, err = r.store(ctx, c); err != nil {
				return err
			}
		}
		if !taken {
			losses = 0
			continue
		}
		losses++
		if err := r.compare(ctx, c, next); err != nil {
			return err
		}
	}
}

// shorterTimes is how often in a row the source must have less than the target to be believed.
const shorterTimes = 5

// meet finds out how far the target is, and that its last commit is the source's: as each names the one before by its
// hash, the commits before are then the source's too.
func (r *Relay) meet(ctx context.Context) (eventlog.Head, error) {
	target, err := r.head(ctx, r.cfg.Target)
	if err != nil {
		return eventlog.Head{}, fmt.Errorf("target: %w", explain(err))
	}
	if target == 0 {
		return eventlog.Head{}, nil
	}
	source, err := r.head(ctx, r.cfg.Source)
	if err != nil {
		return eventlog.Head{}, fmt.Errorf("source: %w", err)
	}
	if last := min(source, target); last > 0 {
		want, err := r.at(ctx, r.cfg.Source, last)
		if err != nil {
			return eventlog.Head{}, fmt.Errorf("source: %w", err)
		}
		got, err := r.at(ctx, r.cfg.Target, last)
		if err != nil {
			return eventlog.Head{}, fmt.Errorf("target: %w", explain(err))
		}
		if err := same(last, want, got); err != nil {
			return eventlog.Head{}, err
		}
		if last == target {
			c, err := eventlog.Decode(want)
			if err == nil {
				err = c.Verify()
			}
			if err != nil {
				return eventlog.Head{}, fmt.Errorf("source: revision %d: %w", last, err)
			}
			r.shorter = 0
			return c.Head(), nil
		}
	}
	// A log that has just lost its leader may say so for a moment.
	if r.shorter++; r.shorter < shorterTimes {
		return eventlog.Head{}, fmt.Errorf("%w: the target has %d commits, the source only %d now", eventlog.ErrUnavailable, target, source)
	}
	return eventlog.Head{}, fmt.Errorf("%w: the target has %d commits, the source only %d: the source has lost commits, and must be restored from a backup, or is not the log that the target is a copy of%s",
		eventlog.ErrLogDamaged, target, source, remedy)
}

// commits are the source's after a head, with those to come.
func (r *Relay) commits(ctx context.Context, after eventlog.Head) iter.Seq2[commit, error] {
	return func(yield func(commit, error) bool) {
		var data []byte
		records := func(yield func(eventlog.Record, error) bool) {
			for rec, err := range r.cfg.Source.Subscribe(ctx, after.Revision+1) {
				data = rec.Data
				if !yield(rec, err) {
					return
				}
			}
		}
		for c, err := range eventlog.Follow(records, after) {
			if err != nil {
				yield(commit{}, err)
				return
			}
			if !yield(commit{c.Head(), data}, nil) {
				return
			}
		}
	}
}

// watch ends a subscription to the source that does not give what is there.
func (r *Relay) watch(ctx context.Context, end context.CancelCauseFunc) {
	for {
		awaited := r.awaited.Load()
		if !sleep(ctx, r.cfg.IdleCheck) {
			return
		}
		if awaited == 0 || r.awaited.Load() != awaited {
			continue
		}
		if head, err := r.head(ctx, r.cfg.Source); err == nil && uint64(head) >= awaited && r.awaited.Load() == awaited {
			end(errStalled)
			return
		}
	}
}

// raced is how many attempts may have no certain outcome before that is something in the way: of relays that store the same
// at once each but one may be told that it is taken, before it can be read.
const raced = 2

// store stores a commit in the target; taken: something is there already.
func (r *Relay) store(ctx context.Context, c commit) (taken bool, err error) {
	err = eventlog.Settle(ctx, r.cfg.Target, c.Revision-1, c.data, eventlog.SettleOptions{
		Timeout: r.cfg.Timeout,
		Backoff: func(attempt int, err error) time.Duration {
			if attempt > raced || errors.Is(err, context.DeadlineExceeded) {
				r.hindered(fmt.Errorf("target: revision %d: %w", c.Revision, err))
			}
			return min(firstPause<<min(attempt-1, 10), r.cfg.MaxPause)
		},
	})
	switch {
	case err == nil:
		r.reached(c.Head, func(s *Status) { s.Stored++ })
		return false, nil
	case errors.Is(err, eventlog.ErrConflict):
		return true, nil
	case errors.Is(err, eventlog.ErrTooLarge):
		err = fmt.Errorf("%w (%d bytes): let the target take commits of 1 MiB", err, len(c.data))
	}
	return false, fmt.Errorf("target: revision %d: %w", c.Revision, err)
}

// visible is how often a revision that is taken is asked for before that is given up for now.
const visible = 8

// compare compares a commit, and those after it as far as the target has them already, with what is there.
func (r *Relay) compare(ctx context.Context, c commit, next func() (commit, error)) error {
	for attempt := range visible {
		found, err := r.compareTo(ctx, c, next)
		if found || err != nil {
			return err
		}
		if !sleep(ctx, firstLoss<<attempt) { // what has just been stored need not be there to be read yet
			return ctx.Err()
		}
	}
	return fmt.Errorf("%w: target: revision %d is taken, but cannot be read yet", eventlog.ErrUnavailable, c.Revision)
}

// compareTo is compare; not found: the target gives nothing to compare with.
func (r *Relay) compareTo(ctx context.Context, c commit, next func() (commit, error)) (found bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waiting := time.AfterFunc(r.cfg.Timeout, func() { cancel(errSilent) })
	defer waiting.Stop()
	for rec, err := range r.cfg.Target.Read(ctx, c.Revision) {
		if err != nil && context.Cause(ctx) != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return found, fmt.Errorf("target: reading from revision %d: %w", c.Revision, explain(err))
		}
		waiting.Stop() // the source may take its time
		if found {
			if c, err = next(); err != nil {
				return found, err
			}
		}
		found = true
		if rec.Revision != c.Revision {
			return found, fmt.Errorf("%w: target: revision %d where %d was to be read%s", eventlog.ErrLogDamaged, rec.Revision, c.Revision, remedy)
		}
		if err := same(c.Revision, c.data, rec.Data); err != nil {
			return found, err
		}
		r.reached(c.Head, func(s *Status) { s.Found++ })
		waiting.Reset(r.cfg.Timeout)
	}
	return found, nil
}

// head is a log's.
func (r *Relay) head(ctx context.Context, log eventlog.Log) (eventlog.Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	return log.Head(ctx)
}

// at is the bytes of a commit that must be there.
func (r *Relay) at(ctx context.Context, log eventlog.Log, revision eventlog.Revision) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	for rec, err := range log.Read(ctx, revision) {
		if err == nil && rec.Revision != revision {
			err = fmt.Errorf("%w: revision %d where %d was to be read", eventlog.ErrLogDamaged, rec.Revision, revision)
		}
		return rec.Data, err
	}
	return nil, fmt.Errorf("%w: revision %d cannot be read yet", eventlog.ErrUnavailable, revision)
}
