package lrs

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// air is what nodes call through, each at its distance.
type air struct {
	mu    sync.Mutex
	heard map[*hearer]time.Duration
	hangs bool // it takes calls, and nobody hears them
}

// hearer is a node that calls, and hears what the others call.
type hearer struct {
	air   *air
	away  time.Duration
	calls chan []byte
}

func (a *air) hearer(away time.Duration) *hearer {
	h := &hearer{a, away, make(chan []byte, 100)}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.heard == nil {
		a.heard = map[*hearer]time.Duration{}
	}
	a.heard[h] = away
	return h
}

func (h *hearer) Call(message []byte) error {
	h.air.mu.Lock()
	defer h.air.mu.Unlock()
	if h.air.hangs {
		return nil
	}
	for other, away := range h.air.heard {
		time.AfterFunc(h.away+away, func() {
			select {
			case other.calls <- message:
			default:
			}
		})
	}
	return nil
}

func (h *hearer) Calls(ctx context.Context) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			select {
			case message := <-h.calls:
				if !yield(message) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// TestNodesShareTheLog: each of three nodes gets at least a fifth of the commits when all have the same to do, however far
// from the log each is, and nobody waits long for what the furthest takes. Without calls that holds for nodes that are about
// as far away.
func TestNodesShareTheLog(t *testing.T) {
	const ms = time.Millisecond
	near, far := load{8, time.Second / 2, time.Second}, load{8, 3 * time.Second, 4 * time.Second}
	for name, c := range map[string]struct {
		away    []time.Duration
		call    bool
		longest time.Duration
		of      load
	}{
		"about as far":          {[]time.Duration{ms / 2, 3 * ms / 2, 3 * ms / 2}, true, 50 * ms, near},
		"without calls":         {[]time.Duration{ms / 2, 3 * ms / 2, 3 * ms / 2}, false, 500 * ms, near},
		"one is far":            {[]time.Duration{ms / 2, ms / 2, 10 * ms}, true, 200 * ms, near},
		"one is very, very far": {[]time.Duration{ms / 2, ms / 2, 200 * ms}, true, 5000 * ms, far},
		"one is very far":       {[]time.Duration{ms / 2, ms / 2, 100 * ms}, true, 2000 * ms, far},
		"each has its own":      {[]time.Duration{ms / 2, 10 * ms, 60 * ms}, true, 1000 * ms, far},
		"two are far":           {[]time.Duration{ms / 2, 30 * ms, 30 * ms}, true, 600 * ms, far},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				commits, by, longest := share(t, nodesCalling(t, c.call, c.away...), c.of)
				t.Logf("%d commits, %v; nobody waited longer than %v", commits, by, longest)
				for i := range c.away {
					if n := by[fmt.Sprintf("node-%d", i)]; n*5 < commits {
						t.Errorf("node %d has %d of %d commits", i, n, commits)
					}
				}
				if longest > c.longest {
					t.Errorf("somebody has waited %v", longest)
				}
			})
		})
	}
}

// TestNodeSeldom: a node that is far away and seldom writes need not wait long, nor does one that always does wait for it all
// the time; also if both were given the same name.
func TestNodeSeldom(t *testing.T) {
	for _, name := range []string{"another", "node-0"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { seldom(t, name) })
		})
	}
}

func seldom(t *testing.T, name string) {
	var a air
	all := nodesWith(t, func(log eventlog.Log) eventlog.Log { return log }, func(c *Config, away time.Duration) {
		c.Neighbours = a.hearer(away)
		if c.Node != "node-0" {
			c.Node = name
		}
	}, time.Millisecond/2, 50*time.Millisecond)
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() {
		for ctx.Err() == nil {
			if _, err := all[0].put(t, draft(t, uuid.New(), "passed")); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 4 {
		time.Sleep(time.Second)
		start := time.Now()
		if _, err := all[1].put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 600*time.Millisecond {
			t.Errorf("a write of the one that seldom writes took %v", took)
		}
	}
	stop()
	busy.Wait()
	if n := all[0].Head().Revision; n < 2000 { // about 4,000 in as many seconds if it were alone
		t.Errorf("%d commits while the other made four", n)
	}
	for _, b := range all {
		b.close(t)
	}
}

// TestNodesOneDeaf: beside a node that does not hear calls, as one of an earlier release, those that are about as near to the
// log have their share: they do not wait for one that is far, and that nobody could wait for alone.
func TestNodesOneDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a air
		deaf := 2
		all := nodesWith(t, func(log eventlog.Log) eventlog.Log { return log }, func(c *Config, away time.Duration) {
			if c.Node != fmt.Sprintf("node-%d", deaf) {
				c.Neighbours = a.hearer(away)
			}
		}, time.Millisecond/2, 20*time.Millisecond, time.Millisecond/2)
		ready := make(chan []error, len(all))
		time.AfterFunc(7500*time.Millisecond, func() {
			for _, b := range all {
				ready <- b.Ready()
			}
		})
		commits, by, _ := share(t, all, load{2, 3 * time.Second, 5 * time.Second})
		t.Logf("%d commits, %v", commits, by)
		for i := range all {
			if reasons := <-ready; (i == 1) != strings.Contains(fmt.Sprint(reasons), "other nodes have had every commit for") {
				t.Errorf("node %d is not ready: %v", i, reasons)
			}
		}
		if by["node-0"]*5 < commits {
			t.Errorf("the node that hears has %d of %d commits", by["node-0"], commits)
		}
	})
}

// TestNodesWhileCallsHang: nodes that are about as near to the log have their share while the server that they call through takes
// their calls and passes none on.
func TestNodesWhileCallsHang(t *testing.T) {
	const ms = time.Millisecond
	for name, away := range map[string][]time.Duration{
		"as far":       {ms / 2, ms / 2},
		"about as far": {ms / 2, 3 * ms / 2, 3 * ms / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a air
				all := nodesWith(t, func(log eventlog.Log) eventlog.Log { return log }, func(c *Config, away time.Duration) {
					c.Neighbours = a.hearer(away)
				}, away...)
				time.AfterFunc(time.Second, func() {
					a.mu.Lock()
					defer a.mu.Unlock()
					a.hangs = true
				})
				commits, by, longest := share(t, all, load{4, 1500 * ms, 3 * time.Second})
				t.Logf("%d commits, %v, the longest wait %v", commits, by, longest)
				for i := range all {
					if n := by[fmt.Sprintf("node-%d", i)]; n*5 < commits {
						t.Errorf("node %d has %d of %d commits", i, n, commits)
					}
				}
				if longest > time.Second {
					t.Errorf("somebody has waited %v", longest)
				}
			})
		})
	}
}

// TestNodesAndCrowd: whoever calls again and again, in any number of names, and never commits, keeps a node for seconds at most,
// and then ever more seldom.
func TestNodesAndCrowd(t *testing.T) {
	for name, lie := range map[string]func(i int) call{
		"one":                        func(int) call { return call{Node: "x", Append: 250_000} },
		"as many as there are calls": func(i int) call { return call{Node: fmt.Sprint("x", i), Lost: 1 << 40, Append: 500_000} },
		"for ever":                   func(i int) call { return call{Node: fmt.Sprint("x", i%3), Append: math.MaxInt64} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a air
				all := nodesWith(t, func(log eventlog.Log) eventlog.Log { return log }, func(c *Config, away time.Duration) {
					c.Neighbours = a.hearer(away)
				}, time.Millisecond/2, time.Millisecond/2)
				liar := a.hearer(0)
				ctx, stop := context.WithCancel(t.Context())
				var lying sync.WaitGroup
				lying.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						message, err := json.Marshal(lie(i))
						if err == nil {
							err = liar.Call(message)
						}
						if err != nil {
							t.Error(err)
						}
						time.Sleep(20 * time.Millisecond)
					}
				})
				commits, by, longest := share(t, all, load{2, 3 * time.Second, 3 * time.Second})
				stop()
				lying.Wait()
				t.Logf("%d commits, %v, the longest wait %v", commits, by, longest)
				if commits < 100 { // of some 900 in three seconds, or one in each of them
					t.Errorf("%d commits", commits)
				}
				if longest > 3*time.Second {
					t.Errorf("somebody has waited %v", longest)
				}
			})
		})
	}
}

// TestTurnAfterOutage: an append that was open for long, as while the log was away, does not make a node that loses its next one
// wait as long.
func TestTurnAfterOutage(t *testing.T) {
	now := time.Now()
	var own turns
	own.tried(30 * time.Second)
	own.missed(true, now)
	for range 1000 { // another node goes on all the time
		own.saw("another", 1, own.wait(now))
	}
	if waits := own.wait(now).Sub(now); waits > 2*contends {
		t.Errorf("it waits %v", waits)
	}
}

// TestNodeAlone: a node that never sees another hardly ever pauses for one.
func TestNodeAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commits, _, _ := share(t, nodesCalling(t, false, time.Millisecond/2), load{1, 0, 2 * time.Second})
		if commits < 1800 { // of 2,000 in as many milliseconds
			t.Errorf("%d commits in two seconds", commits)
		}
	})
}

// nodesCalling are nodes that call each other, or do not.
func nodesCalling(t *testing.T, call bool, away ...time.Duration) []*bench {
	t.Helper()
	var a air
	return nodesWith(t, func(log eventlog.Log) eventlog.Log { return log }, func(c *Config, away time.Duration) {
		if call {
			c.Neighbours = a.hearer(away)
		}
	}, away...)
}

// load is what share has nodes do.
type load struct {
	clients int           // of each node
	first   time.Duration // in which the nodes get to know each other
	then    time.Duration
}

// share has nodes write, each the same, and closes them. It returns how many commits there are but for those of the first time,
// how many of each node, and how long the longest write took.
func share(t *testing.T, all []*bench, l load) (commits int, by map[string]int, longest time.Duration) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), l.first+l.then)
	defer stop()
	var clients sync.WaitGroup
	var mu sync.Mutex
	var known eventlog.Revision
	clients.Go(func() {
		time.Sleep(l.first)
		known = all[0].Head().Revision
	})
	for _, b := range all {
		for range l.clients {
			clients.Go(func() {
				for ctx.Err() == nil {
					start := time.Now()
					if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					longest = max(longest, time.Since(start))
					mu.Unlock()
				}
			})
		}
	}
	clients.Wait()
	by = map[string]int{}
	for c, err := range eventlog.Follow(all[0].log.Read(t.Context(), 1), eventlog.Head{}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Revision <= known {
			continue
		}
		commits++
		by[c.Node]++
	}
	for _, b := range all {
		b.close(t)
	}
	return commits, by, longest
}
