package esdblog_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
)

// contractPatience is so long that connections heal within it, and short for one that waits
// until it is over.
const contractPatience = time.Second

func TestContract(t *testing.T) {
	eventlogtest.Run(t, func(t *testing.T) (eventlog.Log, func() eventlog.Log) {
		s := serve(t, esdbtest.Config{})
		reopen := func() eventlog.Log { return open(t, esdblog.Config{URL: s.URL(), Patience: contractPatience}) }
		return reopen(), reopen
	})
}

// The contract holds when every third append meets a fault of the server or of the
// network, and the log is used by way of Settle, as a write path does.
func TestContractWithFaults(t *testing.T) {
	faults := []esdbtest.Fault{
		esdbtest.CutOff, esdbtest.AnswerLost, esdbtest.ReportedLost, esdbtest.BlackHole, esdbtest.SilentlyKept,
	}
	eventlogtest.Run(t, func(t *testing.T) (eventlog.Log, func() eventlog.Log) {
		s := serve(t, esdbtest.Config{Plan: func(a esdbtest.Append) esdbtest.Fault {
			if a.N%3 != 1 {
				return esdbtest.Fault{}
			}
			return faults[a.N/3%len(faults)]
		}})
		reopen := func() eventlog.Log {
			return settling{open(t, esdblog.Config{URL: s.URL(), Patience: contractPatience, AppendTimeout: 100 * time.Millisecond, ReconnectMax: time.Millisecond})}
		}
		return reopen(), reopen
	})
}

// settling is a log whose appends are settled.
type settling struct{ eventlog.Log }

func (l settling) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	return eventlog.Settle(ctx, l.Log, expected, data, eventlog.SettleOptions{
		Backoff: func(int, error) time.Duration { return time.Millisecond },
	})
}

var discard = slog.New(slog.DiscardHandler)

// serve starts a server that ends with the test.
func serve(t testing.TB, cfg esdbtest.Config) *esdbtest.Server {
	t.Helper()
	s := esdbtest.New(cfg)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// open opens the log "test".
func open(t testing.TB, cfg esdblog.Config) *esdblog.Log {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "test"
	}
	if cfg.Logger == nil {
		cfg.Logger = discard
	}
	log, err := esdblog.Open(context.Background(), cfg)
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
