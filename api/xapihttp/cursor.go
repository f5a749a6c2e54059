package xapihttp

import (
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// cursorParam is the parameter that a `more` link has beside those of its
// first page.
const cursorParam = "cursor"

// cursor is where a list goes on (D 2.5, `more`). It names statements by their
// number in the log, so that it outlives restarts and rebuilds, and holds no
// right: whoever follows it is asked for credentials again.
type cursor struct {
	log     eventlog.LogID
	after   uint64 // index.Page.Next
	head    uint64 // index.Page.Head
	through int64  // the first page's watermark, µs: the list shows nothing later
}

func (c cursor) String() string {
	b := make([]byte, 0, 40)
	b = append(b, c.log[:]...)
	b = binary.BigEndian.AppendUint64(b, c.after)
	b = binary.BigEndian.AppendUint64(b, c.head)
	b = binary.BigEndian.AppendUint64(b, uint64(c.through))
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads a cursor of this log. now is this node's watermark: that of another, which has made the link, is not
// further from it than their clocks and what this one lags behind; a time far ahead no store has promised.
func parseCursor(text string, log eventlog.LogID, now time.Time) (c cursor, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 40 {
		return c, problem.BadRequest("parameter.invalid", "The parameter %q is not from a `more` link.", cursorParam)
	}
	copy(c.log[:], b)
	c.after = binary.BigEndian.Uint64(b[16:])
	c.head = binary.BigEndian.Uint64(b[24:])
	c.through = int64(binary.BigEndian.Uint64(b[32:]))
	if c.log != log {
		return c, problem.BadRequest("parameter.invalid", "The `more` link is from another store.")
	}
	latest := now
	if clock := time.Now(); clock.After(latest) { // the watermark may be that of the last commit, long ago
		latest = clock
	}
	if c.after == 0 || c.head == 0 || c.through <= 0 || c.through > latest.Add(furthestAhead).UnixMicro() {
		return c, problem.BadRequest("parameter.invalid", "The parameter %q is not from a `more` link.", cursorParam)
	}
	return c, nil
}

// furthestAhead is more than clocks of nodes that may write differ.
const furthestAhead = time.Hour

// maxLink bounds a link, bytes: a request for it has other headers too, and a server's limit for all is 64 KiB by default.
const maxLink = 32 << 10

// linkable refuses a list whose links nobody could follow: what they name takes up to three times as much there.
func (c *call) linkable() error {
	size := 0
	for name, values := range c.params {
		if name == cursorParam { // or else the first page's link would be refused on the next
			continue
		}
		for _, v := range values {
			size += len(url.QueryEscape(name)) + len(url.QueryEscape(v)) + 2
		}
	}
	if size > maxLink {
		return problem.BadRequest("parameter.long", "The parameters are too long for the link to the next page: %d bytes there, %d at most.", size, maxLink)
	}
	return nil
}

// more is the link to the next page: all parameters of this one, and where the
// list goes on.
func (c *call) more(next cursor) string {
	params := url.Values{}
	for name, values := range c.params {
		params[name] = values
	}
	params.Set(cursorParam, next.String())
	return BasePath + c.path + "?" + params.Encode()
}
