package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/natslog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/relay"
)

// copySuffix ends the name of the log's copy, so that nobody takes that for a log, and to remove it is always safe.
const copySuffix = "-relay"

// openEventStore opens the log on EventStoreDB, and the connection to the NATS cluster that has all else.
func (n *node) openEventStore(ctx context.Context, e engine, log *slog.Logger) error {
	opened, err := esdblog.Open(ctx, esdblog.Config{URL: e.at, Name: e.name, Logger: log})
	if err != nil {
		return fmt.Errorf("event log (--log): %w", err)
	}
	n.log = opened
	if n.conn, err = e.connect(ctx, log); err != nil {
		return fmt.Errorf("NATS (--nats): %w", err)
	}
	return nil
}

// openCopy opens the copy of a log on EventStoreDB, in JetStream. It comes before the attachments: a server of the NATS
// cluster that does not reach the others is left by who asks it for a log, see package natslog.
func (n *node) openCopy(ctx context.Context, e engine, log *slog.Logger) (err error) {
	n.copy, err = natslog.Open(ctx, natslog.Config{Conn: n.conn, Name: e.name + copySuffix, Replicas: e.replicas, Logger: log})
	if err != nil {
		return fmt.Errorf("copy of the event log (--nats): %w", err)
	}
	return nil
}

// carry starts to carry commits to the copy. Every node does: the first to come stores a commit, and when that node is gone
// another is the first.
func (n *node) carry(ctx context.Context, reg prometheus.Registerer, log *slog.Logger) error {
	// The copy can be made anew, the attachments beside it cannot.
	if err := n.synced.watch(ctx, n.copy.CheckSynced, log); err != nil {
		return fmt.Errorf("copy of the event log (--nats): %w", err)
	}
	n.relay = relay.Start(relay.Config{Source: n.log, Target: n.copy, Logger: log})
	return n.relayMetrics(reg)
}

// projected is the log that the projections read.
func (n *node) projected() eventlog.Log {
	if n.copy != nil {
		return n.copy
	}
	return n.log
}

// noted is what an operator must see to and what does not keep the node from serving.
func (n *node) noted() []string {
	notes := n.synced.notes()
	if n.relay != nil {
		if s := n.relay.Status(); s.Err != nil {
			notes = append(notes, fmt.Sprintf("the relay, on which the projections wait, has come to revision %d: %v", s.Head.Revision, s.Err))
		}
	}
	return notes
}

// relayMetrics exports how the relay stands.
func (n *node) relayMetrics(reg prometheus.Registerer) error {
	gauge := func(name, help string, value func(relay.Status) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "relay_" + name, Help: help}, func() float64 { return value(n.relay.Status()) })
	}
	counter := func(name, help string, value func(relay.Status) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "relay_" + name, Help: help}, func() float64 { return float64(value(n.relay.Status())) })
	}
	for _, c := range []prometheus.Collector{
		gauge("revision", "Revision of the last commit that is known to be in the log's copy.", func(s relay.Status) float64 { return float64(s.Head.Revision) }),
		gauge("lag_commits", "Commits that this node has applied and that are not known to be in the copy yet.", func(s relay.Status) float64 {
			return max(0, float64(n.store.Head().Revision)-float64(s.Head.Revision))
		}),
		gauge("standing", "1 while something is in the relay's way.", func(s relay.Status) float64 {
			if s.Err != nil {
				return 1
			}
			return 0
		}),
		counter("stored_commits_total", "Commits that this node's relay has stored in the copy.", func(s relay.Status) int64 { return s.Stored }),
		counter("found_commits_total", "Commits that another node's relay had stored before it.", func(s relay.Status) int64 { return s.Found }),
	} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("metrics of the relay: %w", err)
		}
	}
	return nil
}
