package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// killRounds is how often TestKill kills the server.
const killRounds = 20

// TestKill loads the real program from many connections, kills it with SIGKILL
// at random moments, and starts it again on what is left. Every acknowledged
// statement, document and attachment must be there, once and whole; of what was
// not acknowledged, a batch is there whole or not at all.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	var workers []*killWorker
	for i := range 16 {
		workers = append(workers, &killWorker{n: i, rng: rand.New(rand.NewPCG(seed, uint64(i+1)))})
	}
	for round := range killRounds {
		s := startServer(t, dir)
		for _, w := range workers {
			w.verify(t, s)
		}
		var acks atomic.Int64
		dead := make(chan struct{})
		deadline := 1 + rng.Int64N(400)
		var wg sync.WaitGroup
		for _, w := range workers {
			wg.Go(func() {
				for w.write(s) {
					if acks.Add(1) == deadline {
						close(dead)
					}
				}
			})
		}
		select {
		case <-dead:
		case <-time.After(time.Minute):
			t.Fatalf("round %d: no %d acknowledgements in a minute, %d\n%s", round, deadline, acks.Load(), s.stderr)
		}
		s.kill()
		wg.Wait()
	}
	s := startServer(t, dir)
	for _, w := range workers {
		w.verify(t, s)
	}
	verifyList(t, s, workers)
	if err := s.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, s.stderr)
	}
}

// killWorker is one client. It knows what it has sent and what was acknowledged.
type killWorker struct {
	n   int
	rng *rand.Rand

	batches []*batch
	checked int // batches[:checked] have been verified, and are settled
	counter int // last value sent for its document
	acked   int // last value acknowledged
	merged  int // the same for its member of the shared document
	mergedA int
}

// batch is one request's statements.
type batch struct {
	ids        []uuid.UUID
	acked      bool
	attachment string // content, "" for none
}

const killActivity = "https://training.example/role-play"

func (w *killWorker) statement(id uuid.UUID, more string) string {
	return fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:worker%d@example.com"},`+
		`"verb":{"id":"http://adlnet.gov/expapi/verbs/completed"},"object":{"id":"%s"},"result":{"response":"%[1]s"}%[4]s}`,
		id, w.n, killActivity, more)
}

// write sends one request of a random kind; false when the server is gone.
func (w *killWorker) write(s *server) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	switch w.rng.IntN(6) {
	case 0, 1:
		return w.post(ctx, s, 1)
	case 2:
		return w.post(ctx, s, 2+w.rng.IntN(30))
	case 3:
		return w.attach(ctx, s)
	case 4:
		w.counter++
		status, _, _, err := s.do(ctx, http.MethodPut, w.state(fmt.Sprintf("own-%d", w.n)), fmt.Appendf(nil, `{"n":%d}`, w.counter))
		if err != nil || status != http.StatusNoContent {
			return false
		}
		w.acked = w.counter
	case 5:
		w.merged++
		status, _, _, err := s.do(ctx, http.MethodPost, w.state("shared"), fmt.Appendf(nil, `{"w%d":%d}`, w.n, w.merged))
		if err != nil || status != http.StatusNoContent {
			return false
		}
		w.mergedA = w.merged
	}
	return true
}

func (w *killWorker) post(ctx context.Context, s *server, n int) bool {
	b := &batch{}
	var parts []string
	for range n {
		id := uuid.New()
		b.ids = append(b.ids, id)
		parts = append(parts, w.statement(id, ""))
	}
	w.batches = append(w.batches, b)
	status, _, _, err := s.do(ctx, http.MethodPost, "/statements", []byte("["+strings.Join(parts, ",")+"]"))
	b.acked = err == nil && status == http.StatusOK
	return b.acked
}

// attach sends a statement with an attachment.
func (w *killWorker) attach(ctx context.Context, s *server) bool {
	b := &batch{ids: []uuid.UUID{uuid.New()}}
	b.attachment = strings.Repeat(b.ids[0].String()+"\n", 1+w.rng.IntN(2000))
	w.batches = append(w.batches, b)
	sum := sha256.Sum256([]byte(b.attachment))
	hash := hex.EncodeToString(sum[:])
	st := w.statement(b.ids[0], fmt.Sprintf(`,"attachments":[{"usageType":"https://training.example/recording","display":{"en":"a"},`+
		`"contentType":"text/plain","length":%d,"sha2":"%s"}]`, len(b.attachment), hash))
	body := "--cut\r\nContent-Type: application/json\r\n\r\n" + st + "\r\n--cut\r\nContent-Type: text/plain\r\n" +
		"Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: " + hash + "\r\n\r\n" + b.attachment + "\r\n--cut--\r\n"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/statements", strings.NewReader(body))
	if err != nil {
		return false
	}
	req.SetBasicAuth(testKey, testSecret)
	req.Header.Set("X-Experience-API-Version", "1.0.3")
	req.Header.Set("Content-Type", "multipart/mixed; boundary=cut")
	res, err := testClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	b.acked = res.StatusCode == http.StatusOK
	return b.acked
}

func (w *killWorker) state(id string) string {
	return "/activities/state?" + url.Values{
		"activityId": {killActivity}, "agent": {`{"mbox":"mailto:worker@example.com"}`}, "stateId": {id},
	}.Encode()
}

// verify checks what was written since the last time.
func (w *killWorker) verify(t *testing.T, s *server) {
	t.Helper()
	for _, b := range w.batches[w.checked:] {
		found := 0
		for _, id := range b.ids {
			status, _, body, err := s.do(t.Context(), http.MethodGet, "/statements?attachments=true&statementId="+id.String(), nil)
			if err != nil {
				t.Fatalf("read %s: %v\n%s", id, err, s.stderr)
			}
			switch status {
			case http.StatusOK:
				found++
				if !bytes.Contains(body, fmt.Appendf(nil, `"result":{"response":"%s"}`, id)) {
					t.Errorf("statement %s came back different: %s", id, body)
				}
				if b.attachment != "" && !bytes.Contains(body, []byte("\r\n\r\n"+b.attachment+"\r\n")) {
					t.Errorf("statement %s lacks its attachment", id)
				}
			case http.StatusNotFound:
			default:
				t.Fatalf("read %s: %d %s", id, status, body)
			}
		}
		if b.acked && found != len(b.ids) {
			t.Errorf("of %d acknowledged statements of a request %d are there", len(b.ids), found)
		}
		if found != 0 && found != len(b.ids) {
			t.Errorf("a batch of %d was stored by half: %d", len(b.ids), found)
		}
		b.acked = found > 0 // settled now: it must stay so
	}
	w.checked = len(w.batches)
	w.acked = w.verifyDocument(t, s, fmt.Sprintf("own-%d", w.n), "n", w.acked, w.counter)
	w.mergedA = w.verifyDocument(t, s, "shared", fmt.Sprintf("w%d", w.n), w.mergedA, w.merged)
}

// verifyDocument checks that a counter in a document is the last acknowledged
// value, or one that was sent after it, and returns it.
func (w *killWorker) verifyDocument(t *testing.T, s *server, id, member string, acked, sent int) int {
	t.Helper()
	status, _, body, err := s.do(t.Context(), http.MethodGet, w.state(id), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	if status == http.StatusOK {
		if err := json.Unmarshal(body, &got); err != nil {
			t.Errorf("document %s: %v in %q", id, err, body)
		}
	}
	if got[member] < acked || got[member] > sent {
		t.Errorf("document %s has %s %d; %d was acknowledged, %d sent", id, member, got[member], acked, sent)
	}
	return got[member]
}

// verifyList pages through all statements: each that is there by its id is in
// the list once, and nothing else is.
func verifyList(t *testing.T, s *server, workers []*killWorker) {
	t.Helper()
	want := map[uuid.UUID]bool{}
	for _, w := range workers {
		for _, b := range w.batches {
			if b.acked {
				for _, id := range b.ids {
					want[id] = true
				}
			}
		}
	}
	seen := map[uuid.UUID]bool{}
	path := "/statements?limit=500"
	for path != "" {
		status, _, body, err := s.do(t.Context(), http.MethodGet, path, nil)
		if err != nil || status != http.StatusOK {
			t.Fatalf("list: %d %v %s", status, err, body)
		}
		var page struct {
			Statements []struct {
				ID uuid.UUID `json:"id"`
			} `json:"statements"`
			More string `json:"more"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		for _, st := range page.Statements {
			if seen[st.ID] {
				t.Errorf("statement %s is listed twice", st.ID)
			}
			if !want[st.ID] {
				t.Errorf("statement %s is listed and was not stored by its id", st.ID)
			}
			seen[st.ID] = true
		}
		path = strings.TrimPrefix(page.More, basePath)
	}
	if len(seen) != len(want) {
		t.Errorf("%d statements are listed, %d are there by id", len(seen), len(want))
	}
	t.Logf("%d statements after %d kills", len(seen), killRounds)
}
