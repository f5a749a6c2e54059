package projections

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

// chain appends commits to a log.
type chain struct {
	testing.TB
	log     *memlog.Log
	builder *eventlog.Builder
	heads   []eventlog.Head // of each revision, from 0
}

func newChain(t testing.TB) *chain {
	c := &chain{t, memlog.New(), eventlog.NewBuilder(eventlog.Limits{}), make([]eventlog.Head, 1)}
	c.heads[0].Log[0] = 1
	return c
}

// append appends a commit with an event of so many bytes.
func (c *chain) append(size int) {
	c.Helper()
	head := c.heads[len(c.heads)-1]
	if err := c.builder.Add(eventlog.Event{Type: "A", Version: 1, Payload: bytes.Repeat([]byte("x"), size)}); err != nil {
		c.Fatal(err)
	}
	sealed, err := c.builder.Seal(eventlog.SealInfo{Log: head.Log, Previous: head, FirstStored: int64(len(c.heads))})
	if err != nil {
		c.Fatal(err)
	}
	if err := c.log.Append(c.Context(), head.Revision, sealed.Data); err != nil {
		c.Fatal(err)
	}
	c.heads = append(c.heads, sealed.Commit.Head())
}

// subscriptions counts them.
type subscriptions struct {
	*memlog.Log
	mu sync.Mutex
	n  int
}

func (s *subscriptions) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.Log.Subscribe(ctx, from)
}

// TestStream: whoever follows gets every commit once and in order, from wherever, those
// that are not kept any more included; one subscription serves all who are near it.
func TestStream(t *testing.T) {
	c := newChain(t)
	log := &subscriptions{Log: c.log}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	s := &stream{log: log, ctx: ctx, wg: &wg}
	follow := func(from int) (next func() (*commit, error, bool), want func(to int)) {
		next, stop := iter.Pull2(s.follow(ctx, c.heads[from]))
		t.Cleanup(stop)
		return next, func(to int) {
			t.Helper()
			for from < to {
				from++
				if got, err, _ := next(); err != nil || got.Head() != c.heads[from] {
					t.Fatalf("%+v, %v, want revision %d", got, err, from)
				}
			}
		}
	}
	for range 6 {
		c.append(windowBytes / 3)
	}
	_, first := follow(0)
	first(6)
	s.now.mu.Lock()
	kept := len(s.now.commits)
	s.now.mu.Unlock()
	if kept == 0 || kept > 3 {
		t.Errorf("%d commits are kept", kept)
	}
	_, second := follow(0) // reads what is not kept
	_, third := follow(4)
	second(6)
	third(6)
	c.append(10)
	c.append(10)
	for _, want := range []func(int){third, first, second} {
		want(8)
	}
	if log.n != 1 {
		t.Errorf("%d subscriptions", log.n)
	}

	for range aheadCommits + 2 { // one who is far ahead waits for nobody
		c.append(1)
	}
	stuck := &reading{stop: func() {}, last: c.heads[1], grown: make(chan struct{})}
	s.now.end(errOvertaken)
	s.now = stuck
	last := len(c.heads) - 1
	ahead, want := follow(last)
	c.append(1)
	want(last + 1)
	first(last + 1)
	if !errors.Is(stuck.err, errOvertaken) {
		t.Errorf("the reading of long ago has ended with %v", stuck.err)
	}

	forged := c.heads[last]
	forged.Hash[0] ^= 1
	for _, err := range s.follow(ctx, forged) {
		if !errors.Is(err, eventlog.ErrLogDamaged) {
			t.Errorf("after a head that the log has not: %v", err)
		}
		break
	}
	cancel()
	if _, err, _ := ahead(); err == nil {
		t.Error("a follower outlives the stream")
	}
}
