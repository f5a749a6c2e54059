package natslog

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A reader's consumer has at most this much under way to it, so that one that is
// slow is not cut off (the server's limit is 64 MB for a connection).
const (
	pullMessages = 1024
	pullBytes    = 16 << 20
)

// inactive is after how long without a request the server drops a consumer.
const inactive = time.Minute

// Read yields the commits from revision from to the head as it is when the loop
// begins, as eventlog.Log says.
//
// What it yields is stored for good, whoever answers: a server, also one that was
// the leader, puts a message into its stream when a majority has it, and the server in
// this process counts it into the head when it is fsynced. Direct gets are not used;
// one that is behind would lack commits, and not have others.
func (l *Log) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		l.run(ctx, yield, &reader{Log: l, next: max(uint64(from), 1), bounded: true})
	}
}

// Subscribe yields the commits from revision from on, also those to come, as
// eventlog.Log says. It outlives restarts of the server that take less than
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
			err = fmt.Errorf("natslog: log %s, reading revision %d: %w", l.cfg.Name, r.next, err)
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

// errEnd is the end of a bounded read; errNotYet: there is nothing to read yet;
// errShorter: the head went back, which a new leader may say until it has caught up;
// errGap: of two questions one was answered as if by an earlier leader, which one that
// was stopped for a while does until it hears of its successor.
var (
	errEnd     = errors.New("end")
	errNotYet  = errors.New("not yet")
	errShorter = errors.New("the log has become shorter")
	errGap     = errors.New("asked for a while")
)

// reader reads a stream by a consumer that it makes anew, where it is, whenever
// there is doubt. It is jetstream's ordered consumer with our bounds: that one
// retries for ever, and looks for gaps in its deliveries, not in the stream.
type reader struct {
	*Log
	patience

	next    uint64 // the sequence to read
	bounded bool   // ends at last
	last    uint64 // 0: not known yet

	messages   jetstream.MessagesContext // nil: there is no consumer
	release    func()
	reconnects uint64 // the connection's, when the consumer was made
	drained    bool   // the consumer said that it has no more
}

// read returns the record with sequence next and advances.
func (r *reader) read(ctx context.Context) (eventlog.Record, error) {
	for {
		asked := time.Now()
		record, err := r.try(ctx)
		switch {
		case err == nil:
			r.next++
			r.progress()
			return record, nil
		case ctx.Err() != nil:
			return record, ctx.Err()
		case err == errNotYet:
			r.progress()
		case errors.Is(err, eventlog.ErrUnavailable), errors.Is(err, errShorter), errors.Is(err, errGap):
			r.stop()
			r.stay.failed(asked, err)
			if err := r.wait(ctx, err); err != nil {
				return record, err
			}
		default:
			return record, err
		}
	}
}

// try tries to read the record with sequence next. It waits for IdleCheck at most,
// and for the server's answers.
func (r *reader) try(ctx context.Context) (eventlog.Record, error) {
	if r.bounded && r.last == 0 {
		state, err := r.state(ctx)
		if err != nil {
			return eventlog.Record{}, err
		}
		if r.last = state.LastSeq; r.last == 0 {
			return eventlog.Record{}, errEnd
		}
		if r.next <= r.last {
			return r.look(ctx) // often the first record is all that is wanted
		}
	}
	if r.bounded && r.next > r.last {
		return eventlog.Record{}, errEnd
	}
	if r.messages == nil {
		if err := r.consume(ctx); err != nil {
			return eventlog.Record{}, err
		}
	}
	if r.bounded && r.drained {
		r.drained = false
		return r.look(ctx)
	}
	msg, err := r.messages.Next(jetstream.NextMaxWait(r.cfg.IdleCheck))
	switch {
	case err == nil:
		meta, err := msg.Metadata()
		switch {
		case err != nil:
			return eventlog.Record{}, unavailable(err)
		case meta.Sequence.Stream < r.next:
			return eventlog.Record{}, errNotYet
		case meta.Sequence.Stream == r.next:
			r.drained = meta.NumPending == 0
			return eventlog.Record{Revision: eventlog.Revision(r.next), Data: msg.Data()}, nil
		}
		r.stop() // next was left out
		return r.look(ctx)
	case !errors.Is(err, nats.ErrTimeout):
		r.stop()
		record, missing := r.look(ctx)
		if missing == errNotYet {
			missing = unavailable(err)
		}
		return record, missing
	case !r.bounded && r.cfg.Conn.Stats().Reconnects == r.reconnects:
		if state, err := r.state(ctx); err == nil && state.LastSeq < r.next {
			return eventlog.Record{}, errNotYet
		}
	}
	r.stop() // it has stalled
	return r.look(ctx)
}

// look gets the record with sequence next from the stream's leader. When that has
// a later one but not this one, asked twice because it may just have become
// leader, the log is damaged; with replicas only if that lasts (errGap).
func (r *reader) look(ctx context.Context) (eventlog.Record, error) {
	replicated := false
	record, err := r.get(ctx, r.next)
	for range 2 {
		if err != errNotYet {
			break
		}
		info, serr := r.info(ctx)
		if serr == nil {
			replicated = info.Config.Replicas > 1
		}
		switch {
		case serr != nil:
			return record, serr
		case info.State.LastSeq >= r.next:
			record, err = r.get(ctx, r.next)
		case r.bounded:
			return record, fmt.Errorf("%w: %w: stream %s ends at %d, but had %d", eventlog.ErrLogDamaged, errShorter, streamName(r.cfg.Name), info.State.LastSeq, r.last)
		default:
			return record, errNotYet
		}
	}
	if err == errNotYet {
		err = fmt.Errorf("%w: stream %s has later messages, but not sequence %d; restore it from a backup", eventlog.ErrLogDamaged, streamName(r.cfg.Name), r.next)
		if replicated {
			err = fmt.Errorf("%w (%w)", err, errGap)
		}
	}
	return record, err
}

// consume makes a consumer that begins with next.
func (r *reader) consume(ctx context.Context) error {
	creating, cancel := context.WithTimeout(ctx, r.cfg.RequestTimeout)
	defer cancel()
	name, reconnects := rand.Text(), r.cfg.Conn.Stats().Reconnects
	consumer, err := r.js.CreateConsumer(creating, streamName(r.cfg.Name), jetstream.ConsumerConfig{
		Name:              name,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       r.next,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: inactive,
	})
	if err != nil {
		r.drop(ctx, name) // it may be there all the same
		return unavailable(fmt.Errorf("create consumer: %w", err))
	}
	most := pullMessages
	if allowed := consumer.CachedInfo().Config.MaxRequestBatch; allowed > 0 { // the servers' max_request_batch
		most = min(most, allowed)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(most, pullBytes))
	if err != nil {
		r.drop(ctx, name)
		return unavailable(fmt.Errorf("pull: %w", err))
	}
	forget := context.AfterFunc(ctx, messages.Stop)
	r.messages, r.reconnects, r.drained = messages, reconnects, consumer.CachedInfo().NumPending == 0
	r.release = func() {
		forget()
		messages.Stop()
		r.drop(ctx, name)
	}
	return nil
}

// drop deletes a consumer. If that does not work, the server does it when the
// consumer has been inactive for a while.
func (r *reader) drop(ctx context.Context, consumer string) {
	if r.cfg.Conn.IsConnected() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = r.js.DeleteConsumer(ctx, streamName(r.cfg.Name), consumer)
	}
}

// stop drops the consumer, if there is one.
func (r *reader) stop() {
	if r.messages != nil {
		r.release()
		r.messages = nil
	}
}

// get gets a message by its sequence from the stream's leader, whatever the stream
// allows about replicas; errNotYet when it is not there.
func (l *Log) get(ctx context.Context, seq uint64) (eventlog.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.RequestTimeout)
	defer cancel()
	resp, err := l.cfg.Conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+streamName(l.cfg.Name), fmt.Appendf(nil, `{"seq":%d}`, seq))
	if err != nil {
		return eventlog.Record{}, unavailable(fmt.Errorf("get: %w", err))
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Seq  uint64 `json:"seq"`
			Data []byte `json:"data"`
		} `json:"message"`
	}
	err = json.Unmarshal(resp.Data, &answer)
	switch {
	case err != nil:
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return eventlog.Record{}, errNotYet
	case answer.Error != nil:
		err = answer.Error
	case answer.Message.Seq != seq:
		err = fmt.Errorf("sequence %d came", answer.Message.Seq)
	default:
		return eventlog.Record{Revision: eventlog.Revision(seq), Data: answer.Message.Data}, nil
	}
	return eventlog.Record{}, unavailable(fmt.Errorf("get: %w", err))
}
