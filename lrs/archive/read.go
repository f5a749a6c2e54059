package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Restore reads a backup to the end of r into an empty store, and then reads the whole store to verify it. After an error
// the store must not be served. ErrBackup: it is the backup that is wrong.
func Restore(ctx context.Context, r io.Reader, to Store) (Meta, lrs.LogReport, error) {
	var report lrs.LogReport
	has, err := to.Log.Head(ctx)
	if err == nil && has != 0 {
		err = fmt.Errorf("%w: it is at revision %d, not empty", ErrTarget, has)
	}
	if err != nil {
		return Meta{}, report, fmt.Errorf("archive: restore: %w", err)
	}
	meta, counts, err := read(ctx, r, into{to})
	if err != nil {
		return meta, report, fmt.Errorf("archive: restore: %w", err)
	}
	head, err := meta.Head()
	if err != nil {
		return meta, report, err
	}
	report, err = verified(ctx, to, head, len(counts.Missing) > 0)
	return meta, report, err
}

// Check reads a backup to the end of r and finds whether it is whole.
func Check(ctx context.Context, r io.Reader) (Meta, Counts, error) {
	meta, counts, err := read(ctx, r, nowhere{})
	if err != nil {
		err = fmt.Errorf("archive: check: %w", err)
	}
	return meta, counts, err
}

// nowhere is the sink of Check.
type nowhere struct{}

func (nowhere) has(context.Context, string) (bool, error) { return false, nil }

func (nowhere) blob(_ context.Context, id string, _ int64, r io.Reader) error {
	hash, err := blob.NewHash(id)
	if err != nil {
		return err
	}
	if _, err := io.Copy(hash, r); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != id {
		return fmt.Errorf("%w: expected %s, got %s", blob.ErrHashMismatch, id, got)
	}
	return nil
}

func (nowhere) commit(context.Context, *eventlog.Commit, []byte) error { return nil }

// backup is one that is being read.
type backup struct {
	raw  *trailing
	tar  *tar.Reader
	to   sink
	meta Meta
	head eventlog.Head // of the last commit that was read
	// What was found so far, and whether the last entry was.
	counts Counts
	ended  bool
}

// read brings what is in a backup to a sink. It returns nil only if everything in it is as it was written.
func read(ctx context.Context, r io.Reader, to sink) (Meta, Counts, error) {
	b := &backup{raw: newTrailing(bufio.NewReaderSize(r, 1<<15)), to: to}
	b.tar = tar.NewReader(b.raw)
	if err := b.readMeta(); err != nil {
		return b.meta, b.counts, err
	}
	var data []byte // of the commit under way
	records := func(yield func(eventlog.Record, error) bool) {
		for {
			record, err := b.next(ctx)
			if err == io.EOF {
				return
			}
			if data = record.Data; !yield(record, err) || err != nil {
				return
			}
		}
	}
	last, err := b.meta.Head()
	if err != nil {
		return b.meta, b.counts, wrong("%s: %w", metaName, err)
	}
	for c, err := range eventlog.Follow(records, eventlog.Head{Log: last.Log}) {
		if errors.Is(err, eventlog.ErrLogDamaged) {
			err = wrong("%w", err)
		}
		if err != nil {
			return b.meta, b.counts, fmt.Errorf("behind revision %d: %w", b.head.Revision, err)
		}
		if err := to.commit(ctx, c, data); err != nil {
			return b.meta, b.counts, fmt.Errorf("revision %d: %w", c.Revision, err)
		}
		b.head = c.Head()
		b.counts.Commits++
	}
	if !b.ended { // cannot be: next ends with an error then
		return b.meta, b.counts, wrong("it has no %s", endName)
	}
	return b.meta, b.counts, nil
}

func (b *backup) readMeta() error {
	h, err := b.tar.Next()
	switch {
	case err == io.EOF:
		return wrong("it is empty")
	case errors.Is(err, tar.ErrHeader):
		return wrong("it does not begin as one: %w", err)
	case err != nil:
		return b.failed(err)
	case h.Name != metaName:
		return wrong("its first entry is %q, not %s", h.Name, metaName)
	}
	content, err := b.small(h, largestNote)
	if err != nil {
		return err
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(content, &version); err == nil && version.Format > Format {
		return wrong("it has the format %d, of a newer release; this one knows %d", version.Format, Format)
	}
	if err := json.Unmarshal(content, &b.meta, json.RejectUnknownMembers(true)); err != nil {
		return wrong("%s: %w", metaName, err)
	}
	if b.meta.Format != Format || b.meta.Revision == 0 {
		return wrong("%s has the format %d and revision %d", metaName, b.meta.Format, b.meta.Revision)
	}
	return nil
}

// next is the next commit's record, and takes the blobs before it. io.EOF: the backup has ended, and all in it is whole.
func (b *backup) next(ctx context.Context) (eventlog.Record, error) {
	for {
		h, err := b.tar.Next()
		if err == io.EOF {
			return eventlog.Record{}, wrong("it is cut off behind revision %d of %d", b.head.Revision, b.meta.Revision)
		}
		if err != nil {
			return eventlog.Record{}, b.failed(err)
		}
		id, isBlob := strings.CutPrefix(h.Name, blobPrefix)
		switch {
		case h.Name == endName:
			return eventlog.Record{}, b.finish(h)
		case h.Name == commitName(b.head.Revision+1):
			data, err := b.small(h, largestCommit)
			return eventlog.Record{Revision: b.head.Revision + 1, Data: data}, err
		case !isBlob:
			return eventlog.Record{}, wrong("the entry %q is where %s or a blob belongs", h.Name, commitName(b.head.Revision+1))
		}
		err = b.to.blob(ctx, id, h.Size, b.tar)
		switch {
		case errors.Is(err, blob.ErrHashMismatch), errors.Is(err, blob.ErrInvalidID):
			return eventlog.Record{}, wrong("%s: %w", h.Name, err)
		case err != nil:
			return eventlog.Record{}, fmt.Errorf("%s: %w", h.Name, b.failed(err))
		}
		b.counts.Blobs++
		b.counts.BlobBytes += h.Size
	}
}

// small is the content of an entry that may not be large.
func (b *backup) small(h *tar.Header, most int64) ([]byte, error) {
	if h.Size > most {
		return nil, wrong("%s has %d bytes, over %d", h.Name, h.Size, most)
	}
	content := make([]byte, h.Size)
	if _, err := io.ReadFull(b.tar, content); err != nil {
		return nil, fmt.Errorf("%s: %w", h.Name, b.failed(err))
	}
	return content, nil
}

// finish reads the last entry, whose header was read, and all behind it. Its error is io.EOF if everything is as it must be.
func (b *backup) finish(h *tar.Header) error {
	sum := hex.EncodeToString(b.raw.hold())
	content, err := b.small(h, largestNote)
	if err != nil {
		return err
	}
	var e end
	if err := json.Unmarshal(content, &e, json.RejectUnknownMembers(true)); err != nil {
		return wrong("%s: %w", endName, err)
	}
	for _, id := range e.Missing {
		b.counts.miss(Missing{ID: id, Err: blob.ErrNotFound})
	}
	want := endOf(b.counts, b.meta, sum)
	switch {
	case b.head.Hash.String() != b.meta.Hash || b.meta.Hash != e.Hash:
		return wrong("its last commit is revision %d with the hash %s, %s says %d with %s, and %s %s",
			b.head.Revision, b.head.Hash, metaName, b.meta.Revision, b.meta.Hash, endName, e.Hash)
	case e.Sum != sum:
		return wrong("what is before %s has the SHA-256 %s, and must have %s", endName, sum, e.Sum)
	case e.Commits != want.Commits || e.Blobs != want.Blobs || e.BlobBytes != want.BlobBytes:
		return wrong("it has %d commits and %d blobs of %d bytes, and says that it has %d and %d of %d",
			want.Commits, want.Blobs, want.BlobBytes, e.Commits, e.Blobs, e.BlobBytes)
	}
	tail, err := want.bytes(b.meta.Made)
	if err != nil {
		return wrong("%s: %w", endName, err)
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(b.raw, int64(len(tail))+1)); err != nil {
		return b.failed(err)
	}
	switch held := b.raw.held; {
	case bytes.Equal(held, tail):
	case len(held) < len(tail) && slices.Equal(held, tail[:len(held)]):
		return wrong("its last %d bytes are cut off", len(tail)-len(held))
	default:
		return wrong("what it ends with was changed, or something follows it")
	}
	b.ended = true
	return io.EOF
}

// failed is an error of reading: the backup's if it is short or no tar, else that of where it comes from, or goes to.
func (b *backup) failed(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return wrong("it is cut off behind revision %d of %d: %w", b.head.Revision, b.meta.Revision, err)
	case errors.Is(err, tar.ErrHeader):
		return wrong("what follows is no entry: %w", err)
	}
	return err
}

// wrong is ErrBackup and what was found.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBackup, fmt.Errorf(format, args...))
}
