package xapihttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// call is one request: the alternate syntax undone, its version and parameters
// settled.
type call struct {
	*handler
	w         http.ResponseWriter
	r         *http.Request
	ctx       context.Context // the request's
	version   xapi.Version
	params    url.Values
	principal *auth.Principal // nil on open resources
	held      *held           // what it has of the memory for bodies
}

func newCall(h *handler, w http.ResponseWriter, r *http.Request, held *held) (*call, error) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.BadRequest("parameter.malformed", "The query is malformed: %v.", err)
	}
	c := &call{handler: h, w: w, r: r, ctx: r.Context(), params: params, held: held}
	alternate := c.isAlternate()
	if alternate {
		if err := c.undoAlternate(); err != nil {
			return nil, err
		}
	}
	if err := c.negotiate(); err != nil {
		return nil, err
	}
	if alternate && c.version != xapi.V1 { // only the form said so
		return nil, problem.BadRequest("alternate.version", "Only 1.0.3 has the alternate request syntax, not %s.", c.version)
	}
	for name, values := range c.params {
		switch {
		case len(values) > 1:
			return nil, problem.BadRequest("parameter.repeated", "The parameter %q is given %d times.", name, len(values))
		case !utf8.ValidString(values[0]):
			return nil, problem.BadRequest("parameter.malformed", "The parameter %q is not UTF-8.", name)
		}
	}
	return c, nil
}

// deadline is the context of one use of the store: CommitTimeout from now,
// however long the client took to send what it is about.
func (c *call) deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.ctx, c.CommitTimeout)
}

// negotiate settles the version by the request's header (C 3.3).
func (c *call) negotiate() error {
	header := c.r.Header.Get(headerVersion)
	if header == "" {
		if c.open {
			c.version = c.Default
			return nil
		}
		return problem.BadRequest("version.missing", "The header %s is missing; this store speaks 1.0.3 and 2.0.0.", headerVersion)
	}
	v, err := xapi.ParseVersion(header)
	if err != nil {
		if c.open { // C 2.8: about is for clients that do not know the versions yet
			c.version = c.Default
			return nil
		}
		return problem.BadRequest("version.unsupported", "The version %q is not supported; this store speaks 1.0.3 and 2.0.0.", header)
	}
	c.version = v // the form's header may have it
	c.w.Header().Set(headerVersion, v.String())
	return nil
}

// authenticate checks the credentials and whether they cover a route.
func (c *call) authenticate(rt *route) error {
	principal, err := request.Authenticate(c.ctx, c.r, rt.method, c.path, c.Store.Auth(), c.Now(), rt.allow)
	if err != nil {
		return err
	}
	if units, person := principal.Bound(); len(units) > 0 || person != "" {
		// Statements name whomever they like, and refer to one another.
		return problem.New(http.StatusForbidden, "auth.bound", "The credential is bound to units or to a person, and may only read under /api/v1.")
	}
	c.principal = principal
	c.held.known()
	return nil
}

// view is what the store shows now, and tells the client which position that is: sent back to another node, it sees no
// less there.
func (c *call) view() (*lrs.View, error) {
	view, err := c.Store.View()
	if err == nil {
		c.position(lrs.Position{Revision: view.Position().Head.Revision})
	}
	return view, err
}

// awaitOthers waits until this node has what others had acknowledged before this request, and what its client has seen
// of them, if it says where that stands. New statements need not wait for the others: what refuses one stays true.
func (c *call) awaitOthers(rt *route) error {
	ctx, cancel := context.WithTimeoutCause(c.ctx, positionTimeout, errors.New("it was not applied in time"))
	defer cancel()
	if text := c.r.Header.Get(request.HeaderPosition); text != "" {
		revision, err := request.Position("header "+request.HeaderPosition, "request.position", text)
		if err != nil {
			return err
		}
		if err := c.Store.Await(ctx, eventlog.Revision(revision)); err != nil {
			return err
		}
	}
	if c.path == "/statements" && rt.method != http.MethodGet && rt.method != http.MethodHead {
		return nil
	}
	return c.Store.Latest(ctx)
}

// positionTimeout is how long a request waits for what another node has written: longer than an election takes.
const positionTimeout = 15 * time.Second

// only refuses parameters that the route does not know (C 2.1.3, XAPI-00324);
// names are case-sensitive.
func (c *call) only(names ...string) error { return request.Only(c.params, names...) }

// body reads the request's body up to a limit.
func (c *call) body(limit int64) ([]byte, error) {
	b, err := io.ReadAll(c.held.count(http.MaxBytesReader(c.w, c.r.Body, limit)))
	return b, request.BodyError(err)
}
