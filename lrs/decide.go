package lrs

import (
	"errors"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// comparedMost bounds what is decided for one commit beside its events, in bytes that are compared (see decision). It is
// some 50 ms of the committer's time, many times what a commit costs, so that sealing earlier for it costs no throughput.
const comparedMost = 1 << 20

// sizeOf is what events that were made in vain count.
func sizeOf(events []eventlog.Event) (n int) {
	for i := range events {
		n += len(events[i].Payload) + len(events[i].Meta)
	}
	return n
}

// comparedLeast is what a change without an event counts at least: it has cost its turn, and its client can be back
// before the queue is empty.
const comparedLeast = 512

// decideAll fills the open commit. What needs no commit is answered at once.
//
// It ends when the queue is empty, when the commit is full, or when comparedMost is reached. Events bound themselves,
// since the commit gets full. What comes to no event does not: its clients are answered in here and can ask again at
// once, so the queue may never be empty. Without a bound the writes in the open commit would not be sealed while that
// goes on, and the watermark, which stays before the open commit, would stand still.
func (c *committer) decideAll(tx *transaction, carried []*change) (waiting []pending, rest []*change) {
	for compared := 0; compared < comparedMost; {
		var ch *change
		if len(carried) > 0 {
			ch, carried = carried[0], carried[1:]
		} else {
			select {
			case next, ok := <-c.queue:
				if !ok {
					return waiting, nil
				}
				ch = next
			default:
				return waiting, nil
			}
		}
		if ch.run != nil { // between commits
			return waiting, append([]*change{ch}, carried...)
		}
		p, cost, err := c.decide(tx, ch)
		compared += cost
		if errors.Is(err, eventlog.ErrFull) {
			return waiting, append([]*change{ch}, carried...)
		}
		if p != nil {
			waiting = append(waiting, *p)
		}
	}
	return waiting, carried
}

// decide takes one change into the open commit, or answers it. The cost is what
// counts towards comparedMost. Its only error is eventlog.ErrFull: the change must
// wait for the next commit.
func (c *committer) decide(tx *transaction, ch *change) (p *pending, cost int, err error) {
	if err := ch.ctx.Err(); err != nil {
		c.finish(ch, answer{err: fmt.Errorf("%w: the client went away before it was stored", ErrClosed)})
		return nil, comparedLeast, nil
	}
	d, err := ch.decide(tx)
	if err == nil && len(d.events) > 0 {
		switch addErr := c.builder.Add(d.events...); {
		case errors.Is(addErr, eventlog.ErrFull):
			return nil, d.compared, addErr
		case addErr != nil:
			err = fmt.Errorf("%w: %w", ErrTooLarge, addErr)
			d.compared += sizeOf(d.events) // it was compressed to find out
		default:
			p := &pending{change: ch, events: len(d.events)}
			p.position = Position{Revision: c.head.Revision + 1, Index: len(tx.events)}
			tx.add(d)
			return p, d.compared, nil
		}
	}
	cost = max(d.compared, comparedLeast)
	p = &pending{change: ch, answer: answer{err: err}}
	if d.rests {
		return p, cost, nil
	}
	c.finish(ch, p.answer)
	return nil, cost, nil
}
