package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// A transaction of a follower that keeps up takes the commits that are there, until it has so much. Small
// enough that other projections and a snapshot's readers are not kept waiting.
const (
	batchPayload = 8 << 20
	batchCommits = 256
)

// errMoved: another process has moved the checkpoint, or removed the generation.
var errMoved = errors.New("the checkpoint was moved by another process")

// follower fills one generation from the log.
type follower struct {
	log        Log
	store      *readmodel.Store
	projection Projection
	checkpoint readmodel.Checkpoint
	writer     Writer // nil: to be loaded

	building bool                           // nobody reads the generation yet: it has no Lookups, and nobody is told of changes
	hurry    <-chan struct{}                // ends a rest; nil: it never rests
	until    func(e Position, t int64) bool // nil: all; else whether an event is still wanted
	advanced func(c readmodel.Checkpoint, at Position, changed []string)
}

// follow takes every commit until a source ends. An error leaves the tables and the
// checkpoint as they were at some commit.
func (f *follower) follow(ctx context.Context, from source) error {
	head, err := headOf(f.checkpoint)
	if err != nil {
		return err
	}
	batches, stop := feed(ctx, f.projection, from, head, f.building)
	defer stop()
	for more := true; more; {
		var commits []*digestedCommit
		commits, more = gather(batches)
		commits, enough := f.wanted(commits)
		if err := f.write(ctx, commits); err != nil {
			return err
		}
		if enough {
			return nil
		}
		if len(commits) < feedAhead { // else there is more to take already
			f.rest(ctx)
		}
	}
	return stop()
}

// longestRest is how long a projection waits after a transaction for more to take with
// the next: what a transaction costs is more than what a small commit does.
const longestRest = 50 * time.Millisecond

// rest waits, unless somebody waits for the projection.
func (f *follower) rest(ctx context.Context) {
	if f.hurry == nil {
		return
	}
	timer := time.NewTimer(longestRest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.hurry:
	case <-ctx.Done():
	}
}

// gather waits for a batch and takes with it what is there already.
func gather(batches <-chan batch) (commits []*digestedCommit, more bool) {
	b, more := <-batches
	payload := 0
	for more {
		commits = append(commits, b.commits...)
		if payload += b.payload; payload >= batchPayload || len(commits) >= batchCommits {
			return commits, true
		}
		select {
		case b, more = <-batches:
		default:
			return commits, true
		}
	}
	return commits, false
}

// wanted cuts a batch before the first event that is not wanted, if there is one.
func (f *follower) wanted(batch []*digestedCommit) (cut []*digestedCommit, enough bool) {
	if f.until == nil {
		return batch, false
	}
	for i, c := range batch {
		for n := range c.events {
			if f.until(Position{Revision: uint64(c.head.Revision), Index: n}, c.first+int64(n)) {
				continue
			}
			if n == 0 {
				return batch[:i], true
			}
			c.cut(n)
			return batch[:i+1], true
		}
	}
	return batch, false
}

// refusal ends a transaction because of one event. What the Writer had done with that
// when it failed is unknown, so that the transaction is made again without it.
type refusal struct {
	Position
	why error
}

func (r *refusal) Error() string {
	return fmt.Sprintf("event %d of commit %d: %v", r.Index, r.Revision, r.why)
}

// write takes a batch into the tables, with the checkpoint.
func (f *follower) write(ctx context.Context, batch []*digestedCommit) error {
	for len(batch) > 0 {
		err := f.prepare(ctx, batch)
		if err == nil {
			err = f.take(ctx, batch)
		}
		var refused *refusal
		if !errors.As(err, &refused) {
			return err
		}
		at := int(refused.Revision - uint64(batch[0].head.Revision))
		batch[at].refuse(f.projection, refused.Index, refused.why)
		// The commits before are taken by themselves, lest many such events do them over
		// and over.
		if err := f.write(ctx, batch[:at]); err != nil {
			return err
		}
		batch = batch[at:]
	}
	return nil
}

// prepare lets a writer do beforehand what would make a transaction long.
func (f *follower) prepare(ctx context.Context, batch []*digestedCommit) (err error) {
	defer func() {
		if err != nil {
			f.writer = nil
		}
	}()
	if f.writer == nil {
		if err := f.store.Update(ctx, func(tx *readmodel.Tx) error { return f.load(ctx, tx) }); err != nil {
			return fmt.Errorf("projection %s: %w", f.checkpoint.Projection, err)
		}
	}
	p, ok := f.writer.(Preparer)
	if !ok {
		return nil
	}
	for _, c := range batch {
		for _, e := range c.items {
			err := safely(func() error { return p.Prepare(ctx, f.store.Update, e) })
			switch {
			case errors.As(err, new(panicked)), errors.Is(err, readmodel.ErrUnstorable):
				return &refusal{e.Position, err}
			case err != nil:
				return fmt.Errorf("projection %s: prepare event %d of commit %d: %w", f.checkpoint.Projection, e.Index, e.Revision, err)
			}
		}
	}
	return nil
}

// load makes the writer.
func (f *follower) load(ctx context.Context, tx *readmodel.Tx) error {
	return safely(func() (err error) {
		if f.writer, err = f.projection.Load(ctx, tx, f.checkpoint.Generation, past(f.log, f.projection)); err != nil {
			return fmt.Errorf("load: %w", err)
		}
		return nil
	})
}

// take is one transaction.
func (f *follower) take(ctx context.Context, batch []*digestedCommit) error {
	next := f.checkpoint
	var at Position
	var changed []string
	err := f.store.Update(ctx, func(tx *readmodel.Tx) error {
		return safely(func() (err error) {
			commits := tx.Insert(f.checkpoint.Table(commitsTable(f.checkpoint.Projection).Name), "first", "revision", "events")
			for _, c := range batch {
				if err := f.apply(ctx, tx, c); err != nil {
					return err
				}
				if c.events > 0 {
					if err := commits.Add(ctx, c.first, int64(c.head.Revision), c.events); err != nil {
						return err
					}
					at = Position{Revision: uint64(c.head.Revision), Index: c.events - 1}
					next.Through = c.first + int64(at.Index)
					next.Events += int64(c.events)
				}
				next.Log, next.Revision, next.Hash = c.head.Log.String(), uint64(c.head.Revision), c.head.Hash.String()
			}
			if f.building {
				f.writer.Forget()
			} else if changed, err = f.writer.Changed(ctx, tx); err != nil {
				return err
			}
			moved, err := tx.Advance(ctx, f.checkpoint.Revision, next)
			if err == nil && !moved {
				err = errMoved
			}
			return err
		})
	})
	if err != nil {
		f.writer = nil
		return fmt.Errorf("projection %s: %w", f.checkpoint.Projection, err)
	}
	f.checkpoint = next
	if f.advanced != nil {
		f.advanced(next, at, changed)
	}
	return nil
}

// apply takes one commit's events.
func (f *follower) apply(ctx context.Context, tx *readmodel.Tx, c *digestedCommit) error {
	aside := func(a readmodel.SetAside) error { return tx.Aside(ctx, f.checkpoint.Generation, a) }
	for _, a := range c.aside {
		if err := aside(a); err != nil {
			return err
		}
	}
	for _, e := range c.items {
		err := safely(func() error { return f.writer.Apply(ctx, tx, e) })
		switch {
		case err == nil:
			continue
		case errors.As(err, new(panicked)), errors.Is(err, readmodel.ErrUnstorable):
			return &refusal{e.Position, err}
		case errors.Is(err, ErrIndigestible):
			err = aside(setAside(f.projection, &e.Event, err))
		}
		if err != nil {
			return fmt.Errorf("event %d of commit %d: %w", e.Index, e.Revision, err)
		}
	}
	return nil
}

// commitsTable has the commits that a generation has taken, so that a time finds its
// position.
func commitsTable(projection string) readmodel.Table {
	return readmodel.Table{
		Name:    projection + "_commits",
		Columns: "first BIGINT NOT NULL, revision BIGINT NOT NULL, events BIGINT NOT NULL",
		Key:     "first",
	}
}

// schemaOf is a projection's schema with what the runtime adds.
func schemaOf(p Projection) readmodel.Schema {
	s := p.Schema()
	s.Tables = append([]readmodel.Table{commitsTable(s.Projection)}, s.Tables...)
	return s
}

// PositionAt gives the position of the last event with a time up to t that the live
// generation of a projection has taken, and that event's time; false if there is
// none.
func PositionAt(ctx context.Context, tx *readmodel.Tx, projection string, t int64) (Position, int64, bool, error) {
	var first, revision, events int64
	found, err := tx.One(ctx, "SELECT first, revision, events FROM "+commitsTable(projection).Name+
		" WHERE first <= ? ORDER BY first DESC LIMIT 1", []any{t}, &first, &revision, &events)
	if err != nil || !found {
		return Position{}, 0, false, err
	}
	index := min(t-first, events-1)
	return Position{Revision: uint64(revision), Index: int(index)}, first + index, true, nil
}
