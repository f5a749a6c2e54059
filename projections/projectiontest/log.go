package projectiontest

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

// Log is an event log in memory and its one writer. Append belongs to one goroutine.
type Log struct {
	*memlog.Log
	head    eventlog.Head
	builder *eventlog.Builder
	last    int64 // time of the last event
}

// NewLog makes an empty log.
func NewLog() *Log {
	l := &Log{Log: memlog.New(), builder: eventlog.NewBuilder(eventlog.Limits{})}
	_, _ = rand.Read(l.head.Log[:])
	return l
}

// Append adds a commit, which may have no events. first is the time of its first
// event, µs since 1970, after that of every event before; the others follow by 1 µs.
func (l *Log) Append(ctx context.Context, first int64, events ...event.Encoded) (revision uint64, err error) {
	if first <= l.last {
		return 0, fmt.Errorf("a commit at %d, after an event at %d", first, l.last)
	}
	for _, e := range events {
		if err := l.builder.Add(eventlog.Event{Type: e.Type, Version: e.Version, Meta: e.Meta, Payload: e.Payload}); err != nil {
			return 0, fmt.Errorf("event %s: %w", e.Type, err)
		}
	}
	sealed, err := l.builder.Seal(eventlog.SealInfo{Log: l.head.Log, Previous: l.head, FirstStored: first, Node: "test"})
	if err != nil {
		return 0, err
	}
	if err := l.Log.Append(ctx, l.head.Revision, sealed.Data); err != nil {
		return 0, err
	}
	l.head = sealed.Commit.Head()
	l.last = first + int64(max(len(events), 1)) - 1
	return uint64(l.head.Revision), nil
}

// Revision is that of the last commit.
func (l *Log) Revision() uint64 { return uint64(l.head.Revision) }
