package problem_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// Every error that a handler can meet has a status and a code, also when it
// comes wrapped.
func TestFrom(t *testing.T) {
	tests := []struct {
		err    error
		status int
		code   string
		retry  bool
	}{
		{auth.ErrUnauthorized, 401, "auth.unauthorized", false},
		{auth.ErrBusy, 503, "auth.busy", true},
		{lrs.ErrBusy, 503, "store.busy", true},
		{lrs.ErrReferring, 503, "store.referring", true},
		{lrs.ErrBehind, 503, "store.behind", true},
		{lrs.ErrNoSpace, 503, "store.space", true},
		{lrs.ErrClock, 503, "store.clock", true},
		{lrs.ErrUnknownOutcome, 503, "store.unknown", true},
		{fmt.Errorf("%w: %w", lrs.ErrUnknownOutcome, context.DeadlineExceeded), 503, "store.unknown", true},
		{lrs.ErrClosed, 503, "store.closed", true},
		{lrs.ErrUnavailable, 503, "store.unavailable", true},
		{fmt.Errorf("natsblob: open: %w", blob.ErrUnavailable), 503, "store.unavailable", true},
		{fmt.Errorf("index: read a list: %w", index.ErrDamaged), 503, "store.unavailable", true},
		{fmt.Errorf("index: read a list: %w", index.ErrUnreadable), 503, "store.unavailable", true},
		{lrs.ErrTooLarge, 413, "request.commit", false},
		{lrs.ErrNotMergeable, 400, "document.merge", false},
		{lrs.ErrExists, 409, "credential.exists", false},
		{lrs.ErrNotFound, 404, "not_found", false},
		{auth.ErrCredential, 400, "credential.invalid", false},
		{auth.ErrUnknownScope, 400, "credential.scope", false},
		{blob.ErrHashMismatch, 400, "attachment.hash", false},
		{fmt.Errorf("%w: blob: %w", lrs.ErrUnavailable, blob.ErrDamaged), 500, "blob.damaged", false},
		{fmt.Errorf("%w: blob: natsblob: open: %w", lrs.ErrUnavailable, blob.ErrNotFound), 500, "blob.missing", false},
		{context.DeadlineExceeded, 503, "request.timeout", true},
		{context.Canceled, 499, "request.cancelled", false},
		{&http.MaxBytesError{Limit: 7}, 413, "request.size", false},
		{&lrs.ConflictError{Statement: 3, ID: uuid.New()}, 409, "statement.conflict", false},
		{&xapi.Error{Statement: -1, Rule: "r", Pointer: "/p", Message: "m"}, 400, "statement.invalid", false},
		{problem.New(418, "own.code", "words"), 418, "own.code", false},
		{errors.New("of the inside"), 500, "internal", false},
	}
	for _, test := range tests {
		for _, err := range []error{test.err, fmt.Errorf("wrapped: %w", test.err)} {
			p := problem.From(err)
			if p.Status != test.status || p.Code != test.code || (p.RetryAfter > 0) != test.retry || p.Message == "" {
				t.Errorf("%v: %+v", err, p)
			}
			if p.Status >= 500 && strings.Contains(p.Message, "inside") {
				t.Errorf("%v tells of the inside: %s", err, p.Message)
			}
		}
	}
	p := problem.From(&xapi.Error{Statement: 0, Rule: "r", Pointer: "", Message: "m"})
	if p.Statement == nil || *p.Statement != 0 || p.Pointer == nil || *p.Pointer != "" || p.Rule != "r" {
		t.Errorf("%+v", p)
	}
}

// TestLate: who only reads and runs into the deadline is not told of changes, whatever failed of it; other errors stay.
func TestLate(t *testing.T) {
	over, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	inside := errors.New("of the inside")
	for _, c := range []struct {
		method string
		ctx    context.Context
		err    error
		code   string
	}{
		{http.MethodGet, over, context.DeadlineExceeded, "projection.database"},
		{http.MethodHead, over, fmt.Errorf("wrapped: %w", context.DeadlineExceeded), "projection.database"},
		{http.MethodGet, over, inside, "projection.database"},
		{http.MethodGet, t.Context(), inside, "internal"},
		{http.MethodGet, over, auth.ErrBusy, "auth.busy"},
		{http.MethodGet, over, problem.New(503, "projection.behind", "words"), "projection.behind"},
		{http.MethodPut, over, context.DeadlineExceeded, "request.timeout"},
	} {
		p := problem.From(problem.Late(c.ctx, httptest.NewRequest(c.method, "/", nil), c.err))
		if p.Code != c.code || strings.Contains(p.Message, "stored") != (c.code == "request.timeout") ||
			p.Code == "projection.database" && (p.Status != http.StatusServiceUnavailable || p.RetryAfter == 0) {
			t.Errorf("%s, %v: %+v", c.method, c.err, p)
		}
	}
}

// The body's members are a promise; absent ones stay away.
func TestWrite(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	write := func(err error) *httptest.ResponseRecorder {
		req := &problem.Request{ID: "the-id"}
		r := httptest.NewRequest(http.MethodGet, "/xapi/statements", nil)
		r = r.WithContext(problem.WithRequest(r.Context(), req))
		w := httptest.NewRecorder()
		w.Header().Set("ETag", `"x"`)
		problem.Write(w, r, logger, err)
		if req.Problem == nil {
			t.Error("the request does not know its problem")
		}
		return w
	}
	w := write(&xapi.Error{Statement: 2, Rule: "value.iri", Pointer: "/verb/id", Message: "no IRI"})
	const want = `{"status":400,"code":"statement.invalid","message":"no IRI","statement":2,"pointer":"/verb/id","rule":"value.iri","requestId":"the-id"}`
	if got := w.Body.String(); got != want {
		t.Errorf("body %s", got)
	}
	if w.Header().Get("ETag") != "" {
		t.Error("a refusal has the ETag of what was asked for")
	}
	if !regexp.MustCompile(`level=INFO .*request=the-id .*code=statement.invalid rule=value.iri`).MatchString(log.String()) {
		t.Errorf("log %s", log.String())
	}

	w = write(lrs.ErrBusy)
	if w.Body.String() != `{"status":503,"code":"store.busy","message":"Too many changes are waiting; nothing was stored; try again.","requestId":"the-id"}` {
		t.Errorf("body %s", w.Body)
	}
	if w.Header().Get("Retry-After") != "1" || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("Retry-After %q, log %s", w.Header().Get("Retry-After"), log.String())
	}
	if got := write(auth.ErrUnauthorized).Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic realm=") {
		t.Errorf("WWW-Authenticate %q", got)
	}

	// A problem that many requests share keeps none of them.
	shared := problem.New(400, "c", "message")
	write(shared)
	if shared.RequestID != "" {
		t.Error("the shared problem has a request's id")
	}
	var p problem.Problem
	if err := json.Unmarshal([]byte(want), &p); err != nil || p.Statement == nil || *p.Statement != 2 {
		t.Errorf("a client cannot read it: %+v, %v", p, err)
	}
}
