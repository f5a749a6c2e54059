package natsembed

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
)

// flight is a restart under way, or over.
type flight struct {
	done chan struct{}
	err  error // set before done is closed
}

// Restart shuts the server down and starts it anew on the same directory: the
// cure when JetStream has stopped storing after a write error. Connections from
// Connect live on: they are back, with their subscriptions, when Restart returns
// nil. Consumers in memory are gone, and requests under way get no answer.
//
// When ctx ends first, Restart returns ctx's error and goes on in the background;
// the next call waits for that restart and takes its result, so that a log which
// is slow to recover is not stopped again each time. After another error no server
// is running.
func (s *Server) Restart(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.mu.Lock()
	f := s.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		s.flight = f
		go func() {
			f.err = s.takeTurn(context.Background(), s.reopen)
			close(f.done)
		}()
	}
	s.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return fmt.Errorf("natsembed: still restarting: %w", ctx.Err())
	}
	s.mu.Lock()
	if s.flight == f {
		s.flight = nil
	}
	s.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	return s.reconnected(ctx)
}

// reopen is a restart. Its caller has the turn.
func (s *Server) reopen() error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return ErrClosed
	}
	// Something was wrong, so this does not count as stopped well.
	if srv := s.running.Swap(nil); srv != nil {
		stop(srv)
	}
	return s.open()
}

// reconnected waits until the connections are with the server that runs now.
func (s *Server) reconnected(ctx context.Context) error {
	s.mu.Lock()
	conns := slices.Clone(s.conns)
	s.mu.Unlock()
	for _, nc := range conns {
		status := nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
		defer nc.RemoveStatusListener(status)
		for srv := s.running.Load(); srv != nil && nc.ConnectedServerId() != srv.ID() && !nc.IsClosed(); srv = s.running.Load() {
			select {
			case <-status:
			case <-ctx.Done():
				return fmt.Errorf("natsembed: restarted, but a connection is not back yet: %w", ctx.Err())
			}
		}
	}
	return nil
}
