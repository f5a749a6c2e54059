// Package esdbtest is an EventStoreDB for tests, in this process: a gRPC server
// that speaks the wire protocol of EventStoreDB and KurrentDB from the official
// client's own protobuf packages, with the semantics that a log rests on: expected
// revisions, idempotent event ids, the limit of an append, deadlines, metadata that
// hides events, catch-up subscriptions, followers that refuse, and the loss of the
// server, of its answers and of the network.
//
// It keeps what it stores in memory, for as long as its Store lives, so it cannot
// show what a real server's disks and elections do. $all, filters, links,
// persistent subscriptions and BatchAppend are left out.
package esdbtest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/test/bufconn"
)

// MaxAppendSize is the limit of one append, in bytes: a real server's default.
const MaxAppendSize = 1 << 20

// Config says what kind of server it is; the zero value is one that listens on a
// port of 127.0.0.1 and lets everybody do everything.
type Config struct {
	// Store is what several servers share, as the members of a cluster do. nil
	// stands for one of its own.
	Store *Store

	// Address is where it is: host:port. Empty: a free port of 127.0.0.1.
	Address string

	// InMemory: it is reached by Dial only, and by no network: for
	// testing/synctest. Address is then any name.
	InMemory bool

	// TLS is the server's side; nil: plain text.
	TLS *tls.Config

	// User and Password are what each call must carry, if User is set.
	User, Password string

	// Plan says what befalls an append. It is asked once an append, when all of
	// it has arrived. nil stands for no faults.
	Plan func(Append) Fault

	// Repeats: a subscription begins with the event that it is to begin after.
	Repeats bool

	// MaxAppendSize is the limit of an append; 0 stands for MaxAppendSize.
	MaxAppendSize int
}

// Server is one server. Its methods may be called concurrently.
type Server struct {
	cfg   Config
	store *Store

	mu       sync.Mutex
	address  string             // under mu: set by the first Start
	grpc     *grpc.Server       // under mu; nil: it does not run
	memory   *bufconn.Listener  // under mu: if InMemory
	served   chan struct{}      // under mu: closed when grpc has ended
	conns    map[*conn]struct{} // under mu: open connections
	accepted int                // under mu
	appends  int                // under mu: that have arrived whole
	calls    Calls              // under mu
	frozen   chan struct{}      // under mu: closed by Thaw; nil: not frozen
	state    gossip.MemberInfo_VNodeState
	leader   *Server // under mu: who leads when this one does not; nil: nobody
	stalled  bool    // under mu: subscriptions get nothing
}

// Calls counts calls of the Streams service.
type Calls struct {
	All            int
	RequiresLeader int // with the header requires-leader: true
}

// New makes a server that does not run yet.
func New(cfg Config) *Server {
	if cfg.Store == nil {
		cfg.Store = NewStore()
	}
	if cfg.MaxAppendSize == 0 {
		cfg.MaxAppendSize = MaxAppendSize
	}
	return &Server{
		cfg: cfg, store: cfg.Store, address: cfg.Address, conns: map[*conn]struct{}{},
		state: gossip.MemberInfo_Leader,
	}
}

// Start starts the server, at the same address as before, with what its store holds.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grpc != nil {
		return fmt.Errorf("esdbtest: %s runs already", s.address)
	}
	var listener net.Listener
	if s.cfg.InMemory {
		s.memory = bufconn.Listen(256 << 10)
		listener = s.memory
	} else {
		address := s.address
		if address == "" {
			address = "127.0.0.1:0"
		}
		var err error
		if listener, err = net.Listen("tcp", address); err != nil {
			return fmt.Errorf("esdbtest: %w", err)
		}
		s.address = listener.Addr().String()
	}
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(64 << 20),
		// The official client pings every 10 s; the library's default takes offence.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.stream),
	}
	if s.cfg.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.cfg.TLS)))
	}
	server, served := grpc.NewServer(options...), make(chan struct{})
	streams.RegisterStreamsServer(server, streamsService{Server: s})
	gossip.RegisterGossipServer(server, gossipService{Server: s})
	serverfeatures.RegisterServerFeaturesServer(server, featuresService{})
	s.grpc, s.served = server, served
	go func() {
		defer close(served)
		_ = server.Serve(&listening{listener, s})
	}()
	return nil
}

// Stop ends the server at once, as a kill does: connections break, and calls under
// way have no answer. What is stored stays.
func (s *Server) Stop() {
	s.mu.Lock()
	server, served := s.grpc, s.served
	s.grpc, s.memory = nil, nil
	s.mu.Unlock()
	if server != nil {
		s.Break()
		server.Stop()
		<-served
	}
}

// Address is where the server is or, when it does not run, was.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// URL is a connection string for this server.
func (s *Server) URL() string {
	plain := ""
	if s.cfg.TLS == nil {
		plain = "?tls=false"
	}
	return "esdb://" + s.Address() + plain
}

// Dial connects to the server if it is InMemory.
func (s *Server) Dial(ctx context.Context, address string) (net.Conn, error) {
	s.mu.Lock()
	listener := s.memory
	s.mu.Unlock()
	if listener == nil || address != s.cfg.Address {
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: fmt.Errorf("%s: %w", address, syscall.ECONNREFUSED)}
	}
	return listener.DialContext(ctx)
}

// Store is what the server stores.
func (s *Server) Store() *Store { return s.store }

// Connections is how many connections are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Accepted is how many connections there have been.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Appends is how many appends have arrived, whatever became of them.
func (s *Server) Appends() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appends
}

// Calls is how many calls there have been.
func (s *Server) Calls() Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}
