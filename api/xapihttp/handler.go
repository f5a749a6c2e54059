// Package xapihttp serves the xAPI resources, versions 1.0.x and 2.0.x at one
// endpoint, on a lrs.Store. References "C" are to xAPI-Communication.md and "D"
// to xAPI-Data.md of xAPI 1.0.3.
package xapihttp

import (
	"crypto/x509"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/klauspost/compress/gzhttp"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/request"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// BasePath is where the resources are; `more` links begin with it.
const BasePath = "/xapi"

// Config is what the resources need.
type Config struct {
	Store *lrs.Store
	Log   *slog.Logger
	Now   func() time.Time

	// Default is the version whose name a refusal for a missing version header
	// carries. C 3.3 wants the request refused; it does not say in which name.
	Default xapi.Version

	// X5CRoots, if set, are what the certificate chain of a signed statement
	// must lead to (D 2.6).
	X5CRoots *x509.CertPool

	Limits
}

// Limits bound what one request may cost.
type Limits struct {
	Body          int64         // bytes of JSON: statements, and forms
	Document      int64         // bytes of a document
	Bodies        int64         // bytes of all bodies and what is made of them in memory at once, beyond the first 64 KiB of each request
	Attachments   int64         // bytes of all attachments of a request
	Batch         int           // statements in a request
	Page          int           // statements in an answer; also what limit=0 and no limit mean
	CommitTimeout time.Duration // wait for the store, then 503; the client's sending does not count
}

// DefaultLimits are in force where the operator says nothing.
var DefaultLimits = Limits{
	Body: 8 << 20, Document: 16 << 20, Bodies: 256 << 20, Attachments: 512 << 20,
	Batch: 1000, Page: 500, CommitTimeout: 30 * time.Second,
}

// headers of the specification.
const (
	headerVersion = "X-Experience-API-Version"
	headerThrough = "X-Experience-API-Consistent-Through"
	headerHash    = "X-Experience-API-Hash"
)

// timeFormat prints every time the LRS assigns: always six digits, always UTC.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// route is one method of one resource. Routes is made of them, so that tests
// can try each with each scope.
type route struct {
	method string
	allow  func(auth.Scopes) bool
	serve  func(*call) error
}

// resource is one path.
type resource struct {
	path   string
	open   bool // served without credentials and without a version header
	plain  bool // never compressed: its ETag is its content's hash (C 3.1)
	routes []route
}

func resources() []resource {
	state := func(write bool) func(auth.Scopes) bool {
		return func(s auth.Scopes) bool { return s.State(write) }
	}
	profile := func(write bool) func(auth.Scopes) bool {
		return func(s auth.Scopes) bool { return s.Profile(write) }
	}
	documents := func(d documentResource, allow func(bool) func(auth.Scopes) bool) []route {
		return []route{
			{http.MethodGet, allow(false), d.get},
			{http.MethodPut, allow(true), d.put},
			{http.MethodPost, allow(true), d.post},
			{http.MethodDelete, allow(true), d.delete},
		}
	}
	return []resource{
		{path: "/about", open: true, routes: []route{
			{http.MethodGet, nil, (*call).getAbout},
		}},
		{path: "/statements", routes: []route{
			{http.MethodGet, func(s auth.Scopes) bool { return s.ReadStatements() != auth.ReadNone }, (*call).getStatements},
			{http.MethodPut, auth.Scopes.CanWriteStatements, (*call).putStatement},
			{http.MethodPost, auth.Scopes.CanWriteStatements, (*call).postStatements},
		}},
		{path: "/activities", routes: []route{
			{http.MethodGet, auth.Scopes.ReadActivities, (*call).getActivity},
		}},
		{path: "/agents", routes: []route{
			{http.MethodGet, auth.Scopes.ReadAgents, (*call).getAgent},
		}},
		{path: "/activities/state", plain: true, routes: documents(stateDocuments, state)},
		{path: "/activities/profile", plain: true, routes: documents(activityProfiles, profile)},
		{path: "/agents/profile", plain: true, routes: documents(agentProfiles, profile)},
	}
}

// Paths are those of the resources.
func Paths() []string {
	var paths []string
	for _, res := range resources() {
		paths = append(paths, BasePath+res.path)
	}
	return paths
}

// Register adds the resources to a router.
func Register(r *mux.Router, cfg Config) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024))
	if err != nil {
		panic("xapihttp: gzhttp refuses its own defaults: " + err.Error()) // a programming error, at start
	}
	bodies := newBodies(cfg.Bodies)
	for _, res := range resources() {
		var h http.Handler = &handler{Config: cfg, resource: res, bodies: bodies}
		if !res.plain {
			h = compress(h)
		}
		r.Handle(BasePath+res.path, h)
	}
}

// handler serves one resource.
type handler struct {
	Config
	resource
	bodies *bodies
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Every answer names a version, refusals too (C 3.3).
	w.Header().Set(headerVersion, h.Default.String())
	if v, err := xapi.ParseVersion(r.Header.Get(headerVersion)); err == nil {
		w.Header().Set(headerVersion, v.String())
	}
	if h.path == "/statements" {
		// Every answer of this resource says it (C 2.1.3); a page of results
		// overwrites it with the time of its snapshot.
		w.Header().Set(headerThrough, h.Store.ConsistentThrough().Format(timeFormat))
	}
	if err := h.serve(w, r); err != nil {
		problem.Write(w, r, h.Log, err)
	}
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", h.allowed())
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	held := h.bodies.begin()
	defer held.release()
	c, err := newCall(h, w, r, held)
	if err != nil {
		return err
	}
	if err := c.serve(); err != nil {
		problem.Write(c.w, r, h.Log, err) // without a body, if it is a HEAD that came as a POST
	}
	return nil
}

// serve finds the route, asks who it is, and answers.
func (c *call) serve() error {
	rt := c.route(c.r.Method)
	if rt == nil {
		c.w.Header().Set("Allow", c.allowed())
		return problem.New(http.StatusMethodNotAllowed, "request.method", "%s is not allowed here; %s are.", c.r.Method, c.allowed())
	}
	if !c.open {
		if err := c.authenticate(rt); err != nil {
			return err
		}
		if err := c.awaitOthers(rt); err != nil {
			return err
		}
	}
	if err := rt.serve(c); err != nil {
		if c.w.Header().Get(request.HeaderPosition) == "" {
			c.position(lrs.Position{}) // what refuses rests on what there is
		}
		return err
	}
	return nil
}

// route finds the route of a method; HEAD is GET without a body (C 1.1).
func (h *handler) route(method string) *route {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	i := slices.IndexFunc(h.routes, func(rt route) bool { return rt.method == method })
	if i < 0 {
		return nil
	}
	return &h.routes[i]
}

func (h *handler) allowed() string {
	var methods []string
	for _, rt := range h.routes {
		methods = append(methods, rt.method)
		if rt.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	return strings.Join(append(methods, http.MethodOptions), ", ")
}
