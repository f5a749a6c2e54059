package projections

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// digestedCommit is a commit as the feed hands it over.
type digestedCommit struct {
	head    eventlog.Head
	first   int64 // time of the first event
	events  int
	items   []*Digested          // those that the projection digests
	aside   []readmodel.SetAside // those that it cannot
	payload int                  // bytes
}

// digest decodes a commit and lets a projection digest its events.
func digest(p Projection, c *commit) (*digestedCommit, error) {
	events, err := c.Events()
	if err != nil {
		return nil, fmt.Errorf("commit %d: %w", c.Revision, err)
	}
	d := &digestedCommit{head: c.Head(), first: c.FirstStored, events: len(events)}
	for i := range events {
		if events[i].Erased {
			continue // it says nothing any more
		}
		e := &Digested{Event: Event{
			Position: Position{Revision: uint64(c.Revision), Index: i},
			T:        c.FirstStored + int64(i),
			Encoded: event.Encoded{
				Type: events[i].Type, Version: events[i].Version, Meta: events[i].Meta, Payload: events[i].Payload,
			},
		}}
		if c.made != nil {
			e.made = &c.made[i]
		}
		if err := safely(func() (err error) { e.Digest, err = p.Digest(&e.Event); return err }); err != nil {
			d.aside = append(d.aside, setAside(p, &e.Event, err))
			continue
		}
		if e.Digest != nil {
			d.items = append(d.items, e)
			d.payload += len(e.Encoded.Payload)
		}
	}
	return d, nil
}

// refuse takes an event out of the commit and sets it aside.
func (d *digestedCommit) refuse(p Projection, at int, why error) {
	kept := d.items[:0]
	for _, e := range d.items {
		if e.Index == at {
			d.aside = append(d.aside, setAside(p, &e.Event, why))
		} else {
			kept = append(kept, e)
		}
	}
	d.items = kept
}

// cut takes the events from index n on out of the commit.
func (d *digestedCommit) cut(n int) {
	d.events = n
	for i, e := range d.items {
		if e.Index >= n {
			d.items = d.items[:i]
			break
		}
	}
	for i, a := range d.aside {
		if a.Event >= n {
			d.aside = d.aside[:i]
			break
		}
	}
}

// panicked is what was recovered from a panic.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// safely turns a panic into an error: one strange event must not stop a server.
func safely(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked{r}
		}
	}()
	return do()
}

func setAside(p Projection, e *Event, why error) readmodel.SetAside {
	return readmodel.SetAside{
		Projection: p.Schema().Projection, Revision: e.Revision, Event: e.Index, At: e.T, Type: e.Encoded.Type, Reason: why.Error(),
	}
}

// feedAhead is how many commits are digested ahead of the writer; a commit has 4 MB
// of statements at most.
const feedAhead = 8

// A build's batch is full with so much, and handed over then: many rows at once touch each page of an index fewer times.
// One is being written, one is ready and one is in the making.
const (
	fullPayload = 8 << 20
	fullEvents  = 1 << 14
)

// batch is commits that follow one another.
type batch struct {
	commits []*digestedCommit
	events  int
	payload int
}

func (b *batch) add(c *digestedCommit) {
	b.commits = append(b.commits, c)
	b.events += c.events
	b.payload += c.payload
}

func (b *batch) full() bool { return b.payload >= fullPayload || b.events >= fullEvents }

// feed digests the commits after a head in a goroutine of its own, beside the one that
// writes rows. It hands each over at once; with full in full batches. The channel is
// closed at the end of the source, at an error, and when ctx ends. stop ends the
// goroutine, waits for that, and tells the error; it must be called, and may be called
// again.
func feed(ctx context.Context, p Projection, from source, after eventlog.Head, full bool) (batches <-chan batch, stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ahead := feedAhead
	if full {
		ahead = 1
	}
	digested := make(chan batch, ahead)
	var failed error // set before digested is closed
	go func() {
		defer close(digested)
		var b batch
		handOver := func() bool {
			select {
			case digested <- b:
				b = batch{}
				return true
			case <-ctx.Done():
				failed = ctx.Err()
				return false
			}
		}
		for c, err := range from(ctx, after) {
			var d *digestedCommit
			if err == nil {
				d, err = digest(p, c)
			}
			if err != nil {
				failed = err
				return
			}
			if b.add(d); full && !b.full() {
				continue
			}
			if !handOver() {
				return
			}
		}
		if len(b.commits) > 0 {
			handOver()
		}
	}()
	return digested, func() error {
		cancel()
		for range digested {
		}
		return failed
	}
}

// past reads the log from its beginning for a projection's Writer.
func past(log Log, p Projection) Past {
	return func(ctx context.Context, before Position) iter.Seq2[*Digested, error] {
		return func(yield func(*Digested, error) bool) {
			last := before.Revision // of a commit that has events before the position
			if before.Index == 0 {
				last--
			}
			if before.Revision == 0 || last == 0 {
				return
			}
			batches, stop := feed(ctx, p, upToHead(log), eventlog.Head{}, false)
			defer stop()
			reached := uint64(0)
			for b := range batches {
				c := b.commits[0]
				for _, e := range c.items {
					if e.Revision == before.Revision && e.Index >= before.Index {
						return
					}
					if !yield(e, nil) {
						return
					}
				}
				if reached = uint64(c.head.Revision); reached == last {
					return
				}
			}
			err := stop()
			if err == nil {
				err = errors.New("it ends there")
			}
			yield(nil, fmt.Errorf("read the log again, up to revision %d of %d: %w", reached, last, err))
		}
	}
}

// headOf is the head that a checkpoint continues.
func headOf(c readmodel.Checkpoint) (eventlog.Head, error) {
	h := eventlog.Head{Revision: eventlog.Revision(c.Revision)}
	if c.Revision == 0 {
		return h, nil
	}
	if _, err := hex.Decode(h.Log[:], []byte(c.Log)); err != nil || len(c.Log) != 2*len(h.Log) {
		return h, fmt.Errorf("projections: checkpoint of %s: log id %q", c.Projection, c.Log)
	}
	if _, err := hex.Decode(h.Hash[:], []byte(c.Hash)); err != nil || len(c.Hash) != 2*len(h.Hash) {
		return h, fmt.Errorf("projections: checkpoint of %s: hash %q", c.Projection, c.Hash)
	}
	return h, nil
}
