package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/eventlogtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

// TestSettle settles under every sequence of faults over the first four calls,
// and with a rival's commit arriving at each of them or never. The answer must be
// what the log has in the end, when all that was late has arrived.
func TestSettle(t *testing.T) {
	for sequence := range sequences(4) {
		for rivalAt := -1; rivalAt < 5; rivalAt++ {
			synctest.Test(t, func(t *testing.T) {
				settleOnce(t, sequence, rivalAt)
			})
		}
	}
}

// sequences are all of n faults.
func sequences(n int) iter.Seq[[]eventlogtest.Fault] {
	return func(yield func([]eventlogtest.Fault) bool) {
		all := len(eventlogtest.Faults)
		total := 1
		for range n {
			total *= all
		}
		for i := range total {
			var s []eventlogtest.Fault
			for range n {
				s = append(s, eventlogtest.Faults[i%all])
				i /= all
			}
			if !yield(s) {
				return
			}
		}
	}
}

func settleOnce(t *testing.T, faults []eventlogtest.Fault, rivalAt int) {
	log, chain := memlog.New(), eventlogtest.NewChain(t)
	chain.Append(t.Context(), log)
	chain.Append(t.Context(), log)
	ours, theirs := chain.Seal(), chain.Fork("rival").Seal()

	var got []eventlogtest.Call
	plan := eventlogtest.Sequence(faults...)
	faulty := &eventlogtest.Faulty{Log: log, Plan: func(c eventlogtest.Call) eventlogtest.Fault {
		got = append(got, c)
		if c.N == rivalAt {
			// It conflicts if ours is there already.
			_ = log.Append(t.Context(), chain.Head.Revision, theirs.Data)
		}
		return plan(c)
	}}
	err := eventlog.Settle(t.Context(), faulty, chain.Head.Revision, ours.Data, eventlog.SettleOptions{})
	faulty.Arrive()

	var stored []byte
	for r, err := range log.Read(t.Context(), chain.Head.Revision+1) {
		if err != nil {
			t.Fatalf("%v, rival at %d: the log: %v", faults, rivalAt, err)
		}
		if stored != nil {
			t.Fatalf("%v, rival at %d: two commits", faults, rivalAt)
		}
		stored = r.Data
	}
	switch {
	case err == nil && bytes.Equal(stored, ours.Data):
	case errors.Is(err, eventlog.ErrConflict) && bytes.Equal(stored, theirs.Data):
	default:
		t.Fatalf("%v, rival at %d: %v, but the log has ours: %v, theirs: %v; calls %v",
			faults, rivalAt, err, bytes.Equal(stored, ours.Data), bytes.Equal(stored, theirs.Data), got)
	}
	if errors.Is(err, eventlog.ErrUnknownOutcome) {
		t.Fatalf("%v, rival at %d: %v says conflict and unknown", faults, rivalAt, err)
	}
}

// answers is a log whose appends give these errors in turn, the last for ever,
// whose head is head, and whose reads give what read has.
type answers struct {
	eventlog.Log
	errs    []error
	head    eventlog.Revision
	headErr error
	read    []eventlog.Record
	readErr error
	sent    [][]byte
	reads   int
}

func (a *answers) Append(ctx context.Context, _ eventlog.Revision, data []byte) error {
	a.sent = append(a.sent, data)
	return a.errs[min(len(a.sent), len(a.errs))-1]
}

func (a *answers) Head(context.Context) (eventlog.Revision, error) { return a.head, a.headErr }

func (a *answers) Read(context.Context, eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		a.reads++
		for _, r := range a.read {
			if !yield(r, nil) {
				return
			}
		}
		if a.readErr != nil {
			yield(eventlog.Record{}, a.readErr)
		}
	}
}

var kinds = []error{
	eventlog.ErrConflict, eventlog.ErrUnknownOutcome, eventlog.ErrTooLarge,
	eventlog.ErrUnavailable, eventlog.ErrClosed, eventlog.ErrLogDamaged,
}

// TestSettleAnswers pins what each error of a driver leads to, at first and when an
// earlier attempt is open, and how often the log is asked.
func TestSettleAnswers(t *testing.T) {
	ours, theirs := []byte("ours"), []byte("theirs")
	ended := errors.New("of no kind")
	unknown := fmt.Errorf("no answer: %w", eventlog.ErrUnknownOutcome)
	both := fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, eventlog.ErrUnavailable)
	for name, c := range map[string]struct {
		log            answers
		want           []error // all kinds that the answer has; none: nil
		appends, reads int
	}{
		"stored":      {answers{errs: []error{nil}}, nil, 1, 0},
		"conflict":    {answers{errs: []error{eventlog.ErrConflict}}, []error{eventlog.ErrConflict}, 1, 0},
		"too large":   {answers{errs: []error{eventlog.ErrTooLarge}}, []error{eventlog.ErrTooLarge}, 1, 0},
		"unavailable": {answers{errs: []error{eventlog.ErrUnavailable}}, []error{eventlog.ErrUnavailable}, 1, 0},
		"closed":      {answers{errs: []error{eventlog.ErrClosed}}, []error{eventlog.ErrClosed}, 1, 0},
		"damaged":     {answers{errs: []error{eventlog.ErrLogDamaged}}, []error{eventlog.ErrLogDamaged}, 1, 0},

		"unknown, stored":               {answers{errs: []error{unknown, nil}}, nil, 2, 0},
		"of no kind, stored":            {answers{errs: []error{ended, nil}}, nil, 2, 0},
		"unknown though unavailable":    {answers{errs: []error{both, nil}}, nil, 2, 0},
		"unknown, unavailable, stored":  {answers{errs: []error{unknown, eventlog.ErrUnavailable, nil}}, nil, 3, 0},
		"unknown, too large, stored":    {answers{errs: []error{unknown, eventlog.ErrTooLarge, nil}}, nil, 3, 0},
		"unknown, closed":               {answers{errs: []error{unknown, eventlog.ErrClosed}}, []error{eventlog.ErrUnknownOutcome, eventlog.ErrClosed}, 2, 0},
		"unknown, damaged":              {answers{errs: []error{unknown, eventlog.ErrLogDamaged}}, []error{eventlog.ErrUnknownOutcome, eventlog.ErrLogDamaged}, 2, 0},
		"unknown, conflict, ours":       {answers{errs: []error{unknown, eventlog.ErrConflict}, read: []eventlog.Record{{8, ours}}}, nil, 2, 1},
		"unknown, conflict, ours first": {answers{errs: []error{unknown, eventlog.ErrConflict}, read: []eventlog.Record{{8, ours}, {9, theirs}}}, nil, 2, 1},
		"unknown, conflict, theirs":     {answers{errs: []error{unknown, eventlog.ErrConflict}, read: []eventlog.Record{{8, theirs}}}, []error{eventlog.ErrConflict}, 2, 1},
		"unknown, conflict, damaged": {answers{errs: []error{unknown, eventlog.ErrConflict}, readErr: eventlog.ErrLogDamaged},
			[]error{eventlog.ErrUnknownOutcome, eventlog.ErrLogDamaged}, 2, 1},
		"unknown, conflict, another revision": {answers{errs: []error{unknown, eventlog.ErrConflict}, read: []eventlog.Record{{9, ours}}},
			[]error{eventlog.ErrUnknownOutcome, eventlog.ErrLogDamaged}, 2, 1},
		"unknown, there: ours":          {answers{errs: []error{unknown}, head: 8, read: []eventlog.Record{{8, ours}}}, nil, 1, 1},
		"unknown, there: theirs":        {answers{errs: []error{unknown}, head: 9, read: []eventlog.Record{{8, theirs}, {9, theirs}}}, []error{eventlog.ErrConflict}, 1, 1},
		"unknown, not there, stored":    {answers{errs: []error{unknown, nil}, head: 7, read: []eventlog.Record{{8, theirs}}}, nil, 2, 0},
		"unknown, head away, stored":    {answers{errs: []error{unknown, nil}, head: 8, headErr: eventlog.ErrUnavailable}, nil, 2, 0},
		"unknown, head damaged, stored": {answers{errs: []error{unknown, nil}, headErr: eventlog.ErrLogDamaged}, nil, 2, 0},
		"unknown, not to be read yet":   {answers{errs: []error{unknown, nil}, head: 8}, nil, 2, 1},
		"stored elsewhere": {answers{errs: []error{fmt.Errorf("%w: %w", unknown, eventlog.ErrLogDamaged)}, head: 9, read: []eventlog.Record{{8, theirs}}},
			[]error{eventlog.ErrUnknownOutcome, eventlog.ErrLogDamaged}, 1, 0},
		"unknown, conflict not to be read, stored after all": {answers{errs: []error{unknown, eventlog.ErrConflict, eventlog.ErrConflict, nil}}, nil, 4, 2},
		"unknown, conflict, reads fail, stored after all":    {answers{errs: []error{unknown, eventlog.ErrConflict, nil}, readErr: eventlog.ErrUnavailable}, nil, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := c.log
				err := eventlog.Settle(t.Context(), &log, 7, ours, eventlog.SettleOptions{})
				if (err == nil) != (c.want == nil) {
					t.Errorf("%v, want %v", err, c.want)
				}
				for _, kind := range kinds {
					if errors.Is(err, kind) != slices.Contains(c.want, kind) {
						t.Errorf("%v; of kind %q: %v", err, kind, errors.Is(err, kind))
					}
				}
				if len(log.sent) != c.appends || log.reads != c.reads {
					t.Errorf("%d appends and %d reads, not %d and %d", len(log.sent), log.reads, c.appends, c.reads)
				}
				for i, data := range log.sent {
					if &data[0] != &ours[0] || len(data) != len(ours) {
						t.Errorf("append %d sent other bytes", i+1)
					}
				}
			})
		})
	}
}

// TestSettleTime ends ctx in every state, and checks how long was waited before.
func TestSettleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		log := &answers{errs: []error{nil}}
		err := eventlog.Settle(ctx, log, 0, []byte("x"), eventlog.SettleOptions{})
		if !errors.Is(err, eventlog.ErrUnavailable) || errors.Is(err, eventlog.ErrUnknownOutcome) || len(log.sent) != 0 {
			t.Errorf("under a context that had ended: %v, %d appends", err, len(log.sent))
		}
	})
	synctest.Test(t, func(t *testing.T) { // while it waits
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		log := &answers{errs: []error{eventlog.ErrUnknownOutcome}}
		start := time.Now()
		err := eventlog.Settle(ctx, log, 0, []byte("x"), eventlog.SettleOptions{})
		if !errors.Is(err, eventlog.ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the context ended: %v", err)
		}
		// 10 ms, 20 … 640 ms, then 1 s each.
		if n := len(log.sent); time.Since(start) != time.Minute || n != 66 {
			t.Errorf("%d appends in %v", n, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) { // while the log does not answer
		const attempts = 7
		// An attempt and a look each take the time-out: 2, 4, 8, 16 s, and then 30 s.
		total := 2*(2+4+8+16+3*30)*time.Second + attempts*3*time.Second
		ctx, cancel := context.WithTimeout(t.Context(), total)
		defer cancel()
		faulty := &eventlogtest.Faulty{Log: memlog.New(), Plan: func(eventlogtest.Call) eventlogtest.Fault { return eventlogtest.CutOff }}
		begun, last := time.Now(), 0
		var took []time.Duration
		err := eventlog.Settle(ctx, faulty, 0, []byte("x"), eventlog.SettleOptions{
			Backoff: func(attempt int, err error) time.Duration {
				if !errors.Is(err, eventlog.ErrUnknownOutcome) || attempt != last+1 {
					t.Errorf("attempt %d: backoff for %v", attempt, err)
				}
				took, last, begun = append(took, time.Since(begun)), attempt, time.Now().Add(3*time.Second)
				return 3 * time.Second
			},
		})
		if !errors.Is(err, eventlog.ErrUnknownOutcome) {
			t.Errorf("after the context ended: %v", err)
		}
		s := time.Second
		if want := []time.Duration{4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s, 60 * s}; !slices.Equal(took, want) {
			t.Errorf("attempts and looks took %v; want %v", took, want)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a commit that takes the log seven seconds
		log := &slowWay{takes: 7 * time.Second}
		if err := eventlog.Settle(t.Context(), log, 0, []byte("x"), eventlog.SettleOptions{}); err != nil || log.begun != 3 {
			t.Errorf("%v, after %d attempts; want 3", err, log.begun)
		}
	})
}

// slowWay is a log to which an append needs its time: one that is cut off before does
// not arrive.
type slowWay struct {
	eventlog.Log
	takes time.Duration
	begun int
}

func (l *slowWay) Append(ctx context.Context, _ eventlog.Revision, _ []byte) error {
	l.begun++
	select {
	case <-time.After(l.takes):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, ctx.Err())
	}
}

func (l *slowWay) Head(context.Context) (eventlog.Revision, error) { return 0, nil }
