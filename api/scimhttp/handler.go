package scimhttp

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/registrar"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// BasePath is where the resources are.
const BasePath = "/scim/v2"

// Config is what the resources need.
type Config struct {
	Store   *lrs.Store
	Runtime *projections.Runtime
	Model   *readmodel.Store
	Log     *slog.Logger     // default slog.Default
	Now     func() time.Time // default time.Now

	// Wait bounds how long an answer waits for the projections to come as far as it
	// needs; then 503. Default 10 s.
	Wait time.Duration

	// Body bounds a request's body, bytes. Default 8 MB.
	Body int64
}

// route is one method of one path; variables of the path are in braces.
type route struct {
	path, method string
	allow        func(auth.Scopes) bool
	serve        func(*call) error
}

func routes() []route {
	read := func(path string, serve func(*call) error) route {
		return route{path, http.MethodGet, auth.Scopes.ReadPeople, serve}
	}
	all := []route{
		read("/ServiceProviderConfig", (*call).getConfig),
		read("/ResourceTypes", (*call).discover),
		read("/ResourceTypes/{id}", (*call).discover),
		read("/Schemas", (*call).discover),
		read("/Schemas/{id}", (*call).discover),
	}
	for _, k := range kinds {
		write := func(path, method string, serve func(*call, *kind) error) route {
			return route{path, method, auth.Scopes.WritePeople, func(c *call) error { return serve(c, k) }}
		}
		all = append(all,
			read(k.endpoint, func(c *call) error { return c.list(k) }),
			write(k.endpoint, http.MethodPost, (*call).post),
			read(k.endpoint+"/{id}", func(c *call) error { return c.get(k) }),
			write(k.endpoint+"/{id}", http.MethodPut, (*call).put),
			write(k.endpoint+"/{id}", http.MethodPatch, (*call).patch),
			write(k.endpoint+"/{id}", http.MethodDelete, (*call).remove),
		)
	}
	return all
}

// handler serves one path.
type handler struct {
	*Config
	registrar *registrar.Registrar
	path      string
	routes    []route
}

// Handler serves the resources, for requests whose path begins with BasePath.
func Handler(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Wait == 0 {
		cfg.Wait = 10 * time.Second
	}
	if cfg.Body == 0 {
		cfg.Body = 8 << 20
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	reg := &registrar.Registrar{
		Store: cfg.Store, Runtime: cfg.Runtime, Model: cfg.Model, People: &people.Reader{}, Catalog: &catalog.Reader{}, Wait: cfg.Wait,
	}
	r := mux.NewRouter().SkipClean(true).UseEncodedPath() // an id is one path segment, percent-encoded
	at := map[string]*handler{}
	for _, rt := range routes() {
		h := at[rt.path]
		if h == nil {
			h = &handler{Config: &cfg, registrar: reg, path: rt.path}
			at[rt.path] = h
			r.Handle(BasePath+rt.path, h)
		}
		h.routes = append(h.routes, rt)
	}
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeError(w, r, cfg.Log, problem.New(http.StatusNotFound, "resource.unknown", "There is nothing at %q.", r.URL.Path))
	})
	return r
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), h.Wait+20*time.Second)
	defer cancel()
	problem.Resource(ctx, BasePath+h.path)
	w.Header().Set("Cache-Control", "private, no-cache") // kept only to be asked with the ETag
	w.Header().Add("Vary", "Authorization")
	if err := h.serve(ctx, w, r); err != nil {
		writeError(w, r, h.Log, problem.Late(ctx, r, err))
	}
}

func (h *handler) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	i := slices.IndexFunc(h.routes, func(rt route) bool { return rt.method == method })
	if i < 0 {
		w.Header().Set("Allow", h.allowed())
		if method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return problem.New(http.StatusMethodNotAllowed, "request.method", "%s is not allowed here; %s are.", r.Method, h.allowed())
	}
	c, err := newCall(ctx, h, w, r)
	if err != nil {
		return err
	}
	if err := c.authenticate(&h.routes[i]); err != nil {
		return err
	}
	if err := c.awaitOthers(); err != nil {
		return err
	}
	return h.routes[i].serve(c)
}

func (h *handler) allowed() string {
	methods := []string{http.MethodOptions}
	for _, rt := range h.routes {
		methods = append(methods, rt.method)
		if rt.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	return strings.Join(methods, ", ")
}
