package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// calls is how the nodes of one log call each other: lrs.Neighbours over NATS, without JetStream.
type calls struct {
	conn    *nats.Conn
	subject string
	log     *slog.Logger
	refused atomic.Bool // by the servers, until they are asked again
	next    chan []byte // what is sent next; capacity 1
}

// callsRetry is how often servers that refuse the calls of this node's user are asked again.
const callsRetry = 10 * time.Minute

// callsFirstLook and callsLook are how often a subscription is looked at for that.
const (
	callsFirstLook = time.Second
	callsLook      = time.Minute
)

func newCalls(conn *nats.Conn, logName string, log *slog.Logger) *calls {
	return &calls{conn: conn, subject: "bedside.turns." + logName, log: log, next: make(chan []byte, 1)}
}

// errCallsHang says that a call before could not be sent yet.
var errCallsHang = errors.New("the server takes no calls at the moment")

// Call tells the other nodes something while Calls goes on, unless the servers refuse that. It does not wait for them: one that
// hangs holds up whoever writes to its connection, by which the relay's commits go too.
func (c *calls) Call(message []byte) error {
	if c.refused.Load() {
		return nats.ErrPermissionViolation
	}
	select {
	case c.next <- message:
		return nil
	default:
		return errCallsHang
	}
}

// send sends what Call was given, until ctx ends.
func (c *calls) send(ctx context.Context) {
	for {
		select {
		case message := <-c.next:
			if err := c.conn.Publish(c.subject, message); err != nil {
				c.log.Debug("a call could not be sent", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Calls yields what nodes call, and sends what this one does, until ctx ends.
func (c *calls) Calls(ctx context.Context) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		sending, stop := context.WithCancel(ctx)
		defer stop()
		go c.send(sending) // not waited for: where a server hangs it ends with the connection
		for told := false; ctx.Err() == nil; {
			err := c.listen(ctx, yield)
			if err == nil {
				return
			}
			c.refused.Store(errors.Is(err, nats.ErrPermissionViolation))
			if !told && ctx.Err() == nil {
				c.log.Warn("nodes cannot call each other when they want to append, so one that is further from the log than others may wait long: "+
					"allow their NATS user to publish and to subscribe to the subject", "subject", c.subject, "error", err)
				told = true
			}
			select {
			case <-time.After(callsRetry):
				c.refused.Store(false)
			case <-ctx.Done():
			}
		}
	}
}

// listen yields what comes until it cannot go on; nil if nobody wants more.
func (c *calls) listen(ctx context.Context, yield func([]byte) bool) error {
	sub, err := c.conn.SubscribeSync(c.subject)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // of a connection that is closed
	for look := callsFirstLook; ; look = callsLook {
		m, err := nextCall(ctx, sub, look)
		switch {
		case errors.Is(err, nats.ErrSlowConsumer), errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			continue // who was not heard calls again
		case err != nil:
			return err
		case !yield(m.Data):
			return nil
		}
	}
}

// nextCall waits for a message. That the servers have refused the subscription nats.go says only to who begins to wait, so the wait
// ends from time to time.
func nextCall(ctx context.Context, sub *nats.Subscription, look time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, look)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}
