package eventlogtest

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Fault is what befalls one call of a Log. What it means for an Append comes
// first, then what for a Head, Read or Subscribe.
type Fault int

const (
	// None: the call works.
	None Fault = iota

	// Lost: the request is lost. Nothing is stored, and the outcome is unknown;
	// a reader gets ErrUnavailable.
	Lost

	// Kept: the answer is lost. The commit is stored, or its conflict found, but
	// the outcome is unknown; a reader gets ErrUnavailable after what it reads.
	Kept

	// Late: the request arrives after the next call has been answered. Until then
	// the outcome is unknown. A reader reads what was true one commit ago; a
	// subscription, being late by nature, is not affected.
	Late

	// CutOff: nothing gets through in either direction until ctx ends. Nothing
	// is stored, and the outcome is unknown; a reader gets ctx's error.
	CutOff
)

// Faults are all of them, for loops.
var Faults = [...]Fault{None, Lost, Kept, Late, CutOff}

// String is f's name.
func (f Fault) String() string {
	return [...]string{"none", "lost", "kept", "late", "cut off"}[f]
}

// Op is a method of a Log.
type Op int

// Ops.
const (
	Append Op = iota
	Head
	Read
	Subscribe
)

// Call is one call of a Log; a loop over Read or Subscribe is one.
type Call struct {
	N  int // 0 for the first call
	Op Op
}

// Sequence is a plan by which call i meets faults[i], and those after none.
func Sequence(faults ...Fault) func(Call) Fault {
	return func(c Call) Fault {
		if c.N < len(faults) {
			return faults[c.N]
		}
		return None
	}
}

// Faulty is a log with faults. Its methods may be called concurrently.
type Faulty struct {
	eventlog.Log

	// Plan says what befalls a call. It is asked once a call, before anything else
	// happens, and may use the wrapped Log. nil stands for no faults.
	Plan func(Call) Fault

	mu    sync.Mutex
	calls int      // under mu
	late  []func() // under mu: appends that are still on their way
}

// begin counts a call. The caller runs arrive when the call has been answered.
func (f *Faulty) begin(op Op) (fault Fault, arrive func()) {
	f.mu.Lock()
	call, late := Call{N: f.calls, Op: op}, f.late
	f.calls++
	f.late = nil
	f.mu.Unlock()
	if f.Plan != nil {
		fault = f.Plan(call)
	}
	return fault, func() {
		for _, deliver := range late {
			deliver()
		}
	}
}

// Calls is the number of calls so far.
func (f *Faulty) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Arrive lets what is late arrive now.
func (f *Faulty) Arrive() {
	f.mu.Lock()
	late := f.late
	f.late = nil
	f.mu.Unlock()
	for _, deliver := range late {
		deliver()
	}
}

// Append is eventlog.Log's.
func (f *Faulty) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	fault, arrive := f.begin(Append)
	defer arrive()
	switch fault {
	case None:
		return f.Log.Append(ctx, expected, data)
	case Kept:
		_ = f.Log.Append(ctx, expected, data) // whatever the answer is, it is lost
	case Late:
		f.mu.Lock()
		f.late = append(f.late, func() { _ = f.Log.Append(context.WithoutCancel(ctx), expected, data) })
		f.mu.Unlock()
	case CutOff:
		<-ctx.Done()
	}
	return fmt.Errorf("%w: planned: %s", eventlog.ErrUnknownOutcome, fault)
}

// Head is eventlog.Log's.
func (f *Faulty) Head(ctx context.Context) (eventlog.Revision, error) {
	fault, arrive := f.begin(Head)
	defer arrive()
	head, err := f.Log.Head(ctx)
	switch {
	case fault == Lost || fault == Kept:
		return 0, unavailable(fault)
	case fault == Late && head > 0:
		return head - 1, err
	case fault == CutOff:
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return head, err
}

// Read is eventlog.Log's.
func (f *Faulty) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return f.records(ctx, Read, f.Log.Read(ctx, from))
}

// Subscribe is eventlog.Log's.
func (f *Faulty) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return f.records(ctx, Subscribe, f.Log.Subscribe(ctx, from))
}

func (f *Faulty) records(ctx context.Context, op Op, records iter.Seq2[eventlog.Record, error]) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		fault, arrive := f.begin(op)
		defer arrive()
		switch {
		case fault == Lost:
			yield(eventlog.Record{}, unavailable(fault))
		case fault == CutOff:
			<-ctx.Done()
			yield(eventlog.Record{}, ctx.Err())
		case fault == Late && op == Read:
			allButLast(records)(yield)
		case fault == Kept:
			for r, err := range records {
				if !yield(r, err) || err != nil {
					return
				}
				if op == Subscribe {
					break // it has no end of its own
				}
			}
			yield(eventlog.Record{}, unavailable(fault))
		default:
			records(yield)
		}
	}
}

// allButLast leaves out the last record.
func allButLast(records iter.Seq2[eventlog.Record, error]) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		var before eventlog.Record
		for r, err := range records {
			if err != nil {
				yield(eventlog.Record{}, err)
				return
			}
			if before.Revision > 0 && !yield(before, nil) {
				return
			}
			before = r
		}
	}
}

func unavailable(f Fault) error {
	return fmt.Errorf("%w: planned: %s", eventlog.ErrUnavailable, f)
}
