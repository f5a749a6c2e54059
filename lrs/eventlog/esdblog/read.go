package esdblog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Read yields the commits from revision from to the head as it is when the loop
// begins, as eventlog.Log says.
func (l *Log) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		l.run(ctx, yield, &reader{Log: l, next: max(uint64(from), 1), bounded: true})
	}
}

// Subscribe yields the commits from revision from on, also those to come, as
// eventlog.Log says. It outlives losses of the server that take less than
// Config.Patience.
func (l *Log) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		l.run(ctx, yield, &reader{Log: l, next: max(uint64(from), 1)})
	}
}

// run loops over r. It ends r's waits with ctx and with the log.
func (l *Log) run(ctx context.Context, yield func(eventlog.Record, error) bool, r *reader) {
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	defer r.stop()
	r.patience = l.patience()
	for {
		record, err := r.read(both)
		switch {
		case err == errEnd:
			return
		case ctx.Err() != nil:
			err = ctx.Err()
		case l.life.Err() != nil:
			err = eventlog.ErrClosed
		case err != nil:
			err = fmt.Errorf("esdblog: log %s, reading revision %d: %w", l.cfg.Name, r.next, err)
		}
		if err != nil {
			yield(eventlog.Record{}, err)
			return
		}
		if !yield(record, nil) {
			return
		}
	}
}

// errEnd is the end of a bounded read, or of a call; errSilent: the server is there
// but does not answer; errStalled: a subscription does not get what is there.
var (
	errEnd     = errors.New("end")
	errSilent  = errors.New("no answer in time")
	errStalled = errors.New("the subscription does not get what the stream has")
)

// reader reads a stream by calls that it makes anew, where it is, whenever one
// fails.
type reader struct {
	*Log
	patience

	next    uint64 // the revision to read
	bounded bool   // ends at last
	last    uint64 // the head when the loop began
	known   bool   // last is known

	short   bool             // a call ended too early since there was a record
	shorter eventlog.Shorter // than last

	feed *feed // nil: there is no call
}

// read returns the record with revision next and advances.
func (r *reader) read(ctx context.Context) (eventlog.Record, error) {
	for {
		record, err := r.try(ctx)
		switch {
		case err == nil:
			r.next++
			r.short = false
			r.shorter.Over()
			r.progress()
			return record, nil
		case ctx.Err() != nil:
			return record, ctx.Err()
		case !errors.Is(err, eventlog.ErrUnavailable):
			return record, err
		}
		if r.feed != nil && time.Since(r.feed.begun) > r.cfg.ReconnectMax {
			r.progress() // it was well for a while, with nothing to read
		}
		r.stop()
		if !r.link.follow(err) || r.pause > 0 { // to one leader it goes at once
			if err := r.wait(ctx, err); err != nil {
				return record, err
			}
		}
	}
}

// try tries to read the record with revision next.
func (r *reader) try(ctx context.Context) (eventlog.Record, error) {
	if ctx.Err() != nil {
		return eventlog.Record{}, ctx.Err()
	}
	if r.bounded && !r.known {
		head, err := r.Head(ctx)
		if err != nil {
			return eventlog.Record{}, err
		}
		r.last, r.known = uint64(head), true
	}
	if r.bounded && r.next > r.last {
		return eventlog.Record{}, errEnd
	}
	if r.feed == nil {
		if err := r.begin(ctx); err != nil {
			return eventlog.Record{}, err
		}
	}
	for {
		resp, err := r.feed.recv(r.next)
		if err == errEnd {
			return eventlog.Record{}, r.ended()
		}
		if err != nil {
			return eventlog.Record{}, err
		}
		e := resp.GetEvent().GetEvent()
		if e == nil || e.GetStreamRevision()+1 < r.next {
			continue // caught up, fell behind; or what we have
		}
		if revision := e.GetStreamRevision() + 1; revision > r.next {
			return eventlog.Record{}, r.missing(ctx, revision, r.next)
		}
		return eventlog.Record{Revision: eventlog.Revision(r.next), Data: e.GetData()}, nil
	}
}

// ended is what it means that a call has ended by itself. A bounded one has come to
// the stream's end before the head: no leader says that for long of a whole stream.
func (r *reader) ended() error {
	if !r.bounded {
		return unavailable(errors.New("the server ended the call"))
	}
	if !r.short {
		r.short = true
		r.progress() // it answers: from now on the patience is with what it says
	}
	err := fmt.Errorf("stream %s ends before revision %d, but had %d", r.name, r.next, r.last)
	if r.shorter.Lasts(r.cfg.Patience) {
		return fmt.Errorf("%w: %w; restore it from a backup", eventlog.ErrLogDamaged, err)
	}
	return unavailable(err)
}

// missing is what it means that a later revision came where another was to come: the
// stream has lost what is between them.
func (l *Log) missing(ctx context.Context, came, wanted uint64) error {
	cause := "an earlier setting of its metadata, or damage; restore it from a backup"
	if s, err := l.settings(ctx); err == nil && s.bad() != "" {
		cause = "its metadata: " + s.bad() + "; unless a scavenge has removed them they come back when it is written without that"
	}
	return fmt.Errorf("%w: stream %s has revision %d, but not %d before it, by %s", eventlog.ErrLogDamaged, l.name, came, wanted, cause)
}

// begin makes a call that begins with next, and for a subscription the watch over
// it.
func (r *reader) begin(ctx context.Context) (err error) {
	if r.bounded {
		r.feed, err = r.open(ctx, readRequest(r.name, forwards, r.next-1, r.last-r.next+1))
		return err
	}
	f, err := r.open(ctx, subscribeRequest(r.name, r.next))
	if err != nil {
		return err
	}
	for {
		resp, err := f.recv(0)
		if err == errEnd {
			err = unavailable(errors.New("the server ended the subscription"))
		}
		if err != nil {
			f.stop()
			return err
		}
		if resp.GetConfirmation() != nil {
			break
		}
	}
	f.unbounded = true
	f.watched = make(chan struct{})
	go f.watch()
	r.feed = f
	return nil
}

// stop ends the call, if there is one.
func (r *reader) stop() {
	if r.feed != nil {
		r.feed.stop()
		r.feed = nil
	}
}

// feed is a read or a subscription under way. recv and stop belong to the reader.
type feed struct {
	*Log
	ctx    context.Context
	cancel context.CancelCauseFunc
	call   streams.Streams_ReadClient

	begun     time.Time
	unbounded bool          // a message may take as long as it likes
	waits     atomic.Uint64 // the revision that recv waits for; 0: it does not
	watched   chan struct{} // closed when watch has ended; nil: there is none
}

// open makes a call. It waits for a connection as long as for an answer.
func (l *Log) open(ctx context.Context, req *streams.ReadReq) (*feed, error) {
	f := &feed{Log: l, begun: time.Now()}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	timer := time.AfterFunc(l.cfg.RequestTimeout, func() { f.cancel(errSilent) })
	defer timer.Stop()
	call, err := l.link.read(f.ctx, req)
	if err != nil {
		err = unavailable(because(f.ctx, err))
		f.cancel(nil)
		return nil, err
	}
	f.call = call
	return f, nil
}

// recv gets the next message, for a reader that needs the given revision; errEnd
// when the call has ended well.
func (f *feed) recv(revision uint64) (*streams.ReadResp, error) {
	if f.unbounded {
		f.waits.Store(revision)
		defer f.waits.Store(0)
	} else {
		timer := time.AfterFunc(f.cfg.RequestTimeout, func() { f.cancel(errSilent) })
		defer timer.Stop()
	}
	resp, err := f.call.Recv()
	switch {
	case err == nil:
		return resp, nil
	case errors.Is(err, io.EOF):
		return nil, errEnd
	}
	return nil, f.failed(f.ctx, err, f.call.Trailer())
}

// watch ends a subscription that does not get what the stream has, as when its node
// is cut off from the others: when that has been so for two looks in a row.
func (f *feed) watch() {
	defer close(f.watched)
	ticker := time.NewTicker(f.cfg.IdleCheck)
	defer ticker.Stop()
	for lacks := uint64(0); ; {
		select {
		case <-ticker.C:
		case <-f.ctx.Done():
			return
		}
		waits := f.waits.Load()
		if waits == 0 || lacks != 0 && waits != lacks {
			lacks = 0
			continue
		}
		head, err := f.Head(f.ctx)
		switch {
		case err != nil: // the next look may tell
		case uint64(head) < waits:
			lacks = 0
		case lacks == waits:
			f.cancel(errStalled)
			return
		default:
			lacks = waits
		}
	}
}

// stop ends the call and what belongs to it.
func (f *feed) stop() {
	f.cancel(nil)
	if f.watched != nil {
		<-f.watched
	}
}

const (
	forwards  = streams.ReadReq_Options_Forwards
	backwards = streams.ReadReq_Options_Backwards
)

// readRequest asks for count events: forwards from the stream's revision from on,
// backwards from its end.
func readRequest(stream string, direction streams.ReadReq_Options_ReadDirection, from, count uint64) *streams.ReadReq {
	at := &streams.ReadReq_Options_StreamOptions{StreamIdentifier: identifier(stream)}
	if direction == backwards {
		at.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
	} else {
		at.RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: from}
	}
	req := request(at)
	req.Options.ReadDirection = direction
	req.Options.CountOption = &streams.ReadReq_Options_Count{Count: count}
	return req
}

// subscribeRequest asks for the commit with revision next and those after it: a
// subscription begins after what it is told.
func subscribeRequest(stream string, next uint64) *streams.ReadReq {
	at := &streams.ReadReq_Options_StreamOptions{StreamIdentifier: identifier(stream)}
	if next <= 1 {
		at.RevisionOption = &streams.ReadReq_Options_StreamOptions_Start{Start: &shared.Empty{}}
	} else {
		at.RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: next - 2}
	}
	req := request(at)
	req.Options.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	return req
}

func request(at *streams.ReadReq_Options_StreamOptions) *streams.ReadReq {
	return &streams.ReadReq{Options: &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_Stream{Stream: at},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}},
	}}
}
