package projections

import (
	"context"
	"iter"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// tee reads the log from its beginning for builds that start together: reading, decompressing and verifying a commit,
// and what Event.Once makes of its events, is done once for all. It is as fast as the slowest of them, which costs
// nothing, because they write to the same database in turns.
type tee struct {
	readers []teeReader
	err     error // set before the channels are closed
}

type teeReader struct {
	commits chan *commit
	ctx     context.Context // ends when it wants no more
	leave   context.CancelFunc
}

// newTee is for n readers.
func newTee(ctx context.Context, n int) *tee {
	t := &tee{readers: make([]teeReader, n)}
	for i := range t.readers {
		r := &t.readers[i]
		r.commits = make(chan *commit, feedAhead)
		r.ctx, r.leave = context.WithCancel(ctx)
	}
	return t
}

// run reads until the log ends, every reader has left, or ctx ends.
func (t *tee) run(ctx context.Context, log Log) {
	defer func() {
		for i := range t.readers {
			close(t.readers[i].commits)
		}
	}()
	for c, err := range upToHead(log)(ctx, eventlog.Head{}) {
		if err != nil {
			t.err = err
			return
		}
		c.made = make([]once, c.Header.Events)
		reading := false
		for i := range t.readers {
			select {
			case t.readers[i].commits <- c:
				reading = true
			case <-t.readers[i].ctx.Done():
			}
		}
		if !reading {
			return
		}
	}
}

// source is what a reader follows from the log's beginning, once.
func (t *tee) source(i int) source {
	return func(ctx context.Context, _ eventlog.Head) iter.Seq2[*commit, error] {
		return func(yield func(*commit, error) bool) {
			defer t.readers[i].leave()
			for {
				select {
				case c, more := <-t.readers[i].commits:
					if !more {
						if t.err != nil {
							yield(nil, t.err)
						}
						return
					}
					if !yield(c, nil) {
						return
					}
				case <-ctx.Done():
					yield(nil, ctx.Err())
					return
				}
			}
		}
	}
}
