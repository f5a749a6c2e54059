package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

// trickle is a light load, of one client a node that stores one statement after the other: enough that each node is behind
// the others again and again, and little to look through afterwards.
type trickle struct {
	mu    sync.Mutex
	acked map[string]bool // ids; under mu
}

// under writes to nodes until what is called returns. A node that answers 503 meanwhile is asked again.
func (l *trickle) under(t *testing.T, nodes []*server, during func(acked *atomic.Int64)) {
	t.Helper()
	var writing sync.WaitGroup
	var stop atomic.Bool
	var acked atomic.Int64
	for i, s := range nodes {
		writing.Go(func() {
			sender := &killWorker{n: i}
			for !stop.Load() {
				id := uuid.NewString()
				got := s.ask(t, ask{method: http.MethodPost, path: "/statements", body: sender.statement(uuid.MustParse(id), "")})
				switch got.status {
				case http.StatusOK:
					l.mu.Lock()
					l.acked[id] = true
					l.mu.Unlock()
					acked.Add(1)
				case http.StatusServiceUnavailable:
				default:
					t.Errorf("node %d: %d %s", i, got.status, got.body)
					return
				}
			}
		})
	}
	defer writing.Wait()
	defer stop.Store(true)
	during(&acked)
}

// whole checks, when nobody writes, that nodes list the same, each statement once, and all that were acknowledged.
func (l *trickle) whole(t *testing.T, nodes []*server) {
	t.Helper()
	level(t, nodes)
	var first []string
	for i, s := range nodes {
		ids := listed(t, s)
		if i == 0 {
			first = ids
		}
		if !slices.Equal(ids, first) {
			t.Errorf("node %d lists %d statements, the first %d, and they are not the same", i, len(ids), len(first))
		}
	}
	seen := map[string]bool{}
	for _, id := range first {
		if seen[id] {
			t.Errorf("%s is listed twice", id)
		}
		seen[id] = true
	}
	lost := 0
	for id := range l.acked {
		if !seen[id] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged statements are not there", lost, len(l.acked))
	}
}

// listed are the ids of all statements, in the list's order.
func listed(t *testing.T, s *server) (ids []string) {
	t.Helper()
	for path := "/statements?limit=500"; path != ""; {
		got := s.ask(t, ask{method: http.MethodGet, path: path})
		var page struct {
			Statements []struct {
				ID string `json:"id"`
			} `json:"statements"`
			More string `json:"more"`
		}
		if err := json.Unmarshal(got.body, &page); err != nil || got.status != http.StatusOK {
			t.Fatalf("%v %d %s", err, got.status, got.body)
		}
		for _, st := range page.Statements {
			ids = append(ids, st.ID)
		}
		path = strings.TrimPrefix(page.More, xapihttp.BasePath)
	}
	return ids
}
