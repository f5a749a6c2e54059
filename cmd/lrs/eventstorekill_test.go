package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
)

// eventStoreRounds is how often TestEventStoreKills kills a node. `make soak` sets it higher.
var eventStoreRounds = 1

// TestEventStoreKills: nodes are killed while statements pour in, and the log answers badly: it breaks connections before
// it has stored, after it has, and says that it timed out when it has. Everything acknowledged is there, on both nodes,
// and the relay's stream is the log, commit by commit.
func TestEventStoreKills(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	e := startEventStore(t)
	var mu sync.Mutex
	faults := rand.New(rand.NewPCG(seed, 1)) // under mu
	e.double.SetPlan(func(esdbtest.Append) esdbtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch faults.IntN(60) {
		case 0:
			return esdbtest.CutOff
		case 1:
			return esdbtest.AnswerLost
		case 2:
			return esdbtest.ReportedLost
		}
		return esdbtest.Fault{}
	})
	dirs := []string{t.TempDir(), t.TempDir()}
	var nodes [2]atomic.Pointer[server]
	all := func() []*server { return []*server{nodes[0].Load(), nodes[1].Load()} }
	for i, s := range []*server{e.begin(0, dirs[0]), e.begin(1, dirs[1])} {
		if _, err := s.await(); err != nil {
			t.Fatal(err)
		}
		nodes[i].Store(s)
	}
	workers := newWorkers(seed)
	for range eventStoreRounds {
		ctx, stop := context.WithCancel(t.Context())
		var acked atomic.Int64
		var wg sync.WaitGroup
		for _, w := range workers {
			wg.Go(func() {
				for ctx.Err() == nil {
					if w.write(nodes[w.rng.IntN(len(nodes))].Load()) {
						acked.Add(1)
					}
				}
			})
		}
		more(t, &acked, 50+rng.Int64N(100))
		victim := rng.IntN(len(nodes))
		nodes[victim].Load().kill()
		more(t, &acked, 30) // by the other one
		restarted, err := e.begin(victim, dirs[victim]).await()
		if err != nil {
			t.Fatal(err)
		}
		nodes[victim].Store(restarted)
		more(t, &acked, 50)
		stop()
		wg.Wait()
		level(t, all())
		wantWholeOn(t, all(), workers)
		t.Logf("%d commits, in both", e.copied())
		if t.Failed() {
			return
		}
	}
	for i, s := range all() {
		for _, p := range settled(t, dirs[i]) {
			if p.Error != "" || p.SetAside != 0 {
				t.Errorf("node %d: %+v", i, p)
			}
		}
		if err := s.stop(t); err != nil {
			t.Errorf("%v\n%s", err, s.stderr)
		}
	}
}
