package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

// poller asks for what is new since the last Consistent-Through that it was told. It must see everything once.
type poller struct {
	since time.Time
	seen  map[uuid.UUID]int
	polls atomic.Int64
}

// poll asks a node once, for all pages.
func (p *poller) poll(t *testing.T, s *server) (through time.Time, ok bool) {
	query := url.Values{"ascending": {"true"}, "limit": {"100"}, "since": {p.since.UTC().Format(time.RFC3339Nano)}}
	path := "/statements?" + query.Encode()
	for path != "" {
		got := s.ask(t, ask{method: http.MethodGet, path: path})
		at, err := time.Parse(time.RFC3339Nano, got.header.Get(headerThrough))
		if err != nil || got.status != http.StatusOK {
			t.Errorf("%v %d %s", err, got.status, got.body)
			return through, false
		}
		if through.IsZero() { // the list is as of its first page
			through = at
		}
		var page struct {
			Statements []struct {
				ID     uuid.UUID `json:"id"`
				Stored time.Time `json:"stored"`
			} `json:"statements"`
			More string `json:"more"`
		}
		if err := json.Unmarshal(got.body, &page); err != nil {
			t.Error(err)
			return through, false
		}
		for _, st := range page.Statements {
			if p.seen[st.ID]++; st.Stored.After(through) {
				t.Errorf("a list is consistent through %s and shows a statement stored at %s", through, st.Stored)
			}
		}
		path = strings.TrimPrefix(page.More, xapihttp.BasePath)
	}
	if through.After(p.since) {
		p.since = through
	}
	p.polls.Add(1)
	return through, true
}

// skewed: while clocks are wrong by up to 3 s, one ahead and one behind, and are set while statements pour in through all
// nodes, the watermark is true: a client that takes it as its next `since` sees each statement once, whether it stays with
// a node or goes from one to the next, and it never goes back. A node that is over 5 s behind what another has stored may
// refuse, and only for that reason; one that is less takes every write.
func (w *ward) skewed(t *testing.T) {
	const s = time.Second
	var begin time.Time
	for _, n := range w.nodes { // nothing older is looked for
		got := n.ask(t, ask{method: http.MethodGet, path: "/statements?limit=1"})
		if at := glimpsed(t, got, true).through; at.After(begin) {
			begin = at
		}
	}
	ticker := func() *time.Ticker {
		tick := time.NewTicker(10 * time.Millisecond)
		t.Cleanup(tick.Stop)
		return tick
	}

	var mu sync.Mutex
	acked, sent := map[uuid.UUID]bool{}, map[uuid.UUID]bool{} // under mu
	var writes, refusals [3]atomic.Int64
	var may [3]atomic.Bool // refuse
	var writing, polling sync.WaitGroup
	closing, closed := make(chan struct{}), make(chan struct{})
	for i := range 6 {
		node, tick := i%3, ticker()
		writing.Go(func() {
			sender := &killWorker{n: i}
			for {
				select {
				case <-closing:
					return
				case <-tick.C:
				}
				id, allowed := uuid.New(), may[node].Load()
				mu.Lock()
				sent[id] = true
				mu.Unlock()
				got := w.nodes[node].ask(t, ask{method: http.MethodPost, path: "/statements", body: sender.statement(id, "")})
				switch {
				case got.status == http.StatusOK:
					mu.Lock()
					acked[id] = true
					mu.Unlock()
					writes[node].Add(1)
				case got.status == http.StatusServiceUnavailable && strings.Contains(string(got.body), `"store.clock"`) && (allowed || may[node].Load()):
					refusals[node].Add(1)
				default:
					t.Errorf("node %d: %d %s", node, got.status, got.body)
					return
				}
			}
		})
	}
	pollers := make([]*poller, 4) // one of each node, and one of all
	for i := range pollers {
		p, tick := &poller{since: begin, seen: map[uuid.UUID]int{}}, ticker()
		pollers[i] = p
		polling.Go(func() {
			var last [3]time.Time
			for n := 0; ; n++ {
				select {
				case <-closed:
					return
				case <-tick.C:
				}
				node := i
				if i == 3 {
					node = n % 3
				}
				through, ok := p.poll(t, w.nodes[node])
				if !ok {
					return
				}
				if through.Before(last[node]) {
					t.Errorf("node %d was consistent through %s, and is through %s", node, last[node], through)
					return
				}
				last[node] = through
			}
		})
	}
	until := func(what string, done func() bool) {
		t.Helper()
		deadline, tick := time.After(time.Minute), ticker()
		for !done() {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%s: not after a minute", what)
			}
			if t.Failed() {
				return
			}
		}
	}
	for _, phase := range []struct {
		name    string
		skew    [3]time.Duration
		refuses int // this one, or -1
	}{
		{"right", [3]time.Duration{}, -1},
		{"one behind", [3]time.Duration{0, 0, -3 * s}, -1},
		{"one ahead, one behind it by less than is refused", [3]time.Duration{3 * s, 0, -1 * s}, -1},
		{"one ahead, one behind", [3]time.Duration{3 * s, 0, -3 * s}, 2},
		{"the other way round", [3]time.Duration{-3 * s, 0, 3 * s}, 0},
		{"set right", [3]time.Duration{}, -1},
	} {
		for i := range may { // while only some of the clocks are set they may be further apart
			may[i].Store(true)
		}
		for i, skew := range phase.skew {
			w.set(t, i, skew)
		}
		for i := range may {
			may[i].Store(i == phase.refuses)
		}
		var before, refused [3]int64
		for i := range before {
			before[i], refused[i] = writes[i].Load(), refusals[i].Load()
		}
		for i := range w.nodes {
			if i == phase.refuses {
				until(fmt.Sprintf("%s: node %d refuses", phase.name, i), func() bool { return refusals[i].Load() > refused[i] })
				continue
			}
			until(fmt.Sprintf("%s: node %d takes 10 writes", phase.name, i), func() bool { return writes[i].Load() >= before[i]+10 })
		}
		for i, p := range pollers {
			polls := p.polls.Load()
			until(fmt.Sprintf("%s: poller %d", phase.name, i), func() bool { return p.polls.Load() >= polls+6 })
		}
		if t.Failed() {
			break
		}
	}
	close(closing)
	writing.Wait()
	for i, p := range pollers { // the second poll of each node begins behind the last write
		polls := p.polls.Load()
		until(fmt.Sprintf("poller %d", i), func() bool { return p.polls.Load() >= polls+6 })
	}
	close(closed)
	polling.Wait()
	level(t, w.nodes)
	for i, p := range pollers {
		p.poll(t, w.nodes[i%3])
		for id, n := range p.seen {
			if sent[id] && n != 1 {
				t.Errorf("poller %d has seen %s %d times", i, id, n)
			}
		}
		missed := 0
		for id := range acked {
			if p.seen[id] == 0 {
				missed++
			}
		}
		if missed > 0 {
			t.Errorf("poller %d has missed %d of %d statements", i, missed, len(acked))
		}
	}
	t.Logf("%d statements, %d polls by who goes from node to node", len(acked), pollers[3].polls.Load())
}

// behind: a node whose clock is 10 s behind refuses every write, says why to the client, to whoever asks whether it is
// ready and in its log, follows and serves readers all the same, and takes writes when its clock is right.
func (w *ward) behind(t *testing.T) {
	node := w.nodes[2]
	w.set(t, 2, -10*time.Second)
	defer w.set(t, 2, 0)
	last := w.nodes[0].ask(t, ask{method: http.MethodPost, path: "/statements", body: (&killWorker{}).statement(uuid.New(), "")})
	if last.status != http.StatusOK {
		t.Fatalf("%d %s", last.status, last.body)
	}
	// It is behind what it knows of: it reads on.
	if got := node.ask(t, ask{method: http.MethodGet, path: "/statements?limit=1", header: latest([]answer{last})}); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	id := uuid.New()
	statement := "/statements?statementId=" + id.String()
	doc := "/activities/profile?" + url.Values{"activityId": {killActivity}, "profileId": {id.String()}}.Encode()
	for _, a := range []ask{
		{method: http.MethodPost, path: "/statements", body: (&killWorker{}).statement(id, "")},
		{method: http.MethodPut, path: statement, body: (&killWorker{}).statement(id, "")},
		{method: http.MethodPut, path: doc, body: `{}`, header: map[string]string{"If-None-Match": "*"}},
		{method: http.MethodPost, path: doc, body: `{}`},
	} {
		got := node.ask(t, a)
		if got.status != http.StatusServiceUnavailable || !strings.Contains(string(got.body), `"store.clock"`) ||
			!strings.Contains(string(got.body), "clock is") || got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %v %s", a.method, a.path, got.status, got.header, got.body)
		}
	}
	if !strings.Contains(node.stderr.String(), "behind the last stored time") {
		t.Errorf("its log does not say why:\n%s", node.stderr)
	}
	status, why, err := tryRoot(t, node, "/readyz")
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(why, "behind the last stored time") || !strings.Contains(why, "set the clock") {
		t.Errorf("whether it is ready: %v %d %s", err, status, why)
	}
	written := w.nodes[1].ask(t, ask{method: http.MethodPost, path: "/statements", body: (&killWorker{}).statement(uuid.New(), "")})
	for _, path := range []string{statement, doc} {
		if got := w.everywhere(t, path, latest([]answer{written})); got.status != http.StatusNotFound {
			t.Errorf("%s: what was refused is there: %d %s", path, got.status, got.body)
		}
	}
	w.set(t, 2, 0)
	writeThrough(t, node)
	if status, why, err := tryRoot(t, node, "/readyz"); err != nil || status != http.StatusOK {
		t.Errorf("with its clock set right: %v %d %s", err, status, why)
	}
}
