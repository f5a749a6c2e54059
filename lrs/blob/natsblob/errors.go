package natsblob

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// JetStream's error codes that mean that there is no room; jetstream does not name them.
const (
	codeAccountLimit jetstream.ErrorCode = 10002
	codeServerLimit  jetstream.ErrorCode = 10023
	codeMemoryLimit  jetstream.ErrorCode = 10028
	codeStorageLimit jetstream.ErrorCode = 10047
	codeStoreFailed  jetstream.ErrorCode = 10077
	codeSealed       jetstream.ErrorCode = 10109
)

// request makes one request within Config.RequestTimeout. Its errors are those of explain.
func (s *Store) request(ctx context.Context, do func(context.Context) error) error {
	return s.requestWithin(ctx, s.cfg.RequestTimeout, do)
}

func (s *Store) requestWithin(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.explain(ctx, do(waiting))
}

// explain turns what came instead of an answer into an error that says what to do: blob.ErrNotFound, the caller's own
// end of ctx, or blob.ErrUnavailable.
func (s *Store) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return blob.ErrNotFound
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: bucket %s: %w: %s", blob.ErrUnavailable, s.bucket, err, s.advice(err))
}

func (s *Store) advice(err error) string {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeAccountLimit, codeServerLimit, codeMemoryLimit, codeStorageLimit, codeStoreFailed:
			return "make room on the servers' disks, or raise max_file_store or the account's limits"
		case codeSealed:
			return "the bucket was sealed: copy the blobs into a new one"
		case jetstream.JSErrCodeStreamNotFound:
			return "the bucket is gone: restore stream " + streamName(s.bucket) + " from a backup (nats stream restore); " +
				"if there is none, and what was attached is to be given up, make an empty one (nats object add " + s.bucket +
				", then nats stream edit as the next start asks)"
		}
	}
	if errors.Is(err, nats.ErrConnectionClosed) {
		return "this process has closed its connection"
	}
	return "see whether the servers run and stream " + streamName(s.bucket) +
		" has a leader (nats stream info), and whether this user may use it: a right that is missing looks like no answer"
}
