package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/blob/natsblob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
)

// ward is three nodes over one cluster, real processes all, whose clocks can be set wrong.
type ward struct {
	*cluster
	nodes  []*server
	dirs   []string
	clocks []string // files, see skewClock
	load   trickle

	network *slowNetwork // between the last node and the cluster
	distant string       // by which that node reaches it
}

// TestNodes is what many nodes promise their clients, one subtest a promise, on the same three nodes.
//
// It may run beside other tests: it waits for conditions only, and nothing in it is about how long something takes.
func TestNodes(t *testing.T) {
	t.Parallel()
	w := &ward{cluster: startCluster(t, nil), load: trickle{acked: map[string]bool{}}, network: newSlowNetwork(t)}
	var links []string
	for i, s := range w.servers {
		links = append(links, w.network.link(-1, i, s.address))
	}
	w.distant = "nats://" + strings.Join(links, ",")
	var starting []*server
	for i := range 3 {
		w.dirs = append(w.dirs, t.TempDir())
		w.clocks = append(w.clocks, filepath.Join(t.TempDir(), "clock"))
		w.set(t, i, 0)
		starting = append(starting, w.begin(t, i))
	}
	for _, s := range starting {
		ready, err := s.await()
		if err != nil {
			t.Fatal(err)
		}
		w.nodes = append(w.nodes, ready)
	}
	t.Run("one statement id", w.oneID)
	t.Run("one document", w.oneDocument)
	t.Run("position", w.position)
	t.Run("read side", w.readSide)
	t.Run("watermark", w.watermark)
	t.Run("load is shared", w.shared)
	t.Run("load is shared with a distant node", w.sharedFar)
	t.Run("empty disk", w.emptyDisk)
	t.Run("clocks", w.skewed)
	t.Run("clock behind", w.behind) // last: what it stored is ahead of two clocks
}

func (w *ward) name(i int) string { return fmt.Sprintf("node-%d", i) }

// begin starts a node, which ends with t, and does not wait for it.
func (w *ward) begin(t *testing.T, i int) *server {
	t.Helper()
	cluster := w.url()
	if i == 2 {
		cluster = w.distant
	}
	return spawnProgram(t, os.Args[0], w.dirs[i], []string{skewedClock + "=" + w.clocks[i]}, "--log", cluster, "--node", w.name(i))
}

// ask is a request to one of the nodes.
type ask struct {
	method, path, body, contentType string
	header                          map[string]string
}

// ask sends a request, and fails the test if no whole answer comes.
func (s *server) ask(t *testing.T, a ask) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, a.method, s.url+a.path, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(testKey, testSecret)
	req.Header.Set("X-Experience-API-Version", "1.0.3")
	req.Header.Set("Content-Type", "application/json")
	if a.contentType != "" {
		req.Header.Set("Content-Type", a.contentType)
	}
	for name, value := range a.header {
		req.Header.Set(name, value)
	}
	got := answer{}
	res, err := testClient.Do(req)
	if err == nil {
		defer res.Body.Close()
		got.status, got.header = res.StatusCode, res.Header
		got.body, err = io.ReadAll(res.Body)
	}
	if err != nil {
		t.Errorf("%s %s: %v\n%s", a.method, a.path, err, s.stderr)
	}
	got.err = err
	return got
}

// allAtOnce asks every node at the same moment; their answers are in the nodes' order.
func (w *ward) allAtOnce(t *testing.T, of func(node int) ask) []answer {
	t.Helper()
	answers := make([]answer, len(w.nodes))
	var together sync.WaitGroup
	start := make(chan struct{})
	for i, s := range w.nodes {
		together.Go(func() {
			a := of(i)
			<-start
			answers[i] = s.ask(t, a)
		})
	}
	close(start)
	together.Wait()
	return answers
}

// latest is the greatest position that answers have: who sends it sees what all of them saw.
func latest(answers []answer) map[string]string {
	revision, position := uint64(0), ""
	for _, a := range answers {
		text := a.header.Get(request.HeaderPosition)
		if r, err := request.Position("header", "test", text); err == nil && r >= revision {
			revision, position = r, text
		}
	}
	return map[string]string{request.HeaderPosition: position}
}

// everywhere asks all nodes the same, behind a position, and wants one answer: it is that.
func (w *ward) everywhere(t *testing.T, path string, behind map[string]string) answer {
	t.Helper()
	var first answer
	for i, s := range w.nodes {
		got := s.ask(t, ask{method: http.MethodGet, path: path, header: behind})
		if i == 0 {
			first = got
		}
		if got.status != first.status || got.status == http.StatusOK && string(got.body) != string(first.body) {
			t.Errorf("%s: node %d answers %d %s\nand node 0 %d %s", path, i, got.status, got.body, first.status, first.body)
		}
	}
	return first
}

// openClusterLog opens a log of the cluster as a node does.
func openClusterLog(t *testing.T, c *cluster, name string) eventlog.Log {
	t.Helper()
	conn, err := nats.Connect(c.url(), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	log, err := natslog.Open(t.Context(), natslog.Config{Conn: conn, Name: name, Replicas: 3, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	// A node makes the bucket before the first commit, and is refused where there are commits and no bucket.
	if _, err := natsblob.Open(t.Context(), natsblob.Config{Conn: conn, Name: name, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	return log
}

// skewedClock names, in the environment, a file with how wrong the program's clock is: a duration.
const skewedClock = "LRS_TEST_CLOCK"

// skewClock gives the program a clock that its test can set while it runs. Timeouts and what is logged keep the machine's.
func skewClock(file string) {
	if file == "" {
		return
	}
	defaultNode.now = func() time.Time {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		skew, err := time.ParseDuration(string(text))
		if err != nil {
			panic(err)
		}
		return time.Now().Add(skew)
	}
}

// set makes a node's clock wrong by so much from now on.
func (w *ward) set(t *testing.T, node int, skew time.Duration) {
	t.Helper()
	next := w.clocks[node] + ".next"
	if err := os.WriteFile(next, []byte(skew.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, w.clocks[node]); err != nil {
		t.Fatal(err)
	}
}
