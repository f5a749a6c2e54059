package api

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/xapihttp"
)

// metrics are the figures of the HTTP side. The names are stable.
type metrics struct {
	requests *prometheus.HistogramVec // http_request_seconds{method,resource,status}
	refusals *prometheus.CounterVec   // http_refusals_total{code,rule}
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_seconds", Help: "Time to answer, by method, resource and status.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16), // 0.5 ms to 16 s
		}, []string{"method", "resource", "status"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_refusals_total", Help: "Refused requests, by the problem's code and the statement's broken rule.",
		}, []string{"code", "rule"}),
	}
	reg.MustRegister(m.requests, m.refusals)
	return m
}

func (m *metrics) request(r *http.Request, status int, took time.Duration, req *problem.Request) {
	m.requests.WithLabelValues(method(r.Method), cmp.Or(req.Resource, resource(r.URL.Path)), strconv.Itoa(status)).Observe(took.Seconds())
	if p := req.Problem; p != nil {
		m.refusals.WithLabelValues(p.Code, p.Rule).Inc()
	}
}

// method and resource keep a client from making new series.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

func resource(path string) string {
	if knownPaths[path] {
		return path
	}
	return "other"
}

// knownPaths are the paths that have a series of their own.
var knownPaths = func() map[string]bool {
	known := map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true}
	for _, path := range xapihttp.Paths() {
		known[path] = true
	}
	return known
}()
