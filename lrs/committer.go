package lrs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// committer is the one goroutine that decides changes, seals commits, appends
// and applies them. Its fields belong to that goroutine.
type committer struct {
	*Store
	builder *eventlog.Builder
	head    eventlog.Head // last commit that is applied
	tip     tip
	turns   turns
}

// run serves the queue until it is closed and empty.
func (c *committer) run(ctx context.Context) {
	defer func() {
		if err := c.tip.close(); err != nil {
			c.cfg.Logger.Warn("tip", "error", err)
		}
	}()
	var carried []*change // to be decided first, in order
	for {
		c.takeAll(ctx)
		if len(carried) == 0 {
			select {
			case ch, ok := <-c.queue:
				if !ok {
					return
				}
				carried = append(carried, ch)
			case r := <-c.others:
				c.take(ctx, r)
				continue
			case other := <-c.calls:
				c.heard(other)
				continue
			}
		}
		c.giveWay(ctx)
		if carried = c.commit(ctx, carried); len(carried) == 0 {
			c.passedOver.Store(0) // whatever they came to
		}
	}
}

// commit decides the carried changes and as many from the queue as one commit
// holds, appends and applies what they come to, and answers. It returns the
// changes that must be decided in a later commit.
func (c *committer) commit(ctx context.Context, carried []*change) []*change {
	if run := carried[0].run; run != nil {
		c.finish(carried[0], answer{err: run(ctx, c)})
		return carried[1:]
	}
	if err := c.writable(); err != nil {
		c.reject(carried, err)
		return nil
	}
	first, err := c.clock.openCommit()
	if err != nil {
		c.reject(carried, err)
		return nil
	}
	start := time.Now()
	view := c.Index().View()
	defer view.Close()
	c.builder.Reset()
	tx := newTransaction(view, first)
	waiting, rest := c.decideAll(tx, carried)
	if len(tx.events) == 0 {
		c.passedOver.Store(0) // it has no more to append
		c.clock.dropCommit()
		for _, p := range waiting {
			c.finish(p.change, p.answer)
		}
		return rest
	}
	err = c.append(ctx, tx)
	c.turns.tried(time.Since(start)) // others wait for the decisions too
	if !errors.Is(err, eventlog.ErrConflict) {
		c.passedOver.Store(0)
	}
	switch {
	case err == nil:
		for _, p := range waiting {
			c.finish(p.change, p.answer)
		}
		return rest
	case errors.Is(err, eventlog.ErrConflict):
		// Another node was faster: see what it wrote, then decide again.
		c.metrics.conflicts.Inc()
		c.passedOver.CompareAndSwap(0, time.Now().UnixNano())
		c.turns.missed(c.call(c.head.Revision+1), time.Now())
		c.overtaken(ctx)
		return append(changes(waiting), rest...)
	default:
		// What rests on the commit without being part of it is decided anew.
		var again []*change
		for _, p := range waiting {
			if p.events > 0 {
				c.finish(p.change, answer{err: err})
			} else {
				again = append(again, p.change)
			}
		}
		return append(again, rest...)
	}
}

// append seals the open commit, makes it durable in the log and applies it.
//
//	nil         in the log and in the index
//	ErrConflict (eventlog) not in the log; another commit has its revision
//	others      of this package. Not in the log, except with ErrUnknownOutcome.
func (c *committer) append(ctx context.Context, tx *transaction) error {
	sealed, err := c.builder.Seal(eventlog.SealInfo{
		Log: c.head.Log, Previous: c.head, FirstStored: tx.first, Node: c.cfg.Node,
	})
	if err != nil {
		c.clock.dropCommit()
		return fmt.Errorf("%w: seal: %w", ErrUnavailable, err)
	}
	start := time.Now()
	c.appendSince.Store(start.UnixNano())
	defer c.appendSince.Store(0)
	err = eventlog.Settle(ctx, c.log, c.head.Revision, sealed.Data, c.settling())
	c.metrics.appended(time.Since(start), len(tx.events), len(sealed.Data), err)
	switch {
	case err == nil:
		c.logFailure.Store(nil)
		c.logHead.Store(uint64(sealed.Commit.Revision))
		c.turns.won(time.Now())
		return c.apply(ctx, sealed.Commit, tx)
	case errors.Is(err, eventlog.ErrConflict):
		c.logFailure.Store(nil)
		c.clock.dropCommit()
		return err
	case errors.Is(err, eventlog.ErrUnknownOutcome):
		// Only when the store is being closed, or when the log has lost its end
		// for as long as its driver has patience. The watermark stays before the
		// commit, and nothing is appended behind it.
		err = fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
		c.fail(err)
		return err
	case errors.Is(err, eventlog.ErrLogDamaged):
		// The log has lost its end. What was appended behind it, once others have made it long enough, would have a
		// predecessor that is not there.
		c.clock.dropCommit()
		c.fail(err)
		return fmt.Errorf("%w: append: %w", ErrUnavailable, err)
	default:
		c.clock.dropCommit()
		c.logFailure.Store(&logFailure{at: time.Now(), err: err})
		return fmt.Errorf("%w: append: %w", ErrUnavailable, err)
	}
}

// settling is how an append is settled, and that an operator is told why one is open: a full disk of the log's servers may
// leave it so for long.
func (c *committer) settling() eventlog.SettleOptions {
	o := c.cfg.Settle
	if o.Backoff == nil {
		o.Backoff = eventlog.Backoff
	}
	backoff, begun, told := o.Backoff, time.Now(), false
	o.Backoff = func(attempt int, err error) time.Duration {
		if time.Since(begun) > slowAppend {
			c.logFailure.Store(&logFailure{at: time.Now(), err: err})
			if !told {
				c.cfg.Logger.Warn("it is not known yet whether an append is stored; it is sent again until it is", "attempts", attempt, "error", err)
			}
			told = true
		}
		return backoff(attempt, err)
	}
	return o
}

// apply makes a commit of this node readable. If that fails, the commit is in
// the log all the same, so nobody may be told otherwise.
func (c *committer) apply(ctx context.Context, commit *eventlog.Commit, tx *transaction) error {
	start := time.Now()
	if err := applyTo(ctx, c.Index(), commit, tx.events, tx.drafts); err != nil {
		if !errors.Is(err, index.ErrDamaged) { // else a rebuild mends it: until then nothing is decided
			c.fail(fmt.Errorf("the index cannot take a commit that is in the log: %w", err))
		}
		return fmt.Errorf("%w: the commit is in the log, but the index cannot take it: %w", ErrUnknownOutcome, err)
	}
	c.applied(commit)
	c.note()
	for key, cred := range tx.credentials {
		if cred == nil {
			c.auth.Revoke(key)
		} else if err := c.auth.Add(*cred); err != nil {
			c.cfg.Logger.Error("a credential of the log is not usable", "key", key, "error", err)
		}
	}
	c.metrics.apply.Observe(time.Since(start).Seconds())
	return nil
}

// applyTo applies a commit, and waits while the index cannot write to disk, as when it is full, or cannot be read for now:
// the commit is in the log, so nothing can be decided before it is applied. The
// clients that wait longer than they like are told that the outcome is unknown.
func applyTo(ctx context.Context, x *index.Index, commit *eventlog.Commit, events []eventlog.Event, drafts []*xapi.Draft) error {
	for {
		err := x.Apply(commit, events, drafts)
		if !errors.Is(err, index.ErrUnwritable) && !errors.Is(err, index.ErrUnreadable) {
			return err
		}
		wait := time.NewTimer(unwritableRetry)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return errors.Join(err, ctx.Err())
		}
	}
}

// unwritableRetry is how often the index is asked whether it can take a commit again.
const unwritableRetry = 200 * time.Millisecond

// applied moves the head behind a commit that the index has taken.
func (c *committer) applied(commit *eventlog.Commit) {
	c.head = commit.Head()
	c.setHead(c.head)
	c.clock.closeCommit(lastTime(commit))
	c.tell()
	c.settleLater()
}

// note writes the tip. Nothing that was acknowledged rests on it.
func (c *committer) note() {
	if c.cfg.HeadFile == "" || c.head.Revision == 0 {
		return
	}
	c.tip.path = tipPath(c.cfg.HeadFile)
	if err := c.tip.write(c.head); err != nil {
		c.cfg.Logger.Warn("the last commit could not be noted; after a crash nobody could tell whether it was cut off", "error", err)
	}
}

// lastTime is the time of a commit's last event, µs.
func lastTime(c *eventlog.Commit) int64 {
	return c.FirstStored + int64(max(c.Header.Events, 1)-1)
}

// catchUp applies what the log has behind the index.
func (c *committer) catchUp(ctx context.Context) error {
	for commit, err := range eventlog.Follow(c.log.Read(ctx, c.head.Revision+1), c.head) {
		if err != nil {
			return fmt.Errorf("read the log behind revision %d: %w", c.head.Revision, err)
		}
		if err := c.applyOther(ctx, commit); err != nil {
			return err
		}
	}
	c.note() // not in the loop: what it says must not go back
	return nil
}

// applyOther applies a commit that this committer has not made.
func (c *committer) applyOther(ctx context.Context, commit *eventlog.Commit) error {
	events, err := commit.Events()
	if err != nil {
		return fmt.Errorf("commit %d: %w", commit.Revision, err)
	}
	if err := applyTo(ctx, c.Index(), commit, events, nil); err != nil {
		return fmt.Errorf("apply commit %d: %w", commit.Revision, err)
	}
	if err := c.loadCredentials(events); err != nil {
		return fmt.Errorf("commit %d: %w", commit.Revision, err)
	}
	c.turns.saw(commit.Node, commit.Revision, time.Now())
	c.applied(commit)
	return nil
}

func (c *committer) reject(changes []*change, err error) {
	for _, ch := range changes {
		c.finish(ch, answer{err: err})
	}
	// Those behind them in the queue would meet the same; they are asked one
	// commit later, so that each sees the state at its own time.
}

// finish answers a change and gives back its place in the queue.
func (c *committer) finish(ch *change, a answer) {
	c.queuedBytes.Add(-ch.size)
	ch.answer <- a
}

func changes(waiting []pending) []*change {
	out := make([]*change, len(waiting))
	for i, p := range waiting {
		out[i] = p.change
	}
	return out
}
