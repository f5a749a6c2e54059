package natslog

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/nats-io/nats.go"
)

// leaveAfter is for how long nothing that is asked of the log may be answered before the connection goes to another server:
// longer than an election takes. It doubles with each that is no better, up to longestStay, since while the log has no
// leader none is.
const (
	leaveAfter  = 10 * time.Second
	longestStay = time.Minute
)

// stay is that of the connection at one server of a cluster. A server that is cut off from the others keeps its clients,
// and answers their pings; but it neither stores anything nor knows who leads, where a client of another server could go on.
type stay struct {
	now   func() time.Time
	count func() uint64   // of the connections that there were
	leave func(why error) // goes to another server; it does not wait

	mu    sync.Mutex
	at    uint64        // the connection that what follows is about
	since time.Time     // when the first was asked of those in a row that had no answer; zero: the last had one
	last  time.Time     // when either was last noted
	bound time.Duration // what since may be ago
}

// newStay is that of a connection; it does not leave the embedded server.
func newStay(cfg Config, log *slog.Logger) *stay {
	s := &stay{
		now: time.Now, bound: leaveAfter,
		count: func() uint64 { return cfg.Conn.Stats().Reconnects },
		leave: func(why error) {
			if !cfg.Conn.IsConnected() {
				return // it is looking for one already
			}
			log.Warn("the server of the cluster that this node is connected to does not reach the log's leader; going to another",
				"server", cfg.Conn.ConnectedUrlRedacted(), "error", why)
			if err := cfg.Conn.ForceReconnect(); err != nil {
				log.Warn("the connection cannot go to another server", "error", err)
			}
		},
	}
	if cfg.Restart != nil {
		s.leave = func(error) {}
	}
	return s
}

// answered notes an answer that only the log's leader can have given.
func (s *stay) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.last, s.bound = time.Time{}, s.now(), leaveAfter
}

// failed notes that what was asked at a time has had no such answer, and goes to another server if that lasts. What nobody
// waits for any more, and what was not sent, says nothing.
func (s *stay) failed(asked time.Time, err error) {
	for _, nothing := range []error{context.Canceled, eventlog.ErrClosed, nats.ErrReconnectBufExceeded} {
		if errors.Is(err, nothing) {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if at := s.count(); at != s.at { // the server may be another, and has its own time
		s.at, s.since, s.last = at, time.Time{}, now
	}
	if s.since.IsZero() || asked.Sub(s.last) > s.bound {
		s.since = asked
		if asked.Before(s.last) {
			s.since = s.last
		}
	}
	if s.last = now; now.Sub(s.since) < s.bound {
		return
	}
	s.since, s.bound = time.Time{}, min(2*s.bound, longestStay)
	s.leave(err)
}
