package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/cmd/lrs/demo"
)

// lrsDemo runs the command.
func lrsDemo(ctx context.Context, url string, args ...string) (stdout, stderr string, err error) {
	var out, errs syncBuffer
	root := newRoot()
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(append([]string{"demo", "--url", url, "--key", testKey, "--secret", testSecret}, args...))
	err = root.ExecuteContext(ctx)
	return out.String(), errs.String(), err
}

// TestDemo fills a server, and again without harm; another demo is refused, and leaves nothing behind.
func TestDemo(t *testing.T) {
	s := startWatched(t, t.TempDir())
	base := strings.TrimSuffix(s.url, "/xapi")
	args := []string{"--scale", "0.1", "--until", "2026-11-01"}
	stdout, stderr, err := lrsDemo(t.Context(), base, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, want := range []string{"Listen first", "learning.meanGain", "+0.150", "curl -u"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the summary has no %q:\n%s", want, stdout)
		}
	}
	if strings.Count(stderr, "statements:") < 10 {
		t.Errorf("no progress is told:\n%s", stderr)
	}
	_, header, _, err := s.do(t.Context(), http.MethodGet, "/statements?limit=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, stderr, err = lrsDemo(t.Context(), base+"/xapi/", args...); err != nil {
		t.Errorf("a second time: %v\n%s", err, stderr)
	}
	since := url.QueryEscape(header.Get("X-Experience-API-Consistent-Through"))
	if status, _, body, err := s.do(t.Context(), http.MethodGet, "/statements?limit=1&since="+since, nil); err != nil ||
		status != http.StatusOK || !bytes.Contains(body, []byte(`"statements":[]`)) {
		t.Errorf("the second time stored more statements: %d %v %s", status, err, body)
	}
	position := lastPosition(t, base)
	if _, _, err = lrsDemo(t.Context(), base, "--scale", "0.1", "--until", "2026-11-01", "--seed", "2"); err == nil ||
		!strings.Contains(err.Error(), "programmes/listen-first") {
		t.Errorf("another demo on the same server: %v", err)
	}
	if now := lastPosition(t, base); now != position {
		t.Errorf("what was refused has brought the log from %s to %s", position, now)
	}
}

// lastPosition is how far the log of a server is.
func lastPosition(t *testing.T, base string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v1/unmapped?limit=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(testKey, testSecret)
	res, err := testClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %v %s", res.StatusCode, err, body)
	}
	position := res.Header.Get("X-Bedside-Position")
	if position == "" {
		t.Fatal("no position is told")
	}
	return position
}

// TestDemoFlags has each fault of the flags named before anything is sent.
func TestDemoFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--until", "2026-11-02"}, "such as 2026-11-01"},
		{[]string{"--until", "soon"}, "--until"},
		{[]string{"--scale", "0"}, "0.1 to 100"},
		{[]string{"--secret", ""}, "--secret"},
		{[]string{"--url", "http://127.0.0.1:1"}, "lrs serve"},
		{[]string{"--url", "http://\x00"}, "--url"},
	} {
		if _, _, err := lrsDemo(t.Context(), "http://127.0.0.1:1", test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: the error is %v, want one with %q", test.args, err, test.want)
		}
	}
	h, err := demoConfig{seed: 1, scale: 0.1}.hospital(time.Date(2026, 3, 31, 23, 0, 0, 0, time.FixedZone("", -3*3600)))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC); !h.Config().End.Equal(want) {
		t.Errorf("it ends on %s by default, want %s", h.Config().End, want)
	}
}

// fakeServer answers each request as told, by its number from 1.
func fakeServer(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *demoClient {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(int(n.Add(1)), w, r) }))
	t.Cleanup(s.Close)
	return demoConfig{url: s.URL, key: testKey, secret: testSecret}.client()
}

func refuse(w http.ResponseWriter, status int, retryAfter string) {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(status)
	fmt.Fprint(w, `{"code": "some.code", "message": "Some reason."}`)
}

func TestDemoRetries(t *testing.T) {
	c := fakeServer(t, func(n int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "body" {
			t.Errorf("request %d has the body %q", n, body)
		}
		if n < 4 {
			refuse(w, http.StatusServiceUnavailable, "0")
			return
		}
		fmt.Fprint(w, "stored")
	})
	if answer, err := c.post(t.Context(), "/", "text/plain", []byte("body")); err != nil || string(answer) != "stored" {
		t.Errorf("%s, %v", answer, err)
	}

	busy := 0
	c = fakeServer(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		busy = n
		refuse(w, http.StatusServiceUnavailable, "0")
	})
	var p *problem.Problem
	if _, err := c.post(t.Context(), "/", "text/plain", nil); !errors.As(err, &p) || busy != demoTries {
		t.Errorf("a server that stays busy was asked %d times: %v", busy, err)
	}
}

// TestDemoEnds has the command end at once when it is told to, also while it waits for a busy server.
func TestDemoEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	c := fakeServer(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusServiceUnavailable, "3600")
		cancel(stop)
	})
	if err := c.sendStatements(ctx, someStatements(t), func(int) {}); !errors.Is(err, stop) {
		t.Errorf("it ended with %v", err)
	}
}

func TestDemoRefusals(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusUnauthorized:          "--key",
		http.StatusForbidden:             "--scopes all",
		http.StatusNotFound:              "version",
		http.StatusConflict:              "empty directory",
		http.StatusRequestEntityTooLarge: "--scale",
	} {
		c := fakeServer(t, func(_ int, w http.ResponseWriter, _ *http.Request) { refuse(w, status, "") })
		_, err := c.post(t.Context(), "/", "text/plain", nil)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Code != "some.code" || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v, want a hint at %q", status, err, want)
		}
	}
	c := fakeServer(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	if err := c.checkDefinitions(t.Context(), nil); err == nil {
		t.Error("a page was taken for a plan")
	}
	c = fakeServer(t, func(_ int, w http.ResponseWriter, r *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) })
	if _, err := c.post(t.Context(), "/", "text/plain", nil); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("a page of a proxy: %v", err)
	}
}

func someStatements(t *testing.T) iter.Seq[demo.Statement] {
	t.Helper()
	cfg := demo.Default(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	cfg.Scale = 0.1
	h, err := demo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h.Statements()
}

// TestDemoSends has every statement sent once, and told of.
func TestDemoSends(t *testing.T) {
	var mu sync.Mutex
	var got []string
	c := fakeServer(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		var batch []struct {
			ID string `json:"id"`
		}
		if err := json.UnmarshalRead(r.Body, &batch); err != nil || len(batch) > demoBatch {
			t.Errorf("%d statements, %v", len(batch), err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, s := range batch {
			got = append(got, s.ID)
		}
	})
	var told atomic.Int64
	if err := c.sendStatements(t.Context(), someStatements(t), func(n int) { told.Add(int64(n)) }); err != nil {
		t.Fatal(err)
	}
	var want []string
	for s := range someStatements(t) {
		want = append(want, s.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || int(told.Load()) != len(want) {
		t.Errorf("%d of %d statements came, and %d were told of", len(got), len(want), told.Load())
	}
}

// TestDemoFirstError has the sender's refusal told, not what it made of the other senders.
func TestDemoFirstError(t *testing.T) {
	c := fakeServer(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 7 {
			refuse(w, http.StatusConflict, "")
		}
	})
	var p *problem.Problem
	if err := c.sendStatements(t.Context(), someStatements(t), func(int) {}); !errors.As(err, &p) || p.Code != "some.code" {
		t.Errorf("it ended with %v", err)
	}
}

func TestDemoProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, 30)
	for range 30 {
		p.add(1)
	}
	p.end()
	if n := strings.Count(out.String(), "\n"); n != 10 || !strings.HasSuffix(out.String(), "30 of 30 stored\n") {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}
