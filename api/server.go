// Package api assembles what Bedside serves over HTTP: the xAPI resources,
// health, readiness and metrics, behind one chain of middleware.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/cors"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/scimhttp"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections"
)

// Config is how the server meets the world.
type Config struct {
	Log      *slog.Logger
	Registry *prometheus.Registry
	Default  xapi.Version // in whose name a path of xAPI is refused that has no resource

	// CORSOrigins may use the API from a browser; "*" stands for all, an empty list
	// for none. Browsers send no credentials by themselves: a page must hold a key
	// and secret.
	CORSOrigins []string

	HeaderTimeout time.Duration // to send the request's header
	ReadTimeout   time.Duration // to send all of the request
	StallTimeout  time.Duration // to send the next part of its body
	WriteTimeout  time.Duration // from the end of the header to the end of the answer
	IdleTimeout   time.Duration // between requests of a connection
	HeaderBytes   int           // of one request
}

// DefaultConfig has the limits that are in force where the operator says
// nothing.
var DefaultConfig = Config{
	CORSOrigins:   []string{"*"},
	Default:       xapi.V2,
	HeaderTimeout: 10 * time.Second,
	ReadTimeout:   10 * time.Minute,
	StallTimeout:  30 * time.Second,
	WriteTimeout:  10 * time.Minute,
	IdleTimeout:   2 * time.Minute,
	HeaderBytes:   64 << 10,
}

// Server listens from the start; until Attach gives it a store, it answers 503
// to all but /healthz and /metrics.
type Server struct {
	cfg     Config
	http    *http.Server
	metrics *metrics
	current atomic.Pointer[http.Handler] // what lies behind the middleware
}

// NewServer returns a server without a store.
func NewServer(cfg Config) *Server {
	s := &Server{cfg: cfg, metrics: newMetrics(cfg.Registry)}
	s.route(nil, nil, nil)
	crossOrigin := cors.New(cors.Options{
		AllowedOrigins: cfg.CORSOrigins,
		AllowedMethods: []string{"GET", "HEAD", "PUT", "POST", "DELETE"},
		AllowedHeaders: []string{
			"Authorization", "Content-Type", "Content-Encoding", "Accept", "Accept-Language", "If-Match", "If-None-Match",
			"X-Experience-API-Version", "X-Experience-API-Hash", "Content-Transfer-Encoding", "X-Bedside-Position",
		},
		ExposedHeaders: []string{
			"ETag", "Last-Modified", "Retry-After", "X-Experience-API-Version", "X-Experience-API-Consistent-Through",
			"X-Bedside-Position", "X-Bedside-At", "X-Bedside-As-Of", "Link", "X-Request-Id",
		},
		MaxAge: 600,
	})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.current.Load()).ServeHTTP(w, r) })
	behind := s.decode(h)
	if len(cfg.CORSOrigins) > 0 { // to the library none stands for all
		behind = crossOrigin.Handler(behind)
	}
	s.http = &http.Server{
		Handler:           s.observe(behind),
		ReadHeaderTimeout: cfg.HeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		WriteTimeout:      cfg.WriteTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    cfg.HeaderBytes,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetWriteBuffer(sendBuffer) // refused, it is the system's own, which only lets slow readers wait longer
			}
			return ctx
		},
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug), // clients' broken connections
	}
	return s
}

// Attach begins to serve a store that is ready, and what its projections know. A
// Server without projections has a zero hr.
func (s *Server) Attach(store *lrs.Store, cfg xapihttp.Config, hr hrhttp.Config) {
	cfg.Store, hr.Store = store, store
	s.route(store, hr.Runtime, func(r *mux.Router) {
		xapihttp.Register(r, cfg)
		if hr.Runtime != nil {
			r.PathPrefix(hrhttp.BasePath + "/").Handler(hrhttp.Handler(hr))
			r.PathPrefix(scimhttp.BasePath + "/").Handler(scimhttp.Handler(scimhttp.Config{
				Store: store, Runtime: hr.Runtime, Model: hr.Model, Log: hr.Log, Now: hr.Now, Wait: hr.Wait, Body: hr.Body,
			}))
		}
	})
}

func (s *Server) route(store *lrs.Store, runtime *projections.Runtime, register func(*mux.Router)) {
	r := mux.NewRouter().SkipClean(true) // a redirect would turn a POST into a GET
	for path, h := range map[string]http.Handler{
		"/healthz": http.HandlerFunc(healthz),
		"/readyz":  readyz(store, runtime),
		"/metrics": promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}),
	} {
		r.Handle(path, h).Methods(http.MethodGet, http.MethodHead)
	}
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		problem.Write(w, r, s.cfg.Log, problem.New(http.StatusMethodNotAllowed, "request.method", "%s is not allowed here; GET and HEAD are.", r.Method))
	})
	if register != nil {
		register(r)
	}
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, xapihttp.BasePath+"/") {
			version, err := xapi.ParseVersion(r.Header.Get("X-Experience-API-Version"))
			if err != nil {
				version = s.cfg.Default
			}
			w.Header().Set("X-Experience-API-Version", version.String())
		}
		err := problem.New(http.StatusNotFound, "resource.unknown", "There is nothing at %q.", r.URL.Path)
		if store == nil {
			err = problem.New(http.StatusServiceUnavailable, "store.starting", "The store is starting or stopping; try again.")
			err.RetryAfter = 2
		}
		problem.Write(w, r, s.cfg.Log, err)
	})
	var h http.Handler = r
	s.current.Store(&h)
}

// Serve serves until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("api: serve: %w", err)
	}
	return nil
}

// Shutdown stops listening and waits for the requests under way, until ctx
// ends; then their connections are closed.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("api: shutdown: %w", err), s.http.Close())
	}
	return nil
}
