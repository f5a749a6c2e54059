package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

const (
	goldenCommits = "../../lrs/eventlog/testdata/golden/"
	goldenEvents  = "../../lrs/event/testdata/golden/"
)

// older is a node of an older release, as far as the log can tell: it appends, under its own name and in turn with the
// others, commits whose events have the forms of the golden files of all releases.
type older struct {
	t       *testing.T
	log     eventlog.Log
	head    eventlog.Head
	last    int64 // time of the last event, µs
	builder *eventlog.Builder
}

// follow reads what others have appended.
func (o *older) follow() {
	o.t.Helper()
	for c, err := range eventlog.Follow(o.log.Read(o.t.Context(), o.head.Revision+1), o.head) {
		if err != nil {
			o.t.Fatal(err)
		}
		o.head, o.last = c.Head(), c.FirstStored+int64(max(c.Header.Events, 1))
	}
}

// store appends one commit, as often as it takes to win.
func (o *older) store(events ...eventlog.Event) {
	o.t.Helper()
	for ctx := o.t.Context(); ; {
		o.follow()
		if err := o.builder.Add(events...); err != nil {
			o.t.Fatal(err)
		}
		sealed, err := o.builder.Seal(eventlog.SealInfo{Log: o.head.Log, Previous: o.head, FirstStored: max(time.Now().UnixMicro(), o.last+1), Node: "older"})
		if err != nil {
			o.t.Fatal(err)
		}
		switch err := eventlog.Settle(ctx, o.log, o.head.Revision, sealed.Data, eventlog.SettleOptions{}); {
		case err == nil:
			return
		case !errors.Is(err, eventlog.ErrConflict):
			o.t.Fatal(err)
		}
	}
}

// goldenEvent reads a file TYPE.vVERSION.VARIANT.payload, and the meta beside it.
func goldenEvent(t *testing.T, file string) (e eventlog.Event) {
	t.Helper()
	name := strings.Split(filepath.Base(file), ".")
	e.Type = name[0]
	if _, err := fmt.Sscanf(name[1], "v%d", &e.Version); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var err error
	if e.Payload, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	if meta, err := os.ReadFile(strings.TrimSuffix(file, "payload") + "meta"); err == nil {
		e.Meta = meta
	}
	return e
}

// wantUpgrade checks that a node serves nothing and says what to do.
func wantUpgrade(t *testing.T, s *server) {
	t.Helper()
	why := ""
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(why, "upgrade") {
		var status int
		var err error
		if status, why, err = tryRoot(t, s, "/readyz"); err != nil {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("whether it is ready after a minute: %d %s\n%s", status, why, s.stderr)
		}
	}
	if !strings.Contains(s.stderr.String(), "upgrade this node") {
		t.Errorf("its log does not say what to do:\n%s", s.stderr)
	}
	for _, a := range []ask{
		{method: http.MethodGet, path: "/statements?limit=1"},
		{method: http.MethodGet, path: "/statements?statementId=" + uuid.NewString()},
		{method: http.MethodPost, path: "/statements", body: (&killWorker{}).statement(uuid.New(), "")},
		{method: http.MethodGet, path: "/activities/state?activityId=a:b&agent=%7B%22mbox%22:%22mailto:a@example.com%22%7D&stateId=x"},
	} {
		if got := s.ask(t, a); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s %s: it answers %d %.200s", a.method, a.path, got.status, got.body)
		}
	}
}

// TestRollingUpgrade goes through an upgrade of three nodes, one after the other, while clients write.
//
// There is one format of commits yet, and the releases of the past differ in the forms of their events (CredentialAdded
// has three); none of those had clusters. So an older release is played by this test, which begins the log with the first
// golden commit and appends, beside the nodes and in turn with them, events in the form of every golden file; and the newer
// one by this program with a log that knows one format more (see newerLog). It proves that nodes go on with a log whose
// commits several releases write, as long as these are in forms that all of them know; and that a node which meets a form
// that it does not know serves nothing from then on, says that it must be upgraded, and hinders no other. It cannot prove
// that a future release, whose code nobody has, keeps to that, nor anything of one that changes what an old form means:
// the golden files' own tests are against that.
//
// It may run beside other tests: it waits for conditions only.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	c := startCluster(t, nil)
	old := &older{t: t, log: openClusterLog(t, c, "main"), builder: eventlog.NewBuilder(eventlog.DefaultLimits)}
	first, err := os.ReadFile(goldenCommits + "1-created.commit")
	if err != nil {
		t.Fatal(err)
	}
	if err := eventlog.Settle(t.Context(), old.log, 0, first, eventlog.SettleOptions{}); err != nil {
		t.Fatal(err)
	}

	dirs, switched := []string{t.TempDir(), t.TempDir(), t.TempDir()}, filepath.Join(t.TempDir(), "switched")
	begin := func(i int, newer bool) *server {
		var env []string
		if newer {
			env = append(env, newerFormat+"="+switched)
		}
		return spawn(t, dirs[i], env, "--log", c.url(), "--node", fmt.Sprintf("node-%d", i))
	}
	nodes := []*server{begin(0, false), begin(1, false), begin(2, false)}
	for _, s := range nodes {
		if _, err := s.await(); err != nil {
			t.Fatal(err)
		}
	}
	load := trickle{acked: map[string]bool{}}

	// All of this release, beside one that is older.
	files, err := filepath.Glob(goldenEvents + "*.payload")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d golden events, %v", len(files), err)
	}
	load.under(t, nodes, func(acked *atomic.Int64) {
		var events []eventlog.Event
		for _, file := range files {
			if e := goldenEvent(t, file); e.Type != "LogCreated" {
				events = append(events, e)
			}
		}
		for together := range slices.Chunk(events, 6) { // it wins seldom against nodes that take turns
			old.store(together...)
		}
		more(t, acked, 20)
	})
	load.whole(t, nodes)
	for i, s := range nodes {
		for _, id := range []string{"statementId=0f0b9a52-9f5e-4a55-9b1c-52a2f4d1c9aa", "voidedStatementId=7c1d2f0e-6d0d-4b9e-8d4c-1b0a6f7d2e31"} { // which it voids
			if got := s.ask(t, ask{method: http.MethodGet, path: "/statements?" + id}); got.status != http.StatusOK {
				t.Errorf("node %d lacks what the older release stored: %d %s", i, got.status, got.body)
			}
		}
		list, err := adminhttp.NewClient(socketPath(dirs[i])).List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]bool{}
		for _, cred := range list {
			keys[cred.Key] = true
		}
		for _, key := range []string{"lms", "head-of-ward-7", "hr"} {
			if !keys[key] {
				t.Errorf("node %d lacks the credential %s, of the older release", i, key)
			}
		}
	}

	// Two of a newer release, which writes what all know until it is told to do otherwise.
	load.under(t, nodes[:1], func(acked *atomic.Int64) {
		for i := 1; i < 3; i++ {
			if err := nodes[i].stop(t); err != nil {
				t.Errorf("node %d: %v\n%s", i, err, nodes[i].stderr)
			}
			next, err := begin(i, true).await()
			if err != nil {
				t.Fatal(err)
			}
			nodes[i] = next
		}
		more(t, acked, 10)
	})
	load.under(t, nodes, func(acked *atomic.Int64) { more(t, acked, 40) })
	load.whole(t, nodes)

	// It is told too early: one node is not upgraded.
	if err := os.WriteFile(switched, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	newer := nodes[1:]
	load.under(t, newer, func(acked *atomic.Int64) {
		more(t, acked, 20)
		wantUpgrade(t, nodes[0])
		nodes[0].kill()
		if s, err := begin(0, false).await(); err == nil {
			s.kill()
			t.Error("a node starts on a log that it cannot read to the end")
		} else if !strings.Contains(err.Error(), "upgrade to a newer one") {
			t.Errorf("it does not say what to do: %v", err)
		}
		more(t, acked, 20)
	})
	load.whole(t, newer)

	// Now all are.
	if nodes[0], err = begin(0, true).await(); err != nil {
		t.Fatal(err)
	}
	load.under(t, nodes, func(acked *atomic.Int64) { more(t, acked, 20) })
	load.whole(t, nodes)
	for i := range nodes {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		report, err := adminhttp.NewClient(socketPath(dirs[i])).VerifyLog(ctx)
		cancel()
		if err != nil || report.Fault != "" {
			t.Errorf("node %d: %v %s", i, err, report.Fault)
		}
	}

	// A commit in a form that all know, with an event that none does.
	old.log = newerLog{old.log, filepath.Join(t.TempDir(), "never")}
	old.store(eventlog.Event{Type: "ShiftPlanned", Version: 1, Payload: []byte(`{}`)})
	for _, s := range nodes {
		wantUpgrade(t, s)
	}
}
