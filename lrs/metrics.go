package lrs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Metrics are the write path's figures for Prometheus. The names are stable.
type Metrics struct {
	commitEvents  prometheus.Histogram // lrs_commit_events
	commitBytes   prometheus.Histogram // lrs_commit_bytes
	append        prometheus.Histogram // lrs_append_seconds
	apply         prometheus.Histogram // lrs_index_apply_seconds
	logBytes      prometheus.Counter   // lrs_log_appended_bytes_total
	conflicts     prometheus.Counter   // lrs_append_conflicts_total
	appendFailed  *prometheus.CounterVec
	registerer    prometheus.Registerer
	registerStore sync.Once
}

// NewMetrics registers the write path's metrics; nil registers them nowhere.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
		reg.MustRegister(h)
		return h
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	latency := prometheus.ExponentialBuckets(0.0001, 2, 16) // 0.1 ms to 3.3 s
	m := &Metrics{
		registerer:   reg,
		commitEvents: histogram("lrs_commit_events", "Events in one commit.", prometheus.ExponentialBuckets(1, 2, 11)),
		commitBytes:  histogram("lrs_commit_bytes", "Encoded bytes of one commit.", prometheus.ExponentialBuckets(256, 2, 13)),
		append:       histogram("lrs_append_seconds", "From sealing a commit to its outcome in the log.", latency),
		apply:        histogram("lrs_index_apply_seconds", "Applying one commit to the index.", latency),
		logBytes:     counter("lrs_log_appended_bytes_total", "Bytes of the commits that this node appended."),
		conflicts:    counter("lrs_append_conflicts_total", "Commits that lost their revision to another node."),
		appendFailed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lrs_append_failures_total", Help: "Appends that failed, by reason.",
		}, []string{"reason"}),
	}
	reg.MustRegister(m.appendFailed)
	return m
}

// appended counts one append and its outcome.
func (m *Metrics) appended(took time.Duration, events, bytes int, err error) {
	m.append.Observe(took.Seconds())
	switch {
	case err == nil:
		m.commitEvents.Observe(float64(events))
		m.commitBytes.Observe(float64(bytes))
		m.logBytes.Add(float64(bytes))
	case errors.Is(err, eventlog.ErrConflict): // counted by its own counter
	case errors.Is(err, eventlog.ErrUnknownOutcome):
		m.appendFailed.WithLabelValues("unknown outcome").Inc()
	default:
		m.appendFailed.WithLabelValues("unavailable").Inc()
	}
}

// observe registers the gauges that ask a store when they are read.
func (m *Metrics) observe(s *Store) {
	gauge := func(name, help string, value func() float64) {
		m.registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	m.registerStore.Do(func() {
		gauge("lrs_queue_bytes", "Bytes of changes that wait for the committer.", func() float64 {
			return float64(s.queuedBytes.Load())
		})
		gauge("lrs_queue_changes", "Changes that wait for the committer.", func() float64 {
			return float64(len(s.queue))
		})
		gauge("lrs_log_revision", "The last commit that is applied here.", func() float64 {
			return float64(s.Head().Revision)
		})
		gauge("lrs_index_lag_commits", "Commits in the log that are not applied here yet.", func() float64 {
			return max(0, float64(s.logHead.Load())-float64(s.Head().Revision))
		})
		gauge("lrs_log_bytes", "Bytes that the log takes; -1 if it cannot tell.", func() float64 { return s.logBytes() })
		gauge("lrs_index_disk_bytes", "Bytes of the index's files.", func() float64 {
			return float64(s.Index().Metrics().DiskBytes)
		})
		gauge("lrs_index_pending", "Statements that wait for what their targets' filters add.", func() float64 {
			return float64(s.Index().Pending())
		})
		gauge("lrs_consistent_through_seconds", "The watermark, as a Unix time.", func() float64 {
			return float64(s.clock.watermark()) / 1e6
		})
	})
}

// logBytes asks a driver that knows.
func (s *Store) logBytes() float64 {
	sized, ok := s.log.(interface {
		Bytes(context.Context) (uint64, error)
	})
	if !ok {
		return -1
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	n, err := sized.Bytes(ctx)
	if err != nil {
		return -1
	}
	return float64(n)
}
