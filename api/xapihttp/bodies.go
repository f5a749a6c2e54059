package xapihttp

import (
	"io"
	"net/http"
	"sync/atomic"

	"github.com/bedside-lrs/bedside/api/problem"
)

// bodies bounds the memory of the requests' bodies and of the pages that answer them,
// all together: without it as many clients as can connect could each hold one of the
// largest, and send or read no more.
type bodies struct {
	limit int64
	used  atomic.Int64

	// Of the limit only a part is for those who have not shown credentials yet, so that
	// they cannot take it all.
	unknownLimit int64
	unknown      atomic.Int64
}

// freeBody of each request is not counted: who sends little is served always.
const freeBody = 64 << 10

func newBodies(limit int64) *bodies { return &bodies{limit: limit, unknownLimit: limit / 4} }

// begin is for one request.
func (b *bodies) begin() *held { return &held{bodies: b} }

// held is what one request has of the memory. It is for one goroutine.
type held struct {
	*bodies
	read    int64 // bytes of its bodies and of what is made of them, so far
	counted int64 // of these, counted in used
	stands  bool  // in unknown too: there were no credentials yet
}

// unknown says that the next bodies are read before the credentials are known.
func (h *held) unknown() { h.stands = true }

// count reads a body into memory that is counted. Its error is a *problem.Problem,
// 503, when there is none left.
func (h *held) count(r io.Reader) io.Reader { return &counted{r, h} }

type counted struct {
	io.Reader
	held *held
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err := c.held.hold(int64(n)); err != nil {
		return 0, err
	}
	return n, err
}

// hold counts what the request keeps in memory besides, as its answer. The error is
// that of count.
func (h *held) hold(n int64) error {
	if h.take(n) {
		return nil
	}
	return &problem.Problem{Status: http.StatusServiceUnavailable, Code: "request.memory", RetryAfter: 2,
		Message: "Too many large requests and answers are under way; nothing was stored; try again, or with less at once."}
}

// lend is hold for what is given back before the request ends.
func (h *held) lend(n int64) (back func(), err error) {
	if err := h.hold(n); err != nil {
		return nil, err
	}
	return func() { h.take(-n) }, nil
}

func (h *held) take(n int64) bool {
	h.read += n
	more := max(0, h.read-freeBody) - h.counted
	if more == 0 {
		return true
	}
	h.counted += more
	ok := h.used.Add(more) <= h.limit
	if h.stands {
		ok = h.bodies.unknown.Add(more) <= h.unknownLimit && ok
	}
	return ok || more < 0
}

// release gives everything back.
func (h *held) release() {
	h.used.Add(-h.counted)
	if h.stands {
		h.bodies.unknown.Add(-h.counted)
	}
	h.counted = 0
}
