package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/projections/projectiontest"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

const hospital = "../../../shared/domain/hospital-1/"

// TestProjectionsThroughKills kills the real program with SIGKILL while statements,
// voidings, links and definitions pour in, and starts it again on what is left. In the
// end the read model has, row by row, what one has that is built from zero.
//
// It was seen to fail with a checkpoint that is committed before the rows.
func TestProjectionsThroughKills(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 0))
			dir := t.TempDir()
			s := startWatched(t, dir, "--read-model", dsn)
			setUp(t, s)
			for round := range 6 {
				pour(t, s, rng, 30+rng.Int64N(60), s.kill)
				if t.Failed() {
					t.Fatalf("in round %d", round)
				}
				s = startWatched(t, dir, "--read-model", dsn)
			}
			status := settled(t, dir)
			var zero string
			for other, empty := range readmodeltest.DSNs(t) {
				if other == engine {
					zero = empty
				}
			}
			admin := adminhttp.NewClient(socketPath(dir))
			if _, err := admin.Build(t.Context(), "9999-01-01", zero); err != nil {
				t.Fatal(err)
			}
			for _, st := range status {
				if st.SetAside != 0 || st.Error != "" {
					t.Errorf("%+v", st)
				}
			}
			if err := s.stop(t); err != nil {
				t.Error(err)
			}
			live, built := dump(t, dsn), dump(t, zero)
			if n := strings.Count(live, "\n"); n < 500 {
				t.Errorf("only %d rows", n)
			}
			if d := projectiontest.Difference(live, built); d != "" {
				t.Errorf("the tables differ from those built from zero: %s", d)
			}
		})
	}
}

// setUp registers the hospital's people and definitions.
func setUp(t *testing.T, s *server) {
	t.Helper()
	for _, file := range []struct{ name, resource, contentType string }{
		{"units.csv", "/units", "text/csv"}, {"people.csv", "/people", "text/csv"},
	} {
		b, err := os.ReadFile(hospital + file.name)
		if err != nil {
			t.Fatal(err)
		}
		hr(t, s, http.MethodPost, file.resource, file.contentType, b)
	}
	names, err := filepath.Glob(hospital + "definitions/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v", hospital, err)
	}
	var all [][]byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	hr(t, s, http.MethodPost, "/definitions", "application/json", slicesJSON(all))
}

func slicesJSON(all [][]byte) []byte { return fmt.Appendf(nil, "[%s]", bytes.Join(all, []byte(","))) }

// hr sends a request to /api/v1 that must succeed.
func hr(t *testing.T, s *server, method, resource, contentType string, body []byte) []byte {
	t.Helper()
	status, b, err := tryHR(t.Context(), s, method, resource, contentType, body)
	if err != nil || status >= 300 {
		t.Fatalf("%s %s: %d %v %.500s", method, resource, status, err, b)
	}
	return b
}

func tryHR(ctx context.Context, s *server, method, resource, contentType string, body []byte) (int, []byte, error) {
	of := &server{url: strings.TrimSuffix(s.url, "/xapi") + hrhttp.BasePath}
	status, _, b, err := of.doTyped(ctx, method, resource, contentType, body)
	return status, b, err
}

// pour writes until there are so many acknowledgements, then calls end, which ends the
// server, under this load.
func pour(t *testing.T, s *server, rng *rand.Rand, acks int64, end func()) {
	t.Helper()
	lines, err := os.ReadFile(hospital + "statements-1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	statements := strings.Split(strings.TrimSpace(string(lines)), "\n")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var acked atomic.Int64
	enough := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	worker := func(seed uint64, write func(rng *rand.Rand) (int, error)) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 1))
			for ctx.Err() == nil {
				status, err := write(rng)
				if err != nil {
					return // the server has ended
				}
				if status == http.StatusServiceUnavailable {
					continue // the projections are behind, or the store is busy: nothing was registered
				}
				if status >= 500 || status == http.StatusBadRequest {
					t.Errorf("refused with %d", status)
					return
				}
				if acked.Add(1) >= acks {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	for range 6 {
		worker(rng.Uint64(), func(rng *rand.Rand) (int, error) {
			var batch []string
			for range 1 + rng.IntN(50) {
				var st map[string]any
				if err := json.Unmarshal([]byte(statements[rng.IntN(len(statements))]), &st); err != nil {
					return 0, err
				}
				id := uuid.NewString()
				st["id"] = id
				b, err := json.Marshal(st)
				if err != nil {
					return 0, err
				}
				batch = append(batch, string(b))
				if rng.IntN(8) == 0 {
					batch = append(batch, `{"actor":{"mbox":"mailto:auditor@hospital.example"},"verb":{"id":"http://adlnet.gov/expapi/verbs/voided"},"object":{"objectType":"StatementRef","id":"`+id+`"}}`)
				}
			}
			status, _, _, err := s.do(ctx, http.MethodPost, "/statements", []byte("["+strings.Join(batch, ",")+"]"))
			return status, err
		})
	}
	worker(rng.Uint64(), func(rng *rand.Rand) (int, error) {
		resource := fmt.Sprintf("/people/p%02d/identities", 1+rng.IntN(20))
		body := fmt.Appendf(nil, `{"account":{"homePage":"https://hospital.example/old-lms","name":"n%d"}}`, rng.IntN(200))
		status, _, err := tryHR(ctx, s, http.MethodPost, resource, "application/json", body)
		return status, err
	})
	select {
	case <-enough:
	case <-ctx.Done():
		t.Error("the writers did not come as far")
	}
	end()
	wg.Wait()
}

// settled waits until the projections of the running server have all of the log, for as
// long as they get on.
func settled(t *testing.T, dir string) []adminhttp.ProjectionStatus {
	t.Helper()
	admin := adminhttp.NewClient(socketPath(dir))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	stuck := time.NewTimer(time.Minute)
	for last := int64(math.MaxInt64); ; {
		all, err := admin.ProjectionStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var behind int64
		for _, s := range all {
			behind += s.LagEvents
		}
		if behind == 0 {
			return all
		}
		if behind < last {
			last = behind
			stuck.Reset(time.Minute)
		}
		select {
		case <-tick.C:
		case <-stuck.C:
			t.Fatalf("the projections do not come to the head: %+v", all)
		}
	}
}

// dump gives all rows of all projections' live tables.
func dump(t *testing.T, dsn string) string {
	t.Helper()
	store := readmodeltest.Open(t, dsn)
	text, err := projectiontest.Dump(t.Context(), store, allProjections()...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
