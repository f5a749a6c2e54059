package hrhttp_test

import (
	"context"
	"encoding/base64"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/api"
	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

const base = hrhttp.BasePath

// lab is the whole server, listening, on a log and an index in memory and a read model
// of one of the engines.
type lab struct {
	url     string
	store   *lrs.Store
	runtime *projections.Runtime
	model   *readmodel.Store
	gate    *gate
	all     string // Authorization of a credential with every scope
}

// onEach runs a test with a lab on each engine.
func onEach(t *testing.T, do func(t *testing.T, l *lab), change ...func(*hrhttp.Config)) {
	t.Parallel()
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) { do(t, newLab(t, dsn, change...)) })
	}
}

// onOne runs a test where the engine does not matter.
func onOne(t *testing.T, change ...func(*hrhttp.Config)) *lab {
	t.Parallel()
	return newLab(t, "sqlite:"+filepath.Join(t.TempDir(), "readmodel.db"), change...)
}

func newLab(t testing.TB, dsn string, change ...func(*hrhttp.Config)) *lab {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	model := readmodeltest.Open(t, dsn)
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs := blobtest.WhenUsed(filepath.Join(t.TempDir(), "blobs"))
	registry := prometheus.NewRegistry()
	log := memlog.New()
	l := &lab{gate: newGate(log)}
	l.store, err = lrs.Open(t.Context(), lrs.Config{
		Log: log, Index: x, Blobs: blobs, Node: "test", Logger: quiet,
		HeadFile: filepath.Join(t.TempDir(), "head"), Metrics: lrs.NewMetrics(registry),
	})
	if err != nil {
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
	l.model = model
	l.runtime = projections.Start(projections.Config{
		Log: l.gate, Store: model, Logger: quiet,
		Projections: []projections.Projection{
			people.Projection{}, catalog.Projection{}, competency.Projection{}, feedback.Projection{}, effectiveness.Projection{}, evaluation.Projection{},
		},
	})

	cfg := hrhttp.Config{Runtime: l.runtime, Model: model, Log: quiet}
	for _, f := range change {
		f(&cfg)
	}
	httpCfg := api.DefaultConfig
	httpCfg.Log, httpCfg.Registry = quiet, registry
	server := api.NewServer(httpCfg)
	server.Attach(l.store, xapihttp.Config{Log: quiet, Default: xapi.V2, Limits: xapihttp.DefaultLimits}, cfg)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.url = "http://" + listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		l.gate.open()
		l.runtime.Close()
		for _, err := range []error{server.Shutdown(ctx), <-served, l.store.Close(ctx), x.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return l
}

// gate keeps commits from the projections while it is closed.
type gate struct {
	*memlog.Log
	mu     sync.Mutex
	opened chan struct{} // under mu; closed while the gate is open
}

func newGate(log *memlog.Log) *gate {
	g := &gate{Log: log, opened: make(chan struct{})}
	close(g.opened)
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

// Subscribe implements projections.Log.
func (g *gate) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		for r, err := range g.Log.Subscribe(ctx, from) {
			g.mu.Lock()
			opened := g.opened
			g.mu.Unlock()
			select {
			case <-opened:
			case <-ctx.Done():
				err = ctx.Err()
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// credential adds a credential and returns its Authorization.
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

func boundTo(person string, units ...string) func(*auth.Credential) {
	return func(c *auth.Credential) { c.Person, c.Units = person, units }
}

func basic(key, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))
}

// client asks for no compression by itself, so that tests see what is sent.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}

// as is the header of another credential.
func as(authorization string) []string { return []string{"Authorization", authorization} }

// open sends a request for who reads the body himself. It goes with every scope, and as
// application/json if it has a body, unless header, pairs of name and value, says
// otherwise; an empty value removes.
func (l *lab) open(t testing.TB, method, target string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.url+target, body)
	if err != nil {
		t.Fatal(err)
	}
	header = slices.Concat([]string{"Authorization", l.all, "X-Experience-API-Version", "1.0.3"}, header)
	if body != nil {
		header = slices.Concat([]string{"Content-Type", "application/json"}, header)
	}
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

func (l *lab) do(t testing.TB, method, target, body string, header ...string) *answer {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	res := l.open(t, method, target, r, header...)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return &answer{TB: t, what: method + " " + target, status: res.StatusCode, header: res.Header, body: string(b)}
}

// get is a GET of a resource of the API that must succeed.
func (l *lab) get(t testing.TB, target string, header ...string) *answer {
	t.Helper()
	return l.do(t, "GET", base+target, "", header...).want(200)
}

// put is a PUT that must succeed; so are post, del and csv.
func (l *lab) put(t testing.TB, target, body string, header ...string) *answer {
	t.Helper()
	return l.do(t, "PUT", base+target, body, header...).want(204)
}

func (l *lab) post(t testing.TB, target, body string, header ...string) *answer {
	t.Helper()
	return l.do(t, "POST", base+target, body, header...).want(204)
}

func (l *lab) del(t testing.TB, target string) *answer {
	t.Helper()
	return l.do(t, "DELETE", base+target, "").want(204)
}

func (l *lab) csv(t testing.TB, target, body string) *answer {
	t.Helper()
	return l.do(t, "POST", base+target, body, "Content-Type", "text/csv").want(200)
}

// statements stores statements.
func (l *lab) statements(t testing.TB, all ...string) *answer {
	t.Helper()
	return l.do(t, "POST", "/xapi/statements", "["+strings.Join(all, ",")+"]").want(200)
}

// now is an asOf: that of an answer of this moment.
func (l *lab) now(t testing.TB) string {
	t.Helper()
	return l.get(t, "/definitions?limit=1").text("asOf")
}
