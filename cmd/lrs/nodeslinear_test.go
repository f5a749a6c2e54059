package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// nodesLinearRounds is how often TestNodesLinearizable kills; `make soak` has it at 10.
var nodesLinearRounds = 2

// TestNodesLinearizable is TestLinearizable over three nodes of one cluster: each request goes to any of them, nodes and
// the log's leader are killed in between. Clients pass on the position that they have seen (X-Bedside-Position), without
// which a node may answer with what it has applied so far.
func TestNodesLinearizable(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	cluster := startCluster(t, nil)
	var nodes [3]atomic.Pointer[server]
	dirs := [3]string{t.TempDir(), t.TempDir(), t.TempDir()}
	start := func(i int) *server {
		return spawn(t, dirs[i], nil, "--log", cluster.url(), "--node", fmt.Sprintf("node-%d", i))
	}
	var starting []*server
	for i := range nodes {
		starting = append(starting, start(i))
	}
	for i, s := range starting {
		if _, err := s.await(); err != nil {
			t.Fatal(err)
		}
		nodes[i].Store(s)
	}
	h := &history{t: t, start: time.Now()}
	position := &atomic.Uint64{}
	clients := make([]*linearClient, linearClients)
	for i := range clients {
		clients[i] = &linearClient{n: i, rng: rand.New(rand.NewPCG(seed, uint64(i+1))), history: h, seen: map[place]string{}, position: position}
	}
	for range nodesLinearRounds {
		enough, closing := make(chan struct{}), make(chan struct{})
		until := 100 + rng.Int64N(200)
		var answers atomic.Int64
		var acting sync.WaitGroup
		for _, c := range clients {
			acting.Go(func() {
				for {
					select {
					case <-closing:
						return
					default:
					}
					if c.act(nodes[c.rng.IntN(len(nodes))].Load()) && answers.Add(1) == until {
						close(enough)
					}
				}
			})
		}
		victim := rng.IntN(len(nodes))
		nodes[victim].Load().kill()
		leader := -1
		if rng.IntN(3) == 0 {
			leader = cluster.leader()
			cluster.kill(leader)
		}
		again, err := start(victim).await()
		if err != nil {
			t.Fatal(err)
		}
		nodes[victim].Store(again)
		select {
		case <-enough:
		case <-time.After(2 * time.Minute):
			t.Fatalf("no %d answers in two minutes, %d", until, answers.Load())
		}
		close(closing)
		acting.Wait()
		if leader >= 0 {
			cluster.start(leader)
		}
		for i := range nodes {
			writeThrough(t, nodes[i].Load())
		}
		h.settled()
	}
	for key := range h.keys() {
		clients[0].readAll(nodes[rng.IntN(len(nodes))].Load(), key)
	}
	h.died() // not before: whom a living node has left without an answer may have been served until now
	h.check()
}

// writeThrough stores a statement, as soon as a server takes one.
func writeThrough(t *testing.T, s *server) {
	t.Helper()
	body := []byte((&killWorker{}).statement(uuid.New(), ""))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, _, answer, err := s.do(ctx, http.MethodPost, "/statements", body)
		if err == nil && status == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no write for a minute: %d %v %s\n%s", status, err, answer, s.stderr)
		}
	}
}
