package natslog_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestConfig(t *testing.T) {
	nc := connect(t, startServer(t, t.TempDir()))
	for name, cfg := range map[string]natslog.Config{
		"no connection": {Name: "test"},
		"no name":       {Conn: nc},
		"dots":          {Conn: nc, Name: "a.b"},
		"wildcard":      {Conn: nc, Name: "a*"},
		"long":          {Conn: nc, Name: strings.Repeat("x", 65)},
		"replicas":      {Conn: nc, Name: "test", Replicas: 6},
	} {
		if _, err := natslog.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Streams as a server has them: made by hand, with settings that it allows.
func TestOpenRefuses(t *testing.T) {
	js, err := jetstream.New(connect(t, startServer(t, t.TempDir())))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		cfg  jetstream.StreamConfig
		want []string
	}{
		"bare":   {jetstream.StreamConfig{}, []string{"discard", "deny_delete", "deny_purge"}},
		"short":  {jetstream.StreamConfig{MaxAge: time.Hour, MaxMsgs: 100}, []string{"max_age is 1h0m0s", "max_msgs is 100", "--max-age=0"}},
		"memory": {jetstream.StreamConfig{Storage: jetstream.MemoryStorage}, []string{"storage is Memory"}},
		"queue":  {jetstream.StreamConfig{Retention: jetstream.WorkQueuePolicy}, []string{"retention is WorkQueue"}},
		"async":  {jetstream.StreamConfig{PersistMode: jetstream.AsyncPersistMode}, []string{"persist_mode"}},
		"later":  {jetstream.StreamConfig{FirstSeq: 7}, []string{"first_seq is 7"}},
	} {
		tt.cfg.Name, tt.cfg.Subjects = "bedside-"+name, []string{"bedside.log." + name}
		if _, err := js.CreateStream(t.Context(), tt.cfg); err != nil {
			t.Fatal(err)
		}
		_, err := natslog.Open(t.Context(), natslog.Config{Conn: js.Conn(), Name: name, Logger: discard})
		if !errors.Is(err, natslog.ErrSettings) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
	}
}

func TestOpenTwice(t *testing.T) {
	s := startServer(t, t.TempDir())
	errs := make(chan error)
	for range 4 {
		nc := connect(t, s)
		go func() {
			_, err := natslog.Open(t.Context(), natslog.Config{Conn: nc, Name: "test", Logger: discard})
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// plainServer is a server that the test can shut down while connections live on.
func plainServer(t *testing.T, change func(*server.Options)) *server.Server {
	t.Helper()
	opts := &server.Options{DontListen: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir()}
	change(opts)
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func plainConn(t *testing.T, s *server.Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("", append(opts, nats.InProcessServer(s), nats.MaxReconnects(-1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestMaxPayload(t *testing.T) {
	nc := plainConn(t, plainServer(t, func(o *server.Options) { o.MaxPayload = 512 << 10 }))
	_, err := natslog.Open(t.Context(), natslog.Config{Conn: nc, Name: "test", Logger: discard})
	if !errors.Is(err, natslog.ErrSettings) || !strings.Contains(err.Error(), "max_payload") {
		t.Error(err)
	}
}

// A reader asks for no more at once than the servers allow: else they would answer it with nothing.
func TestSmallRequests(t *testing.T) {
	nc := plainConn(t, plainServer(t, func(o *server.Options) { o.JetStreamLimits.MaxRequestBatch = 10 }))
	log := open(t, natslog.Config{Conn: nc, IdleCheck: time.Hour})
	const commits = 25
	for r := range commits {
		if err := log.Append(t.Context(), eventlog.Revision(r), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := 0
	for _, err := range log.Subscribe(ctx, 1) {
		if err != nil {
			t.Fatalf("after %d: %v", seen, err)
		}
		if seen++; seen == commits {
			break
		}
	}
}

// Without a server every call ends, and says what it knows.
func TestServerGone(t *testing.T) {
	s := plainServer(t, func(*server.Options) {})
	cfg := natslog.Config{Patience: 30 * time.Millisecond, AppendTimeout: 30 * time.Millisecond, RequestTimeout: 30 * time.Millisecond}
	cfg.Conn = plainConn(t, s, nats.ReconnectBufSize(-1))
	log := open(t, cfg)
	cfg.Conn = plainConn(t, s)
	buffering := open(t, cfg)
	if err := log.Append(t.Context(), 0, []byte("x")); err != nil {
		t.Fatal(err)
	}
	subscribed, ended := make(chan struct{}), make(chan error)
	go func() {
		for _, err := range log.Subscribe(t.Context(), 1) {
			if err != nil {
				ended <- err
				return
			}
			close(subscribed)
		}
	}()
	<-subscribed

	s.Shutdown()
	s.WaitForShutdown()
	wantOnly(t, "subscription", <-ended, eventlog.ErrUnavailable)
	for _, l := range []*natslog.Log{log, buffering} {
		_, err := l.Head(t.Context())
		wantOnly(t, "head", err, eventlog.ErrUnavailable)
		_, err = read(t.Context(), l, 1)
		wantOnly(t, "read", err, eventlog.ErrUnavailable)
	}
	wantOnly(t, "append", log.Append(t.Context(), 1, []byte("x")), eventlog.ErrUnavailable)
	wantOnly(t, "append, kept for later", buffering.Append(t.Context(), 1, []byte("x")), eventlog.ErrUnknownOutcome)
	cfg.Name, cfg.Logger = "test", discard
	_, err := natslog.Open(t.Context(), cfg)
	wantOnly(t, "open", err, eventlog.ErrUnavailable)
}

// read reads to the end of the log, or to the first error.
func read(ctx context.Context, log eventlog.Log, from eventlog.Revision) (records []eventlog.Record, err error) {
	for r, err := range log.Read(ctx, from) {
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	return records, nil
}

// What was appended is there when another process starts on the directory, also
// after an unclean stop.
func TestNewServerOnTheSameDirectory(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir)
	log := open(t, natslog.Config{Conn: connect(t, s)})
	chain := eventlogtest.NewChain(t)
	for range 5 {
		chain.Append(t.Context(), log)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, clean := range []bool{true, false} {
		if !clean {
			if err := os.Remove(filepath.Join(dir, "clean")); err != nil {
				t.Fatal(err)
			}
		}
		s, err := natsembed.Start(t.Context(), natsembed.Config{Dir: dir, Logger: discard})
		if err != nil {
			t.Fatal(err)
		}
		log := open(t, natslog.Config{Conn: connect(t, s)})
		last := eventlog.Head{}
		for c, err := range eventlog.Follow(log.Read(t.Context(), 1), last) {
			if err != nil {
				t.Fatal(err)
			}
			last = c.Head()
		}
		if last != chain.Head {
			t.Errorf("clean %v: the chain ends at %v, not %v", clean, last, chain.Head)
		}
		chain.Append(t.Context(), log)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
