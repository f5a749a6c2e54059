package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// clusterFault is something that befalls the servers of the log.
type clusterFault struct {
	name   string
	rounds int
	do     func(*trial)
}

// trial is nodes over a cluster that something befalls while many clients write.
type trial struct {
	t     *testing.T
	nodes []*server
	load  *crowd
	rng   *rand.Rand
}

// suffer lets one fault after another befall the servers while clients write statements, documents and attachments to three
// nodes. Every write is answered in a bounded time, with success or with 503 and Retry-After; what was acknowledged is there
// afterwards, once and whole, on each node; what was refused is not; and writes go on by themselves.
func (c *cluster) suffer(t *testing.T, faults []clusterFault) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c.formed()
	// Longer than the driver waits for one append, so that clients are told what it makes of a time-out.
	nodes, workers := c.nodes(t, 3, "--commit-timeout", "5s"), newWorkers(seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, fault := range faults {
		if !t.Run(fault.name, func(t *testing.T) {
			x := &trial{t: t, nodes: nodes, rng: rng}
			for round := range fault.rounds {
				x.round(seed, workers, nodes[round%len(nodes)], fault.do)
			}
			for _, s := range nodes {
				wantOnce(t, s, workers)
			}
		}) {
			for i, s := range nodes {
				t.Logf("node %d: %s", i, s.mistakes())
			}
			return
		}
	}
}

// round is one under load, with a check on one node.
func (x *trial) round(seed uint64, workers []*killWorker, on *server, do func(*trial)) {
	x.t.Helper()
	began := time.Now()
	x.load = newCrowd(seed, workers, x.nodes...)
	end := sync.OnceFunc(x.load.stop)
	defer end()
	x.writes(50 + x.rng.IntN(100))
	do(x)
	x.writes(50)
	end()
	for _, wrong := range x.load.faults {
		x.t.Error(wrong)
	}
	level(x.t, x.nodes)
	attached(x.t, on, workers)
	wantWhole(x.t, on, workers)
	if x.t.Failed() {
		x.t.FailNow()
	}
	x.t.Logf("%d acknowledged, refused %v, %s", x.load.acked, x.load.refused, time.Since(began).Round(time.Second))
}

// attached waits until a node serves attachments: they have a stream of their own, which may be without a leader for longer
// than the log's.
func attached(t *testing.T, s *server, workers []*killWorker) {
	t.Helper()
	path := "/statements?limit=1"
	for _, w := range workers {
		for _, b := range w.batches {
			if b.acked && b.attachment != "" {
				path = "/statements?attachments=true&statementId=" + b.ids[0].String()
			}
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		status, _, body, err := s.do(t.Context(), http.MethodGet, path, nil)
		if err == nil && status != http.StatusServiceUnavailable {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no attachment can be read for %s: %d %v %s", patience, status, err, body)
		}
	}
}

// writes waits until so many more writes were acknowledged.
func (x *trial) writes(n int) {
	x.t.Helper()
	before := x.load.counts().acked
	x.load.await(x.t, "writes", func() bool { return x.load.acked >= before+n })
}

// unknown waits until so many more clients were told that the outcome is not known, for which they have waited seconds.
func (x *trial) unknown(n int) {
	x.t.Helper()
	const code = "store.unknown"
	before := x.load.counts().refused[code]
	x.load.await(x.t, "time-outs", func() bool { return x.load.refused[code] >= before+n })
}

// stopped waits until writes time out, and then again: meanwhile nothing may be acknowledged.
func (x *trial) stopped() {
	x.t.Helper()
	x.unknown(len(x.load.small) / 2) // what was on its way has come
	before := x.load.counts().acked
	x.unknown(len(x.load.small) / 2)
	if n := x.load.counts().acked - before; n > 0 {
		x.t.Errorf("%d writes were acknowledged that no majority of the servers can have", n)
	}
}

// readable reads from every node what must be readable without the log: statements and documents. Attachments are in the
// cluster; who asks for them is told to come again.
func (x *trial) readable() {
	x.t.Helper()
	for i, s := range x.nodes {
		for _, path := range []string{"/statements?limit=20", "/statements?limit=20&verb=http://adlnet.gov/expapi/verbs/completed", x.load.small[0].state(shared)} {
			if status, _, body, err := s.do(x.t.Context(), http.MethodGet, path, nil); err != nil || status != http.StatusOK {
				x.t.Errorf("node %d answers to %s: %d %v %s", i, path, status, err, body)
			}
		}
		var a answer
		a.status, a.header, a.body, a.err = s.do(x.t.Context(), http.MethodGet, "/statements?limit=50&attachments=true", nil)
		if _, err := refusal(a); err != nil && a.status != http.StatusOK {
			x.t.Errorf("node %d, asked for attachments: %v", i, fmt.Errorf("%w", err))
		}
	}
}
