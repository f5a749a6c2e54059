package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// The attacks of this file send little that becomes much in memory.

// repeated is n times a part, with commas between.
func repeated(part string, n int) string {
	return strings.TrimSuffix(strings.Repeat(part+",", n), ",")
}

// together sends a request n times at once, and takes one of the statuses for an answer, or a connection that is cut off
// while sending. It returns how often each came.
func together(t testing.TB, s *server, n int, method, path string, body func(i int) string, want ...int) map[int]int {
	t.Helper()
	var (
		mu   sync.Mutex
		came = map[int]int{}
		all  sync.WaitGroup
	)
	for i := range n {
		all.Go(func() {
			var r io.Reader
			if body != nil {
				r = strings.NewReader(body(i))
			}
			status, answer := raw(t, s, method, path, r)
			if status != 0 && !slices.Contains(want, status) {
				t.Errorf("%s %s: %d %.300s", method, path, status, answer)
			}
			mu.Lock()
			defer mu.Unlock()
			came[status]++
		})
	}
	all.Wait()
	return came
}

// manyElements are a statement's that is read in each format, by many at once, and sent again.
func manyElements(t testing.TB, s *server) {
	id := uuid.NewString()
	big := hostileStatement(`,"id":"` + id + `","result":{"extensions":{"http://e.example/e":[` + repeated("0", 1_900_000) + `]}}`)
	if status, body := raw(t, s, http.MethodPost, "/statements", strings.NewReader(big)); status != http.StatusOK {
		t.Fatalf("%d %.300s", status, body)
	}
	for _, format := range []string{"ids", "canonical"} {
		together(t, s, 20, http.MethodGet, "/statements?format="+format+"&statementId="+id, nil, http.StatusOK, http.StatusServiceUnavailable)
	}
	together(t, s, 10, http.MethodPost, "/statements", func(int) string { return big }, http.StatusOK, http.StatusServiceUnavailable)
	persist(t, s, big)
}

// persist sends statements until they are stored, as a client does that is told that nothing was and to try again: for a
// minute at most.
func persist(t testing.TB, s *server, statements string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		status, answer := raw(t, s, http.MethodPost, "/statements", strings.NewReader(statements))
		if status == http.StatusOK {
			return
		}
		if status != http.StatusServiceUnavailable || strings.Contains(answer, `"code":"store.unknown"`) || ctx.Err() != nil {
			t.Fatalf("%d %.300s", status, answer)
		}
	}
}

// largeGroups become structs and terms when they are parsed.
func largeGroups(t testing.TB, s *server) {
	group := func(members int) string {
		return `{"actor":{"objectType":"Group","member":[` + repeated(`{"mbox":"mailto:a@b.example"}`, members) +
			`]},"verb":{"id":"http://v.example/v"},"object":{"id":"http://a.example/a"}}`
	}
	large := group(120_000) // 3.5 MB
	came := together(t, s, 40, http.MethodPost, "/statements", func(int) string { return large }, http.StatusOK, http.StatusServiceUnavailable)
	if came[http.StatusServiceUnavailable] == 0 {
		t.Errorf("large groups are answered with %v", came)
	}
	persist(t, s, large) // alone
}

// references are small statements that wait for one with many terms, which each of them is to be found by then; and some
// that refer to it when it is there, and are sent again while too many are late. Each is found in the end.
func references(t testing.TB, s *server) {
	target, verb := uuid.NewString(), "http://v.example/"+uuid.NewString()
	to := func() string {
		one := `{"actor":{"mbox":"mailto:a@b.example"},"verb":{"id":"http://v.example/v"},"object":{"objectType":"StatementRef","id":"` + target + `"}}`
		return `[` + repeated(one, 500) + `]`
	}
	parents := make([]string, 200)
	for i := range parents {
		parents[i] = fmt.Sprintf(`{"id":"http://a.example/%d"}`, i)
	}
	large := `{"id":"` + target + `","actor":{"mbox":"mailto:a@b.example"},"verb":{"id":"` + verb + `"},"object":{"id":"http://a.example/a"},` +
		`"context":{"contextActivities":{"parent":[` + strings.Join(parents, ",") + `]}}}`
	for _, body := range []string{to(), to(), large, to()} {
		persist(t, s, body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for found := 0; found < 1501; {
		honest(t, s)
		found = 0
		for more := "/statements?limit=500&format=ids&verb=" + verb; more != ""; {
			status, _, body, err := s.do(ctx, http.MethodGet, more, nil)
			var page struct {
				Statements []jsontext.Value `json:"statements"`
				More       string           `json:"more"`
			}
			if err == nil {
				err = json.Unmarshal(body, &page)
			}
			if err != nil || status != http.StatusOK {
				t.Fatalf("%d found, then %d %v %.300s", found, status, err, body)
			}
			found, more = found+len(page.Statements), strings.TrimPrefix(page.More, "/xapi")
		}
	}
}

// merges of many into one large document: each has it in memory. They take turns, and whose turn does not come in time,
// by --commit-timeout, is told so; that all have theirs otherwise is seen in package lrs.
func merges(t testing.TB, s *server) {
	path := "/activities/profile?activityId=http://a.example/a&profileId=" + uuid.NewString()
	big := `{"a":[` + repeated("0", 6_000_000) + `]}`
	if status, body := raw(t, s, http.MethodPut, path, strings.NewReader(big), "If-None-Match", "*"); status != http.StatusNoContent {
		t.Fatalf("%d %.300s", status, body)
	}
	came := together(t, s, 30, http.MethodPost, path, func(i int) string { return fmt.Sprintf(`{"b%d":%d}`, i, i) },
		http.StatusNoContent, http.StatusServiceUnavailable)
	if came[http.StatusNoContent] < 5 {
		t.Errorf("merges are answered with %v", came)
	}
}

// stalledForms are of clients without credentials, who send half of what they say and no more.
func stalledForms(t testing.TB, s *server) {
	const many, size = 8_000, 32_000
	half := "POST /xapi/statements?method=PUT HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		fmt.Sprintf("X-Experience-API-Version: 1.0.3\r\nContent-Length: %d\r\n\r\n", 2*size) + strings.Repeat("a", size)
	var conns []io.Closer
	for range many {
		c := dial(t, s)
		conns = append(conns, c)
		_, _ = io.WriteString(c, half) // an error: refused, and cut off
	}
	honest(t, s)
	peakBound(t, s)
	for _, c := range conns {
		c.Close()
	}
}

// peakBound is for attacks that end when their connections do.
func peakBound(t testing.TB, s *server) {
	t.Helper()
	if s.cmd == nil { // a benchmark's, of another process
		return
	}
	if mb := resident(t, s.cmd.Process.Pid); mb > maxResident {
		t.Errorf("the server holds %d MiB", mb)
	}
}

// TestGreedy: what becomes much in memory is bounded by --max-bodies too; the most that the server ever held counts.
func TestGreedy(t *testing.T) {
	const most = 500 // MiB: 128 of --max-bodies and what a server has without any, twice
	s, err := spawnProgram(t, asShipped(t), t.TempDir(), nil, "--stall-timeout", "5s", "--max-bodies", "128MB", "--log-level", "error").await()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range attacks {
		if !greedy[tc.name] {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			tc.attack(t, s)
			honest(t, s)
			mb := highest(t, s.cmd.Process.Pid)
			t.Logf("%d MiB at most until now", mb)
			if mb > most {
				t.Errorf("the server held %d MiB", mb)
			}
		})
	}
}

var greedy = map[string]bool{"many elements": true, "large groups": true, "merges": true, "stalled forms": true}
