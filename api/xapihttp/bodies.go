package xapihttp

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/bedside-lrs/bedside/api/problem"
)

// bodies bounds the memory of the requests' bodies, of what is made of them, and of the
// pages that answer them, all together: without it as many clients as can connect could each hold one of the
// largest, and send or read no more.
type bodies struct {
	limit int64
	used  atomic.Int64

	// Of the limit only a part is for those who have not shown credentials yet, so that
	// they cannot take it all.
	unknownLimit int64
	unknown      atomic.Int64
}

// What of each request is not counted: who sends little is served always. Without
// credentials that is less, since anybody can open many thousand connections and send
// as much on each: it is what a connection takes anyway.
const (
	freeBody    = 64 << 10
	freeUnknown = 4 << 10
)

func newBodies(limit int64) *bodies { return &bodies{limit: limit, unknownLimit: limit / 4} }

// begin is for one request.
func (b *bodies) begin() *held { return &held{bodies: b, free: freeBody} }

// held is what one request has of the memory. It is for one goroutine.
type held struct {
	*bodies
	read    int64 // bytes of its bodies and of what is made of them, so far
	counted int64 // of these, counted in used
	free    int64 // of read, how many are not counted
	stands  bool  // in unknown too: there were no credentials yet
}

// unknown says that the next bodies are read before the credentials are known.
func (h *held) unknown() { h.stands, h.free = true, freeUnknown }

// known says that the credentials were good: what was read belongs to somebody.
func (h *held) known() {
	if !h.stands {
		return
	}
	h.bodies.unknown.Add(-h.counted)
	h.stands, h.free = false, freeBody
	h.take(0)
}

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
	return &problem.Problem{Status: http.StatusServiceUnavailable, Code: codeMemory, RetryAfter: 2,
		Message: "Too many large requests and answers are under way; nothing was stored; try again, or with less at once."}
}

const codeMemory = "request.memory"

// isMemory says whether that is why a body was not read.
func isMemory(err error) bool {
	p := (*problem.Problem)(nil)
	return errors.As(err, &p) && p.Code == codeMemory
}

// lend is hold for what is given back before the request ends.
func (h *held) lend(n int64) (back func(), err error) {
	if err := h.hold(n); err != nil {
		return nil, err
	}
	return func() { h.take(-n) }, nil
}

// lending is lend for what is asked for little by little: back gives back all that hold was asked for.
func (h *held) lending() (hold func(n int64) error, back func()) {
	var lent int64
	hold = func(n int64) error {
		lent += n
		return h.hold(n)
	}
	return hold, func() { h.take(-lent) }
}

func (h *held) take(n int64) bool {
	h.read += n
	more := max(0, h.read-h.free) - h.counted
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
	h.take(-h.read)
}
