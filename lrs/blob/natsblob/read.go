package natsblob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// Open implements blob.Store. All content is fetched and compared before it returns; the reader needs no server.
func (s *Store) Open(ctx context.Context, id string) (io.ReadSeekCloser, int64, error) {
	if err := blob.CheckID(id); err != nil {
		return nil, 0, fmt.Errorf("natsblob: open: %w", err)
	}
	r, size, err := s.open(ctx, id)
	if err != nil {
		return nil, 0, fmt.Errorf("natsblob: open %s: %w", id, err)
	}
	return r, size, nil
}

func (s *Store) open(ctx context.Context, id string) (io.ReadSeekCloser, int64, error) {
	o, err := s.object(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	var content *spool
	err = s.whileReplaced(ctx, id, o, func(o object) (err error) {
		content = &spool{dir: s.cfg.TempDir}
		if err = s.fetch(ctx, id, o, content); err != nil {
			err = errors.Join(err, content.Close())
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	r, err := content.reader()
	if err != nil {
		return nil, 0, errors.Join(err, content.Close())
	}
	return r, content.size, nil
}

// Has implements blob.Store.
func (s *Store) Has(ctx context.Context, id string) (bool, error) {
	if err := blob.CheckID(id); err != nil {
		return false, fmt.Errorf("natsblob: has: %w", err)
	}
	_, err := s.object(ctx, id)
	if errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	if err != nil && !errors.Is(err, blob.ErrDamaged) { // Open finds what is damaged
		return false, fmt.Errorf("natsblob: has %s: %w", id, err)
	}
	return true, nil
}

// Verify implements blob.Store, in the order of the commits. Objects that are no blobs do not count.
func (s *Store) Verify(ctx context.Context) (blobs int, bytes int64, err error) {
	err = s.eachMeta(ctx, func(m *jetstream.RawStreamMsg) error {
		id, ok := s.idOf(m.Subject)
		if !ok {
			return nil
		}
		o, err := decode(m)
		if err == nil && o.Deleted {
			return nil
		}
		if err == nil {
			err = s.fetch(ctx, id, o, io.Discard)
		}
		if errors.Is(err, blob.ErrDamaged) {
			now, gone := s.object(ctx, id)
			if errors.Is(gone, blob.ErrNotFound) || gone == nil && now.sequence != o.sequence {
				return nil // swept or committed since
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		blobs, bytes = blobs+1, bytes+int64(o.Size)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("natsblob: verify: %w", err)
	}
	return blobs, bytes, err
}

// whileReplaced reads a blob by a meta, and by a newer one while that finds damage: the chunks of an upload go when
// another takes its place, or when the blob is swept.
func (s *Store) whileReplaced(ctx context.Context, id string, o object, read func(object) error) error {
	for {
		damage := read(o)
		if !errors.Is(damage, blob.ErrDamaged) {
			return damage
		}
		now, err := s.object(ctx, id)
		if err != nil {
			return err
		}
		if now.sequence == o.sequence {
			return damage
		}
		o = now
	}
}

// fetch writes the content that a meta names to w, and compares it with the id. Error: blob.ErrDamaged.
func (s *Store) fetch(ctx context.Context, id string, o object, w io.Writer) error {
	hash, err := blob.NewHash(id)
	if err != nil {
		return err
	}
	w = io.MultiWriter(w, hash)
	at := uint64(1)
	for i := range o.Chunks {
		m, err := s.next(ctx, at, s.chunks(o.NUID))
		if errors.Is(err, blob.ErrNotFound) {
			return s.damaged(id, o, fmt.Sprintf("%d of %d chunks are there", i, o.Chunks))
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(m.Data); err != nil {
			return fmt.Errorf("spool the content: %w", err)
		}
		at = m.Sequence + 1
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != id {
		return s.damaged(id, o, "its content has the hash "+got)
	}
	return nil
}

func (s *Store) damaged(id string, o object, what string) error {
	return fmt.Errorf("%w: object %s of bucket %s (upload %s): %s; store this blob again, or restore it from a backup",
		blob.ErrDamaged, id, s.bucket, o.NUID, what)
}
