// Package archive takes a log with the blobs that its events name from one place to another: between engines (Copy), into
// a file while the log is written to (Write), and out of one (Restore). All three are one walk over commits, each behind
// the blobs that it names, into a sink; commits go byte for byte, so revisions, positions and hashes stay what they were.
package archive

import (
	"context"
	"errors"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Store is a log with the blobs that its events name.
type Store struct {
	Log   eventlog.Log
	Blobs blob.Store
	// Room is asked before anything is written, and its error is why there is no room; nil: there always is. A log on a full
	// disk may give no answer, ever.
	Room func() error
}

// Counts is what a walk has taken along.
type Counts struct {
	Commits   int
	Blobs     int
	BlobBytes int64
	// Missing are blobs that commits rest on and that the source has not, or not whole any more. A walk goes on without
	// them: what else there is must not be lost for them.
	Missing []Missing

	missing map[string]bool // the ids of these
}

func (c *Counts) miss(m Missing) {
	if c.missing == nil {
		c.missing = map[string]bool{}
	}
	c.missing[m.ID] = true
	c.Missing = append(c.Missing, m)
}

// Missing is a blob that could not be taken along.
type Missing struct {
	ID       string
	Revision eventlog.Revision // of the first commit that names it
	Err      error             // blob.ErrNotFound or blob.ErrDamaged, wrapped
}

// Errors that callers tell apart.
var (
	// ErrTarget: the target has a log, or a part of one, that the source's does not continue. Nothing was changed.
	ErrTarget = errors.New("archive: the target cannot take this log")
	// ErrMoved: the source, or the target, was written to during a copy.
	ErrMoved = errors.New("archive: somebody writes to the log that is being copied")
	// ErrBackup: a backup is cut off, or was changed, or is none. The error says what is wrong, and where.
	ErrBackup = errors.New("archive: this is no whole backup")
)

// HeadAt is the commit of a log that has a revision, which must be at least 1. It reads that commit alone, and verifies it.
func HeadAt(ctx context.Context, log eventlog.Log, revision eventlog.Revision) (eventlog.Head, error) {
	for r, err := range log.Read(ctx, revision) {
		if err != nil {
			return eventlog.Head{}, err
		}
		c, err := eventlog.Decode(r.Data)
		if err == nil {
			err = c.Verify()
		}
		if err == nil && (r.Revision != revision || c.Revision != revision) {
			err = fmt.Errorf("%w: revision %d, sealed as %d, came for it", eventlog.ErrLogDamaged, r.Revision, c.Revision)
		}
		if err != nil {
			return eventlog.Head{}, fmt.Errorf("revision %d: %w", revision, err)
		}
		return c.Head(), nil
	}
	return eventlog.Head{}, fmt.Errorf("%w: reading revision %d gave nothing", eventlog.ErrLogDamaged, revision)
}
