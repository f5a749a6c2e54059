// Package natsblob is the driver of blob.Store for many nodes: an object store of NATS JetStream, with as many
// replicas as the log, so that every node serves every blob.
//
// A blob is an object whose name is its id, in the layout of package jetstream and of the nats command: content in
// chunks under a subject of its own for each upload, and one message, the meta, that names the upload. What a blob's
// last meta names is the blob. So nothing can be read before the meta is stored, two nodes that write one blob at once
// store two uploads of which the later is the blob, and Sweep removes a meta by its sequence, which spares every
// later one. Content is spooled beside the process, so that nothing reaches the servers before its hash is right.
//
// All questions go to the stream's leader (allow_direct is off): another replica may not have yet what was committed.
//
// # Durability
//
// Commit returns when the servers have acknowledged every chunk and the meta. That survives the power going off on
// all of them only if each has sync_interval: always; with JetStream's own two minutes it survives the loss of a
// minority. This process cannot see the setting.
//
// # Rights
//
// A user needs to publish to $O.BUCKET.> and to $JS.API.STREAM.{INFO,CREATE,MSG.GET,PURGE}.OBJ_BUCKET, and to receive
// answers. Nothing here updates or deletes the stream.
//
// # States after a crash
//
// A commit that is cut off leaves (1) nothing, (2) chunks that no meta names, (3) a new meta whose predecessor's chunks
// are still there, or (4) just the blob. In 1 and 2 what was there before is there, in 3 and 4 the new upload. Chunks
// that no meta names are removed by Sweep when they are older than its time and than an hour; a Commit takes no
// more than half of that.
package natsblob

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

const (
	// uploadLimit bounds a Commit, so that Sweep can tell a slow upload from one that was cut off.
	uploadLimit = 30 * time.Minute
	// leftoverAge is how old chunks must be that no meta names before Sweep removes them. It exceeds uploadLimit by
	// more than clocks differ.
	leftoverAge = 2 * uploadLimit
	// listLimit bounds a list of all subjects, which is several requests.
	listLimit = time.Minute
)

// Config says which blobs to open.
type Config struct {
	// Conn is the connection; it stays the caller's. It must reconnect by itself, and should not keep publishes for
	// later while it does (nats.ReconnectBufSize(-1)).
	Conn *nats.Conn

	// Name is the log's name: 1 to 64 of A-Z a-z 0-9 _ -. The bucket is "bedside-" and the name, its stream
	// "OBJ_bedside-" and the name.
	Name string

	// Replicas is on how many servers a blob is stored before it counts, 1 to 5; default 1. A bucket with more is
	// accepted.
	Replicas int

	// RequestTimeout bounds each request, one chunk or one question. Default 5 s.
	RequestTimeout time.Duration

	// Patience is how long Open keeps asking servers that do not answer. Default 30 s: an election takes up to 10.
	Patience time.Duration

	// MustExist: there has been a bucket, so that to make one in its place would bury that the blobs are lost. Open then
	// waits for it as for servers that do not answer.
	MustExist bool

	// TempDir is where content of more than 256 KiB is while it is written or read: in files without a name, which
	// are gone with the process. Default os.TempDir().
	TempDir string
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (cfg *Config) complete() error {
	if cfg.Conn == nil {
		return errors.New("Config.Conn is nil")
	}
	if !validName.MatchString(cfg.Name) {
		return fmt.Errorf("log name %q: use 1 to 64 of A-Z a-z 0-9 _ -", cfg.Name)
	}
	if cfg.Replicas < 0 || cfg.Replicas > 5 {
		return fmt.Errorf("Config.Replicas is %d, must be 1 to 5", cfg.Replicas)
	}
	cfg.Replicas = max(cfg.Replicas, 1)
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = 5 * time.Second
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 30 * time.Second
	}
	return nil
}

// Store is an open bucket: a blob.Store. It holds nothing that must be closed.
type Store struct {
	cfg    Config
	bucket string
	js     jetstream.JetStream
	stream jetstream.Stream

	publish func(context.Context, *nats.Msg) error // Store.send, but for tests of lost answers
	now     func() time.Time
}

var _ blob.Store = (*Store)(nil)

// Open creates the bucket, unless Config.MustExist, or checks that the one there is keeps blobs as they are (ErrSettings). While the servers do
// not answer it asks again until Config.Patience is over (blob.ErrUnavailable) or ctx ends.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("natsblob: %w", err)
	}
	js, err := jetstream.New(cfg.Conn)
	if err != nil {
		return nil, fmt.Errorf("natsblob: %w", err)
	}
	s := &Store{cfg: cfg, bucket: bucketName(cfg.Name), js: js, now: time.Now}
	s.publish = s.send
	patience := time.NewTimer(cfg.Patience)
	defer patience.Stop()
	for {
		if s.stream, err = s.openStream(ctx); err == nil {
			return s, nil
		}
		err = fmt.Errorf("natsblob: open: %w", err)
		if !errors.Is(err, blob.ErrUnavailable) || cfg.Conn.IsClosed() {
			return nil, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-patience.C:
			return nil, err
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// openStream finds or creates the bucket's stream and checks its settings.
func (s *Store) openStream(ctx context.Context) (jetstream.Stream, error) {
	want := settings(s.bucket, s.cfg.Replicas)
	var stream jetstream.Stream
	err := s.request(ctx, func(ctx context.Context) (err error) {
		stream, err = s.js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) && !s.cfg.MustExist {
			stream, err = s.js.CreateStream(ctx, want)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := checkSettings(stream.CachedInfo().Config, want); err != nil {
		return nil, err
	}
	if n := s.cfg.Conn.MaxPayload(); n < minPayload {
		return nil, fmt.Errorf("%w: the server's max_payload is %d bytes, chunks need %d; set it to 8MB", ErrSettings, n, minPayload)
	}
	return stream, nil
}
