package esdblog

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// errRefused marks what asking again does not help.
var errRefused = errors.New("the server refuses")

// notLeader: another node leads. The call did nothing.
type notLeader struct{ address string }

func (e *notLeader) Error() string {
	return fmt.Sprintf("%v: this node follows, %s leads", eventlog.ErrUnavailable, e.address)
}

func (e *notLeader) Unwrap() error { return eventlog.ErrUnavailable }

// known is what a call's status and trailers say for certain: in each case the call
// did nothing. nil: they leave it open.
func (l *Log) known(err error, trailer metadata.MD) error {
	value := func(key string) string {
		if v := trailer.Get(key); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	switch value("exception") {
	case "stream-deleted":
		return fmt.Errorf("%w: %w: stream %s was deleted for good (a tombstone) and can be neither read nor written: restore the database from a backup, or copy the log from elsewhere under another name",
			eventlog.ErrLogDamaged, err, l.name)
	case "maximum-append-size-exceeded":
		return fmt.Errorf("%w: %w: the server's MaxAppendSize is %s bytes; set it to %d", eventlog.ErrTooLarge, err, value("maximum-append-size"), maxAppendSize)
	case "not-leader":
		if host, port := value("leader-endpoint-host"), value("leader-endpoint-port"); host != "" && port != "" {
			return &notLeader{net.JoinHostPort(host, port)}
		}
		return unavailable(err)
	}
	fix := ""
	switch status.Code(err) {
	case codes.Unauthenticated:
		fix = "check the user and the password in the connection string"
	case codes.PermissionDenied:
		fix = "let the user read and write stream " + l.name + " and read its metadata"
	case codes.Unimplemented:
		fix = "the address must be that of an EventStoreDB or KurrentDB node's gRPC port"
	default:
		return nil
	}
	return fmt.Errorf("%w: %w: %w: %s", eventlog.ErrUnavailable, errRefused, err, fix)
}

// failed is what a read's failure means.
func (l *Log) failed(ctx context.Context, err error, trailer metadata.MD) error {
	if known := l.known(err, trailer); known != nil {
		return known
	}
	return unavailable(because(ctx, err))
}

// because adds why ctx ended, if it did.
func because(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, context.Cause(ctx))
}

// unavailable wraps err, which came instead of an answer.
func unavailable(err error) error {
	return fmt.Errorf("%w: %w", eventlog.ErrUnavailable, err)
}
