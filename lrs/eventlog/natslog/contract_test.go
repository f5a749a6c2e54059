package natslog_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
	"github.com/nats-io/nats.go"
)

func TestContract(t *testing.T) {
	eventlogtest.Run(t, func(t *testing.T) (eventlog.Log, func() eventlog.Log) {
		nc := connect(t, startServer(t, t.TempDir()))
		reopen := func() eventlog.Log { return open(t, natslog.Config{Conn: nc}) }
		return reopen(), reopen
	})
}

var discard = slog.New(slog.DiscardHandler)

func startServer(t testing.TB, dir string) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(t.Context(), natsembed.Config{Dir: dir, Logger: discard})
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

func connect(t testing.TB, s *natsembed.Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

// open opens the log "test" with waits fit for tests.
func open(t testing.TB, cfg natslog.Config) *natslog.Log {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "test"
	}
	if cfg.IdleCheck == 0 {
		cfg.IdleCheck = 50 * time.Millisecond
	}
	if cfg.Logger == nil {
		cfg.Logger = discard
	}
	log, err := natslog.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}
