package natsembed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

var errRestarting = errors.New("natsembed: the server is not running at this moment")

// Connect returns a connection within this process. It survives Restart by
// reconnecting. While there is no server its publishes fail at once
// (nats.ErrReconnectBufExceeded) instead of being kept for later. Server.Close
// closes it; the caller may do so earlier.
func (s *Server) Connect() (*nats.Conn, error) {
	if s.running.Load() == nil {
		return nil, errRestarting
	}
	nc, err := nats.Connect("",
		nats.InProcessServer(dialer{s}),
		nats.Name("bedside"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond),
		nats.ReconnectJitter(0, 0),
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			level := slog.LevelWarn
			if errors.Is(err, nats.ErrSlowConsumer) {
				level = slog.LevelDebug // a reader asks again for what it has not been sent
			}
			s.log.Log(context.Background(), level, "in-process connection", "error", err)
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("natsembed: connect: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return nil, ErrClosed
	}
	s.conns = append(slices.DeleteFunc(s.conns, (*nats.Conn).IsClosed), nc)
	return nc, nil
}

// dialer connects to whichever server is running.
type dialer struct{ s *Server }

func (d dialer) InProcessConn() (net.Conn, error) {
	srv := d.s.running.Load()
	if srv == nil {
		return nil, errRestarting
	}
	return srv.InProcessConn()
}
