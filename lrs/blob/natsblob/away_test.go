package natsblob_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
)

// plainServer is a server that the test can shut down while connections live on.
func plainServer(t *testing.T, change func(*server.Options)) (*server.Server, *nats.Conn) {
	t.Helper()
	opts := &server.Options{DontListen: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 30}
	change(opts)
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return s, nc
}

// saysUnavailable fails the test unless an error says that the servers are away and where to look.
func saysUnavailable(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, blob.ErrUnavailable) || errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrDamaged) {
		t.Errorf("%s: %v; want ErrUnavailable only", what, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v does not say %q", what, err, word)
		}
	}
}

// Without a server every call ends, and no answer is not taken for one.
func TestServerGone(t *testing.T) {
	srv, nc := plainServer(t, func(*server.Options) {})
	s := open(t, nc)
	id := blobtest.Put(t, s, "", []byte("there"))
	s.SetRequestTimeout(20 * time.Millisecond)
	srv.Shutdown()
	srv.WaitForShutdown()
	_, _, err := s.Open(t.Context(), id)
	saysUnavailable(t, "Open", err, bucket, stream, id)
	has, err := s.Has(t.Context(), id)
	saysUnavailable(t, "Has", err, bucket, stream, id)
	if has {
		t.Error("Has: true")
	}
	saysUnavailable(t, "Commit", commit(t, s, []byte("x")), bucket, stream)
	_, err = s.Sweep(t.Context(), future(), drop)
	saysUnavailable(t, "Sweep", err, bucket, stream)
	_, _, err = s.Verify(t.Context())
	saysUnavailable(t, "Verify", err, bucket, stream)
	_, err = natsblob.Open(t.Context(), natsblob.Config{Conn: nc, Name: "test", RequestTimeout: 20 * time.Millisecond, Patience: time.Millisecond})
	saysUnavailable(t, "Open of the bucket", err, bucket, stream)
	nc.Close()
	_, err = s.Has(t.Context(), id)
	saysUnavailable(t, "Has", err, "closed its connection")
}

// A store that is full refuses new blobs, says what to do, and serves what it has.
func TestServerFull(t *testing.T) {
	_, nc := plainServer(t, func(o *server.Options) { o.JetStreamMaxStore = 2 << 20 })
	s := open(t, nc)
	content := make([]byte, 900_000)
	id := blobtest.Put(t, s, "", content)
	saysUnavailable(t, "Commit", commit(t, s, make([]byte, 2<<20)), "make room")
	blobtest.Check(t, s, id, content)
	if n, err := s.Sweep(t.Context(), future(), drop); n != 1 || err != nil {
		t.Errorf("Sweep: %d, %v", n, err)
	}
}

func TestMaxPayload(t *testing.T) {
	_, nc := plainServer(t, func(o *server.Options) { o.MaxPayload = 100 << 10 })
	_, err := natsblob.Open(t.Context(), natsblob.Config{Conn: nc, Name: "test"})
	if !errors.Is(err, natsblob.ErrSettings) || !strings.Contains(err.Error(), "max_payload") {
		t.Error(err)
	}
}

// A bucket that somebody has deleted is not an empty one.
func TestBucketGone(t *testing.T) {
	nc := connect(t)
	s := open(t, nc)
	id := blobtest.Put(t, s, "", []byte("there"))
	js, _ := streamOf(t, nc)
	if err := js.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Open(t.Context(), id)
	saysUnavailable(t, "Open", err, "restore stream "+stream)
	_, err = s.Has(t.Context(), id)
	saysUnavailable(t, "Has", err, "restore stream "+stream)
	_, _, err = s.Verify(t.Context())
	saysUnavailable(t, "Verify", err, "restore stream "+stream)
	saysUnavailable(t, "Commit", commit(t, s, []byte("x")), "restore stream "+stream)
}
