package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/archive"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// A data directory that is being filled, by a restore or a copy, has a file that says so, from before anything is in it
// until all of it is there, verified and synced. While the file is there nothing is opened in that directory: half a log
// would pass for a whole one, and what was written behind it would be a second history.
const (
	unfinishedFile = "restoring"
	byRestore      = "restore"
	byCopy         = "log copy"
)

func unfinishedPath(dir string) string { return filepath.Join(dir, unfinishedFile) }

// filledBy tells what has begun to fill a directory and has not finished; "" for nothing.
func filledBy(dir string) (string, error) {
	b, err := os.ReadFile(unfinishedPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("data directory: %w", err)
	}
	if strings.TrimSpace(string(b)) == byCopy {
		return byCopy, nil
	}
	return byRestore, nil // also if the file was not written whole
}

// copyMark is what stands for that file where a log has no directory: a copy puts it beside the attachments before its
// first commit, and another in its place when all is there and verified: to take it away is a right that stores do not have.
type copyMark struct {
	Revision eventlog.Revision `json:"revision"` // that the log has then, whatever comes behind it
	Hash     string            `json:"hash"`     // its; hex
	Whole    bool              `json:"whole,omitempty"`
}

// markPlace tells in a bucket which log its mark is about: an EventStoreDB and the NATS cluster that goes with it may both
// have one of the same name.
func (e *engine) markPlace() string {
	if !e.eventStore() {
		return ""
	}
	u, err := url.Parse(e.at)
	if err != nil {
		return ".esdb"
	}
	sum := sha256.Sum256([]byte(strings.ToLower(u.Host)))
	return ".esdb-" + hex.EncodeToString(sum[:8])
}

// beginCopy marks a bucket: the log at a place is being copied up to head. One that is whole up to there stays so.
func beginCopy(ctx context.Context, bucket *natsblob.Store, place string, head eventlog.Head) error {
	return untilAnswered(ctx, func() error {
		mark, err := readMark(ctx, bucket, place)
		if err != nil && !errors.Is(err, errUnfinished) {
			return err
		}
		if mark != nil && mark.Whole && mark.Revision == head.Revision && mark.Hash == head.Hash.String() {
			return nil
		}
		return setMark(ctx, bucket, place, copyMark{head.Revision, head.Hash.String(), false})
	})
}

// endCopy marks a bucket: the log at a place is whole up to head.
func endCopy(ctx context.Context, bucket *natsblob.Store, place string, head eventlog.Head) error {
	return untilAnswered(ctx, func() error {
		return setMark(ctx, bucket, place, copyMark{head.Revision, head.Hash.String(), true})
	})
}

func setMark(ctx context.Context, bucket *natsblob.Store, place string, mark copyMark) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	return bucket.SetMark(ctx, place, string(text))
}

// wholeCopy fails with errUnfinished if a bucket's mark says that the log at a place, which has a name, is not whole, and
// with eventlog.ErrLogDamaged if it was, and is not any more.
func wholeCopy(ctx context.Context, log eventlog.Log, bucket *natsblob.Store, place, name string) error {
	return untilAnswered(ctx, func() error {
		mark, err := readMark(ctx, bucket, place)
		if mark == nil || err != nil {
			return err
		}
		last, err := log.Head(ctx)
		if err != nil {
			return err
		}
		found := fmt.Sprintf("ends at revision %d", last)
		if last >= mark.Revision {
			at, err := archive.HeadAt(ctx, log, mark.Revision)
			same := at.Hash.String() == mark.Hash
			switch {
			case err != nil:
				return err
			case same && (mark.Whole || last > mark.Revision): // behind it are commits of nodes that were let in
				return nil
			case same:
				return fmt.Errorf("%w: an `lrs log copy` to log %s brought all commits and did not end well; run the same command again", errUnfinished, name)
			}
			found = fmt.Sprintf("has the hash %s there", at.Hash)
		}
		if mark.Whole {
			return fmt.Errorf("%w: log %s was copied whole, with revision %d and the hash %s, and now it %s; remove nothing, and restore it from a backup",
				eventlog.ErrLogDamaged, name, mark.Revision, mark.Hash, found)
		}
		return fmt.Errorf("%w: an `lrs log copy` to log %s, which is to have revision %d with the hash %s, was cut off: the log %s; "+
			"run the same command again, which goes on where it ended", errUnfinished, name, mark.Revision, mark.Hash, found)
	})
}

// untilAnswered tries what asks a cluster until there is an answer: what was just made has no leader yet, and one that is new
// may for a moment lack the log's end.
func untilAnswered(ctx context.Context, try func() error) error {
	for began := time.Now(); ; {
		err := try()
		again := errors.Is(err, blob.ErrUnavailable) || errors.Is(err, eventlog.ErrUnavailable) || errors.Is(err, eventlog.ErrLogDamaged)
		if !again || time.Since(began) > markPatience {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// markPatience is longer than an election takes. A variable for tests.
var markPatience = 30 * time.Second

// readMark reads a bucket's mark; nil: it has none.
func readMark(ctx context.Context, bucket *natsblob.Store, place string) (*copyMark, error) {
	text, err := bucket.Mark(ctx, place)
	if text == "" || err != nil {
		return nil, err
	}
	mark := &copyMark{}
	if err := json.Unmarshal([]byte(text), mark); err != nil {
		return nil, fmt.Errorf("%w: an `lrs log copy` has begun, and how far it must come cannot be read in %q: %w; run it again", errUnfinished, text, err)
	}
	return mark, nil
}

// errUnfinished refuses what is not filled.
var errUnfinished = errors.New("the store is not complete")

// unfinished is the error when a directory is not filled, with what to do.
func unfinished(dir string) error {
	switch by, err := filledBy(dir); {
	case err != nil:
		return err
	case by == byCopy:
		return fmt.Errorf("%w: an `lrs log copy` into %s was cut off (%s is there); run the same command again, which goes on where it ended, "+
			"or remove everything in the directory", errUnfinished, dir, unfinishedPath(dir))
	case by == byRestore:
		return fmt.Errorf("%w: an `lrs restore` into %s was cut off or failed (%s is there); nothing in it may be served: "+
			"remove everything in the directory and restore again", errUnfinished, dir, unfinishedPath(dir))
	}
	return nil
}

// beginFilling marks a directory, durably.
func beginFilling(dir, by string) error {
	f, err := os.OpenFile(unfinishedPath(dir), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(by + "\n")
		err = errors.Join(err, f.Sync(), f.Close(), syncDir(dir))
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// room is an archive.Store's for a directory that is being filled: a server on it would take no writes below that.
func (cfg *nodeConfig) room() error {
	least := uint64(max(cfg.minFree, leastFree))
	free, err := freeSpace(cfg.dir)
	if err == nil && free < least {
		err = fmt.Errorf("%w: where %s is %d MiB are free, and --min-free asks for %d MiB", lrs.ErrNoSpace, cfg.dir, free>>20, least>>20)
	}
	return err
}

// endFilling takes the mark away when all that was written survives a power cut: what the log's server has not synced
// itself, its files' names above all, is synced here. (Blobs and the head file are synced when they are written.)
func endFilling(dir string) error {
	err := syncTree(filepath.Join(dir, "log"))
	if err == nil {
		err = syncDir(dir)
	}
	if err == nil {
		err = os.Remove(unfinishedPath(dir))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// syncTree syncs all files and directories below one, and it.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() && !e.Type().IsRegular() {
			return err
		}
		return syncDir(path) // which does the same for a file
	})
}
