// Package hrhttp serves what the projections know, under /api/v1: people and units,
// definitions, competencies and their evidence (DOMAIN.md, "Definitions and answers").
//
// A question asked again about the same moments gives the same bytes: see moment.
package hrhttp

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/klauspost/compress/gzhttp"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/gaps"
	"github.com/bedside-lrs/bedside/projections/notice"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// BasePath is where the resources are.
const BasePath = "/api/v1"

// Config is what the resources need.
type Config struct {
	Store   *lrs.Store
	Runtime *projections.Runtime
	Model   *readmodel.Store
	Notices *notice.Publisher // of changes; nil: there are none to follow
	Log     *slog.Logger
	Now     func() time.Time // default time.Now

	// Operator: requests have no credentials and may do everything. For the
	// administration's socket only.
	Operator bool

	// Wait bounds how long an answer waits for the projections to come as far as it
	// needs; then 503. Default 10 s.
	Wait time.Duration

	// Body bounds a request's body, bytes. Default 8 MB.
	Body int64

	// File bounds a body of CSV files of people and units, bytes. Default people.MaxFile.
	File int64
}

// readers keep what they have read from one answer to the next.
type readers struct {
	people     people.Reader
	catalog    catalog.Reader
	competency competency.Reader
	feedback   feedback.Reader

	// They ask the others.
	gaps          gaps.Reader
	effectiveness effectiveness.Reader
	evaluation    evaluation.Reader
}

func newReaders() *readers {
	r := &readers{}
	r.gaps = gaps.Reader{Competency: &r.competency, Feedback: &r.feedback}
	r.effectiveness.Competency, r.effectiveness.Feedback = &r.competency, &r.feedback
	r.evaluation = evaluation.Reader{Competency: &r.competency, Feedback: &r.feedback, Effectiveness: &r.effectiveness}
	return r
}

// route is one method of one resource.
type route struct {
	method string
	allow  func(auth.Scopes) bool
	writes bool // refused to credentials that are bound to units or to a person
	serve  func(*call) error
}

// resource is one path; its variables are in braces.
type resource struct {
	path   string
	routes []route
	stream bool // has no end, and is not compressed
}

func resources() []resource {
	get := func(allow func(auth.Scopes) bool, serve func(*call) error) route {
		return route{http.MethodGet, allow, false, serve}
	}
	write := func(method string, allow func(auth.Scopes) bool, serve func(*call) error) route {
		return route{method, allow, true, serve}
	}
	all := []resource{
		{"/people", []route{
			get(auth.Scopes.ReadPeople, (*call).getPeople),
			write(http.MethodPost, auth.Scopes.WritePeople, (*call).importPeople),
		}, false},
		{"/people/{person}", []route{
			get(auth.Scopes.ReadPeople, (*call).getPerson),
			write(http.MethodPut, auth.Scopes.WritePeople, (*call).putPerson),
			write(http.MethodDelete, auth.Scopes.WritePeople, (*call).deletePerson),
		}, false},
		{"/people/{person}/assignments", []route{
			write(http.MethodPost, auth.Scopes.WritePeople, (*call).postAssignment),
			write(http.MethodDelete, auth.Scopes.WritePeople, (*call).deleteAssignment),
		}, false},
		{"/people/{person}/identities", []route{
			write(http.MethodPost, auth.Scopes.WritePeople, (*call).postIdentity),
		}, false},
		{"/people/{person}/identities/{ifi}", []route{
			write(http.MethodDelete, auth.Scopes.WritePeople, (*call).deleteIdentity),
		}, false},
		{"/people/{person}/competencies", []route{
			get(auth.Scopes.ReadCompetencies, (*call).getPersonCompetencies),
		}, false},
		{"/people/{person}/competencies/{competency}/evidence", []route{
			get(auth.Scopes.ReadCompetencies, (*call).getEvidence),
		}, false},
		{"/units", []route{
			get(auth.Scopes.ReadPeople, (*call).getUnits),
			write(http.MethodPost, auth.Scopes.WritePeople, (*call).importUnits),
		}, false},
		{"/units/{unit}", []route{
			get(auth.Scopes.ReadPeople, (*call).getUnit),
			write(http.MethodPut, auth.Scopes.WritePeople, (*call).putUnit),
			write(http.MethodDelete, auth.Scopes.WritePeople, (*call).deleteUnit),
		}, false},
		{"/units/{unit}/competencies", []route{
			get(auth.Scopes.ReadCompetencies, (*call).getUnitCompetencies),
		}, false},
		{"/definitions", []route{
			get(auth.Scopes.ReadDefinitions, (*call).getDefinitions),
			write(http.MethodPost, auth.Scopes.WriteDefinitions, (*call).applyDefinitions),
		}, false},
		{"/definitions/{kind}", []route{
			get(auth.Scopes.ReadDefinitions, (*call).getDefinitions),
			write(http.MethodPut, auth.Scopes.WriteDefinitions, (*call).putDefinition), // with ?id=
		}, false},
		{"/definitions/{kind}/{id}", []route{
			get(auth.Scopes.ReadDefinitions, (*call).getDefinitions),
			write(http.MethodPut, auth.Scopes.WriteDefinitions, (*call).putDefinition),
		}, false},
		{"/units/{unit}/gaps", []route{
			get(auth.Scopes.ReadCompetencies, (*call).getGaps),
		}, false},
		{"/people/{person}/evaluations/{evaluation}", []route{
			get(auth.Scopes.ReadEvaluations, (*call).getPersonEvaluation),
		}, false},
		{"/people/{person}/evaluations/{evaluation}/evidence", []route{
			get(auth.Scopes.ReadEvaluations, (*call).getMetricEvidence),
		}, false},
		{"/people/{person}/evaluations/{evaluation}/decisions", []route{
			write(http.MethodPost, auth.Scopes.WriteEvaluations, (*call).postDecision),
		}, false},
		{"/people/{person}/evaluations/{evaluation}/comments", []route{
			{http.MethodPost, auth.Scopes.ReadEvaluations, false, (*call).postComment}, // by the person concerned
		}, false},
		{"/units/{unit}/evaluations/{evaluation}", []route{
			get(auth.Scopes.ReadEvaluations, (*call).getUnitEvaluation),
		}, false},
		{"/programmes/{programme}/effectiveness", []route{
			get(auth.Scopes.ReadKPIs, (*call).getEffectiveness),
		}, false},
		{"/programmes/{programme}/effectiveness/evidence", []route{
			get(auth.Scopes.ReadKPIs, (*call).getEffectivenessEvidence),
		}, false},
		{"/kpis/{kpi}", []route{
			get(auth.Scopes.ReadKPIs, (*call).getKPI),
		}, false},
		{"/kpis/{kpi}/evidence", []route{
			get(auth.Scopes.ReadKPIs, (*call).getKPIEvidence),
		}, false},
		{"/measures", []route{
			get(auth.Scopes.ReadKPIs, (*call).getMeasures),
			write(http.MethodPost, auth.Scopes.WriteMeasures, (*call).postMeasures),
		}, false},
		{"/unmapped", []route{
			get(auth.Scopes.ReadPeople, (*call).getUnmapped),
		}, false},
	}
	return append(all, resource{"/changes", []route{get(readChanges, (*call).getChanges)}, true})
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
	if cfg.File == 0 {
		cfg.File = people.MaxFile
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.SuffixETag("-gzip"))
	if err != nil {
		panic("hrhttp: gzhttp refuses its own defaults: " + err.Error()) // a programming error, at start
	}
	shared := newReaders()
	// An id is one path segment, percent-encoded: IRIs have slashes.
	r := mux.NewRouter().SkipClean(true).UseEncodedPath()
	for _, res := range resources() {
		var h http.Handler = &handler{Config: cfg, resource: res, readers: shared}
		if !res.stream {
			h = compress(h)
		}
		r.Handle(BasePath+res.path, h)
	}
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, r, cfg.Log, notFound())
	})
	return r
}

// notFound is the answer for an id that is unknown, or outside the credential's reach:
// the same, so that nobody learns which.
func notFound() error {
	return problem.New(http.StatusNotFound, "not_found", "There is nothing here that this credential may see.")
}

type handler struct {
	Config
	resource
	readers *readers
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), h.Wait+20*time.Second)
	defer cancel()
	problem.Resource(ctx, BasePath+h.path)
	w.Header().Set("Cache-Control", "private, no-cache") // kept only to be asked with the ETag
	w.Header().Add("Vary", "Authorization, Accept")      // beside Origin and Accept-Encoding
	if err := h.serve(ctx, w, r); err != nil {
		problem.Write(w, r, h.Log, problem.Late(ctx, r, err))
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
