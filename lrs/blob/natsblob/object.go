package natsblob

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// The names are those of an object store of package jetstream.
func bucketName(name string) string          { return "bedside-" + name }
func streamName(bucket string) string        { return "OBJ_" + bucket }
func chunks(bucket, upload string) string    { return "$O." + bucket + ".C." + upload }
func metas(bucket, encoded string) string    { return "$O." + bucket + ".M." + encoded }
func (s *Store) chunks(upload string) string { return chunks(s.bucket, upload) }

func (s *Store) meta(id string) string {
	return metas(s.bucket, base64.URLEncoding.EncodeToString([]byte(id)))
}

// idOf is the blob whose meta has a subject; false if that is another kind of object.
func (s *Store) idOf(subject string) (id string, ok bool) {
	encoded, ok := strings.CutPrefix(subject, metas(s.bucket, ""))
	name, err := base64.URLEncoding.DecodeString(encoded)
	return string(name), ok && err == nil && blob.CheckID(string(name)) == nil
}

// blobHeader is the header of a chunk that names its blob, for chunks whose meta is not there.
const blobHeader = "Bedside-Blob"

// object is a meta as it is stored.
type object struct {
	jetstream.ObjectInfo
	sequence uint64
	stored   time.Time // after its Commit began, by the clock of the stream's leader
}

func decode(m *jetstream.RawStreamMsg) (object, error) {
	o := object{sequence: m.Sequence, stored: m.Time}
	if err := json.Unmarshal(m.Data, &o.ObjectInfo); err != nil {
		return o, fmt.Errorf("%w: the meta at sequence %d: %w; store this blob again, or restore it from a backup", blob.ErrDamaged, m.Sequence, err)
	}
	return o, nil
}

// object finds the last meta of a blob. Error: blob.ErrNotFound, also for an object that was deleted by other means.
func (s *Store) object(ctx context.Context, id string) (o object, err error) {
	m, err := s.last(ctx, s.meta(id))
	if err != nil {
		return o, err
	}
	if o, err = decode(m); err == nil && o.Deleted {
		err = blob.ErrNotFound
	}
	return o, err
}

// last is the last message of a subject. Error: blob.ErrNotFound.
func (s *Store) last(ctx context.Context, subject string) (m *jetstream.RawStreamMsg, err error) {
	err = s.request(ctx, func(ctx context.Context) (err error) {
		m, err = s.stream.GetLastMsgForSubject(ctx, subject)
		return err
	})
	return m, err
}

// next is the first message of a subject, which may have wildcards, at a sequence or behind it. Error:
// blob.ErrNotFound.
func (s *Store) next(ctx context.Context, sequence uint64, subject string) (m *jetstream.RawStreamMsg, err error) {
	err = s.request(ctx, func(ctx context.Context) (err error) {
		m, err = s.stream.GetMsg(ctx, sequence, jetstream.WithGetMsgSubject(subject))
		return err
	})
	return m, err
}

// eachMeta calls do for the metas that are there when it begins and when their turn comes, in the order of their
// storing. A blob that is committed again meanwhile is not met a second time.
func (s *Store) eachMeta(ctx context.Context, do func(*jetstream.RawStreamMsg) error) error {
	state, err := s.state(ctx, "")
	if err != nil {
		return err
	}
	for at := uint64(1); at <= state.LastSeq; {
		m, err := s.next(ctx, at, metas(s.bucket, ">"))
		if errors.Is(err, blob.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Sequence > state.LastSeq {
			return nil
		}
		if err := do(m); err != nil {
			return err
		}
		at = m.Sequence + 1
	}
	return nil
}

// state is the stream's, with the subjects that filter matches.
func (s *Store) state(ctx context.Context, filter string) (state jetstream.StreamState, err error) {
	var opts []jetstream.StreamInfoOpt
	limit := s.cfg.RequestTimeout
	if filter != "" {
		opts, limit = append(opts, jetstream.WithSubjectFilter(filter)), max(limit, listLimit)
	}
	err = s.requestWithin(ctx, limit, func(ctx context.Context) error {
		info, err := s.stream.Info(ctx, opts...)
		if err == nil {
			state = info.State
		}
		return err
	})
	return state, err
}

// purge removes the messages of a subject below a sequence; 0 stands for all.
func (s *Store) purge(ctx context.Context, subject string, below uint64) error {
	opts := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSubject(subject)}
	if below > 0 {
		opts = append(opts, jetstream.WithPurgeSequence(below))
	}
	return s.request(ctx, func(ctx context.Context) error { return s.stream.Purge(ctx, opts...) })
}
