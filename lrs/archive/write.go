package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Write writes a backup of a store, which may be written to meanwhile: of all that was in the log when it was called, and
// of what it rests on. lease is asked for after that, see Meta.Lease. When it returns nil, w has taken a whole backup; one
// with Counts.Missing is whole but for these.
func Write(ctx context.Context, w io.Writer, from Store, lease func() (int64, error)) (Meta, Counts, error) {
	meta, counts, err := write(ctx, w, from, lease)
	if err != nil {
		err = fmt.Errorf("archive: backup: %w", err)
	}
	return meta, counts, err
}

func write(ctx context.Context, w io.Writer, from Store, lease func() (int64, error)) (meta Meta, counts Counts, err error) {
	last, err := from.Log.Head(ctx)
	if err == nil && last == 0 {
		err = fmt.Errorf("%w: it is empty; even a new one has the commit that created it", eventlog.ErrLogDamaged)
	}
	if err != nil {
		return meta, counts, err
	}
	head, err := HeadAt(ctx, from.Log, last)
	if err != nil {
		return meta, counts, err
	}
	meta = Meta{
		Format: Format, Log: head.Log.String(), Revision: head.Revision, Hash: head.Hash.String(),
		Made: time.Now().UTC().Truncate(time.Second),
	}
	if meta.Lease, err = lease(); err != nil {
		return meta, counts, err
	}
	buffered := bufio.NewWriterSize(w, 1<<18)
	sum := sha256.New()
	out := io.MultiWriter(buffered, sum)
	f := &file{tar: tar.NewWriter(out), made: meta.Made, blobs: map[string]bool{}}
	if err := f.note(metaName, meta); err != nil {
		return meta, counts, err
	}
	if counts, err = from.walk(ctx, eventlog.Head{}, head, f); err != nil {
		return meta, counts, err
	}
	if err := f.tar.Flush(); err != nil { // pads the last entry
		return meta, counts, err
	}
	e := endOf(counts, meta, hex.EncodeToString(sum.Sum(nil)))
	tail, err := e.bytes(meta.Made)
	if err != nil {
		return meta, counts, err
	}
	if _, err := buffered.Write(tail); err != nil {
		return meta, counts, err
	}
	return meta, counts, buffered.Flush()
}

func endOf(counts Counts, meta Meta, sum string) end {
	e := end{Commits: counts.Commits, Blobs: counts.Blobs, BlobBytes: counts.BlobBytes, Missing: []string{}, Hash: meta.Hash, Sum: sum}
	for _, m := range counts.Missing {
		e.Missing = append(e.Missing, m.ID)
	}
	return e
}

// file is the sink of a backup.
type file struct {
	tar   *tar.Writer
	made  time.Time
	blobs map[string]bool // ids of those that are in it
}

func (f *file) note(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return f.entry(name, b)
}

func (f *file) entry(name string, content []byte) error {
	if err := f.tar.WriteHeader(header(name, int64(len(content)), f.made)); err != nil {
		return err
	}
	_, err := f.tar.Write(content)
	return err
}

func (f *file) has(_ context.Context, id string) (bool, error) { return f.blobs[id], blob.CheckID(id) }

func (f *file) blob(_ context.Context, id string, size int64, r io.Reader) error {
	if err := f.tar.WriteHeader(header(blobPrefix+id, size, f.made)); err != nil {
		return err
	}
	if n, err := io.Copy(f.tar, r); err != nil || n != size {
		return errors.Join(err, fmt.Errorf("%d bytes of %d were read", n, size))
	}
	f.blobs[id] = true
	return nil
}

func (f *file) commit(_ context.Context, c *eventlog.Commit, data []byte) error {
	return f.entry(commitName(c.Revision), data)
}
