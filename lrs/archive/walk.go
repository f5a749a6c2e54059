package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// sink takes what a walk yields, for one goroutine: each commit behind the blobs that it names.
type sink interface {
	// has tells whether a blob is there, so that it need not be brought again.
	has(ctx context.Context, id string) (bool, error)
	// blob takes one, which is there when it returns nil. An error that is blob.ErrHashMismatch, or of reading r, is the
	// source's.
	blob(ctx context.Context, id string, size int64, r io.Reader) error
	// commit takes the next, whose bytes are data. It may keep data.
	commit(ctx context.Context, c *eventlog.Commit, data []byte) error
}

// walk brings the commits behind after, up to until, to a sink, and before each the blobs that it names. It checks the
// chain from after to until.
func (s Store) walk(ctx context.Context, after, until eventlog.Head, to sink) (counts Counts, err error) {
	if after == until {
		return counts, nil
	}
	if after.Revision == 0 {
		after = eventlog.Head{Log: until.Log}
	}
	var data []byte // of the commit under way
	records := func(yield func(eventlog.Record, error) bool) {
		for r, err := range s.Log.Read(ctx, after.Revision+1) {
			if data = r.Data; !yield(r, err) {
				return
			}
		}
	}
	for c, err := range eventlog.Follow(records, after) {
		if err == nil {
			err = s.bringBlobs(ctx, c, to, &counts)
		}
		if err == nil {
			err = to.commit(ctx, c, data)
		}
		if err != nil {
			return counts, fmt.Errorf("behind revision %d: %w", after.Revision+eventlog.Revision(counts.Commits), err)
		}
		counts.Commits++
		if c.Revision == until.Revision {
			if c.Head() != until {
				return counts, fmt.Errorf("%w: revision %d had the hash %s, and now %s", eventlog.ErrLogDamaged, c.Revision, until.Hash, c.Hash)
			}
			return counts, nil
		}
	}
	return counts, fmt.Errorf("%w: it ended before revision %d", eventlog.ErrLogDamaged, until.Revision)
}

// bringBlobs brings the blobs that a commit names and that are not there.
func (s Store) bringBlobs(ctx context.Context, c *eventlog.Commit, to sink, counts *Counts) error {
	events, err := c.Events()
	if err != nil {
		return err
	}
	for _, e := range events {
		named, err := lrs.BlobsOf(e)
		if err != nil {
			return err
		}
		for _, b := range named {
			if err := s.bringBlob(ctx, c.Revision, b, to, counts); err != nil {
				return fmt.Errorf("blob %s: %w", b.ID, err)
			}
		}
	}
	return nil
}

func (s Store) bringBlob(ctx context.Context, revision eventlog.Revision, b lrs.NamedBlob, to sink, counts *Counts) error {
	there, err := to.has(ctx, b.ID)
	if there || err != nil || counts.missing[b.ID] {
		return err
	}
	r, size, err := s.Blobs.Open(ctx, b.ID)
	switch {
	case errors.Is(err, blob.ErrNotFound) && b.Elsewhere:
		return nil
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrDamaged):
		counts.miss(Missing{ID: b.ID, Revision: revision, Err: err})
		return nil
	case err != nil:
		return err
	}
	defer r.Close()
	if err := to.blob(ctx, b.ID, size, r); err != nil {
		return err
	}
	counts.Blobs++
	counts.BlobBytes += size
	return nil
}

// into is the sink of a copy and of a restore: another store.
type into struct{ Store }

func (to into) has(ctx context.Context, id string) (bool, error) { return to.Blobs.Has(ctx, id) }

func (to into) room() error {
	if to.Room == nil {
		return nil
	}
	return to.Room()
}

func (to into) blob(ctx context.Context, id string, _ int64, r io.Reader) (err error) {
	if err := to.room(); err != nil {
		return err
	}
	w, err := to.Blobs.Create(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Abort()) }()
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	_, _, err = w.Commit(ctx)
	return err
}

// commitPatience is how long a target is waited for to take a commit: longer than an election.
const commitPatience = time.Minute

func (to into) commit(ctx context.Context, c *eventlog.Commit, data []byte) error {
	if err := to.room(); err != nil {
		return err
	}
	// What is copied half can be copied on, so that a target that takes no more need not be waited for.
	waiting, cancel := context.WithTimeout(ctx, commitPatience)
	defer cancel()
	err := eventlog.Settle(waiting, to.Log, c.Revision-1, data, eventlog.SettleOptions{})
	if errors.Is(err, eventlog.ErrConflict) {
		return fmt.Errorf("%w: the target: %w", ErrMoved, err)
	}
	return err
}
