package esdblog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
)

// scheme is the finder's, within a link.
const scheme = "bedside-esdb"

// finder tells a link's connection where the leader is: a gRPC resolver. It asks
// the members when there is doubt (a connection that broke, or was refused), and
// until one of them knows.
type finder struct {
	target  *target
	max     time.Duration // between two rounds
	options []grpc.DialOption
	log     *slog.Logger

	ctx    context.Context // of run; ends with Close
	cancel context.CancelFunc
	again  chan struct{} // holds one: look again
	done   chan struct{} // closed when run has ended

	mu      sync.Mutex
	conn    resolver.ClientConn // under mu: who is told
	current string              // under mu: what was told; "": nothing
	members []string            // under mu: all that gossip named
}

func newFinder(t *target, cfg *Config, options []grpc.DialOption, log *slog.Logger) *finder {
	f := &finder{
		target: t, max: cfg.ReconnectMax, options: slices.Clip(options), log: log,
		again: make(chan struct{}, 1), done: make(chan struct{}),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// Scheme is for gRPC.
func (f *finder) Scheme() string { return scheme }

// Build begins to find. gRPC calls it once, as the link is never idle.
func (f *finder) Build(_ resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	f.mu.Lock()
	f.conn = conn
	f.mu.Unlock()
	go f.run()
	return f, nil
}

// ResolveNow is what gRPC calls when a connection breaks or cannot be made.
func (f *finder) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case f.again <- struct{}{}:
	default:
	}
}

// Close ends run.
func (f *finder) Close() {
	f.cancel()
	<-f.done
}

// run looks for the leader until it is found, and again whenever there is doubt,
// with pauses.
func (f *finder) run() {
	defer close(f.done)
	pause := f.target.interval
	for {
		leader, err := f.find(f.ctx)
		if f.ctx.Err() != nil {
			return
		}
		if err == nil {
			f.tell(leader)
			pause = f.target.interval
			select {
			case <-f.again:
			case <-f.ctx.Done():
				return
			}
		} else {
			f.log.Warn("looking for the leader", "error", err)
			f.mu.Lock()
			f.current = ""
			f.mu.Unlock()
			f.conn.ReportError(err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-f.ctx.Done():
			timer.Stop()
			return
		}
		pause = min(2*pause, f.max)
	}
}

// follow tells the connection to go to a leader that another node has named.
func (f *finder) follow(address string) {
	f.log.Info("going to the leader", "address", address)
	f.tell(address)
}

// tell tells the connection where to go.
func (f *finder) tell(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conn == nil || f.current == address {
		return
	}
	f.current = address
	host, _, _ := net.SplitHostPort(address)
	// gRPC's answer is about what it makes of it, which is not ours to mend.
	_ = f.conn.UpdateState(resolver.State{Addresses: []resolver.Address{{Addr: address, ServerName: host}}})
}

// find is where the leader is: the one host, if it is the only one, or what the
// members say.
func (f *finder) find(ctx context.Context) (string, error) {
	if !f.target.discover {
		return f.target.hosts[0], nil
	}
	f.mu.Lock()
	seeds := slices.Concat(f.target.hosts, f.members)
	f.mu.Unlock()
	var errs []error
	asked := map[string]bool{}
	for _, seed := range seeds {
		if asked[seed] {
			continue
		}
		asked[seed] = true
		leader, err := f.ask(ctx, seed)
		if err == nil {
			return leader, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", seed, err))
	}
	return "", errors.Join(errs...)
}

// ask asks one member who leads.
func (f *finder) ask(ctx context.Context, seed string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, f.target.gossipTimeout)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///"+seed, f.options...)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	info, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{})
	if err != nil {
		return "", fmt.Errorf("gossip: %w", err)
	}
	var members, states []string
	leader := ""
	for _, m := range info.GetMembers() {
		end := m.GetHttpEndPoint()
		address := net.JoinHostPort(end.GetAddress(), strconv.Itoa(int(end.GetPort())))
		members = append(members, address)
		states = append(states, fmt.Sprintf("%s is %v, alive %v", address, m.GetState(), m.GetIsAlive()))
		if m.GetIsAlive() && m.GetState() == gossip.MemberInfo_Leader {
			leader = address
		}
	}
	f.mu.Lock()
	f.members = members
	f.mu.Unlock()
	if leader == "" {
		return "", fmt.Errorf("no member leads: %s", strings.Join(states, "; "))
	}
	return leader, nil
}
