package hrhttp

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

// call is one request.
type call struct {
	*handler
	ctx       context.Context
	w         http.ResponseWriter
	r         *http.Request
	principal *auth.Principal // nil for the operator
	vars      map[string]string
	params    url.Values
	pinned    int64 // the moment of the page before, µs; 0 if there was none
}

// newCall decodes what every request has.
func newCall(ctx context.Context, h *handler, w http.ResponseWriter, r *http.Request) (*call, error) {
	c := &call{handler: h, ctx: ctx, w: w, r: r, vars: map[string]string{}}
	for name, raw := range mux.Vars(r) {
		value, err := url.PathUnescape(raw)
		if err != nil {
			return nil, problem.BadRequest("request.path", "The path segment %q is not percent-encoded well.", raw)
		}
		c.vars[name] = value
	}
	var err error
	if c.params, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, problem.BadRequest("request.query", "The query cannot be read: %v.", err)
	}
	for name, values := range c.params {
		if len(values) > 1 {
			return nil, problem.BadRequest("parameter.twice", "The parameter %q is given %d times.", name, len(values))
		}
	}
	return c, nil
}

// authenticate checks the credentials and whether they cover a route.
func (c *call) authenticate(rt *route) error {
	if c.Operator {
		return nil
	}
	principal, err := request.Authenticate(c.ctx, c.r, rt.method, c.path, c.Store.Auth(), c.Now(), rt.allow)
	if err != nil {
		return err
	}
	if units, person := principal.Bound(); rt.writes && (len(units) > 0 || person != "") {
		return problem.New(http.StatusForbidden, "auth.bound", "The credential is bound to units or to a person and may only read.")
	}
	c.principal = principal
	return nil
}

// only refuses parameters that a resource does not know.
func (c *call) only(names ...string) error { return request.Only(c.params, names...) }

// mostListed bounds what can be asked for of a list.
const mostListed = 1 << 30

// limit is the parameter limit, 0 for none; more is where the list goes on.
func (c *call) limit() (limit int, more string, err error) {
	text := c.params.Get("limit")
	if !c.params.Has("limit") {
		if c.params.Has("more") {
			return 0, "", problem.BadRequest("parameter.more", "The parameter more goes with limit.")
		}
		return 0, "", nil
	}
	limit, err = strconv.Atoi(text)
	if err != nil || limit < 1 || limit > mostListed {
		return 0, "", problem.BadRequest("parameter.limit", "The parameter limit is %q; it is a number from 1 to %d.", text, mostListed)
	}
	more = c.params.Get("more")
	if i := strings.LastIndexByte(more, '@'); i >= 0 {
		if asOf, err := strconv.ParseInt(more[i+1:], 10, 64); err == nil {
			more, c.pinned = more[:i], asOf
		}
	}
	return limit, more, nil
}

// offset is limit for a list that is in the order of something else than keys: more is
// how many come before.
func (c *call) offset() (from, limit int, err error) {
	limit, more, err := c.limit()
	if err != nil || more == "" {
		return 0, limit, err
	}
	if from, err = strconv.Atoi(more); err != nil || from < 1 || from > mostListed {
		return 0, 0, problem.BadRequest("parameter.more", "The parameter more is %q; it is what the page before gave.", more)
	}
	return from, limit, nil
}

// next is where a list goes on, for the member more and for clients that read CSV (RFC 8288): with the moment that the
// page is of, so that what is written meanwhile moves nothing from one page to another.
func (c *call) next(m *moment, more string) string {
	if more == "" {
		return ""
	}
	more += "@" + strconv.FormatInt(m.AsOf, 10)
	q := url.Values{}
	for name := range c.params {
		q.Set(name, c.params.Get(name))
	}
	q.Set("more", more)
	c.w.Header().Set("Link", "<?"+q.Encode()+`>; rel="next"`)
	return more
}

// dryRun is the parameter of that name, the only one that an import knows.
func (c *call) dryRun() (bool, error) {
	if err := c.only("dryRun"); err != nil {
		return false, err
	}
	switch text := c.params.Get("dryRun"); {
	case text == "true":
		return true, nil
	case text == "false" || !c.params.Has("dryRun"):
		return false, nil
	default:
		return false, problem.BadRequest("parameter.dryRun", "The parameter dryRun is %q; it is true or false.", text)
	}
}

// mediaType is that of the body.
func (c *call) mediaType() string {
	t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// raw reads the request's body.
func (c *call) raw() ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.Body))
	return b, request.BodyError(err)
}

// body reads the request's body, JSON that is to be decoded.
func (c *call) body() ([]byte, error) {
	b, err := c.raw()
	if err == nil && request.Null(b) {
		err = problem.BadRequest("request.json", "The body is null, which says nothing.")
	}
	return b, err
}

// expect refuses a body of another media type.
func (c *call) expect(mediaType string) error {
	if got := c.mediaType(); got != mediaType {
		return problem.New(http.StatusUnsupportedMediaType, "request.type", "The body's Content-Type is %q; %s is taken here.", got, mediaType)
	}
	return nil
}
