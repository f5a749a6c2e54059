package eventlogtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

// TestFaultyAppend checks when a commit arrives, and what the caller is told.
func TestFaultyAppend(t *testing.T) {
	for _, c := range []struct {
		fault Fault
		err   error
		heads [3]eventlog.Revision // after the call, after another call, after Arrive
		waits time.Duration
	}{
		{None, nil, [3]eventlog.Revision{1, 1, 1}, 0},
		{Lost, eventlog.ErrUnknownOutcome, [3]eventlog.Revision{0, 0, 0}, 0},
		{Kept, eventlog.ErrUnknownOutcome, [3]eventlog.Revision{1, 1, 1}, 0},
		{Late, eventlog.ErrUnknownOutcome, [3]eventlog.Revision{0, 1, 1}, 0},
		{CutOff, eventlog.ErrUnknownOutcome, [3]eventlog.Revision{0, 0, 0}, time.Minute},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				log := memlog.New()
				faulty := &Faulty{Log: log, Plan: Sequence(c.fault)}
				start := time.Now()
				err := faulty.Append(ctx, 0, NewChain(t).Seal().Data)
				if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
					t.Errorf("%v, want %v", err, c.err)
				}
				if took := time.Since(start); took != c.waits {
					t.Errorf("it took %v, not %v", took, c.waits)
				}
				var heads [3]eventlog.Revision
				heads[0], _ = log.Head(t.Context())
				_, _ = faulty.Head(t.Context())
				heads[1], _ = log.Head(t.Context())
				faulty.Arrive()
				heads[2], _ = log.Head(t.Context())
				if heads != c.heads {
					t.Errorf("heads %v, want %v", heads, c.heads)
				}
			})
		})
	}
}

// TestFaultyReaders checks what of three commits is read, and what then.
func TestFaultyReaders(t *testing.T) {
	ended := context.DeadlineExceeded
	for _, c := range []struct {
		fault         Fault
		head          eventlog.Revision
		headErr       error
		read          int
		readErr       error
		subscribed    int
		subscribedErr error
	}{
		{None, 3, nil, 3, nil, 3, ended},
		{Lost, 0, eventlog.ErrUnavailable, 0, eventlog.ErrUnavailable, 0, eventlog.ErrUnavailable},
		{Kept, 0, eventlog.ErrUnavailable, 3, eventlog.ErrUnavailable, 1, eventlog.ErrUnavailable},
		{Late, 2, nil, 2, nil, 3, ended},
		{CutOff, 0, ended, 0, ended, 0, ended},
	} {
		t.Run(c.fault.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, chain := memlog.New(), NewChain(t)
				for range 3 {
					chain.Append(t.Context(), log)
				}
				var ops []Op
				faulty := &Faulty{Log: log, Plan: func(call Call) Fault {
					ops = append(ops, call.Op)
					return c.fault
				}}
				within := func() context.Context {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					t.Cleanup(cancel)
					return ctx
				}
				is := func(err, want error) bool { return errors.Is(err, want) && (err == nil) == (want == nil) }
				if head, err := faulty.Head(within()); head != c.head || !is(err, c.headErr) {
					t.Errorf("head %d, %v; want %d, %v", head, err, c.head, c.headErr)
				}
				n, err := drain(faulty.Read(within(), 1))
				if n != c.read || !is(err, c.readErr) {
					t.Errorf("read %d, %v; want %d, %v", n, err, c.read, c.readErr)
				}
				n, err = drain(faulty.Subscribe(within(), 1))
				if n != c.subscribed || !is(err, c.subscribedErr) {
					t.Errorf("subscribed to %d, %v; want %d, %v", n, err, c.subscribed, c.subscribedErr)
				}
				if want := []Op{Head, Read, Subscribe}; !slices.Equal(ops, want) || faulty.Calls() != 3 {
					t.Errorf("calls %v, want %v", ops, want)
				}
			})
		})
	}
}

func drain(records records) (n int, err error) {
	for _, err := range records {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
