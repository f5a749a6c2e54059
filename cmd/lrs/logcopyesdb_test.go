package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
)

// TestCopyToEventStore moves a store to EventStoreDB, as far as its double goes, with the attachments in NATS; from there to
// a second one, to a log in that NATS cluster, and back to a directory. Each is the same log, to the byte, and a node on
// EventStoreDB answers as the server on the directory did, positions and more links included.
//
// It may run beside other tests: it waits for conditions only.
func TestCopyToEventStore(t *testing.T) {
	t.Parallel()
	dir, workers, answers, _, more := source(t)
	verified := wantRun(t, "log", "verify", "--data", dir)
	e := startEventStore(t)
	second := esdbtest.New(esdbtest.Config{})
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Stop)
	esdb, to := e.double.URL(), second.URL()
	back := filepath.Join(t.TempDir(), "back")
	copied := regexp.MustCompile(`(?m)^copied +(\d+) commits behind revision 0, (\d+) blobs`)
	for _, step := range []struct {
		name string
		args []string
		same bool // the attachments are there already
	}{
		{"from a directory", []string{"--from", dir, "--to", esdb, "--nats", e.url()}, false},
		{"to another, with the same NATS", []string{"--from", esdb, "--to", to, "--nats", e.url()}, true},
		{"to another log of that, with attachments of its own", []string{"--from", esdb, "--to", to, "--nats", e.url(), "--to-log-name", "second"}, false},
		{"to NATS", []string{"--from", to, "--to", e.url(), "--nats", e.url(), "--log-name", "second", "--to-log-name", "third"}, false},
		{"from NATS", []string{"--from", e.url(), "--to", esdb, "--to-nats", e.url(), "--log-name", "third", "--to-log-name", "fourth"}, false},
		{"to a directory", []string{"--from", esdb, "--to", back, "--nats", e.url(), "--log-name", "fourth", "--to-log-name", "main"}, false},
	} {
		out := wantRun(t, append([]string{"log", "copy"}, step.args...)...)
		if !strings.HasSuffix(out, verified) && (hashOf(t, out) != hashOf(t, verified) || !strings.Contains(out, "whole    yes")) {
			t.Errorf("%s: copy says\n%s\nverify says\n%s", step.name, out, verified)
		}
		counts := copied.FindStringSubmatch(out)
		if counts == nil || counts[1] == "0" || (counts[2] == "0") != step.same {
			t.Errorf("%s: copy says\n%s", step.name, out)
		}
	}
	if again := wantRun(t, "log", "verify", "--data", back); again != verified {
		t.Errorf("back from EventStoreDB it verifies as\n%s\nbefore as\n%s", again, verified)
	}
	e.mark(to, eventlog.Head{Revision: 1 << 20}) // as if a copy to the other had been cut off: it says nothing of this one
	if out := wantRun(t, "log", "copy", "--from", esdb, "--to", to, "--nats", e.url()); !strings.Contains(out, "copied   0 commits") {
		t.Errorf("a second copy to the other says\n%s", out)
	}
	e.mark(esdb, eventlog.Head{Revision: 1 << 20})
	if s, err := e.begin(0, t.TempDir()).await(); err == nil || !strings.Contains(err.Error(), "goes on where it ended") {
		t.Errorf("half a log is served: %v, %v", s, err)
	}
	if out := wantRun(t, "log", "copy", "--from", dir, "--to", esdb, "--nats", e.url()); !strings.Contains(out, "copied   0 commits") {
		t.Errorf("a second copy says\n%s", out)
	}

	for _, refused := range []struct {
		says string
		args []string
	}{
		{"--nats", []string{"--from", dir, "--to", esdb}},
		{"--nats", []string{"--from", esdb, "--to", filepath.Join(t.TempDir(), "other")}},
		{"EventStoreDB", []string{"--from", dir, "--to", filepath.Join(t.TempDir(), "other"), "--nats", e.url()}},
		{"the same place", []string{"--from", esdb, "--to", esdb, "--nats", e.url()}},
	} {
		wantNoRun(t, []string{refused.says}, append([]string{"log", "copy"}, refused.args...)...)
	}

	node, err := e.begin(0, t.TempDir()).await()
	if err != nil {
		t.Fatal(err)
	}
	wantPosition(t, node, regexp.MustCompile(`(?m)^commits  (\d+)$`).FindStringSubmatch(verified)[1])
	for _, w := range workers {
		w.checked = 0
	}
	wantSame(t, node, workers, answers, "", more)
	e.copied() // by the relay
	node.kill()
	wantNoRun(t, []string{"it is ahead"}, "log", "copy", "--from", dir, "--to", esdb, "--nats", e.url())
	wantNoRun(t, []string{"it has the log"}, "log", "copy", "--from", otherLog(t), "--to", esdb, "--nats", e.url())
}

// otherLog is a data directory with another log.
func otherLog(t *testing.T) string {
	t.Helper()
	dir, _, _ := written(t)
	return dir
}

// mark says in the bucket of the log main how far a copy to it, on an EventStoreDB, must come.
func (e *eventStore) mark(at string, head eventlog.Head) {
	e.t.Helper()
	conn, err := nats.Connect(e.url())
	if err != nil {
		e.t.Fatal(err)
	}
	defer conn.Close()
	bucket, err := natsblob.Open(e.t.Context(), natsblob.Config{Conn: conn, Name: "main", Replicas: 3})
	if err == nil {
		err = beginCopy(e.t.Context(), bucket, (&engine{at: at}).markPlace(), head)
	}
	if err != nil {
		e.t.Fatal(err)
	}
}
