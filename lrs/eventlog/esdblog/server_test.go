//go:build esdb

package esdblog_test

import (
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
)

// The tests of this file need a real server: make test-esdb ESDB=esdb://…. They
// leave streams behind whose names begin with bedside-contract-.

func serverURL(t *testing.T) string {
	t.Helper()
	url := os.Getenv("BEDSIDE_ESDB")
	if url == "" {
		t.Fatal("BEDSIDE_ESDB must be the connection string of an EventStoreDB or KurrentDB server")
	}
	return url
}

func serverLog(t *testing.T) esdblog.Config {
	return esdblog.Config{URL: serverURL(t), Name: "contract-" + rand.Text()}
}

func TestServerContract(t *testing.T) {
	serverURL(t)
	eventlogtest.Run(t, func(t *testing.T) (eventlog.Log, func() eventlog.Log) {
		cfg := serverLog(t)
		cfg.Patience = contractPatience
		reopen := func() eventlog.Log { return open(t, cfg) }
		return reopen(), reopen
	})
}

// What the driver and its double assume of a server, beside the contract.
func TestServerAssumptions(t *testing.T) {
	cfg := serverLog(t)
	log := open(t, cfg)
	largest := make([]byte, 1<<20-4<<10)
	wantOnly(t, "the largest commit", log.Append(t.Context(), 0, largest), nil)
	wantOnly(t, "the same again", open(t, cfg).Append(t.Context(), 0, largest), nil)
	appendN(t, log, 2, 3)
	wantOnly(t, "an old one again", open(t, cfg).Append(t.Context(), 1, data(2)), nil)
	wantOnly(t, "another's", log.Append(t.Context(), 1, data(20)), eventlog.ErrConflict)
	wantOnly(t, "the same elsewhere", log.Append(t.Context(), 2, data(2)), eventlog.ErrConflict)

	client := serverClient(t)
	stream := "bedside-" + cfg.Name
	var metadata esdb.StreamMetadata
	metadata.SetTruncateBefore(2)
	if _, err := client.SetStreamMetadata(t.Context(), stream, esdb.AppendToStreamOptions{}, metadata); err != nil {
		t.Fatal(err)
	}
	_, err := read(t.Context(), log.Read(t.Context(), 1))
	wantOnly(t, "a truncated stream", err, eventlog.ErrLogDamaged)
	_, err = read(t.Context(), log.Subscribe(t.Context(), 1))
	wantOnly(t, "a subscription to a truncated stream", err, eventlog.ErrLogDamaged)
	if _, err := esdblog.Open(t.Context(), cfg); !errors.Is(err, esdblog.ErrSettings) || !strings.Contains(err.Error(), "$tb is 2") {
		t.Errorf("open: %v", err)
	}
	if _, err := client.DeleteStream(t.Context(), stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	_, err = log.Head(t.Context())
	wantOnly(t, "the head of a deleted stream", err, eventlog.ErrLogDamaged)
	if _, err := client.TombstoneStream(t.Context(), stream, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	_, err = log.Head(t.Context())
	wantOnly(t, "the head of a tombstoned stream", err, eventlog.ErrLogDamaged)
	wantOnly(t, "an append to a tombstoned stream", log.Append(t.Context(), 4, data(5)), eventlog.ErrLogDamaged)
}

func serverClient(t *testing.T) *esdb.Client {
	t.Helper()
	cfg, err := esdb.ParseConnectionString(serverURL(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
