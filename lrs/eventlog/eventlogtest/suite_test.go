package eventlogtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

// mutant is a log with methods that break the contract.
type mutant struct {
	*memlog.Log
	append    func(l *memlog.Log, ctx context.Context, expected eventlog.Revision, data []byte) error
	head      func(l *memlog.Log, ctx context.Context) (eventlog.Revision, error)
	read      func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records
	subscribe func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records
	close     func(l *memlog.Log) error
	reopen    func(l *memlog.Log)
}

type records = iter.Seq2[eventlog.Record, error]

func (m *mutant) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if m.append != nil {
		return m.append(m.Log, ctx, expected, data)
	}
	return m.Log.Append(ctx, expected, data)
}

func (m *mutant) Head(ctx context.Context) (eventlog.Revision, error) {
	if m.head != nil {
		return m.head(m.Log, ctx)
	}
	return m.Log.Head(ctx)
}

func (m *mutant) Read(ctx context.Context, from eventlog.Revision) records {
	if m.read != nil {
		return m.read(m.Log, ctx, from)
	}
	return m.Log.Read(ctx, from)
}

func (m *mutant) Subscribe(ctx context.Context, from eventlog.Revision) records {
	if m.subscribe != nil {
		return m.subscribe(m.Log, ctx, from)
	}
	return m.Log.Subscribe(ctx, from)
}

func (m *mutant) Close() error {
	if m.close != nil {
		return m.close(m.Log)
	}
	return m.Log.Close()
}

// TestSuiteFindsBrokenDrivers runs every check against drivers that each break the
// contract in one place; caught names checks that must notice.
func TestSuiteFindsBrokenDrivers(t *testing.T) {
	for name, c := range map[string]struct {
		mutant mutant
		caught string
	}{
		"none": {mutant{}, ""},
		"a conflict is reported as success": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			if err := l.Append(ctx, n, data); !errors.Is(err, eventlog.ErrConflict) {
				return err
			}
			return nil
		}}, "a conflict stores nothing"},
		"two writers get the same revision": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			if err := l.Append(ctx, n, data); !errors.Is(err, eventlog.ErrConflict) || n == 0 {
				return err
			}
			return nil
		}}, "writers that race share the revisions"},
		"a conflict is reported as unknown": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			err := l.Append(ctx, n, data)
			if errors.Is(err, eventlog.ErrConflict) {
				return eventlog.ErrUnknownOutcome
			}
			return err
		}}, "a conflict stores nothing"},
		"an append is acknowledged and dropped": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			if n == 3 {
				return nil
			}
			return l.Append(ctx, n, data)
		}}, "what is appended is read"},
		"a lost tail is taken for a conflict": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			err := l.Append(ctx, n, data)
			if errors.Is(err, eventlog.ErrLogDamaged) {
				return eventlog.ErrConflict
			}
			return err
		}}, "a log shorter than expected is damaged"},
		"a lost tail may come back for ever": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			err := l.Append(ctx, n, data)
			if errors.Is(err, eventlog.ErrLogDamaged) {
				return eventlog.ErrUnavailable
			}
			return err
		}}, "a log shorter than expected is damaged"},
		"an append goes on behind its caller's back": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			err := l.Append(context.WithoutCancel(ctx), n, data)
			if err == nil && ctx.Err() != nil {
				return eventlog.ErrUnavailable
			}
			return err
		}}, "nothing outlives its context"},
		"anything is small enough": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			if len(data) > memlog.MaxSize {
				return nil
			}
			return l.Append(ctx, n, data)
		}}, "sizes"},
		"nothing over 100,000 bytes": {mutant{append: func(l *memlog.Log, ctx context.Context, n eventlog.Revision, data []byte) error {
			if len(data) > 100_000 {
				return eventlog.ErrTooLarge
			}
			return l.Append(ctx, n, data)
		}}, "sizes"},
		"ours that is stored already is another's": {mutant{read: func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records {
			return func(yield func(eventlog.Record, error) bool) {
				for r, err := range l.Read(ctx, from) {
					if err == nil {
						r.Data = append(slices.Clone(r.Data), 0)
					}
					if !yield(r, err) {
						return
					}
				}
			}
		}}, "settled at every fault"},
		"the head is one behind": {mutant{head: func(l *memlog.Log, ctx context.Context) (eventlog.Revision, error) {
			head, err := l.Head(ctx)
			return max(head, 1) - 1, err
		}}, "an empty log has nothing"},
		"the head does not look at its context": {mutant{head: func(l *memlog.Log, _ context.Context) (eventlog.Revision, error) {
			return l.Head(context.Background())
		}}, "nothing outlives its context"},
		"a read starts at 1": {mutant{read: func(l *memlog.Log, ctx context.Context, _ eventlog.Revision) records {
			return l.Read(ctx, 1)
		}}, "what is appended is read"},
		"a read ends before the head": {mutant{read: func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records {
			return allButLast(l.Read(ctx, from))
		}}, "what is appended is read"},
		"a read goes on": {mutant{read: func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records {
			return func(yield func(eventlog.Record, error) bool) {
				for at := from; ; at++ {
					if head, err := l.Head(ctx); err == nil && at > head {
						return
					}
					for r, err := range l.Subscribe(ctx, at) {
						if !yield(r, err) || err != nil {
							return
						}
						break
					}
				}
			}
		}}, "a read ends at the head it began with"},
		"a failed read looks like an end": {mutant{read: func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records {
			return silent(l.Read(ctx, from))
		}}, "nothing outlives its context"},
		"a closed log reads as empty": {mutant{read: func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records {
			if _, err := l.Head(ctx); errors.Is(err, eventlog.ErrClosed) {
				return func(func(eventlog.Record, error) bool) {}
			}
			return l.Read(ctx, from)
		}}, "a closed log says so"},
		"a subscription is a read": {mutant{subscribe: (*memlog.Log).Read}, "a subscription goes on after the backlog"},
		"a subscription has no backlog": {mutant{subscribe: func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records {
			head, _ := l.Head(ctx)
			return l.Subscribe(ctx, max(from, head))
		}}, "a subscription goes on after the backlog"},
		"a subscription ends in silence": {mutant{subscribe: func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records {
			return silent(l.Subscribe(ctx, from))
		}}, "a subscription goes on after the backlog"},
		"a subscription skips a commit": {mutant{subscribe: func(l *memlog.Log, ctx context.Context, from eventlog.Revision) records {
			return func(yield func(eventlog.Record, error) bool) {
				for r, err := range l.Subscribe(ctx, from) {
					if r.Revision != 15 && !yield(r, err) {
						return
					}
				}
			}
		}}, "many subscribers see the same"},
		"close changes nothing": {mutant{close: func(*memlog.Log) error { return nil }}, "a closed log says so"},
		"close once only": {mutant{close: func() func(l *memlog.Log) error {
			closed := map[*memlog.Log]bool{}
			return func(l *memlog.Log) error {
				if closed[l] {
					return eventlog.ErrClosed
				}
				closed[l] = true
				return l.Close()
			}
		}()}, "a closed log says so"},
		"a reopen loses the last commit": {mutant{reopen: func(l *memlog.Log) {
			if head, err := l.Head(context.Background()); err == nil && head > 0 {
				l.Truncate(head - 1)
			}
		}}, "reopen keeps everything"},
	} {
		t.Run(name, func(t *testing.T) {
			var failed []string
			for _, check := range checks {
				synctest.Test(t, func(t *testing.T) {
					if why := outcome(t, check.run, c.mutant); why != "" {
						failed = append(failed, check.name)
						t.Logf("%s: %s", check.name, why)
					}
				})
			}
			if c.caught == "" && len(failed) > 0 {
				t.Errorf("a good log was found to be broken by %q", failed)
			}
			if c.caught != "" && !slices.Contains(failed, c.caught) {
				t.Errorf("%q did not notice; %q did", c.caught, failed)
			}
		})
	}
}

func silent(records records) records {
	return func(yield func(eventlog.Record, error) bool) {
		for r, err := range records {
			if err != nil || !yield(r, nil) {
				return
			}
		}
	}
}

// outcome runs one check and returns why it failed, "" if it did not.
func outcome(t *testing.T, check func(*fixture), m mutant) string {
	m.Log = memlog.New()
	reopen := func() eventlog.Log {
		again := m
		again.Log = m.Log.Reopen()
		if m.reopen != nil {
			m.reopen(again.Log)
		}
		return &again
	}
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runCheck(r, check, &m, reopen)
	}()
	<-done
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.failures, "; ")
}

// recorder takes a check's failures for itself.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string // under mu
}

func (r *recorder) record(s string) {
	r.mu.Lock()
	r.failures = append(r.failures, s)
	r.mu.Unlock()
}

func (r *recorder) Errorf(format string, args ...any) { r.record(fmt.Sprintf(format, args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.record(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) {
	r.record(fmt.Sprint(args...))
	runtime.Goexit()
}
