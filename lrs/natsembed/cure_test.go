package natsembed

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// JetStream gives up inside a server that goes on running: after some appends
// without an answer the driver restarts the server, and the outcome is settled.
func TestRestartCuresAServerThatStoresNoMore(t *testing.T) {
	s := start(t, t.TempDir())
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	restarts := 0
	log, err := natslog.Open(t.Context(), natslog.Config{
		Conn: nc, Name: "test", AppendTimeout: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Restart: func(ctx context.Context) error { restarts++; return s.Restart(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Append(t.Context(), 0, []byte("before")); err != nil {
		t.Fatal(err)
	}
	if err := s.running.Load().ShutdownJetStream(); err != nil {
		t.Fatal(err)
	}
	var unknown []error
	err = eventlog.Settle(t.Context(), log, 1, []byte("after"), eventlog.SettleOptions{
		Backoff: func(_ int, err error) time.Duration { unknown = append(unknown, err); return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if restarts != 1 || len(unknown) != 3 {
		t.Errorf("%d restarts after %q, want 1 after 3", restarts, unknown)
	}
	if !errors.Is(unknown[0], eventlog.ErrUnknownOutcome) {
		t.Error(unknown[0])
	}
	var got []string
	log, err = natslog.Open(t.Context(), natslog.Config{Conn: nc, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range log.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r.Data))
	}
	if len(got) != 2 || got[0] != "before" || got[1] != "after" {
		t.Errorf("the log has %q", got)
	}
}
