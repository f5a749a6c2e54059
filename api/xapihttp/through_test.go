package xapihttp_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

// Every answer of the statements resource says how far it is consistent, once,
// with a fraction of the second; so does it name one version and one date.
func TestThroughEverywhere(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Limits.Body = 4 << 10 })
	l.post(t, simple(1))
	writer := l.credential(t, "writer", "statements/write")
	tests := []struct {
		method, target, body string
		status               int
		header               []string
	}{
		{"GET", "/statements", "", 200, nil},
		{"HEAD", "/statements", "", 200, nil},
		{"GET", "/statements?attachments=true", "", 200, nil},
		{"GET", "/statements?statementId=" + id(1), "", 200, nil},
		{"HEAD", "/statements?statementId=" + id(1), "", 200, nil},
		{"GET", "/statements?attachments=true&statementId=" + id(1), "", 200, nil},
		{"POST", "/statements", simple(2), 200, nil},
		{"PUT", "/statements?statementId=" + id(3), simple(3), 204, nil},
		{"OPTIONS", "/statements", "", 204, nil},
		{"GET", "/statements?statementId=" + id(9), "", 404, nil},
		{"HEAD", "/statements?statementId=" + id(9), "", 404, nil},
		{"GET", "/statements?voidedStatementId=" + id(1), "", 404, nil},
		{"GET", "/statements?limit=x", "", 400, nil},
		{"GET", "/statements?Limit=1", "", 400, nil},
		{"GET", "/statements?verb=%zz", "", 400, nil},
		{"POST", "/statements", "{", 400, nil},
		{"POST", "/statements?method=GET", "{", 400, nil},
		{"GET", "/statements", "", 400, []string{versionHeader, ""}},
		{"GET", "/statements", "", 400, []string{versionHeader, "BAD"}},
		{"GET", "/statements", "", 401, []string{"Authorization", ""}},
		{"GET", "/statements", "", 401, []string{"Authorization", basic("everything", "wrong")}},
		{"GET", "/statements", "", 403, []string{"Authorization", writer}},
		{"DELETE", "/statements", "", 405, nil},
		{"PATCH", "/statements", "{}", 405, nil},
		{"PUT", "/statements?statementId=" + id(1), simple(1, `"result":{}`), 409, nil},
		{"POST", "/statements", strings.Repeat(" ", 5<<10), 413, nil},
		{"POST", "/statements", simple(4), 415, []string{"Content-Encoding", "br"}},
		{"POST", "/statements", simple(4), 400, []string{"Content-Encoding", "gzip"}},
	}
	last := ""
	for _, test := range tests {
		a := l.do(t, test.method, test.target, test.body, test.header...).want(test.status)
		through := a.header.Values(throughHeader)
		if len(through) != 1 || !microseconds.MatchString(through[0]) {
			t.Errorf("%s: %s %q", a.what, throughHeader, through)
			continue
		}
		if through[0] < last {
			t.Errorf("%s: through went back from %s to %s", a.what, last, through[0])
		}
		last = through[0]
		for _, once := range []string{versionHeader, "Date", "X-Request-Id"} {
			if n := len(a.header.Values(once)); n != 1 {
				t.Errorf("%s: %d headers %s", a.what, n, once)
			}
		}
		if test.method == "HEAD" && a.body != "" {
			t.Errorf("%s has a body", a.what)
		}
	}
}

// What was acknowledged is within the watermark at once, and an idle store's
// advances with the clock.
func TestThroughAdvances(t *testing.T) {
	l := newLab(t)
	for n := range 20 {
		before := time.Now()
		l.post(t, simple(n))
		a := l.get(t, "/statements?limit=1")
		stored := member(t, string(a.page().Statements[0]), "stored")
		if through := a.header.Get(throughHeader); through < stored {
			t.Fatalf("through %s, but %s is shown", through, stored)
		}
		at, err := time.Parse(time.RFC3339Nano, l.get(t, "/statements").header.Get(throughHeader))
		if err != nil || at.Before(before.Truncate(time.Microsecond)) {
			t.Fatalf("through %s (%v) is before the write at %s", at, err, before)
		}
	}
}

// A poller that takes the watermark as its next `since` misses nothing and sees
// nothing twice, while others write as much as they can (README, "What is guaranteed").
func TestPoller(t *testing.T) {
	l := newLab(t)
	const writers, each = 6, 25
	var acknowledged sync.Map
	var writing sync.WaitGroup
	done := make(chan struct{})
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				batch := make([]string, 1+(w+i)%4)
				for k := range batch {
					batch[k] = strings.Replace(simple(0), id(0), uuid.NewString(), 1)
				}
				ids := l.post(t, `[`+strings.Join(batch, ",")+`]`).body
				for text := range strings.SplitSeq(strings.Trim(ids, `[]`), ",") {
					acknowledged.Store(strings.Trim(text, `"`), true)
				}
			}
		})
	}
	go func() { writing.Wait(); close(done) }()

	seen := map[string]int{}
	since, polls := "2000-01-01T00:00:00Z", 0
	for last := false; !last; polls++ {
		select {
		case <-done:
			last = true // and one more poll
		default:
		}
		a := l.get(t, "/statements"+query("since", since, "ascending", "true", "limit", "7"))
		since = a.header.Get(throughHeader)
		p := a.page()
		for {
			for _, id := range p.ids(t) {
				seen[id]++
			}
			for _, raw := range p.Statements {
				if stored := member(t, string(raw), "stored"); stored > since {
					t.Errorf("stored %s is shown, through %s", stored, since)
				}
			}
			if *p.More == "" {
				break
			}
			p = l.get(t, strings.TrimPrefix(*p.More, "/xapi")).page()
		}
	}
	total := 0
	acknowledged.Range(func(id, _ any) bool {
		total++
		if n := seen[fmt.Sprint(id)]; n != 1 {
			t.Errorf("%s was seen %d times in %d polls", id, n, polls)
		}
		return true
	})
	if total != len(seen) || total == 0 {
		t.Errorf("%d seen, %d acknowledged", len(seen), total)
	}
}
