// Package natsembed runs a NATS server with JetStream inside this process: no
// port, no signal handlers, and every write fsynced before it is acknowledged. Change
// notices for other services go through a server beside it, which may have a port and
// through which nothing of the store can be reached; see Config.Listen.
//
// JetStream mends a damaged store silently: at the first record that does not
// check out it cuts the message block off, and numbers on. So every start first
// reads all blocks itself, and is ErrDamaged when one is not as it was written; see
// check. What a crash may leave, a torn last record, JetStream may cut off: the
// blocks that it may change are copied aside, and compared when it has started; a
// copy of what it did not keep whole stays, with a warning (Server.Damaged).
package natsembed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// DefaultMaxStore is what JetStream may store when Config.MaxStore is 0: 1 TiB.
const DefaultMaxStore = 1 << 40

// MaxPayload is the largest message in bytes, headers included.
const MaxPayload = 8 << 20

// ErrClosed is the error of calls on a closed Server.
var ErrClosed = errors.New("natsembed: the server is closed")

// Config says where a Server keeps its store and how much it may hold.
type Config struct {
	// Dir is the store's directory, made when missing. One Server at a time may
	// have it; the owner of the data directory sees to that. JetStream's files
	// are in Dir/jetstream; copies of blocks that it shortened are beside it.
	Dir string

	// MaxStore bounds what JetStream may store, in bytes; above it appends are
	// refused. Default DefaultMaxStore, not JetStream's own, which is three
	// quarters of the space that was free when it first started.
	MaxStore int64

	// Logger receives the server's warnings and errors, and its notices at
	// debug level. Default slog.Default().
	Logger *slog.Logger

	// NoSync leaves syncing to JetStream's interval of two minutes: a power cut
	// then loses acknowledged commits. It exists for the test that shows so.
	NoSync bool

	// Listen is the address, HOST:PORT, at which Subscribers may subscribe to
	// PublicSubjects, and do nothing else. Port 0 picks a free one; no host stands
	// for all of this machine's. Default "": there is no port.
	Listen string

	// Subscribers are those who may connect at Listen; it needs at least one.
	Subscribers []Subscriber

	// TLSCert and TLSKey are PEM files, read at the start: with them nobody connects
	// at Listen unencrypted. Without, passwords cross the network as they are. Default
	// "": none.
	TLSCert, TLSKey string
}

// Server is a NATS server in this process. Its methods may be called
// concurrently.
type Server struct {
	cfg Config
	log *slog.Logger

	// turn is held by whoever starts or stops the server, also after its caller
	// has stopped waiting.
	turn chan struct{}

	outlet *outlet // set by Start; nil without Config.Listen

	running atomic.Pointer[server.Server] // nil while there is none to connect to
	damaged atomic.Pointer[string]

	mu     sync.Mutex   // guards what follows
	closed bool         // Close was called
	conns  []*nats.Conn // what Connect gave out
	flight *flight      // a restart whose result nobody has taken yet
}

// Start starts a server and returns when its streams are recovered. ErrDamaged (a
// *DamageError, wrapped) says that a block is damaged; nothing was changed then. When ctx
// ends first, Start returns ctx's error; what has begun then goes on in the
// background until the server is up, and is shut down, so Dir may be in use for
// a while.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Dir == "" {
		return nil, errors.New("natsembed: Config.Dir is empty")
	}
	if cfg.MaxStore < 0 {
		return nil, fmt.Errorf("natsembed: Config.MaxStore is %d, must not be negative", cfg.MaxStore)
	}
	if err := cfg.checkOutlet(); err != nil {
		return nil, err
	}
	if cfg.MaxStore == 0 {
		cfg.MaxStore = DefaultMaxStore
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Server{cfg: cfg, log: cfg.Logger.With("component", "natsembed"), turn: make(chan struct{}, 1)}
	if err := s.takeTurn(ctx, s.first); err != nil {
		go func() {
			if err := s.Close(); err != nil {
				s.log.Warn("closing after a failed start", "error", err)
			}
		}()
		return nil, err
	}
	return s, nil
}

// Close closes the connections that Connect gave out, shuts the server down and
// waits until it has written its index and closed its files.
func (s *Server) Close() error {
	return s.takeTurn(context.Background(), func() error {
		s.mu.Lock()
		conns := s.conns
		s.conns, s.closed = nil, true
		s.mu.Unlock()
		for _, nc := range conns {
			nc.Close()
		}
		if s.outlet != nil {
			s.outlet.close()
		}
		return s.shut()
	})
}

// takeTurn runs f, alone among the calls that start or stop the server, and
// waits for it until ctx ends.
func (s *Server) takeTurn(ctx context.Context, f func() error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("natsembed: waiting for another start or stop: %w", ctx.Err())
	}
	done := make(chan error, 1)
	go func() {
		err := f()
		<-s.turn
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("natsembed: still starting or stopping: %w", ctx.Err())
	}
}

// first is open, and then lets subscribers in. Its caller has the turn.
func (s *Server) first() (err error) {
	if err = s.open(); err != nil {
		return err
	}
	if s.cfg.Listen == "" {
		return nil
	}
	if s.outlet, err = openOutlet(&s.cfg, s.log); err != nil {
		return errors.Join(err, s.shut())
	}
	return nil
}

// open starts a server on the directory. Its caller has the turn.
func (s *Server) open() error {
	if err := removeUnborn(s.cfg.Dir, s.log); err != nil {
		return fmt.Errorf("natsembed: before the start on %s: %w", s.cfg.Dir, err)
	}
	aside, err := setAside(s.cfg.Dir, s.log)
	if err != nil {
		return fmt.Errorf("natsembed: before the start on %s: %w", s.cfg.Dir, err)
	}
	srv, err := s.launch()
	if err != nil {
		return err
	}
	if err := s.inspect(srv, aside); err != nil {
		stop(srv)
		return err
	}
	s.running.Store(srv)
	return nil
}

// shut stops the running server, if any. Its caller has the turn.
func (s *Server) shut() error {
	srv := s.running.Swap(nil)
	if srv == nil {
		return nil
	}
	stop(srv)
	return markClean(s.cfg.Dir)
}

// Damaged is the directory with the message blocks that JetStream shortened or
// changed when this Server last recovered after an unclean stop, as they were
// before; empty when it did not. A block whose last write was torn by a power
// cut counts, although nobody was promised that commit: whether one is missing
// the log's readers tell.
func (s *Server) Damaged() string {
	if p := s.damaged.Load(); p != nil {
		return *p
	}
	return ""
}
