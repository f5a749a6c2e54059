package esdblog

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// maxAppendSize is what a server takes as one append, unless it is told otherwise.
// It counts the data and an event's type and metadata, for which slack is more than
// enough.
const (
	maxAppendSize = 1 << 20
	slack         = 4 << 10
	maxData       = maxAppendSize - slack
)

// Append stores data as revision expected+1, as eventlog.Log says; nil also when
// that revision is these very bytes already. It takes up to Config.AppendTimeout.
// The first append to find no connection waits for one so long; those after it fail
// at once until there is one. nil means that the server has stored data as durably
// as it is set up to: fsynced by a majority of the cluster.
func (l *Log) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if err := l.begin(); err != nil {
		return err
	}
	defer l.appends.Done()
	if len(data) > maxData {
		return fmt.Errorf("%w: %d bytes, over %d; nothing was sent", eventlog.ErrTooLarge, len(data), maxData)
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.AppendTimeout)
	defer cancel()
	if ctx.Err() != nil {
		return unavailable(context.Cause(ctx))
	}
	var err error
	for range redirects {
		err = l.appendHere(ctx, expected, data)
		if !l.link.follow(err) && !errors.Is(err, errBroken) {
			break
		}
	}
	return err
}

// appendHere is Append, at the node that the link is to. Until the event is sent
// every failure is certain; from then on none is that the server does not explain.
func (l *Log) appendHere(ctx context.Context, expected eventlog.Revision, data []byte) error {
	call, err := l.link.append(ctx)
	if err != nil {
		return unavailable(because(ctx, fmt.Errorf("nothing was sent: %w", err)))
	}
	err = call.Send(l.options(expected))
	if err != nil {
		return l.broken(ctx, call, unavailable(fmt.Errorf("%w: nothing was sent", errBroken)))
	}
	if err := call.Send(proposal(data)); err != nil {
		return l.broken(ctx, call, fmt.Errorf("%w: while it was being sent: %w", eventlog.ErrUnknownOutcome, err))
	}
	resp, err := call.CloseAndRecv()
	if err == nil {
		return l.outcome(ctx, resp, expected)
	}
	if known := l.known(err, call.Trailer()); known != nil {
		return known
	}
	return fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, because(ctx, err))
}

// errBroken: the connection broke before an append was sent.
var errBroken = errors.New("the connection broke")

// broken says why a call ended while it was sent: for what the server says, or else
// for the given reason. An answer without an error says nothing: gRPC may have begun
// the call anew on another connection without the event, and of an append without
// events a server says that it has succeeded, whatever the stream's revision is.
func (l *Log) broken(ctx context.Context, call streams.Streams_AppendClient, reason error) error {
	_, err := call.CloseAndRecv()
	if err == nil {
		return reason
	}
	if known := l.known(err, call.Trailer()); known != nil {
		return known
	}
	return fmt.Errorf("%w: %w", reason, because(ctx, err))
}

// outcome is what an answer says.
func (l *Log) outcome(ctx context.Context, resp *streams.AppendResp, expected eventlog.Revision) error {
	if wrong := resp.GetWrongExpectedVersion(); wrong != nil {
		return l.conflict(ctx, wrong, expected)
	}
	switch success := resp.GetSuccess(); {
	case success == nil:
		return fmt.Errorf("%w: the answer says neither that it is stored nor that it is not", eventlog.ErrUnknownOutcome)
	case success.GetNoStream() != nil || success.GetCurrentRevision() != uint64(expected):
		// Streams that were deleted go on where they were. It is stored, where no
		// reader will take it for what it is: neither done nor refused.
		return fmt.Errorf("%w: %w: stream %s stored what must be its revision %d as %d; it may have been deleted: restore it from a backup",
			eventlog.ErrUnknownOutcome, eventlog.ErrLogDamaged, l.name, expected, success.GetCurrentRevision())
	}
	l.shorter.Over()
	return nil
}

// conflict tells a taken revision from one that lies beyond the log's end. A leader
// that is new, or is one no longer, may for a moment take the end to be earlier.
func (l *Log) conflict(ctx context.Context, wrong *streams.AppendResp_WrongExpectedVersion, expected eventlog.Revision) error {
	length := eventlog.Revision(0)
	if wrong.GetCurrentNoStream() == nil {
		length = eventlog.Revision(wrong.GetCurrentRevision() + 1)
	}
	if length <= expected { // then it is asked once more
		var err error
		if length, err = l.Head(ctx); err != nil {
			return err
		}
	}
	if length < expected {
		err := fmt.Errorf("stream %s ends at revision %d, but %d was stored", l.name, length, expected)
		if l.shorter.Lasts(l.cfg.Patience) {
			return fmt.Errorf("%w: %w; restore it from a backup", eventlog.ErrLogDamaged, err)
		}
		return unavailable(err)
	}
	l.shorter.Over()
	if length == expected {
		return unavailable(fmt.Errorf("the server refused expected revision %d of stream %s, which it has", expected, l.name))
	}
	return fmt.Errorf("%w: stream %s has %d commits, expected were %d", eventlog.ErrConflict, l.name, length, expected)
}

// options begin an append to the log that has expected commits.
func (l *Log) options(expected eventlog.Revision) *streams.AppendReq {
	o := &streams.AppendReq_Options{StreamIdentifier: identifier(l.name)}
	if expected == 0 {
		o.ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}
	} else {
		o.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: uint64(expected) - 1}
	}
	return &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: o}}
}

// proposal is the commit as an event.
func proposal(data []byte) *streams.AppendReq {
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
		Id:       eventID(data),
		Metadata: map[string]string{"type": "BedsideCommit", "content-type": "application/octet-stream"},
		Data:     data,
	}}}
}

// eventID is a UUID (version 8, RFC 9562) made of the commit's SHA-256, so that the
// same bytes are the same event whoever sends them.
func eventID(data []byte) *shared.UUID {
	sum := sha256.Sum256(data)
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(sum[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(sum[8:16])),
	}}}
}

func identifier(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}
