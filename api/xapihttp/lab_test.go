package xapihttp_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/api"
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

const (
	v1 = "1.0.3"
	v2 = "2.0.0"

	versionHeader = "X-Experience-API-Version"
	throughHeader = "X-Experience-API-Consistent-Through"
	hashHeader    = "X-Experience-API-Hash"
)

// lab is the whole server, listening, on a store in memory.
type lab struct {
	url   string // of the xAPI endpoint
	store *lrs.Store
	blobs string // directory of the blob store
	log   *logBuffer
	all   string // Authorization of a credential with every scope
}

func newLab(t testing.TB, change ...func(*xapihttp.Config)) *lab {
	t.Helper()
	return newLabOn(t, func(*lrs.Config) {}, change...)
}

// newLabOn is newLab on a store that the test has its hand in.
func newLabOn(t testing.TB, store func(*lrs.Config), change ...func(*xapihttp.Config)) *lab {
	t.Helper()
	l := &lab{log: &logBuffer{}, blobs: filepath.Join(t.TempDir(), "blobs")}
	quiet := slog.New(slog.DiscardHandler)
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs := blobtest.WhenUsed(l.blobs)
	registry := prometheus.NewRegistry()
	storeCfg := lrs.Config{
		Log: memlog.New(), Index: x, Blobs: blobs, Node: "test", Logger: quiet,
		HeadFile: filepath.Join(t.TempDir(), "head"), Metrics: lrs.NewMetrics(registry),
	}
	store(&storeCfg)
	if l.store, err = lrs.Open(t.Context(), storeCfg); err != nil {
		t.Fatal(err)
	}
	everything, err := auth.Environment("everything", "secret", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.store.Auth().Add(everything); err != nil {
		t.Fatal(err)
	}
	l.all = basic("everything", "secret")

	log := slog.New(slog.NewTextHandler(l.log, nil))
	cfg := xapihttp.Config{Log: log, Default: xapi.V2, Limits: xapihttp.DefaultLimits}
	for _, f := range change {
		f(&cfg)
	}
	httpCfg := api.DefaultConfig
	httpCfg.Log, httpCfg.Registry = log, registry
	server := api.NewServer(httpCfg)
	server.Attach(l.store, cfg, hrhttp.Config{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.url = "http://" + listener.Addr().String() + "/xapi"
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		client.CloseIdleConnections()
		for _, err := range []error{server.Shutdown(ctx), <-served, l.store.Close(ctx), x.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return l
}

// credential adds a credential to the store and returns its Authorization.
func (l *lab) credential(t testing.TB, key, scopes string, change ...func(*auth.Credential)) string {
	t.Helper()
	set, err := auth.ParseScopes(scopes)
	if err != nil {
		t.Fatal(err)
	}
	secret, hash := auth.GenerateSecret()
	c := auth.Credential{Key: key, Secret: hash, Scopes: set, Created: time.Now()}
	for _, f := range change {
		f(&c)
	}
	if err := l.store.AddCredential(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return basic(key, secret)
}

func basic(key, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))
}

// logBuffer keeps what the server logs.
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

// client asks for no compression by itself, so that tests see what is sent.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}

// do sends a request to a resource, "/statements?limit=1". It goes with every
// scope, as 1.0.3, and as application/json if it has a body, unless header,
// pairs of name and value, says otherwise; an empty value removes.
func (l *lab) do(t testing.TB, method, target, body string, header ...string) *answer {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
		header = slices.Concat([]string{"Content-Type", "application/json"}, header)
	}
	return l.stream(t, method, target, r, header...)
}

func (l *lab) stream(t testing.TB, method, target string, body io.Reader, header ...string) *answer {
	t.Helper()
	res := l.open(t, method, target, body, header...)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return &answer{TB: t, lab: l, what: method + " " + target, status: res.StatusCode, header: res.Header, body: string(b)}
}

// open is stream for who reads the body himself.
func (l *lab) open(t testing.TB, method, target string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.url+target, body)
	if err != nil {
		t.Fatal(err)
	}
	header = slices.Concat([]string{"Authorization", l.all, versionHeader, v1}, header)
	for i := 0; i < len(header); i += 2 {
		req.Header.Del(header[i])
		if header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return res
}

// get is a GET that must succeed.
func (l *lab) get(t testing.TB, target string, header ...string) *answer {
	t.Helper()
	return l.do(t, "GET", target, "", header...).want(200)
}

// post stores statements, which must succeed.
func (l *lab) post(t testing.TB, body string, header ...string) *answer {
	t.Helper()
	return l.do(t, "POST", "/statements", body, header...).want(200)
}

// statement is a stored statement as GET by its id returns it.
func (l *lab) statement(t testing.TB, id string) string {
	t.Helper()
	return l.get(t, "/statements?statementId="+id).body
}

// answer is a response, read to its end.
type answer struct {
	testing.TB
	lab    *lab
	what   string
	status int
	header http.Header
	body   string
}

func (a *answer) want(status int) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("%s: %d, want %d\n%s", a.what, a.status, status, a.body)
	}
	return a
}

// refused checks what every refusal has: JSON with a code and a sentence, and a
// request id that is in the header and in the log too.
func (a *answer) refused(status int, code string) *problem.Problem {
	a.Helper()
	a.want(status)
	p := &problem.Problem{}
	if err := json.Unmarshal([]byte(a.body), p); err != nil {
		a.Fatalf("%s: no problem: %v\n%s", a.what, err, a.body)
	}
	id := a.header.Get("X-Request-Id")
	switch {
	case p.Code != code:
		a.Errorf("%s: code %q, want %q\n%s", a.what, p.Code, code, a.body)
	case a.header.Get("Content-Type") != "application/json":
		a.Errorf("%s: Content-Type %q", a.what, a.header.Get("Content-Type"))
	case p.Status != status:
		a.Errorf("%s: status %d in the body, %d sent", a.what, p.Status, status)
	case len(p.Message) < 10 || strings.HasPrefix(p.Message, "lrs:"):
		a.Errorf("%s: message %q is no sentence", a.what, p.Message)
	case id == "" || p.RequestID != id:
		a.Errorf("%s: request id %q in the body, %q in the header", a.what, p.RequestID, id)
	case !strings.Contains(a.lab.log.String(), "request="+id):
		a.Errorf("%s: request id %q is not in the log", a.what, id)
	case a.header.Get(versionHeader) == "":
		a.Errorf("%s: no %s (C 3.3)", a.what, versionHeader)
	}
	return p
}

// page is a list of statements.
type page struct {
	Statements []jsontext.Value `json:"statements"`
	More       *string          `json:"more"`
}

func (a *answer) page() page {
	a.Helper()
	return parsePage(a, a.body)
}

func parsePage(t testing.TB, body string) page {
	t.Helper()
	var p page
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("no page: %v\n%s", err, body)
	}
	if p.Statements == nil || p.More == nil {
		t.Fatalf("a page always has `statements` and `more`: %s", body)
	}
	return p
}

// ids are the ids of a page, in order.
func (p page) ids(t testing.TB) []string {
	t.Helper()
	ids := []string{}
	for _, raw := range p.Statements {
		ids = append(ids, member(t, string(raw), "id"))
	}
	return ids
}

// member is a member of a JSON object: a string's text, else its JSON, and ""
// if it is absent. path may name members of members: "context.team.name".
func member(t testing.TB, raw, path string) string {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		var m map[string]jsontext.Value
		if err := json.Unmarshal([]byte(raw), &m); err != nil {
			t.Fatalf("%q of %s: %v", path, raw, err)
		}
		raw = string(m[name])
	}
	var text string
	if err := json.Unmarshal([]byte(raw), &text); err == nil {
		return text
	}
	return raw
}

// id is the n-th statement id of a test.
func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// simple is a statement with an id and perhaps more members, `"result":{…}`.
func simple(n int, more ...string) string {
	return `{` + strings.Join(append([]string{`"id":"` + id(n) + `"`, simpleActor, simpleVerb, simpleObject}, more...), ",") + `}`
}

const (
	simpleActor  = `"actor":{"mbox":"mailto:nurse@example.com"}`
	simpleVerb   = `"verb":{"id":"https://v.example/done"}`
	simpleObject = `"object":{"id":"https://a.example/1"}`
)

// query builds a query of pairs of name and value.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return "?" + v.Encode()
}

// stateOf begins the query of a state: its id is to be added.
const stateOf = "?activityId=https://a.example/1&agent=%7B%22mbox%22%3A%22mailto%3Anurse%40example.com%22%7D"
