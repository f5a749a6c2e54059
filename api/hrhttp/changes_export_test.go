package hrhttp

import (
	"net/http"
	"time"
)

// Changes serves the changes, with a heartbeat of the test's. All of cfg must be set.
func Changes(cfg Config, beat <-chan time.Time) http.Handler {
	serve := func(c *call) error { return c.stream(beat) }
	routes := []route{{http.MethodGet, readChanges, false, serve}}
	return &handler{Config: cfg, resource: resource{"/changes", routes, true}, readers: &readers{}}
}
