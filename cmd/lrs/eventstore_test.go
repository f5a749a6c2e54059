package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
	"github.com/bedside-lrs/bedside/projections/notice"
)

// eventStore is what nodes need whose log is on EventStoreDB: its double, in this process, and a NATS cluster.
type eventStore struct {
	t      *testing.T
	double *esdbtest.Server
	*cluster
}

func startEventStore(t *testing.T) *eventStore {
	t.Helper()
	return startEventStoreBeside(t, startCluster(t, nil))
}

func startEventStoreBeside(t *testing.T, c *cluster) *eventStore {
	t.Helper()
	e := &eventStore{t, esdbtest.New(esdbtest.Config{}), c}
	if err := e.double.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.double.Stop)
	return e
}

// flags are those of every node and of every command.
func (e *eventStore) flags() []string { return []string{"--log", e.double.URL(), "--nats", e.url()} }

// begin starts a node, without waiting for it.
func (e *eventStore) begin(i int, dir string) *server {
	return spawn(e.t, dir, nil, append(e.flags(), "--node", e.name(i))...)
}

func (e *eventStore) name(i int) string { return fmt.Sprintf("node-%d", i) }

// copied compares the relay's stream with the log, commit by commit, as soon as it has come as far.
func (e *eventStore) copied() eventlog.Revision {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	source, err := esdblog.Open(ctx, esdblog.Config{URL: e.double.URL(), Name: "main"})
	if err != nil {
		e.t.Fatal(err)
	}
	defer source.Close()
	conn, err := nats.Connect(e.url())
	if err != nil {
		e.t.Fatal(err)
	}
	defer conn.Close()
	target, err := natslog.Open(ctx, natslog.Config{Conn: conn, Name: "main-relay", Replicas: 3})
	if err != nil {
		e.t.Fatal(err)
	}
	defer target.Close()
	var commits [][]byte
	for rec, err := range source.Read(ctx, 1) {
		if err != nil {
			e.t.Fatal(err)
		}
		commits = append(commits, rec.Data)
	}
	n := 0
	for rec, err := range target.Subscribe(ctx, 1) {
		if err != nil {
			e.t.Fatalf("the relay has come to %d of %d: %v", n, len(commits), err)
		}
		if !bytes.Equal(rec.Data, commits[n]) {
			e.t.Fatalf("revision %d of the relay's stream is not the log's", rec.Revision)
		}
		if n++; n == len(commits) {
			break
		}
	}
	if head, err := target.Head(ctx); err != nil || int(head) < n {
		e.t.Errorf("the stream ends at %d, %v", head, err)
	}
	return eventlog.Revision(n)
}

// wantWholeOn checks that everything acknowledged is on each node.
func wantWholeOn(t *testing.T, nodes []*server, workers []*killWorker) {
	t.Helper()
	for _, s := range nodes {
		for _, w := range workers {
			w.checked = 0
		}
		wantWhole(t, s, workers)
		verifyList(t, s, workers, nil)
	}
}

// passed posts that a person of the hospital has passed an assessment. It gives the statement's place in the log.
func passed(t *testing.T, s *server, person string) (status int, position string, body []byte) {
	t.Helper()
	status, header, body, err := s.do(t.Context(), http.MethodPost, "/statements", []byte(`{"actor":{"mbox":"mailto:`+person+`@hospital.example"},
		"verb":{"id":"http://adlnet.gov/expapi/verbs/passed"},"object":{"id":"https://hospital.example/assessments/listen-post"},
		"result":{"score":{"scaled":0.9}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return status, header.Get(request.HeaderPosition), body
}

// heard waits for a notice of a projection that has reached a position.
func heard(t *testing.T, told <-chan *nats.Msg, position string) {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case msg := <-told:
			if strings.HasSuffix(string(msg.Data), `"position":"`+position+`"}`) {
				return
			}
		case <-late:
			t.Fatalf("no notice of %s by NATS in %s", position, patience)
		}
	}
}

// TestEventStore: two nodes whose log is on EventStoreDB, as far as its double goes. What is stored through either is on
// both, with its attachments; the projections of both have it by the relay; and while the log is away nothing is stored,
// everything is read, and it goes on by itself.
func TestEventStore(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	e := startEventStore(t)
	dirs := []string{t.TempDir(), t.TempDir()}
	nodes := []*server{e.begin(0, dirs[0]), e.begin(1, dirs[1])}
	for _, s := range nodes {
		if _, err := s.await(); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := nats.Connect(e.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	told := make(chan *nats.Msg, 64)
	for _, key := range []string{"p01", notice.All} { // which stands for p01 too, where both were to be told at once
		if _, err := conn.ChanSubscribe(notice.Subject("competency", key), told); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	workers := newWorkers(seed)
	underLoad(t, nodes, workers, func(acked *atomic.Int64) { more(t, acked, 200) })
	level(t, nodes)
	wantWholeOn(t, nodes, workers)

	setUp(t, nodes[0])
	level(t, nodes)
	standing := func(person, position string) (answer string) {
		t.Helper()
		for i, s := range nodes {
			answer = string(hr(t, s, http.MethodGet, "/people/"+person+"/competencies?after="+url.QueryEscape(position), "", nil))
			if !strings.Contains(answer, `"evidence":1`) {
				t.Errorf("node %d: %s", i, answer)
			}
		}
		return answer
	}
	// The same moment gives the same bytes.
	again := func(person, answer string) {
		t.Helper()
		var moment struct {
			At   string `json:"at"`
			AsOf string `json:"asOf"`
		}
		if err := json.Unmarshal([]byte(answer), &moment); err != nil || moment.AsOf == "" {
			t.Fatalf("%v %s", err, answer)
		}
		for i, s := range nodes {
			b := hr(t, s, http.MethodGet, "/people/"+person+"/competencies?at="+url.QueryEscape(moment.At)+"&asOf="+url.QueryEscape(moment.AsOf), "", nil)
			if string(b) != answer {
				t.Errorf("node %d answers %s, before it was %s", i, b, answer)
			}
		}
	}
	status, position, body := passed(t, nodes[1], "p01")
	if status != http.StatusOK || position == "" {
		t.Fatalf("%d %q %s", status, position, body)
	}
	answer := standing("p01", position)
	heard(t, told, position)
	admin := adminhttp.NewClient(socketPath(dirs[0]))
	before := e.copied()

	e.double.Stop()
	for i, s := range nodes {
		for range 5 {
			if status, _, body := passed(t, s, "p02"); status != http.StatusServiceUnavailable {
				t.Errorf("without the log node %d answers %d %s", i, status, body)
			}
		}
		for _, path := range []string{"/statements?limit=5", "/statements?attachments=true&verb=http://adlnet.gov/expapi/verbs/completed&limit=5"} {
			if status, _, body, err := s.do(t.Context(), http.MethodGet, path, nil); err != nil || status != http.StatusOK {
				t.Errorf("without the log node %d answers to a reader: %d %v %s", i, status, err, body)
			}
		}
	}
	again("p01", answer)
	for i, s := range nodes { // about now: unless the log has kept its last commit to itself
		status, b, err := tryHR(t.Context(), s, http.MethodGet, "/people/p01/competencies", "", nil)
		_, metrics, failed := tryRoot(t, s, "/metrics")
		if err != nil || failed != nil || status != http.StatusOK && strings.Contains(metrics, "\nrelay_lag_commits 0\n") {
			t.Errorf("without the log node %d answers about now: %d %v %s", i, status, err, b)
		}
	}
	if _, err := admin.Replay(t.Context(), []string{"people", "competency"}); err != nil { // from the copy
		t.Errorf("replay without the log: %v", err)
	}
	again("p01", answer)

	if err := e.double.Start(); err != nil {
		t.Fatal(err)
	}
	deadline, tick := time.After(4*time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for i, s := range nodes {
		person := fmt.Sprintf("p%02d", 3+i)
		for status = 0; status != http.StatusOK; {
			if status, position, body = passed(t, s, person); status != http.StatusOK && status != http.StatusServiceUnavailable {
				t.Fatalf("node %d: %d %s", i, status, body)
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("the log is back, and node %d answers %d %s\n%s", i, status, body, s.stderr)
			}
		}
		standing(person, position)
	}

	// While NATS hangs nodes do not hear each other, and share the log all the same.
	for i := range e.servers {
		e.signal(i, syscall.SIGSTOP)
	}
	log, err := esdblog.Open(t.Context(), esdblog.Config{URL: e.double.URL(), Name: "main"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	share(t, log, nodes, e.name)
	for i := range e.servers {
		e.signal(i, syscall.SIGCONT)
	}

	// Without NATS statements are stored all the same, and the relay goes on when it is back.
	for i := range e.servers {
		e.kill(i)
	}
	if status, position, body = passed(t, nodes[0], "p05"); status != http.StatusOK {
		t.Errorf("without NATS: %d %s", status, body)
	}
	for i := range e.servers {
		e.start(i)
	}
	for _, s := range nodes {
		for status = 0; status != http.StatusOK; {
			var err error
			if status, body, err = tryHR(t.Context(), s, http.MethodGet, "/people/p05/competencies?after="+url.QueryEscape(position), "", nil); err != nil {
				t.Fatal(err)
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("NATS is back, and the projections are not: %d %s\n%s", status, body, s.stderr)
			}
		}
	}
	standing("p05", position)
	if after := e.copied(); after < before+3 {
		t.Errorf("the log had %d commits, and has %d", before, after)
	}
	for i, s := range nodes { // the relay of each, whether or not another was faster
		for metrics := ""; !strings.Contains(metrics, "\nrelay_standing 0\n") || !strings.Contains(metrics, "\nrelay_lag_commits 0\n"); {
			var err error
			if _, metrics, err = tryRoot(t, s, "/metrics"); err != nil {
				t.Fatal(err)
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("the relay of node %d does not go on\n%s\n%s", i, metrics, s.stderr)
			}
		}
	}
	report, err := admin.VerifyLog(t.Context())
	if err != nil || report.Fault != "" || report.BlobFault != "" || report.Blobs == 0 {
		t.Errorf("%+v, %v", report, err)
	}
	for _, s := range nodes {
		if err := s.stop(t); err != nil {
			t.Errorf("%v\n%s", err, s.stderr)
		}
	}
	verify := exec.Command(os.Args[0], append([]string{"log", "verify", "--data", dirs[1]}, e.flags()...)...)
	verify.Env = append(os.Environ(), runAsProgram+"=1")
	if out, err := verify.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("whole    yes")) || !bytes.Contains(out, []byte(report.Log)) {
		t.Errorf("%v\n%s", err, out)
	}
}

// tryRoot gets what is beside /xapi.
func tryRoot(t *testing.T, s *server, path string) (int, string, error) {
	of := &server{url: strings.TrimSuffix(s.url, "/xapi")}
	status, _, body, err := of.do(t.Context(), http.MethodGet, path, nil)
	return status, string(body), err
}
