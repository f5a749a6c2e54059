package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	linearRounds  = 6 // how often TestLinearizable kills the server
	linearClients = 8
)

// TestLinearizable lets clients read and write the same few statements and
// documents at once, with the server killed and restarted in between. There
// must be an order of all operations, each between its request and its answer,
// in which a store that does one after another gives the same answers
// (linearModel). What had no answer, or the answer that nobody knows, happened
// before the process was dead or not at all. What was refused otherwise did not
// happen.
func TestLinearizable(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	h := &history{t: t, start: time.Now()}
	clients := make([]*linearClient, linearClients)
	for i := range clients {
		clients[i] = &linearClient{n: i, rng: rand.New(rand.NewPCG(seed, uint64(i+1))), history: h, seen: map[place]string{}}
	}
	for round := range linearRounds {
		s := startWatched(t, dir)
		enough := make(chan struct{})
		deadline := 100 + rng.Int64N(300)
		var answers atomic.Int64
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(func() {
				for c.act(s) {
					if answers.Add(1) == deadline {
						close(enough)
					}
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(time.Minute):
			t.Fatalf("round %d: no %d answers in a minute, %d\n%s", round, deadline, answers.Load(), s.stderr)
		}
		s.kill()
		wg.Wait()
		h.died()
	}
	s := startWatched(t, dir)
	for key := range h.keys() {
		clients[0].readAll(s, key)
	}
	if err := s.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, s.stderr)
	}
	h.check()
}

// linearClient is one client: it has one request under way at a time.
type linearClient struct {
	n       int
	rng     *rand.Rand
	history *history
	count   int              // of values written, so that each is another
	seen    map[place]string // ETags

	// What all clients have seen of several nodes, which each tells the node that it asks: nil with one node.
	position *atomic.Uint64
}

// act sends one request of a random kind; false when the server is gone.
func (c *linearClient) act(s *server) bool {
	if c.rng.IntN(5) < 2 {
		return c.do(s, c.statementCall(linearKey{statements, c.earlier(c.history.turn(50))}))
	}
	turn := c.earlier(c.history.turn(80))
	return c.do(s, c.documentCall(linearKey{stateV1 + turn%(resourceCount-1), turn}))
}

// earlier is mostly the same number.
func (c *linearClient) earlier(turn int) int {
	if c.rng.IntN(8) == 0 {
		return c.rng.IntN(turn + 1)
	}
	return turn
}

// readAll reads what there is under a key.
func (c *linearClient) readAll(s *server, key linearKey) {
	c.do(s, linearCall{linearKey: key, method: http.MethodGet, slot: everySlot})
	for slot := range slots {
		c.do(s, linearCall{linearKey: key, method: http.MethodGet, slot: slot})
	}
}

func (c *linearClient) statementCall(key linearKey) linearCall {
	in := linearCall{linearKey: key, slot: c.rng.IntN(slots)}
	variant := func() byte { return byte(1 + c.rng.IntN(3)) }
	switch c.rng.IntN(5) {
	case 0:
		in.method = http.MethodGet
	case 1:
		in.method, in.slot = http.MethodGet, everySlot
	case 2:
		in.method, in.slot = http.MethodPost, everySlot
		for i := range in.variants {
			if c.rng.IntN(2) == 0 || i == 0 {
				in.variants[i] = variant()
			}
		}
	case 3:
		in.method = http.MethodPost
		in.variants[in.slot] = variant()
	default:
		in.method = http.MethodPut
		in.variants[in.slot] = variant()
	}
	return in
}

func (c *linearClient) documentCall(key linearKey) linearCall {
	in := linearCall{linearKey: key, slot: c.rng.IntN(slots - 1)}
	c.count++
	switch c.rng.IntN(8) {
	case 0, 1:
		in.method = http.MethodGet
	case 2:
		in.method, in.slot = http.MethodGet, everySlot
	case 3, 4:
		in.method = http.MethodPut
		in.contentType = "application/json"
		in.body = fmt.Sprintf(`{"v":"%s%d.%d"}`, key.padding(), c.n, c.count)
		if c.rng.IntN(5) == 0 {
			in.contentType, in.body = "text/plain", fmt.Sprintf("v%d.%d", c.n, c.count)
		}
	case 5, 6:
		in.method, in.contentType = http.MethodPost, "application/json"
		in.body = fmt.Sprintf(`{"c%d":%d}`, c.n%3, c.count)
	case 7:
		in.method = http.MethodDelete
		if key.isState() && c.rng.IntN(2) == 0 {
			in.slot = everySlot
			return in
		}
	}
	if in.slot == everySlot {
		return in
	}
	switch c.rng.IntN(6) {
	case 0, 1:
		in.ifMatch = c.seen[place{key, in.slot}]
	case 2:
		if !in.reads() {
			in.ifNoneMatch = "*"
		}
	case 3:
		if in.reads() {
			in.ifNoneMatch = c.seen[place{key, in.slot}]
		}
	}
	if in.reads() {
		in.ifMatch = ""
	}
	return in
}

// do sends a request and notes what came of it; false when no answer came.
func (c *linearClient) do(s *server, in linearCall) bool {
	call := c.history.now()
	out, err := c.send(s, in)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return false // nobody was asked
	}
	if err != nil {
		out = linearAnswer{unknown: true}
	}
	switch {
	case err != nil, out.unknown:
	case out.status == http.StatusServiceUnavailable:
		return true // it did not happen
	case out.status >= 500 || out.status == http.StatusUnauthorized:
		c.history.t.Errorf("%s: %d %s", describeOperation(in, out), out.status, out.body)
		return false
	}
	if out.etag != "" {
		c.seen[place{in.linearKey, in.slot}] = out.etag
	}
	c.history.add(operation{client: c.n, call: call, in: in, out: out, of: s, answered: err == nil})
	return err == nil
}

// send makes the HTTP request and reads its answer.
func (c *linearClient) send(s *server, in linearCall) (out linearAnswer, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, in.method, s.url+in.path(), bytes.NewReader(in.payload()))
	if err != nil {
		return out, err
	}
	req.SetBasicAuth(testKey, testSecret)
	for name, value := range map[string]string{
		"X-Experience-API-Version": in.version(), "Content-Type": in.contentType,
		"If-Match": in.ifMatch, "If-None-Match": in.ifNoneMatch,
	} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if in.resource == statements {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.position != nil {
		req.Header.Set("X-Bedside-Position", fmt.Sprint(c.position.Load()))
	}
	res, err := testClient.Do(req)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return out, err
	}
	if err := c.advance(res.Header.Get("X-Bedside-Position")); err != nil {
		return out, err
	}
	out = linearAnswer{status: res.StatusCode, etag: res.Header.Get("ETag"), body: string(body), contentType: res.Header.Get("Content-Type")}
	if out.status == http.StatusServiceUnavailable {
		var refusal struct {
			Code string `json:"code"`
		}
		if err := json.Unmarshal(body, &refusal); err != nil {
			return out, err
		}
		out.unknown = refusal.Code == "store.unknown" || refusal.Code == "request.timeout"
	}
	return out, in.understand(&out)
}

// advance notes what position an answer tells.
func (c *linearClient) advance(text string) error {
	if c.position == nil || text == "" {
		return nil
	}
	revision, _, _ := strings.Cut(text, ".")
	n, err := strconv.ParseUint(revision, 10, 64)
	if err != nil {
		return err
	}
	for {
		before := c.position.Load()
		if n <= before || c.position.CompareAndSwap(before, n) {
			return nil
		}
	}
}
