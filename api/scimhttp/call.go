package scimhttp

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gorilla/mux"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/registrar"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/people"
)

// call is one request.
type call struct {
	*handler
	ctx    context.Context
	w      http.ResponseWriter
	r      *http.Request
	id     string // the path's, "" if it has none
	params url.Values
}

// newCall decodes what every request has. Parameters that SCIM does not know are no
// error: providers send some of their own.
func newCall(ctx context.Context, h *handler, w http.ResponseWriter, r *http.Request) (*call, error) {
	c := &call{handler: h, ctx: ctx, w: w, r: r}
	var err error
	if c.id, err = url.PathUnescape(mux.Vars(r)["id"]); err != nil {
		return nil, problem.BadRequest("request.path", "The path %q is not percent-encoded well.", r.URL.EscapedPath())
	}
	if c.params, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, problem.BadRequest("request.query", "The query cannot be read: %v.", err)
	}
	return c, nil
}

// authenticate checks the credentials and whether they cover a route. Those that are
// bound to units or to a person are for readers of /api/v1: a directory sees everyone.
func (c *call) authenticate(rt *route) error {
	principal, err := request.Authenticate(c.ctx, c.r, rt.method, BasePath+rt.path, c.Store.Auth(), c.Now(), rt.allow)
	if err != nil {
		return err
	}
	if units, person := principal.Bound(); len(units) > 0 || person != "" {
		return problem.New(http.StatusForbidden, "auth.bound", "The credential is bound to units or to a person and may not provision.")
	}
	return nil
}

// body reads the request's JSON into v.
func (c *call) body(v any) error {
	mediaType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/scim+json" && mediaType != "application/json" {
		return problem.New(http.StatusUnsupportedMediaType, "request.type",
			"The body's Content-Type is %q; application/scim+json is taken here.", c.r.Header.Get("Content-Type"))
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, c.Body))
	if err := request.BodyError(err); err != nil {
		return err
	}
	if err := json.Unmarshal(b, v, json.MatchCaseInsensitiveNames(true)); err != nil {
		return refuse("invalidSyntax", "The body cannot be read: %v.", err)
	}
	return nil
}

// view is what there is at one moment.
type view struct {
	state *people.State
	now   time.Time
}

// view gives what there is now: all that this node has answered for is in it.
func (c *call) view() (*view, error) {
	p, err := c.registrar.Present(c.ctx)
	if err != nil {
		return nil, err
	}
	c.w.Header().Set(request.HeaderPosition, p.Position())
	return &view{p.People, c.now()}, nil
}

// awaitOthers waits until this node has what its client has seen of others, if it says where that stands.
func (c *call) awaitOthers() error {
	text := c.r.Header.Get(request.HeaderPosition)
	if text == "" {
		return nil
	}
	revision, err := request.Position("header "+request.HeaderPosition, "request.position", text)
	if err != nil {
		return err
	}
	return c.registrar.Await(c.ctx, revision)
}

// now is the present moment as assignments have it.
func (c *call) now() time.Time { return c.Now().UTC().Truncate(time.Millisecond) }

// write is a change under way: old is what there was, and draft what there will be.
type write struct {
	old   *view
	draft *people.Draft
}

// register stores what decide does, all or nothing, and gives what there is then.
// decide may be called several times.
func (c *call) register(decide func(*write) error) (*view, error) {
	var after *view
	position, err := c.registrar.Register(c.ctx, func(p registrar.Present) ([]event.Event, error) {
		w := &write{&view{p.People, c.now()}, p.People.Draft()}
		if err := decide(w); err != nil {
			return nil, err
		}
		after = &view{w.draft.Now(), w.old.now}
		return w.draft.Events(), nil
	})
	if position != "" {
		c.w.Header().Set(request.HeaderPosition, position)
	}
	return after, err
}
