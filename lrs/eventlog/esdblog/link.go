package esdblog

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"
)

// redirects is how many nodes a call tries that each name another as the leader.
const redirects = 3

// maxMessage is the largest message that is taken: a commit is 1 MiB at most.
const maxMessage = 16 << 20

// link is the connection to the node that leads. It heals by itself: gRPC connects
// again and again, and the finder tells it where.
type link struct {
	conn   *grpc.ClientConn
	finder *finder
	calls  streams.StreamsClient

	// down: the last call found no connection. The next ones need not wait for
	// one as long as that did.
	down atomic.Bool
}

// connect makes a link; it waits for nothing.
func connect(t *target, cfg *Config, log *slog.Logger) (*link, error) {
	options := []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return cfg.Dial(ctx, address) }),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: min(100*time.Millisecond, cfg.ReconnectMax), Multiplier: 1.6, Jitter: 0.2, MaxDelay: cfg.ReconnectMax},
			MinConnectTimeout: cfg.RequestTimeout,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithIdleTimeout(0),
		grpc.WithDisableServiceConfig(),
	}
	if t.keepAlive >= 0 {
		options = append(options, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: t.keepAlive, Timeout: t.keepAliveTimeout, PermitWithoutStream: true,
		}))
	}
	if t.tls != nil {
		options = append(options, grpc.WithTransportCredentials(credentials.NewTLS(t.tls)))
	} else {
		options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if t.user != "" {
		options = append(options, grpc.WithPerRPCCredentials(basicAuth(base64.StdEncoding.EncodeToString([]byte(t.user+":"+t.password)))))
	}
	f := newFinder(t, cfg, options, log)
	conn, err := grpc.NewClient(scheme+":///"+t.hosts[0], append(options, grpc.WithResolvers(f))...)
	if err != nil {
		return nil, err
	}
	conn.Connect()
	return &link{conn: conn, finder: f, calls: streams.NewStreamsClient(conn)}, nil
}

func (k *link) close() error {
	if err := k.conn.Close(); status.Code(err) != codes.Canceled { // which says that it is closed already
		return err
	}
	return nil
}

// append begins an append. An error means that nothing of it was sent.
func (k *link) append(ctx context.Context) (streams.Streams_AppendClient, error) {
	return begin(k, func(wait grpc.CallOption) (streams.Streams_AppendClient, error) {
		return k.calls.Append(atLeader(ctx), wait)
	})
}

// read begins a read or a subscription.
func (k *link) read(ctx context.Context, req *streams.ReadReq) (streams.Streams_ReadClient, error) {
	return begin(k, func(wait grpc.CallOption) (streams.Streams_ReadClient, error) {
		return k.calls.Read(atLeader(ctx), req, wait)
	})
}

// begin begins a call, which waits for a connection unless the last one did so in
// vain.
func begin[C any](k *link, call func(wait grpc.CallOption) (C, error)) (C, error) {
	c, err := call(grpc.WaitForReady(!k.down.Load()))
	k.down.Store(err != nil)
	return c, err
}

// atLeader asks for the leader: a follower refuses such a call. The client module
// puts the header where it is not sent.
func atLeader(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "requires-leader", "true")
}

// follow goes to the leader that err names; false if it names none. A node that
// follows and knows of no leader says so as an unknown error: then others may.
func (k *link) follow(err error) bool {
	var other *notLeader
	if !errors.As(err, &other) {
		if status.Code(err) == codes.Unknown {
			k.finder.ResolveNow(resolver.ResolveNowOptions{})
		}
		return false
	}
	k.finder.follow(other.address)
	return true
}

// basicAuth is a user and a password, as the value of a header. It is sent whatever
// the connection is: who sets tls=false wants it so.
type basicAuth string

func (b basicAuth) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Basic " + string(b)}, nil
}

func (basicAuth) RequireTransportSecurity() bool { return false }
