package natsembed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestRestartKeepsDataAndConnections(t *testing.T) {
	s := start(t, t.TempDir())
	js := stream(t, s)
	publish(t, js, 0, 3, 1000)
	sub, err := js.Conn().SubscribeSync("elsewhere")
	if err != nil {
		t.Fatal(err)
	}

	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	publish(t, js, 3, 3, 1000)
	wantMessages(t, js, 6)
	if err := js.Conn().Publish("elsewhere", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := sub.NextMsgWithContext(t.Context()); err != nil {
		t.Errorf("a subscription does not outlive Restart: %v", err)
	}
	if s.Damaged() != "" {
		t.Errorf("Damaged() = %q after a clean restart", s.Damaged())
	}
}

// Who does not wait for a restart to end leaves its result to the next.
func TestRestartTakesLong(t *testing.T) {
	s := start(t, t.TempDir())
	before := s.running.Load()
	s.turn <- struct{}{} // nothing can start or stop
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Restart(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	<-s.turn
	<-s.flight.done
	after := s.running.Load()
	if after == before {
		t.Error("it did not go on in the background")
	}
	if err := s.Restart(t.Context()); err != nil || s.running.Load() != after {
		t.Errorf("the next call restarted again; %v", err)
	}
	if err := s.Restart(t.Context()); err != nil || s.running.Load() == after {
		t.Errorf("the call after that did not restart; %v", err)
	}
}

func TestNoPublishIsKeptForLater(t *testing.T) {
	s := start(t, t.TempDir())
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	status := nc.StatusChanged(nats.RECONNECTING)
	if err := s.takeTurn(t.Context(), s.shut); err != nil {
		t.Fatal(err)
	}
	<-status
	// The status is announced just before it takes effect.
	for nc.IsConnected() {
		runtime.Gosched()
	}
	if err := nc.Publish("x", nil); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("publishing without a server: %v, want %v", err, nats.ErrReconnectBufExceeded)
	}
	if _, err := s.Connect(); err == nil {
		t.Error("Connect without a server succeeded")
	}
}

func TestClose(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !nc.IsClosed() {
		t.Error("the connection is still open")
	}
	if err := s.Restart(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Restart: %v, want %v", err, ErrClosed)
	}
	if _, err := s.Connect(); err == nil {
		t.Error("Connect succeeded")
	}
	if _, err := os.Stat(filepath.Join(dir, cleanMark)); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		ctx context.Context
		cfg Config
	}{
		"no directory":   {t.Context(), Config{}},
		"negative bound": {t.Context(), Config{Dir: t.TempDir(), MaxStore: -1}},
		"ctx has ended":  {ctx, Config{Dir: t.TempDir()}},
		"a file":         {t.Context(), Config{Dir: file}},
	} {
		if s, err := Start(tt.ctx, tt.cfg); err == nil {
			t.Errorf("%s: no error", name)
			s.Close()
		}
	}
}

func TestServerOptions(t *testing.T) {
	s, err := Start(t.Context(), Config{Dir: t.TempDir(), MaxStore: 5 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	srv := s.running.Load()
	if cfg := srv.JetStreamConfig(); !cfg.SyncAlways || cfg.MaxStore != 5<<20 {
		t.Errorf("SyncAlways = %v, MaxStore = %d", cfg.SyncAlways, cfg.MaxStore)
	}
	if a := srv.Addr(); a != nil {
		t.Errorf("it listens on %v", a)
	}
	js := stream(t, s)
	if n := js.Conn().MaxPayload(); n != MaxPayload {
		t.Errorf("MaxPayload = %d", n)
	}
	for i := range 10 {
		if _, err = js.Publish(t.Context(), "l", make([]byte, 1<<20)); err != nil {
			t.Logf("message %d: %v", i, err)
			return
		}
	}
	t.Error("10 MB were stored with a bound of 5 MB")
}

// A stream that JetStream cannot recover must not come back as an empty one.
func TestStreamNotRecovered(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	publish(t, stream(t, s), 0, 3, 1000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	meta := filepath.Join(dir, streamDir, "meta.inf")
	if err := os.WriteFile(meta, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), streamDir) {
		t.Errorf("Start: %v, want the stream's directory named", err)
	}
}

func TestGoroutinesEnd(t *testing.T) {
	before := natsGoroutines()
	for _, start := range []func(*testing.T) *Server{
		func(t *testing.T) *Server { return start(t, t.TempDir()) },
		func(t *testing.T) *Server { return listen(t, t.TempDir()) },
	} {
		s := start(t)
		publish(t, stream(t, s), 0, 3, 1000)
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); natsGoroutines() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after\n%s", before, natsGoroutines(), buf[:runtime.Stack(buf, true)])
		}
	}
}

// natsGoroutines counts the goroutines that run code of this package or of NATS.
func natsGoroutines() int {
	buf := make([]byte, 1<<20)
	n := 0
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "nats-io") || strings.Contains(g, "natsembed.(*Server)") {
			n++
		}
	}
	return n
}

const streamDir = "jetstream/$G/streams/L"

func start(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// stream connects and creates or finds the stream L.
func stream(t *testing.T, s *Server) jetstream.JetStream {
	t.Helper()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	cfg := jetstream.StreamConfig{Name: "L", Subjects: []string{"l"}, Duplicates: 100 * time.Millisecond}
	if _, err := js.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return js
}

// publish publishes n messages of size bytes, numbered from first.
func publish(t *testing.T, js jetstream.JetStream, first, n, size int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		if _, err := js.Publish(t.Context(), "l", payload(i, size)); err != nil {
			t.Fatal(err)
		}
	}
}

func payload(i, size int) []byte { return fmt.Appendf(nil, "%0*d", size, i) }

func wantMessages(t *testing.T, js jetstream.JetStream, n uint64) {
	t.Helper()
	l, err := js.Stream(t.Context(), "L")
	if err != nil {
		t.Fatal(err)
	}
	if state := l.CachedInfo().State; state.Msgs != n || state.LastSeq != n {
		t.Errorf("%d messages, last %d; want %d", state.Msgs, state.LastSeq, n)
	}
}
