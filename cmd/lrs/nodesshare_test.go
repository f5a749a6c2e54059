package main

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

const (
	sharedClients = 8   // of each node
	sharedAnswers = 800 // of all of them
	sharedFirst   = 200 // of these, until the nodes know each other: what comes then is not counted

	// mostOvertaken is by how many requests one may be overtaken. With 24 clients whose requests are served in turn it is
	// about two dozen, with a node's requests of one commit after the other's some dozens.
	mostOvertaken = 400
)

// shared: see share.
func (w *ward) shared(t *testing.T) { share(t, openClusterLog(t, w.cluster, "main"), w.nodes, w.name) }

// share: when all nodes have the same to do each gets at least a fifth of the commits, and nobody is overtaken again and
// again: a wait is counted in the requests that began after one and were answered before it, so that a slow machine
// changes nothing. That nobody waits long by the clock either is TestNodesShareTheLog's, which has a clock of its own.
func share(t *testing.T, log eventlog.Log, nodes []*server, name func(i int) string) {
	t.Helper()
	var before eventlog.Revision // under mu
	var begun, answered atomic.Int64
	var clients sync.WaitGroup
	var mu sync.Mutex
	most := int64(0)                 // by how many a request was overtaken; under mu
	open := map[int64]int64{}        // requests under way: how many have overtaken them; under mu
	overtake := func(number int64) { // one is answered
		mu.Lock()
		defer mu.Unlock()
		most = max(most, open[number])
		delete(open, number)
		for earlier := range open {
			if earlier < number {
				open[earlier]++
			}
		}
		if answered.Add(1) == sharedFirst {
			head, err := log.Head(t.Context())
			if err != nil {
				t.Error(err)
			}
			before, most = head, 0
			for number := range open {
				open[number] = 0
			}
		}
	}
	for i, s := range nodes {
		for range sharedClients {
			clients.Go(func() {
				sender := &killWorker{n: i}
				for answered.Load() < sharedAnswers {
					mu.Lock()
					number := begun.Add(1)
					open[number] = 0
					mu.Unlock()
					got := s.ask(t, ask{method: http.MethodPost, path: "/statements", body: sender.statement(uuid.New(), "")})
					overtake(number)
					if got.status != http.StatusOK {
						t.Errorf("node %d: %d %s", i, got.status, got.body)
						return
					}
				}
			})
		}
	}
	clients.Wait()
	commits, by := 0, map[string]int{}
	records := log.Read(t.Context(), before+1)
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		c, err := eventlog.Decode(r.Data)
		if err != nil {
			t.Fatal(err)
		}
		commits++
		by[c.Node]++
	}
	t.Logf("%d commits, %v; nobody was overtaken by more than %d of %d requests", commits, by, most, answered.Load())
	for i := range nodes {
		if n := by[name(i)]; n*5 < commits {
			t.Errorf("node %d has %d of %d commits", i, n, commits)
		}
	}
	if most > mostOvertaken {
		t.Errorf("a request was overtaken by %d others", most)
	}
}

// sharedFar: also when everything takes one of the nodes 15 to 30 ms each way, which is many times what an append takes the
// others.
func (w *ward) sharedFar(t *testing.T) {
	w.network.slow(15 * time.Millisecond)
	defer w.network.slow(0)
	w.shared(t)
}
