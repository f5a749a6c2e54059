package natsblob

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// Sweep implements blob.Store. The age of a blob is by the clock of the stream's leader; before is by the caller's, so
// it should lie further back than the two differ. Objects that are no blobs stay. Then Sweep removes the chunks that no
// meta names, of uploads that were cut off or replaced, if they are that old and older than an hour. Meanwhile it needs
// some 200 bytes of memory for each blob.
func (s *Store) Sweep(ctx context.Context, before time.Time, keep func(id string) (bool, error)) (removed int, err error) {
	cutOff := s.now().Add(-leftoverAge)
	if before.Before(cutOff) {
		cutOff = before
	}
	named := map[string]struct{}{} // uploads
	err = s.eachMeta(ctx, func(m *jetstream.RawStreamMsg) error {
		o, _ := decode(m) // what is damaged goes all the same, if it is not kept
		named[o.NUID] = struct{}{}
		id, ok := s.idOf(m.Subject)
		if !ok || o.Deleted || !o.stored.Before(before) {
			return nil
		}
		kept, err := keep(id)
		if kept || err != nil {
			return err
		}
		gone, err := s.remove(ctx, id, o)
		if gone {
			removed++
		}
		return err
	})
	if err == nil {
		err = s.sweepLeftovers(ctx, cutOff, named, keep)
	}
	if err != nil {
		err = fmt.Errorf("natsblob: sweep: %w", err)
	}
	return removed, err
}

// remove removes the meta that was judged, and with it the blob, unless a Commit has stored another one since; then
// the upload that nothing names any more.
func (s *Store) remove(ctx context.Context, id string, o object) (gone bool, err error) {
	if err := s.purge(ctx, s.meta(id), o.sequence+1); err != nil {
		return false, err
	}
	_, err = s.object(ctx, id)
	gone = errors.Is(err, blob.ErrNotFound)
	if err != nil && !gone && !errors.Is(err, blob.ErrDamaged) {
		return false, err
	}
	if o.NUID == "" {
		return gone, nil
	}
	return gone, s.purge(ctx, s.chunks(o.NUID), 0)
}

// sweepLeftovers removes the chunks that are older than cutOff and that no meta names.
func (s *Store) sweepLeftovers(ctx context.Context, cutOff time.Time, named map[string]struct{}, keep func(id string) (bool, error)) error {
	state, err := s.state(ctx, s.chunks(">"))
	if err != nil {
		return err
	}
	for subject := range state.Subjects {
		upload := subject[len(s.chunks("")):]
		if _, ok := named[upload]; ok {
			continue
		}
		left, err := s.isLeftover(ctx, upload, cutOff, keep)
		if err == nil && left {
			err = s.purge(ctx, subject, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isLeftover tells whether an upload that no meta named is old enough, and is still nobody's. If its blob has no meta
// at all and must be kept, JetStream has lost the meta: the chunks are what a repair needs.
func (s *Store) isLeftover(ctx context.Context, upload string, cutOff time.Time, keep func(id string) (bool, error)) (bool, error) {
	chunk, err := s.last(ctx, s.chunks(upload))
	if errors.Is(err, blob.ErrNotFound) { // gone already
		return false, nil
	}
	if err != nil || !chunk.Time.Before(cutOff) {
		return false, err
	}
	id := chunk.Header.Get(blobHeader)
	if blob.CheckID(id) != nil { // put by other means
		return true, nil
	}
	o, err := s.object(ctx, id)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		kept, err := keep(id)
		return !kept && err == nil, err
	case errors.Is(err, blob.ErrDamaged):
		return false, nil
	}
	return err == nil && o.NUID != upload, err
}
