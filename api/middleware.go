package api

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
)

// observe gives each request an id, counts and logs it, and turns a panic into
// 500.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		req := &problem.Request{ID: uuid.NewString()}
		r = r.WithContext(problem.WithRequest(r.Context(), req))
		w.Header().Set("X-Request-Id", req.ID)
		rec := &recorder{ResponseWriter: w, stall: s.cfg.StallTimeout, end: start.Add(s.cfg.WriteTimeout)}
		body := &paced{
			ReadCloser: r.Body, deadline: http.NewResponseController(w).SetReadDeadline,
			stall: s.cfg.StallTimeout, all: s.cfg.ReadTimeout, left: r.ContentLength,
			done: r.ContentLength == 0, unasked: r.ProtoAtLeast(1, 1) && r.Header.Get("Expect") != "",
		}
		r.Body, rec.body = body, body
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					panic(v)
				}
				err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
				if rec.status != 0 {
					s.cfg.Log.Error("panic after the answer began", "request", req.ID, "error", err)
					panic(http.ErrAbortHandler)
				}
				problem.Write(rec, r, s.cfg.Log, err)
			}
			s.metrics.request(r, rec.status, time.Since(start), req)
			if req.Problem == nil { // refusals are logged by problem.Write
				s.cfg.Log.LogAttrs(r.Context(), slog.LevelDebug, "served", slog.String("request", req.ID),
					slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", rec.status),
					slog.Duration("took", time.Since(start)))
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// paced ends a body that stands still: each read may take stall, and all of them together
// what all says, whichever is first. What a client that sends nothing more has sent is not held.
//
// Behind the body net/http reads on, without a deadline, to see the client go. None must be set then: net/http would take its
// end for the client's, and for that of each further request of the connection (go.dev/issue/70834).
type paced struct {
	io.ReadCloser
	deadline func(time.Time) error
	stall    time.Duration
	all      time.Duration // for what is still to be read; between reads it is the client that waits
	left     int64         // bytes that are announced and not read; below 0 if their number was not told
	unasked  bool          // the client does not send before it is asked to, by the first read
	done     bool          // it was read to its end
	failed   bool          // it cannot be read further: it stood still, or the client has gone
}

func (p *paced) Read(b []byte) (int, error) {
	if p.done {
		return 0, io.EOF
	}
	p.unasked = false
	begun := time.Now()
	if err := p.deadline(begun.Add(min(p.stall, p.all))); err != nil {
		return p.ReadCloser.Read(b) // no connection, as in a test: nothing to end
	}
	n, err := p.ReadCloser.Read(b)
	p.all -= time.Since(begun)
	p.left -= int64(n)
	if err == io.EOF { //nolint:errorlint // readers return it as it is
		p.done = true
	} else if err != nil {
		p.failed = true
	}
	return n, err
}

// finish reads what is left of the body, up to leftover and within one stall: a client that sends first and reads then
// gets the answer so. net/http would do so too, but unseen by p. Where there is more, net/http closes the connection behind
// the answer; w is its own.
func (p *paced) finish(w http.ResponseWriter) {
	switch {
	case p.done || p.failed:
	case p.unasked, p.left >= leftover:
		p.Abandon()
	default:
		p.all = min(p.all, p.stall)
		_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, p, leftover)) // p and w know how it ended
	}
}

// leftover is how much net/http reads behind a request, too.
const leftover = 256 << 10

// Abandon implements request.Abandoner: what is not here is not waited for.
func (p *paced) Abandon() {
	if p.done {
		return
	}
	p.failed = true
	_ = p.deadline(time.Now()) // no connection, as in a test: nothing to end
}

// recorder remembers the status, and ends an answer that nobody reads: each part of it
// may take stall, and all of them until end, whichever is first. Whoever sets a
// deadline for writing takes that over.
type recorder struct {
	http.ResponseWriter
	status int
	stall  time.Duration
	end    time.Time
	body   *paced
}

// part is what is written within one stall; sendBuffer is what the system takes ahead
// of the client. It wakes a writer when about a third of that is free, so a client that
// reads a few kB a second is fast enough.
const (
	part       = 32 << 10
	sendBuffer = 128 << 10
)

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.body.finish(r.ResponseWriter)
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
		r.body.finish(r.ResponseWriter)
	}
	if r.end.IsZero() {
		return r.ResponseWriter.Write(b)
	}
	rc := http.NewResponseController(r.ResponseWriter)
	for done := 0; ; {
		next := time.Now().Add(r.stall)
		if next.After(r.end) {
			next = r.end
		}
		_ = rc.SetWriteDeadline(next) // without a connection, as in a test, there is nothing to end
		n, err := r.ResponseWriter.Write(b[done:min(len(b), done+part)])
		if done += n; err != nil || done == len(b) {
			return done, err
		}
	}
}

// SetWriteDeadline is for http.ResponseController.
func (r *recorder) SetWriteDeadline(t time.Time) error {
	r.end = time.Time{}
	return http.NewResponseController(r.ResponseWriter).SetWriteDeadline(t)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// decode takes request bodies in gzip. What comes out of it is still held to
// every limit on bodies, and to maxRatio.
func (s *Server) decode(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
		case "", "identity":
		case "gzip", "x-gzip":
			r.Body = &gunzip{compressed: counter{r: r.Body}, body: r.Body}
			r.ContentLength = -1
			r.Header.Del("Content-Encoding")
			r.Header.Del("Content-Length")
		default:
			// Who reads the body refuses: after the credentials, and in the
			// resource's own way.
			r.Body = refusedBody{r.Body, problem.New(http.StatusUnsupportedMediaType, "request.encoding",
				"The Content-Encoding %q is not supported; gzip is.", encoding)}
		}
		next.ServeHTTP(w, r)
	})
}

// refusedBody cannot be read.
type refusedBody struct {
	io.Closer
	err error
}

func (b refusedBody) Read([]byte) (int, error) { return 0, b.err }

const (
	// maxRatio bounds what a gzip body may grow to beyond its first MiB:
	// statements shrink to a twentieth, a bomb to a thousandth.
	maxRatio  = 200
	freeRatio = 1 << 20
)

// gunzip decompresses a body; it opens it at the first read, so that a bad
// header is an error of reading.
type gunzip struct {
	compressed counter
	body       io.ReadCloser
	zr         *gzip.Reader
	out        int64
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.zr == nil {
		zr, err := gzip.NewReader(&g.compressed)
		if err != nil {
			return 0, badGzip(err)
		}
		g.zr = zr
	}
	n, err := g.zr.Read(p)
	g.out += int64(n)
	if g.out > freeRatio && g.out > maxRatio*g.compressed.n {
		return 0, problem.New(http.StatusRequestEntityTooLarge, "request.ratio",
			"The gzip body grows more than %d times; send it less compressed.", maxRatio)
	}
	if err != nil && err != io.EOF {
		return n, badGzip(err)
	}
	return n, err
}

func (g *gunzip) Close() error { return g.body.Close() }

// Abandon implements request.Abandoner.
func (g *gunzip) Abandon() { request.Abandon(g.body) }

func badGzip(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return &problem.Problem{Status: http.StatusBadRequest, Code: "request.gzip", Message: "The body is not valid gzip.", Cause: err}
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
