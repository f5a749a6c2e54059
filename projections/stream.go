package projections

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// source gives the commits after a head, in order and verified.
type source func(ctx context.Context, after eventlog.Head) iter.Seq2[*commit, error]

// upToHead is the source that ends where the log does.
func upToHead(log Log) source {
	return func(ctx context.Context, after eventlog.Head) iter.Seq2[*commit, error] {
		return func(yield func(*commit, error) bool) {
			for c, err := range eventlog.Follow(log.Read(ctx, after.Revision+1), after) {
				if !yield(&commit{Commit: c}, err) {
					return
				}
			}
		}
	}
}

// stream reads the log's end once for all who follow it: reading, decompressing and
// verifying a commit costs more than most projections take for it.
type stream struct {
	log Log
	ctx context.Context // ends the reading
	wg  *sync.WaitGroup // has the goroutine that reads

	mu  sync.Mutex
	now *reading // nil before anybody has asked
}

// reading is one subscription to the log, with the commits that it gave last.
type reading struct {
	stop context.CancelFunc

	mu      sync.Mutex
	last    eventlog.Head
	commits []*commit     // up to last, without a gap
	bytes   int           // in these
	grown   chan struct{} // closed and made anew when there is more; closed with err
	err     error         // why it has ended
}

// windowBytes bounds the bytes of the commits that a reading keeps, but for the last one. Who
// is further behind reads by itself.
const windowBytes = 8 << 20

var (
	errOvertaken = errors.New("there is a newer reading of the log")
	errNoMore    = errors.New("the subscription to the log has ended")
)

// follow is the source that has no end.
func (s *stream) follow(ctx context.Context, after eventlog.Head) iter.Seq2[*commit, error] {
	return func(yield func(*commit, error) bool) {
		r := s.at(after)
		for {
			commits, grown, err := r.after(after)
			switch {
			case errors.Is(err, errOvertaken):
				r = s.at(after)
			case err != nil:
				yield(nil, err)
				return
			case grown != nil:
				select {
				case <-grown:
				case <-ctx.Done():
					yield(nil, ctx.Err())
					return
				}
			case len(commits) == 0:
				before := after
				for c, err := range upToHead(s.log)(ctx, after) {
					if !yield(c, err) || err != nil {
						return
					}
					after = c.Head()
				}
				if after != before {
					r = s.at(after)
				} else { // a log may be late with what it gives those who read it
					r = s.begin(after)
				}
			}
			for _, c := range commits {
				if !yield(c, nil) {
					return
				}
				after = c.Head()
			}
		}
	}
}

// aheadCommits is by how many commits a reader may be ahead of the reading under way, and wait for
// it to come.
const aheadCommits = 1024

// at is the reading under way, a new one if there is none or if head is far ahead of it.
func (s *stream) at(head eventlog.Head) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil && s.now.nears(head) {
		return s.now
	}
	return s.beginLocked(head)
}

// begin is a new reading.
func (s *stream) begin(after eventlog.Head) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beginLocked(after)
}

func (s *stream) beginLocked(after eventlog.Head) *reading {
	if s.now != nil {
		s.now.end(errOvertaken)
	}
	ctx, stop := context.WithCancel(s.ctx)
	r := &reading{stop: stop, last: after, grown: make(chan struct{})}
	s.now = r
	s.wg.Go(func() {
		defer stop()
		for c, err := range eventlog.Follow(s.log.Subscribe(ctx, after.Revision+1), after) {
			if err != nil {
				r.end(err)
				return
			}
			r.add(c)
		}
		r.end(errNoMore)
	})
	return r
}

func (r *reading) nears(head eventlog.Head) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err == nil && head.Revision <= r.last.Revision+aheadCommits
}

func (r *reading) add(c *eventlog.Commit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	r.last, r.commits = c.Head(), append(r.commits, &commit{c, make([]once, c.Header.Events)})
	for r.bytes += size(c); r.bytes > windowBytes && len(r.commits) > 1; r.commits = r.commits[1:] {
		r.bytes -= size(r.commits[0].Commit)
		r.commits[0] = nil
	}
	close(r.grown)
	r.grown = make(chan struct{})
}

// size is what a commit's events take.
func size(c *eventlog.Commit) (bytes int) {
	for i := range c.Frames {
		bytes += c.Frames[i].RawLen
	}
	return bytes
}

// end ends the reading; the first reason stays.
func (r *reading) end(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = why
		close(r.grown)
	}
	r.stop()
}

// after gives the commits after a head, or, if they are still to come, what is closed
// when there are more. If it gives nothing, they are not kept any more.
func (r *reading) after(head eventlog.Head) (commits []*commit, grown <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.last.Revision + 1 - eventlog.Revision(len(r.commits))
	switch next := head.Revision + 1; {
	case next < first:
		return nil, nil, nil
	case next <= r.last.Revision:
		commits = append(commits, r.commits[next-first:]...) // add clears the array
		if c := commits[0]; c.Previous != head.Hash || head.Log != (eventlog.LogID{}) && c.Log != head.Log {
			return nil, nil, nil // reading it again says what is wrong
		}
		return commits, nil, nil
	case r.err != nil:
		return nil, nil, r.err
	}
	return nil, r.grown, nil
}
