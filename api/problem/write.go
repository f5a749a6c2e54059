package problem

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Write answers with the problem that err is. Errors of the server's own making
// are logged as such, refusals at info, each with the request's id.
func Write(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := Begin(w, r, log, err)
	// What a client sent may be quoted in it, and need not be UTF-8.
	b, err := json.Marshal(p, jsontext.AllowInvalidUTF8(true))
	if err != nil { // a Problem has nothing that could not be encoded
		log.Error("a problem that is no JSON", "request", p.RequestID, "error", err)
		b = []byte(`{}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(b) // the client went away: nobody is left to tell
}

// Begin is Write without type, status and body, for who writes these in a form of its
// own: it logs and counts the problem that err is, and sets the headers that go with it.
func Begin(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) Problem {
	p := From(err)
	body := *p // a problem may be shared
	body.RequestID = RequestID(r.Context())
	h := w.Header()
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="xAPI", charset="UTF-8"`)
	}
	h.Del("ETag")
	h.Del("Last-Modified")
	h.Del("Content-Encoding")
	level := slog.LevelInfo
	switch {
	case p.Status == http.StatusInternalServerError:
		level = slog.LevelError
	case p.Status > http.StatusInternalServerError: // a full disk refuses many
		level = slog.LevelWarn
	}
	log.LogAttrs(r.Context(), level, "refused",
		slog.String("request", body.RequestID), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", p.Status), slog.String("code", p.Code), slog.String("rule", p.Rule), slog.Any("error", err))
	note(r.Context(), p)
	return body
}
