package projections

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Lag is how far a projection is behind the log.
type Lag struct {
	Events int64
	Time   time.Duration // for which the first of them has waited
}

// Head is how far the log is at some moment.
type Head struct {
	Events int64 // how many there are
	Now    int64 // the moment, µs
}

// Lag is that of the live generation behind a head of the log.
func (s Status) Lag(h Head) Lag {
	events := h.Events - s.Live.Events
	if events <= 0 || s.Next == 0 {
		return Lag{Events: max(0, events)}
	}
	return Lag{events, max(0, time.Duration(h.Now-s.Next)*time.Microsecond)}
}

// collector exports how each projection stands.
type collector struct {
	runtime *Runtime
	head    func() Head
}

// Collector exports the projections' lag and what they have set aside to Prometheus.
func (r *Runtime) Collector(head func() Head) prometheus.Collector { return &collector{r, head} }

// collectTimeout bounds what a scrape waits for the database.
const collectTimeout = 5 * time.Second

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("projection_"+name, help, []string{"projection"}, nil)
}

var (
	descLagEvents  = describe("lag_events", "Events of the log that the projection has not taken yet.")
	descLagSeconds = describe("lag_seconds", "For how long the first of these has waited.")
	descRevision   = describe("revision", "Revision of the last commit that it has taken.")
	descStanding   = describe("standing", "1 while it stands still because of an error.")
	descBuilding   = describe("building", "1 while it is built anew.")
	descSetAside   = describe("set_aside_events", "Events that it could not digest.")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descLagEvents, descLagSeconds, descRevision, descStanding, descBuilding, descSetAside} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	all, err := c.runtime.Status(ctx)
	head := c.head()
	flag := func(set bool) float64 {
		if set {
			return 1
		}
		return 0
	}
	for _, s := range all {
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, s.Name)
		}
		lag := s.Lag(head)
		gauge(descLagEvents, float64(lag.Events))
		gauge(descLagSeconds, lag.Time.Seconds())
		gauge(descRevision, float64(s.Live.Revision))
		gauge(descStanding, flag(s.Err != nil))
		gauge(descBuilding, flag(s.Building != nil))
		if err == nil { // else it is not known, and the others are wanted all the more
			gauge(descSetAside, float64(s.SetAside))
		}
	}
}
