package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
)

// TestBucketGone: a node makes the bucket of the attachments for an empty log. Beside commits it makes none: one that was
// there is lost, and the error says what to do. When it is there again the node starts.
func TestBucketGone(t *testing.T) {
	defer func(was time.Duration) { markPatience = was }(markPatience)
	markPatience = time.Millisecond
	s, err := natsembed.Start(t.Context(), natsembed.Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	conn, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	log := memlog.New()
	open := func() error {
		_, err := (&node{conn: conn, log: log}).openAnyBlobs(t.Context(), nodeConfig{dir: t.TempDir(), engine: engine{at: "nats://x", name: "main", replicas: 1}})
		return err
	}
	if err := open(); err != nil {
		t.Fatalf("an empty log: %v", err)
	}
	eventlogtest.NewChain(t).Append(t.Context(), log)
	if err := open(); err != nil {
		t.Fatalf("with its bucket: %v", err)
	}
	stream, err := js.Stream(t.Context(), "OBJ_bedside-main")
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "OBJ_bedside-main"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first has made none either
		err := open()
		if !errors.Is(err, blob.ErrUnavailable) || !strings.Contains(err.Error(), "restore stream OBJ_bedside-main from a backup") {
			t.Errorf("without its bucket: %v", err)
		}
	}
	if _, err := js.CreateStream(t.Context(), stream.CachedInfo().Config); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Errorf("when it is there again: %v", err)
	}
}
