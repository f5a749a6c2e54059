package eventlogtest

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Chain makes commits that follow one another, for tests that need a log and do
// not care what is in it. It belongs to one goroutine.
type Chain struct {
	Head eventlog.Head // the last commit; Log is set from the start

	tb      testing.TB
	builder *eventlog.Builder
	node    string
}

// NewChain begins a new log.
func NewChain(tb testing.TB) *Chain {
	c := &Chain{tb: tb, builder: eventlog.NewBuilder(eventlog.Limits{}), node: "test"}
	_, _ = rand.Read(c.Head.Log[:])
	return c
}

// Fork returns another node's chain, which is where c is.
func (c *Chain) Fork(node string) *Chain {
	return &Chain{Head: c.Head, tb: c.tb, builder: eventlog.NewBuilder(eventlog.Limits{}), node: node}
}

// Seal makes the commit that follows Head, and leaves Head where it is. Without
// events it has one of its own.
func (c *Chain) Seal(events ...eventlog.Event) eventlog.Sealed {
	c.tb.Helper()
	if len(events) == 0 {
		events = []eventlog.Event{{Type: "Tested", Version: 1, Payload: []byte(`{"test":true}`)}}
	}
	if err := c.builder.Add(events...); err != nil {
		c.tb.Fatal(err)
	}
	// One second a commit.
	sealed, err := c.builder.Seal(eventlog.SealInfo{
		Log: c.Head.Log, Previous: c.Head, Node: c.node, FirstStored: int64(c.Head.Revision+1) * 1e6,
	})
	if err != nil {
		c.tb.Fatal(err)
	}
	return sealed
}

// Append seals a commit, appends it to log and moves Head.
func (c *Chain) Append(ctx context.Context, log eventlog.Log, events ...eventlog.Event) eventlog.Sealed {
	c.tb.Helper()
	sealed := c.Seal(events...)
	if err := log.Append(ctx, c.Head.Revision, sealed.Data); err != nil {
		c.tb.Fatalf("append revision %d: %v", sealed.Commit.Revision, err)
	}
	c.Head = sealed.Commit.Head()
	return sealed
}
