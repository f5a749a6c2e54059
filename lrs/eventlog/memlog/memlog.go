// Package memlog is an event log in memory, for tests. It keeps the port's
// promises but for durability, and holds its callers to theirs: see Append.
package memlog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// MaxSize is the largest commit that a log takes, in bytes.
const MaxSize = 1 << 20

// errPoliced marks the misuse of a log.
var errPoliced = errors.New("memlog: the log was used in a way that would damage it")

// Log is an open log. Close closes it; Reopen opens it again.
type Log struct {
	store  *store
	closed chan struct{}
	close  func()
}

// store is what survives a Close.
type store struct {
	mu        sync.Mutex
	records   []record      // under mu; revision i+1 at i
	head      eventlog.Head // under mu: of the last record
	appended  chan struct{} // under mu: closed and replaced at each append
	violation error         // under mu: the first misuse; every call fails with it
}

type record struct {
	data []byte
	sum  [32]byte // of data when it was appended
}

// New returns an empty log.
func New() *Log {
	return open(&store{appended: make(chan struct{})})
}

func open(s *store) *Log {
	closed := make(chan struct{})
	return &Log{store: s, closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

// Reopen returns the log with all it held, open, whether or not l is closed.
func (l *Log) Reopen() *Log { return open(l.store) }

// Close ends calls under way with ErrClosed.
func (l *Log) Close() error {
	l.close()
	return nil
}

// Append is eventlog.Log's. What no write path may do is an error of no kind of
// eventlog's, and then of every later call: data that is not a sealed commit, is
// sealed for another revision than expected+1, or does not continue the chain.
func (l *Log) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if err := l.usable(ctx); err != nil {
		return fmt.Errorf("nothing was stored: %w", err)
	}
	if len(data) > MaxSize {
		return fmt.Errorf("%w: %d bytes, over %d", eventlog.ErrTooLarge, len(data), MaxSize)
	}
	commit, err := eventlog.Decode(data)
	if err == nil {
		err = commit.Verify()
	}

	s := l.store
	s.mu.Lock()
	defer s.mu.Unlock()
	switch head := eventlog.Revision(len(s.records)); {
	case s.violation != nil:
		return s.violation
	case err != nil:
		return s.violateLocked("appended what is no commit: %w", err)
	case commit.Revision != expected+1:
		return s.violateLocked("appended a commit sealed as revision %d, expecting %d before it", commit.Revision, expected)
	case expected < head:
		return fmt.Errorf("%w: expected %d, the log is at %d", eventlog.ErrConflict, expected, head)
	case expected > head:
		return fmt.Errorf("%w: expected %d, the log ends at %d", eventlog.ErrLogDamaged, expected, head)
	case head > 0 && commit.Log != s.head.Log:
		return s.violateLocked("appended a commit of log %s to log %s", commit.Log, s.head.Log)
	case commit.Previous != s.head.Hash:
		return s.violateLocked("appended revision %d after %s, but the log is at %s", commit.Revision, commit.Previous, s.head.Hash)
	}
	s.records = append(s.records, record{data: data, sum: sha256.Sum256(data)})
	s.head = commit.Head()
	close(s.appended)
	s.appended = make(chan struct{})
	return nil
}

// Head is eventlog.Log's.
func (l *Log) Head(ctx context.Context) (eventlog.Revision, error) {
	if err := l.usable(ctx); err != nil {
		return 0, err
	}
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return eventlog.Revision(len(l.store.records)), l.store.violation
}

// Read is eventlog.Log's.
func (l *Log) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		head, err := l.Head(ctx)
		if err != nil {
			yield(eventlog.Record{}, err)
			return
		}
		for revision := max(from, 1); revision <= head; revision++ {
			r, missing, err := l.at(ctx, revision)
			if missing != nil {
				err = fmt.Errorf("%w: revision %d of %d is gone", eventlog.ErrLogDamaged, revision, head)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Subscribe is eventlog.Log's.
func (l *Log) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		for revision := max(from, 1); ; {
			r, appended, err := l.at(ctx, revision)
			switch {
			case err != nil:
				yield(eventlog.Record{}, err)
				return
			case appended != nil:
				select {
				case <-appended:
				case <-ctx.Done():
				case <-l.closed:
				}
			default:
				if !yield(r, nil) {
					return
				}
				revision++
			}
		}
	}
}

// at is the record with the revision or, if there is none yet, what is closed when
// one is appended.
func (l *Log) at(ctx context.Context, revision eventlog.Revision) (eventlog.Record, <-chan struct{}, error) {
	if err := l.usable(ctx); err != nil {
		return eventlog.Record{}, nil, err
	}
	s := l.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.violation != nil {
		return eventlog.Record{}, nil, s.violation
	}
	if revision > eventlog.Revision(len(s.records)) {
		return eventlog.Record{}, s.appended, nil
	}
	r := s.records[revision-1]
	if sha256.Sum256(r.data) != r.sum {
		return eventlog.Record{}, nil, s.violateLocked("revision %d: its bytes were changed after Append or Read", revision)
	}
	return eventlog.Record{Revision: revision, Data: r.data}, nil, nil
}

// usable tells why a call cannot be served, if it cannot.
func (l *Log) usable(ctx context.Context) error {
	select {
	case <-l.closed:
		return eventlog.ErrClosed
	default:
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", eventlog.ErrUnavailable, ctx.Err())
	}
	return nil
}

func (s *store) violateLocked(format string, args ...any) error {
	s.violation = fmt.Errorf("%w: %w", errPoliced, fmt.Errorf(format, args...))
	return s.violation
}

// Damage changes a record as a failing disk would, behind the log's back. change
// gets a copy; what it returns takes the record's place, unchecked.
func (l *Log) Damage(revision eventlog.Revision, change func(data []byte) []byte) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	data := change(slices.Clone(l.store.records[revision-1].data))
	l.store.records[revision-1] = record{data: data, sum: sha256.Sum256(data)}
}

// Truncate forgets every record after revision, as a log does that lost its tail.
func (l *Log) Truncate(revision eventlog.Revision) {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	s := l.store
	s.records = s.records[:revision]
	s.head = eventlog.Head{}
	if revision > 0 {
		if commit, err := eventlog.Decode(s.records[revision-1].data); err == nil {
			s.head = commit.Head()
		}
	}
}
