package api

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

const statement = `{"actor":{"mbox":"mailto:a@x.example"},"verb":{"id":"urn:v"},"object":{"id":"urn:o"}}`

func (h *host) ready(t *testing.T) (status int, body readiness) {
	t.Helper()
	a := h.do(t, "GET", "/readyz", "", "Authorization", "")
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if a.header.Get("Content-Type") != "application/json" || body.Ready != (a.status == 200) || body.Ready != (len(body.Reasons) == 0) {
		t.Errorf("%d %s", a.status, a.body)
	}
	return a.status, body
}

// The server answers from the start; it is ready while it has a store that can
// be written, and says why not.
func TestReady(t *testing.T) {
	h := newHost(t)
	healthy := func() {
		t.Helper()
		if a := h.do(t, "GET", "/healthz", "", "Authorization", ""); a.status != 200 || !strings.Contains(a.body, "ok") {
			t.Errorf("healthz: %d %s", a.status, a.body)
		}
	}
	absent := func() {
		t.Helper()
		healthy()
		if status, body := h.ready(t); status != 503 || !strings.Contains(body.Reasons[0], "starting") {
			t.Errorf("readyz: %d %v", status, body)
		}
		for _, path := range []string{"/xapi/statements", "/xapi/about", "/anything"} {
			a := h.do(t, "POST", path, statement)
			h.refused(t, a, 503, "store.starting")
			if a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
	}
	absent()
	_, free := h.attach(t)
	healthy()
	before := uint64(0)
	if status, body := h.ready(t); status != 200 || body.Revision == 0 {
		t.Errorf("readyz: %d %+v", status, body)
	} else {
		before = body.Revision
	}
	if a := h.do(t, "POST", "/xapi/statements", statement); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if _, body := h.ready(t); body.Revision <= before {
		t.Errorf("revision %d after a write, %d before", body.Revision, before)
	}

	free(1 << 20)
	healthy()
	if status, body := h.ready(t); status != 503 || !strings.Contains(strings.Join(body.Reasons, " "), "1 MiB are free") {
		t.Errorf("with a full disk: %d %v", status, body.Reasons)
	}
	a := h.do(t, "POST", "/xapi/statements", statement)
	h.refused(t, a, 503, "store.space")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if a := h.do(t, "GET", "/xapi/statements", ""); a.status != 200 {
		t.Errorf("reading with a full disk: %d", a.status)
	}
	free(1 << 40)
	if status, body := h.ready(t); status != 200 {
		t.Errorf("with space again: %d %v", status, body.Reasons)
	}
}

// What an operator watches is there after some traffic.
func TestMetrics(t *testing.T) {
	h := newHost(t)
	h.attach(t)
	h.do(t, "POST", "/xapi/statements", statement)
	h.do(t, "POST", "/xapi/statements", strings.Replace(statement, "urn:v", "not an iri", 1))
	h.do(t, "GET", "/xapi/statements", "")
	h.do(t, "GET", "/xapi/statements?foo=1", "")
	h.do(t, "BREW", "/xapi/coffee", "")
	a := h.do(t, "GET", "/metrics", "", "Authorization", "")
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %v", a.status, a.header)
	}
	for _, want := range []string{
		`http_request_seconds_count{method="POST",resource="/xapi/statements",status="200"} 1`,
		`http_request_seconds_count{method="POST",resource="/xapi/statements",status="400"} 1`,
		`http_request_seconds_count{method="GET",resource="/xapi/statements",status="200"} 1`,
		`http_request_seconds_count{method="other",resource="other",status="404"} 1`,
		`http_refusals_total{code="statement.invalid",rule="value.iri"} 1`,
		`http_refusals_total{code="parameter.unknown",rule=""} 1`,
		"lrs_commit_events_sum", "lrs_commit_bytes_count", "lrs_append_seconds_count", "lrs_index_apply_seconds_count",
		"lrs_log_appended_bytes_total", "lrs_queue_bytes 0", "lrs_queue_changes 0", "lrs_log_revision", "lrs_index_pending 0",
		"lrs_consistent_through_seconds",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(a.body, "coffee") || strings.Contains(a.body, "BREW") {
		t.Error("a client can make series")
	}
}

// refusing is a projection that can digest nothing.
type refusing struct{}

func (refusing) Schema() readmodel.Schema {
	return readmodel.Schema{Projection: "refusing", Version: 1}
}

func (refusing) Digest(*projections.Event) (any, error) { return nil, errors.New("it is too strange") }

func (refusing) Load(context.Context, *readmodel.Tx, readmodel.Generation, projections.Past) (projections.Writer, error) {
	return refusing{}, nil
}

func (refusing) Apply(context.Context, *readmodel.Tx, *projections.Digested) error { return nil }

func (refusing) Changed(context.Context, *readmodel.Tx) ([]string, error) { return nil, nil }
func (refusing) Forget()                                                  {}

// What a projection has set aside is shown with its position and the reason, and makes
// nothing unready.
func TestReadyShowsWhatIsSetAside(t *testing.T) {
	h := newHost(t)
	store, _ := h.attach(t)
	model, err := readmodel.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "model.db"))
	if err != nil {
		t.Fatal(err)
	}
	runtime := projections.Start(projections.Config{Log: h.events, Store: model, Projections: []projections.Projection{refusing{}}, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		runtime.Close()
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := runtime.Wait(t.Context(), uint64(store.Head().Revision)); err != nil {
		t.Fatal(err)
	}
	h.Attach(store, xapihttp.Config{Log: h.cfg.Log, Default: xapi.V2, Limits: xapihttp.DefaultLimits}, hrhttp.Config{Store: store, Runtime: runtime, Model: model})
	status, body := h.ready(t)
	if status != 200 || len(body.Projections) != 1 {
		t.Fatalf("%d %+v", status, body)
	}
	p := body.Projections[0]
	if p.SetAside == 0 || len(p.Events) == 0 || p.Events[0].Position != "1.0" || p.Events[0].Type == "" || p.Events[0].Reason != "it is too strange" {
		t.Errorf("%+v", p)
	}
}
