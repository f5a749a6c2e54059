package main

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// crowd is clients who go on whatever the answer is, and count.
type crowd struct {
	nodes []*server // of one log; each request goes to any
	seed  uint64
	end   chan struct{}
	wg    sync.WaitGroup

	small []*killWorker
	big   []*bigWriter

	mu sync.Mutex // guards what follows
	crowdCounts
	faults []string // answers that no write may get
}

// crowdCounts are numbers of answers.
type crowdCounts struct {
	acked   int
	refused map[string]int // by code
}

func (c crowdCounts) refusals() (n int) {
	for _, count := range c.refused {
		n += count
	}
	return n
}

func newCrowd(seed uint64, workers []*killWorker, nodes ...*server) *crowd {
	c := &crowd{nodes: nodes, seed: seed, end: make(chan struct{}), small: workers}
	c.refused = map[string]int{}
	for _, w := range c.small {
		c.wg.Go(func() {
			c.repeat(c.end, func() (bool, answer) { return w.write(nodes[w.rng.IntN(len(nodes))]), w.last })
		})
	}
	return c
}

// press adds clients with large requests. The function that it returns takes them
// away.
func (c *crowd) press(t *testing.T, n int) (lift func()) {
	end := make(chan struct{})
	var wg sync.WaitGroup
	for range n {
		w := newBigWriter(c.seed + uint64(len(c.big)))
		c.big = append(c.big, w)
		wg.Go(func() {
			c.repeat(end, func() (bool, answer) {
				a := w.tryWrite(t, c.nodes[0])
				return a.err == nil && a.status == http.StatusOK, a
			})
		})
	}
	return func() { close(end); wg.Wait() }
}

// repeat writes and counts the answers.
func (c *crowd) repeat(end <-chan struct{}, write func() (ok bool, a answer)) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c.note(write())
		select {
		case <-end:
			return
		case <-tick.C:
		}
	}
}

func (c *crowd) note(ok bool, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		c.acked++
	} else if code, err := refusal(a); err != nil {
		c.faults = append(c.faults, err.Error())
	} else {
		c.refused[code]++
	}
}

// refusal is the code of a 503, or the error that it is none.
func refusal(a answer) (string, error) {
	if a.err != nil {
		return "", fmt.Errorf("no answer: %w", a.err)
	}
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != http.StatusServiceUnavailable || err != nil || seconds < 1 {
		return "", fmt.Errorf("%d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
	}
	var problem struct {
		Code string `json:"code"`
	}
	err := json.Unmarshal(a.body, &problem)
	return problem.Code, err
}

func (c *crowd) counts() crowdCounts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return crowdCounts{c.acked, maps.Clone(c.refused)}
}

// patience bounds every wait for what must come. It is long, for a machine that is busy with other things.
const patience = 2 * time.Minute

// await waits for a condition, which is called with the counts locked.
func (c *crowd) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		done := condition()
		state := fmt.Sprintf("%d acknowledged, refused %v, faults %q", c.acked, c.refused, c.faults)
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			for _, s := range c.nodes {
				t.Log(s.mistakes())
			}
			t.Fatalf("no %s in %s: %s", what, patience, state)
		}
	}
}

// mistakes are the lines that the server has logged as errors.
func (s *server) mistakes() string {
	var b strings.Builder
	for line := range strings.Lines(s.stderr.String()) {
		if strings.Contains(line, "level=ERROR") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// stop ends the load.
func (c *crowd) stop() {
	close(c.end)
	c.wg.Wait()
}
