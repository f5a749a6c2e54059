package natslog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// JetStream's error codes for a publish; jetstream does not name all of them.
const (
	codeAccountLimit    jetstream.ErrorCode = 10002
	codeNotAvailable    jetstream.ErrorCode = 10008
	codeServerLimit     jetstream.ErrorCode = 10023
	codeMemoryLimit     jetstream.ErrorCode = 10028
	codeStorageLimit    jetstream.ErrorCode = 10047
	codeOtherStream     jetstream.ErrorCode = 10060
	codeStoreFailed     jetstream.ErrorCode = 10077
	codeHeadersTooLarge jetstream.ErrorCode = 10097
	codeSealed          jetstream.ErrorCode = 10109
	codeOffline         jetstream.ErrorCode = 10118
)

// Append stores data as revision expected+1, as eventlog.Log says. It takes up to
// Config.AppendTimeout, and longer only while it waits for a restart of the
// embedded server, which ctx can end. With natsembed, nil means that data is fsynced; in a
// cluster it is so when its servers have sync_interval: always.
func (l *Log) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	switch {
	case l.life.Err() != nil:
		return eventlog.ErrClosed
	case ctx.Err() != nil:
		return unavailable(ctx.Err())
	case l.cfg.Conn.IsClosed():
		return unavailable(nats.ErrConnectionClosed)
	}
	if err := l.server.ready(ctx); err != nil {
		return unavailable(err)
	}
	asked := time.Now()
	waiting, cancel := context.WithTimeout(ctx, l.cfg.AppendTimeout)
	defer cancel()
	ack, err := l.js.PublishMsg(waiting,
		&nats.Msg{Subject: subject(l.cfg.Name), Data: data},
		jetstream.WithExpectStream(streamName(l.cfg.Name)),
		jetstream.WithExpectLastSequence(uint64(expected)),
		jetstream.WithRetryAttempts(0))
	err = l.outcome(ctx, ack, err, expected)
	switch {
	case err == nil:
		l.shorter.Over()
		l.stay.answered()
	case errors.Is(err, eventlog.ErrUnknownOutcome):
		l.stay.failed(asked, err)
	}
	switch {
	case !errors.Is(err, eventlog.ErrUnknownOutcome):
		l.server.answered()
	case !errors.Is(err, context.Canceled): // else the caller gave up
		var api *jetstream.APIError
		l.server.silent(errors.As(err, &api) && api.ErrorCode == codeStoreFailed)
	}
	return err
}

// outcome says what became of a publish. Whatever is not known to store nothing is
// an unknown outcome: a time-out, no responders, a lost connection, new errors.
//
// Of a stream with replicas hardly a refusal is certain. Each server that takes itself
// for the leader receives a publish and answers, and the first answer counts: one that
// was cut off and is back refuses, until it hears of its successor, what that stores.
func (l *Log) outcome(ctx context.Context, ack *jetstream.PubAck, err error, expected eventlog.Revision) error {
	if err == nil {
		if ack.Sequence != uint64(expected)+1 {
			// It is stored, where no reader will take it for what it is: neither
			// done nor refused.
			return fmt.Errorf("%w: %w: stream %s stored what must be sequence %d as %d", eventlog.ErrUnknownOutcome,
				eventlog.ErrLogDamaged, ack.Stream, expected+1, ack.Sequence)
		}
		return nil
	}
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		switch {
		case errors.Is(err, nats.ErrMaxPayload):
			return fmt.Errorf("%w: %w (%d bytes)", eventlog.ErrTooLarge, err, l.cfg.Conn.MaxPayload())
		case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionDraining):
			return unavailable(err) // was not sent
		}
		return fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, err)
	}
	refused := l.refused(ctx, api, expected)
	sameForAll := errors.Is(refused, eventlog.ErrTooLarge) || api.ErrorCode == codeOtherStream
	if l.replicas.Load() > 1 && !sameForAll {
		return fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, refused)
	}
	return refused
}

// refused says what an answer means, if it is the leader's.
func (l *Log) refused(ctx context.Context, api *jetstream.APIError, expected eventlog.Revision) error {
	var err error = api
	switch api.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence:
		return l.conflict(ctx, api, expected)
	case jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return fmt.Errorf("%w: %w", eventlog.ErrConflict, err)
	case jetstream.JSErrCodeStreamMessageExceedsMaximum, codeHeadersTooLarge:
		return fmt.Errorf("%w: %w", eventlog.ErrTooLarge, err)
	case codeServerLimit, codeAccountLimit, codeStorageLimit, codeMemoryLimit:
		return fmt.Errorf("%w: %w: raise the server's max_file_store or the account's limits", eventlog.ErrUnavailable, err)
	case codeOtherStream:
		return fmt.Errorf("%w: %w: %s belongs to another stream than %s", eventlog.ErrUnavailable, err, subject(l.cfg.Name), streamName(l.cfg.Name))
	case codeSealed, codeOffline, codeNotAvailable,
		jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		return unavailable(err)
	}
	return fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, err)
}

// conflict tells a taken revision from one that lies beyond the log's end. The
// server names its last sequence, which in a cluster counts commits that are on
// their way.
func (l *Log) conflict(ctx context.Context, api *jetstream.APIError, expected eventlog.Revision) error {
	_, last, _ := strings.Cut(api.Description, ": ")
	n, err := strconv.ParseUint(last, 10, 64)
	if err != nil || n > uint64(expected) {
		return fmt.Errorf("%w: %w", eventlog.ErrConflict, api)
	}
	info, err := l.info(ctx)
	if err != nil {
		return err
	}
	if info.State.LastSeq >= uint64(expected) {
		l.shorter.Over()
	}
	switch {
	case info.State.LastSeq > uint64(expected):
		return fmt.Errorf("%w: %w", eventlog.ErrConflict, api)
	case info.State.LastSeq == uint64(expected):
		return unavailable(api) // it was behind itself, as a leader is that is new
	}
	err = fmt.Errorf("stream %s ends at %d, but revision %d was stored", streamName(l.cfg.Name), info.State.LastSeq, expected)
	if info.Config.Replicas > 1 && !l.shorter.Lasts(l.cfg.Patience) {
		return unavailable(err)
	}
	return fmt.Errorf("%w: %w", eventlog.ErrLogDamaged, err)
}
