package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// runner owns one projection.
type runner struct {
	runtime    *Runtime
	projection Projection
	name       string
	log        *slog.Logger

	turn  chan struct{} // capacity 1: held while the live generation is followed or replaced
	hurry chan struct{} // capacity 1: somebody waits for the projection

	mu       sync.Mutex
	live     readmodel.Checkpoint // Live is false until there is one
	err      error                // why it stands still, nil while it does not
	building *readmodel.Checkpoint
	yield    context.CancelFunc // ends the following under way; nil if there is none
	wanted   int                // replays that want the turn, or have it
	progress chan struct{}      // closed and made anew when live or err changes
}

// Errors are tried again after firstPause, then twice as long, up to lastPause.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
)

// cleanupTimeout is how long the removal of a build that failed may take; else the next
// start does it.
const cleanupTimeout = 30 * time.Second

// goLiveTries: analysts' transactions that read several views, in another order than
// they are moved in, may cost some.
const goLiveTries = 5

// goLivePause is how long tables that are complete wait for a transaction of somebody
// else to end, before the next try.
const goLivePause = 5 * time.Second

// run keeps the live generation up to the log until ctx ends.
func (n *runner) run(ctx context.Context) {
	pause := firstPause
	for {
		before := n.status().Live.Revision
		err := n.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil { // it yielded to a replay
			continue
		}
		if n.status().Live.Revision != before {
			pause = firstPause
		}
		if errors.Is(err, errMoved) { // as happens where several processes keep one database
			n.log.Debug("another process has come first", "after", pause)
		} else {
			n.set(func() { n.err = err })
			n.log.Warn("a projection stands still and is tried again", "error", err, "after", pause)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// serve follows the live generation, after making one if there is none. nil: a replay
// wants its turn.
func (n *runner) serve(ctx context.Context) error {
	if err := n.letPass(ctx); err != nil {
		return err
	}
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c, usable, err := n.load(ctx)
	if err != nil {
		return err
	}
	if !usable {
		n.set(func() { n.live = readmodel.Checkpoint{} })
		if c, err = n.build(ctx, upToHead(n.runtime.cfg.Log), nil); err != nil {
			return err
		}
	}
	following, yield := context.WithCancel(ctx)
	defer yield()
	n.set(func() {
		n.live, n.err, n.yield = c, nil, yield
		if n.wanted > 0 {
			yield()
		}
	})
	err = n.follower(c).follow(following, n.runtime.stream.follow)
	n.set(func() { n.yield = nil })
	if following.Err() != nil && ctx.Err() == nil {
		return nil
	}
	if err == nil {
		err = errors.New("the subscription to the log has ended")
	}
	return err
}

// load finds the live generation, and whether it can be gone on with.
func (n *runner) load(ctx context.Context) (live readmodel.Checkpoint, usable bool, err error) {
	found, others := false, false
	err = n.runtime.cfg.Store.View(ctx, func(tx *readmodel.Tx) error {
		all, err := tx.Checkpoints(ctx, n.name)
		for _, c := range all {
			if c.Live {
				live, found = c, true
			} else {
				others = true
			}
		}
		return err
	})
	if err == nil && others {
		err = n.clear(ctx)
	}
	if err != nil || !found {
		return live, false, err
	}
	head, err := n.runtime.cfg.Log.Head(ctx) // after the checkpoint, which another process may move all the time
	if err != nil {
		return live, false, err
	}
	switch version := n.projection.Schema().Version; {
	case live.Version != version:
		n.log.Info("the projection is of another version and is built anew", "version", version, "tables", live.Version)
	case live.Revision > uint64(head):
		n.log.Warn("the projection is ahead of the log and is built anew", "projection_revision", live.Revision, "log", head)
	case !n.continues(ctx, live):
		n.log.Warn("the projection is of another log and is built anew", "log", live.Log)
	default:
		return live, true, nil
	}
	return live, false, nil
}

// clear removes what a build that did not come to its end has left. One that is under
// way has the claim.
func (n *runner) clear(ctx context.Context) error {
	store := n.runtime.cfg.Store
	release, ok, err := store.Claim(ctx, n.name)
	if err != nil || !ok {
		return err
	}
	defer release()
	return store.Update(ctx, func(tx *readmodel.Tx) error {
		all, err := tx.Checkpoints(ctx, n.name)
		for _, c := range all {
			if err == nil && !c.Live {
				err = tx.Forget(ctx, c.Generation)
			}
		}
		return err
	})
}

// continues tells whether the log has the commit of a checkpoint. If it cannot be
// read, following says so.
func (n *runner) continues(ctx context.Context, c readmodel.Checkpoint) bool {
	head, err := headOf(c)
	if err != nil {
		return false
	}
	if c.Revision == 0 {
		return true
	}
	for record, err := range n.runtime.cfg.Log.Read(ctx, head.Revision) {
		if err != nil {
			return true
		}
		commit, err := eventlog.Decode(record.Data)
		return err != nil || commit.Head() == head
	}
	return false
}

func (n *runner) follower(c readmodel.Checkpoint) *follower {
	return &follower{
		log: n.runtime.cfg.Log, store: n.runtime.cfg.Store, projection: n.projection, checkpoint: c, hurry: n.hurry,
		advanced: func(c readmodel.Checkpoint, at Position, changed []string) {
			n.set(func() { n.live, n.err = c, nil })
			n.changed(changed, at)
		},
	}
}

// changed tells of answers that may have changed.
func (n *runner) changed(keys []string, at Position) {
	if n.runtime.cfg.Changed != nil && len(keys) > 0 {
		n.runtime.cfg.Changed(Change{Projection: n.name, Keys: keys, Position: at})
	}
}

// build fills a new generation from a source of the whole log and makes it live. takeTurn, if not nil, is called
// when the new generation has come near the head: from then on nobody in this process
// moves the live one, behind which the new one must not be.
func (n *runner) build(ctx context.Context, whole source, takeTurn func() error) (c readmodel.Checkpoint, err error) {
	store, s := n.runtime.cfg.Store, schemaOf(n.projection)
	release, ok, err := store.Claim(ctx, n.name)
	if err != nil {
		return c, err
	}
	if !ok {
		return c, fmt.Errorf("%w: %s", ErrBuilding, n.name)
	}
	defer release()
	f := &follower{log: n.runtime.cfg.Log, store: store, projection: n.projection, building: true}
	if err := store.Update(ctx, func(tx *readmodel.Tx) (err error) {
		f.checkpoint, err = tx.Begin(ctx, s)
		return err
	}); err != nil {
		return c, err
	}
	defer func() {
		n.set(func() { n.building = nil })
		if err != nil { // else GoLive has removed all others
			cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
			defer cancel()
			err = errors.Join(err, store.Update(cleanup, func(tx *readmodel.Tx) error { return tx.Forget(cleanup, f.checkpoint.Generation) }))
		}
	}()
	var last Position
	f.advanced = func(at readmodel.Checkpoint, p Position, _ []string) {
		last = p
		n.set(func() { n.building = &at })
	}
	f.advanced(f.checkpoint, Position{}, nil)
	if err := f.follow(ctx, whole); err != nil {
		return c, err
	}
	if err := store.Index(ctx, s, f.checkpoint.Generation); err != nil {
		return c, err
	}
	if takeTurn != nil {
		if err := takeTurn(); err != nil {
			return c, err
		}
	}
	for {
		before := f.checkpoint.Revision
		if err := f.follow(ctx, upToHead(f.log)); err != nil { // what came meanwhile
			return c, err
		}
		live, err := n.goLive(ctx, s, f.checkpoint, takeTurn != nil)
		if takeTurn == nil && errors.Is(err, ErrTransactionOpen) { // nobody is kept waiting who could be answered
			n.set(func() { n.err = err })
			select {
			case <-time.After(goLivePause):
				continue
			case <-ctx.Done():
			}
		}
		switch {
		case err != nil:
			return c, err
		case live == nil:
			c = f.checkpoint
			c.Live = true
			if last != (Position{}) { // what the live tables had not, and what another version says otherwise
				n.changed([]string{Everything}, last)
			}
			return c, nil
		case f.checkpoint.Revision == before:
			return c, fmt.Errorf("projections: the log ends at revision %d, but the live tables of %s are at %d", before, n.name, live.Revision)
		}
	}
}

// goLive makes the views show a generation; with beside not if the live one, which it
// then gives, is further.
func (n *runner) goLive(ctx context.Context, s readmodel.Schema, c readmodel.Checkpoint, beside bool) (further *readmodel.Checkpoint, err error) {
	for range goLiveTries {
		err = n.runtime.cfg.Store.Update(ctx, func(tx *readmodel.Tx) error {
			if live, found, err := tx.Live(ctx, n.name); err != nil || beside && found && live.Revision > c.Revision {
				further = &live
				return err
			}
			return tx.GoLive(ctx, s, c.Generation)
		})
		if !readmodel.Deadlocked(err) {
			break
		}
	}
	if !readmodel.Locked(err) {
		return further, err
	}
	return nil, fmt.Errorf("%w: %w", ErrTransactionOpen, err)
}

// letPass returns when no replay wants the turn.
func (n *runner) letPass(ctx context.Context) error {
	for {
		n.mu.Lock()
		wanted, progress := n.wanted, n.progress
		n.mu.Unlock()
		if wanted == 0 {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// replay builds a generation beside the live one and takes its place.
func (n *runner) replay(ctx context.Context, whole source) error {
	release := func() {}
	defer func() { release() }()
	_, err := n.build(ctx, whole, func() error {
		n.set(func() {
			n.wanted++
			if n.yield != nil {
				n.yield()
			}
		})
		release = func() { n.set(func() { n.wanted-- }) }
		select {
		case n.turn <- struct{}{}:
			release = func() { <-n.turn; n.set(func() { n.wanted-- }) }
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return err
}

// set changes what status shows, and wakes those that wait.
func (n *runner) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
	close(n.progress)
	n.progress = make(chan struct{})
}
