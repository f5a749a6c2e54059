package natslog

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// leaveAfter is for how long nothing that is asked of the log may be answered before the connection goes to another server:
// longer than an election takes. It doubles with each that is no better, up to longestStay, since while the log has no
// leader none is.
const (
	leaveAfter  = 10 * time.Second
	longestStay = time.Minute
)

// near is within what time a server answers a ping to which the way is good. By a way on which much is waiting to be sent
// all takes long, and another server would be no nearer. search is how long another is looked for: some may not answer.
const (
	near   = 2 * time.Second
	search = 30 * time.Second
)

// watchEvery is how often the leader is asked where nobody asks.
const watchEvery = 2 * time.Second

// stay is that of the connection at one server of a cluster. A server that is cut off from the others keeps its clients,
// and answers their pings; but it neither stores anything nor knows who leads, where a client of another server could go on.
type stay struct {
	now   func() time.Time
	count func() uint64   // of the connections that there were
	leave func(why error) // goes to another server, unless the way to this one is what takes long

	mu      sync.Mutex
	at      uint64         // the connection that what follows is about
	since   time.Time      // when the first was asked of those in a row that had no answer; zero: the last had one
	last    time.Time      // when either was last noted
	bound   time.Duration  // what since may be ago
	stopped bool           // by stop
	wg      sync.WaitGroup // of Log.watch, and of calls of leave, for which it grows under mu
}

// newStay is that of the log's connection. Nobody leaves the embedded server.
func (l *Log) newStay() *stay {
	s := &stay{now: time.Now, count: func() uint64 { return l.cfg.Conn.Stats().Reconnects }, bound: leaveAfter}
	s.leave = func(why error) {
		if l.cfg.Restart == nil {
			l.elsewhere(near, why)
		}
	}
	return s
}

// watch asks the log's leader at each tick, unless something else has had an answer or none since about the last: who waits
// for the attachments beside the log asks nothing of the log, and waits for as long as the connection stays where it is.
func (l *Log) watch(ticks <-chan time.Time) {
	for {
		select {
		case <-ticks:
			if l.stay.quiet() {
				_, _ = l.info(l.life) // which notes what comes of it
			}
		case <-l.life.Done():
			return
		}
	}
}

// quiet tells whether nothing was noted for about as long as from tick to tick.
func (s *stay) quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Sub(s.last) > watchEvery/2
}

// elsewhere takes the connection to another server, if this one answers a ping within pong. The connection may know one by
// several addresses, as by the name that it was given and the number that the servers tell.
func (l *Log) elsewhere(pong time.Duration, why error) {
	conn := l.cfg.Conn
	server, id := conn.ConnectedUrlRedacted(), conn.ConnectedServerId()
	ctx, cancel := context.WithTimeout(l.life, search)
	defer cancel()
	pinging, pinged := context.WithTimeout(ctx, pong)
	defer pinged()
	if conn.FlushWithContext(pinging) != nil {
		return
	}
	l.log.Warn("the server of the cluster to which this node is connected does not reach the log's leader; looking for another",
		"server", server, "error", why)
	connected := conn.StatusChanged(nats.CONNECTED)
	defer conn.RemoveStatusListener(connected)
	for range conn.Servers() {
		if err := conn.ForceReconnect(); err != nil {
			l.log.Warn("the connection cannot go to another server", "error", err)
			return
		}
		select {
		case <-connected:
		case <-ctx.Done():
			return // it goes on by itself
		}
		if conn.ConnectedServerId() != id {
			return
		}
	}
	l.log.Warn("no other server of the cluster is known that can be reached", "server", server)
}

// stop waits for a change of servers that is under way. None begins after that.
func (s *stay) stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.wg.Wait()
}

// answered notes an answer that only the log's leader can have given.
func (s *stay) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.last, s.bound = time.Time{}, s.now(), leaveAfter
}

// reason tells whether JetStream has refused something for a reason, which one that is cut off does not: it is then as
// though there were no JetStream, or as though it were the leader still.
func reason(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code != http.StatusServiceUnavailable
}

// failed notes that what was asked at a time has had no such answer, and goes to another server if that lasts. What nobody
// waits for any more, what was not sent, and what JetStream has refused for a reason says nothing.
func (s *stay) failed(asked time.Time, err error) {
	if reason(err) {
		return
	}
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
	if s.last = now; now.Sub(s.since) < s.bound || s.stopped {
		return
	}
	s.since, s.bound = time.Time{}, min(2*s.bound, longestStay)
	s.wg.Go(func() { s.leave(err) })
}
