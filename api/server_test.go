package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// host is a server that listens and has no store yet.
type host struct {
	events *memlog.Log // of the store that is attached
	*Server
	url string
	log *logBuffer
}

func newHost(t *testing.T, change ...func(*Config)) *host {
	t.Helper()
	h := &host{log: &logBuffer{}}
	cfg := DefaultConfig
	cfg.Log, cfg.Registry = slog.New(slog.NewTextHandler(h.log, nil)), prometheus.NewRegistry()
	for _, f := range change {
		f(&cfg)
	}
	h.Server = NewServer(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.url = "http://" + l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := errors.Join(h.Shutdown(ctx), <-served); err != nil {
			t.Error(err)
		}
	})
	return h
}

// attach gives the server a store in memory, and returns what a test may turn:
// how many bytes are free on its disk.
func (h *host) attach(t *testing.T) (store *lrs.Store, free func(uint64)) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs := blobtest.WhenUsed(filepath.Join(t.TempDir(), "blobs"))
	h.events = memlog.New()
	var mu sync.Mutex
	left := uint64(1 << 40)
	store, err = lrs.Open(t.Context(), lrs.Config{
		Log: h.events, Index: x, Blobs: blobs, Node: "test", Logger: quiet, Metrics: lrs.NewMetrics(h.cfg.Registry),
		HeadFile: filepath.Join(t.TempDir(), "head"), MinFree: 64 << 20,
		Free: func() (uint64, error) { mu.Lock(); defer mu.Unlock(); return left, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	everything, err := auth.Environment("key", "secret", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Auth().Add(everything); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(store.Close(context.Background()), x.Close()); err != nil {
			t.Error(err)
		}
	})
	h.Attach(store, xapihttp.Config{Log: h.cfg.Log, Default: xapi.V2, Limits: xapihttp.DefaultLimits}, hrhttp.Config{})
	return store, func(n uint64) { mu.Lock(); defer mu.Unlock(); left = n }
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // under mu
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var client = &http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request with credentials as 1.0.3; header holds pairs.
func (h *host) do(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("key", "secret")
	req.Header.Set("X-Experience-API-Version", "1.0.3")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

// refused checks an error answer, and that its request id is in the log.
func (h *host) refused(t *testing.T, a answer, status int, code string) *problem.Problem {
	t.Helper()
	p := &problem.Problem{}
	if err := json.Unmarshal([]byte(a.body), p); err != nil || a.status != status || p.Code != code || p.Message == "" {
		t.Fatalf("%d %s (%v), want %d %s", a.status, a.body, err, status, code)
	}
	if id := a.header.Get("X-Request-Id"); id == "" || p.RequestID != id || !strings.Contains(h.log.String(), "request="+id) {
		t.Errorf("request id %q in the header, %q in the body, log:\n%s", id, p.RequestID, h.log)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	return p
}

// Whatever path is asked for, in whatever way, the answer is JSON, and nobody is
// sent elsewhere.
func TestUnknownPaths(t *testing.T) {
	h := newHost(t)
	h.attach(t)
	for _, path := range []string{
		"/", "/xapi", "/xapi/", "/xapi/statements/", "/xapi//statements", "//xapi/statements", "/xapi/./statements",
		"/xapi/a/../statements", "/XAPI/statements", "/xapi/Statements", "/xapi/statement", "/favicon.ico", "/%2e%2e/etc",
	} {
		for _, method := range []string{"GET", "POST"} {
			p := h.refused(t, h.do(t, method, path, "{}"), 404, "resource.unknown")
			if !strings.Contains(p.Message, "/") {
				t.Errorf("message %q", p.Message)
			}
		}
	}
}

// A panic is 500, tells the client nothing of the inside, and the log all.
func TestPanic(t *testing.T) {
	h := newHost(t)
	h.route(nil, nil, func(r *mux.Router) {
		r.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("the inside") })
		r.HandleFunc("/late", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "begun")
			panic("too late")
		})
	})
	a := h.do(t, "GET", "/panic", "")
	h.refused(t, a, 500, "internal")
	if strings.Contains(a.body, "inside") || !strings.Contains(h.log.String(), "the inside") || !strings.Contains(h.log.String(), "server_test.go") {
		t.Errorf("body %s\nlog %s", a.body, h.log)
	}
	// When the answer has begun, only its end can tell.
	res, err := client.Get(h.url + "/late")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("the answer looks whole")
	}
	if !strings.Contains(h.log.String(), "too late") {
		t.Errorf("log %s", h.log)
	}
}

// A browser's page may use every method and read every header that matters.
func TestCORS(t *testing.T) {
	open := newHost(t)
	open.attach(t)
	closed := newHost(t, func(c *Config) { c.CORSOrigins = []string{"https://course.example"} })
	closed.attach(t)
	const wanted = "authorization,content-type,if-match,if-none-match,x-bedside-position,x-experience-api-version"
	for _, test := range []struct {
		host   *host
		origin string
		allow  string
	}{
		{open, "https://any.example", "*"},
		{closed, "https://course.example", "https://course.example"},
		{closed, "https://evil.example", ""},
	} {
		for _, method := range []string{"GET", "PUT", "POST", "DELETE", "HEAD"} {
			a := test.host.do(t, "OPTIONS", "/xapi/activities/state", "", "Authorization", "", "X-Experience-API-Version", "",
				"Origin", test.origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", wanted)
			if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != test.allow {
				t.Errorf("preflight from %s: %d %v", test.origin, a.status, a.header)
			}
			if test.allow != "" && (a.header.Get("Access-Control-Allow-Methods") != method || a.header.Get("Access-Control-Allow-Headers") != wanted) {
				t.Errorf("preflight from %s for %s: %v", test.origin, method, a.header)
			}
		}
		// The answers themselves, refusals too.
		for _, path := range []string{"/xapi/about", "/xapi/statements?foo=1", "/nowhere"} {
			a := test.host.do(t, "GET", path, "", "Origin", test.origin)
			if got := a.header.Get("Access-Control-Allow-Origin"); got != test.allow {
				t.Errorf("%s from %s: %d, allowed %q", path, test.origin, a.status, got)
			}
			exposed := strings.ToLower(a.header.Get("Access-Control-Expose-Headers"))
			for _, name := range []string{"etag", "last-modified", "x-experience-api-version", "x-experience-api-consistent-through", "x-request-id"} {
				if test.allow != "" && !strings.Contains(exposed, name) {
					t.Errorf("%s is not exposed: %s", name, exposed)
				}
			}
		}
	}
}

// OPTIONS without a browser's preflight says what a resource can do, and needs
// no credentials; HEAD is GET without a body.
func TestOptionsAndHead(t *testing.T) {
	h := newHost(t)
	h.attach(t)
	for path, want := range map[string]string{
		"/xapi/about": "GET, HEAD, OPTIONS", "/xapi/statements": "GET, HEAD, PUT, POST, OPTIONS",
		"/xapi/activities": "GET, HEAD, OPTIONS", "/xapi/agents": "GET, HEAD, OPTIONS",
		"/xapi/activities/state":   "GET, HEAD, PUT, POST, DELETE, OPTIONS",
		"/xapi/activities/profile": "GET, HEAD, PUT, POST, DELETE, OPTIONS", "/xapi/agents/profile": "GET, HEAD, PUT, POST, DELETE, OPTIONS",
	} {
		a := h.do(t, "OPTIONS", path, "", "Authorization", "", "X-Experience-API-Version", "")
		if a.status != 204 || a.header.Get("Allow") != want || a.body != "" {
			t.Errorf("OPTIONS %s: %d, Allow %q", path, a.status, a.header.Get("Allow"))
		}
		for _, header := range [][]string{nil, {"Authorization", ""}} {
			get, head := h.do(t, "GET", path, "", header...), h.do(t, "HEAD", path, "", header...)
			if head.status != get.status || head.body != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
				t.Errorf("HEAD %s: %d, GET %d", path, head.status, get.status)
			}
		}
	}
}

// What a client sends is quoted in errors, and need not be UTF-8.
func TestProblemIsJSON(t *testing.T) {
	h := newHost(t)
	h.attach(t)
	h.refused(t, h.do(t, "GET", "/%ff%00%22", ""), 404, "resource.unknown")
}
