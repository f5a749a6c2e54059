package api

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
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
