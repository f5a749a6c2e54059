package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
)

// TestWholeCopy: a log is whole when the last copy to it ended well, or when it has gone on since; one that was and lacks the
// commit has lost its end. A mark is about one place.
func TestWholeCopy(t *testing.T) {
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
	bucket, err := natsblob.Open(t.Context(), natsblob.Config{Conn: conn, Name: "main"})
	if err != nil {
		t.Fatal(err)
	}
	log, chain := memlog.New(), eventlogtest.NewChain(t)
	want := func(when, says string) {
		t.Helper()
		err := wholeCopy(t.Context(), log, bucket, "", "main")
		if says == "" && err != nil || says != "" && (!errors.Is(err, errUnfinished) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v; want %q", when, err, says)
		}
	}
	want("no copy", "")
	source := chain.Fork("source") // of which the log is a copy
	first := source.Append(t.Context(), memlog.New()).Data
	end := source.Seal().Commit.Head()
	if err := beginCopy(t.Context(), bucket, "", end); err != nil {
		t.Fatal(err)
	}
	want("nothing copied", "was cut off: the log ends at revision 0")
	if err := log.Append(t.Context(), 0, first); err != nil {
		t.Fatal(err)
	}
	chain.Head = source.Head
	want("one copied", "was cut off: the log ends at revision 1")
	other := chain.Append(t.Context(), log).Commit.Head()
	want("another log's commit", "has the hash "+other.Hash.String()+" there")
	if err := beginCopy(t.Context(), bucket, "", other); err != nil {
		t.Fatal(err)
	}
	want("all copied, and then it failed", "did not end well")
	if err := endCopy(t.Context(), bucket, "", other); err != nil {
		t.Fatal(err)
	}
	want("whole", "")
	if err := beginCopy(t.Context(), bucket, "", other); err != nil {
		t.Fatal(err)
	}
	want("copied again", "")
	chain.Append(t.Context(), log)
	want("it has gone on", "")
	defer func(was time.Duration) { markPatience = was }(markPatience)
	markPatience = 0
	if err := wholeCopy(t.Context(), memlog.New(), bucket, "", "main"); !errors.Is(err, eventlog.ErrLogDamaged) || !strings.Contains(err.Error(), "remove nothing") {
		t.Errorf("it was whole, and has lost its end: %v", err)
	}
	if err := wholeCopy(t.Context(), memlog.New(), bucket, ".esdb-another", "main"); err != nil {
		t.Errorf("a log at another place: %v", err)
	}
	if err := bucket.SetMark(t.Context(), "", "by hand"); err != nil {
		t.Fatal(err)
	}
	want("a mark of another form", "cannot be read")
}
