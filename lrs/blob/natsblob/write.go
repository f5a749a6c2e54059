package natsblob

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// writer hashes and spools a blob, and uploads it in Commit.
type writer struct {
	store   *Store
	want    string
	hash    hash.Hash
	content *spool // nil once finished
	err     error  // the first failed Write
}

// Create implements blob.Store. ctx is looked at only now: until Commit nothing is asked of a server.
func (s *Store) Create(ctx context.Context, want string) (blob.Writer, error) {
	hash, err := blob.NewHash(want)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("natsblob: create: %w", err)
	}
	return &writer{store: s, want: want, hash: hash, content: &spool{dir: s.cfg.TempDir}}, nil
}

// Write implements io.Writer. After an error the blob cannot be committed any more.
func (w *writer) Write(p []byte) (int, error) {
	if w.content == nil {
		return 0, blob.ErrFinished
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.content.Write(p)
	w.hash.Write(p[:n])
	if err != nil {
		w.err = fmt.Errorf("natsblob: write: %w", err)
	}
	return n, w.err
}

// Commit implements blob.Writer. Beside that port's errors it returns blob.ErrUnavailable; the blob may be there
// then, whole, and what was there before is.
func (w *writer) Commit(ctx context.Context) (id string, size int64, err error) {
	if w.content == nil {
		return "", 0, blob.ErrFinished
	}
	defer func() {
		if err = errors.Join(err, w.Abort()); err != nil {
			id, size, err = "", 0, fmt.Errorf("natsblob: commit: %w", err)
		}
	}()
	if err := errors.Join(w.err, ctx.Err()); err != nil {
		return "", 0, err
	}
	id = hex.EncodeToString(w.hash.Sum(nil))
	if w.want != "" && w.want != id {
		return "", 0, fmt.Errorf("%w: expected %s, got %s", blob.ErrHashMismatch, w.want, id)
	}
	return id, w.content.size, w.store.upload(ctx, id, w.content)
}

// Abort implements blob.Writer.
func (w *writer) Abort() error {
	if w.content == nil {
		return nil
	}
	content := w.content
	w.content = nil
	return content.Close()
}

// upload stores content under subjects of its own and then makes it the blob. Nothing is sent twice, and nothing is
// taken back: what an answer that was lost has stored, or stores later, is whole.
func (s *Store) upload(ctx context.Context, id string, content *spool) error {
	ctx, cancel := context.WithTimeout(ctx, uploadLimit)
	defer cancel()
	old, err := s.object(ctx, id)
	if err != nil && !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, blob.ErrDamaged) {
		return err
	}
	info := jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: id, Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkSize}},
	}
	if err := s.uploadChunks(ctx, &info, content); err != nil {
		return err
	}
	if err := s.publishMeta(ctx, info); err != nil {
		return err
	}
	if old.NUID != "" {
		// Ours is stored behind it, so it can never be the blob again. What stays is a leftover for Sweep.
		_ = s.purge(ctx, s.chunks(old.NUID), 0)
	}
	return nil
}

// publishMeta makes an upload the object that has its name, in the place of the one before.
func (s *Store) publishMeta(ctx context.Context, info jetstream.ObjectInfo) (err error) {
	meta := nats.NewMsg(s.meta(info.Name))
	meta.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	if meta.Data, err = json.Marshal(info); err != nil {
		return err
	}
	return s.publish(ctx, meta)
}

// uploadChunks stores the content, and completes info with what package jetstream reads.
func (s *Store) uploadChunks(ctx context.Context, info *jetstream.ObjectInfo, content *spool) error {
	info.Bucket, info.NUID = s.bucket, rand.Text()
	r, err := content.reader()
	if err != nil {
		return err
	}
	digest := sha256.New()
	buf := make([]byte, min(chunkSize, content.size))
	for left := content.size; left > 0; left -= int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), left)]
		if _, err := io.ReadFull(r, buf); err != nil {
			return err
		}
		digest.Write(buf)
		chunk := nats.NewMsg(s.chunks(info.NUID))
		chunk.Header.Set(blobHeader, info.Name)
		chunk.Data = buf
		if err := s.publish(ctx, chunk); err != nil {
			return err
		}
		info.Chunks++
	}
	info.Size, info.Digest = uint64(content.size), jetstream.GetObjectDigestValue(digest)
	return nil
}

// send publishes a message and waits until it is stored. It is sent again only while nobody listens for it.
func (s *Store) send(ctx context.Context, m *nats.Msg) error {
	return s.request(ctx, func(ctx context.Context) error {
		_, err := s.js.PublishMsg(ctx, m, jetstream.WithExpectStream(streamName(s.bucket)))
		return err
	})
}
