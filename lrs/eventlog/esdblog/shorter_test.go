package esdblog_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/esdblog/esdbtest"
)

// large is what these tests store as the given revision: some are more than is sent
// ahead.
func large(revision int) []byte { return append(make([]byte, 500_000), byte(revision)) }

// tail is a log of ten commits whose last five come and go.
type tail struct {
	*esdblog.Log
	server *esdbtest.Server
	other  *esdblog.Log
}

func newTail(t *testing.T) *tail {
	s, cfg := inMemory(t, esdbtest.Config{})
	l := &tail{Log: open(t, cfg), server: s, other: open(t, cfg)}
	l.store(t, 1)
	return l
}

func (l *tail) store(t *testing.T, first int) {
	for i := first; i <= 10; i++ {
		if err := l.other.Append(t.Context(), eventlog.Revision(i-1), large(i)); err != nil {
			t.Error(err)
		}
	}
}

// lose makes the server as a leader is that is five commits behind; restore, which
// may be called by any goroutine, as it is when it has caught up.
func (l *tail) lose()                { l.server.Store().Lose("bedside-test", 5, 5) }
func (l *tail) restore(t *testing.T) { l.store(t, 6) }

// later calls f after d. The test ends after it.
func later(t *testing.T, d time.Duration, f func()) {
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		<-time.After(d)
		f()
	}()
}

// A leader that is behind for a second costs no more than that second.
func TestShorterForASecond(t *testing.T) {
	t.Run("append", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newTail(t)
			for range 3 { // an hour of peace in between, without an append
				l.lose()
				wantOnly(t, "behind", l.Append(t.Context(), 10, large(11)), eventlog.ErrUnavailable)
				<-time.After(time.Second)
				wantOnly(t, "still behind", l.Append(t.Context(), 10, large(11)), eventlog.ErrUnavailable)
				l.restore(t)
				<-time.After(time.Hour)
			}
			wantOnly(t, "when it has caught up", l.Append(t.Context(), 10, large(11)), nil)
		})
	})
	// Now and then is not all the time, though nothing was stored in between.
	for name, between := range map[string]struct {
		data []byte
		want error
	}{
		"append, with conflicts":   {large(0), eventlog.ErrConflict},
		"append, with repetitions": {large(10), nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTail(t)
				for range 10 {
					l.lose()
					wantOnly(t, "behind", l.Append(t.Context(), 10, large(11)), eventlog.ErrUnavailable)
					l.restore(t)
					wantOnly(t, "in between", l.Append(t.Context(), 9, between.data), between.want)
					<-time.After(10 * time.Second)
				}
			})
		})
	}
	// An earlier attempt may be stored: who does not learn what became of it serves
	// nothing any more.
	t.Run("settle", func(t *testing.T) {
		for name, fault := range map[string]esdbtest.Fault{"lost": esdbtest.CutOff, "kept": esdbtest.AnswerLost} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newTail(t)
					l.server.SetPlan(func(esdbtest.Append) esdbtest.Fault { return fault })
					tries := 0
					unseen := &unseen{Log: l}
					err := eventlog.Settle(within(t), unseen, 10, large(11), eventlog.SettleOptions{Backoff: func(int, error) time.Duration {
						if tries++; tries == 1 {
							unseen.seen = true
							l.server.SetPlan(nil)
							kept := len(l.server.Store().Events("bedside-test")) == 11
							l.server.Store().Lose("bedside-test", 5, 6)
							later(t, time.Second, func() {
								l.restore(t)
								if kept {
									wantOnly(t, "what was kept", l.other.Append(t.Context(), 10, large(11)), nil)
								}
							})
						}
						return 100 * time.Millisecond
					}})
					wantOnly(t, "settle", err, nil)
					if tries < 5 {
						t.Errorf("only %d attempts were not enough", tries)
					}
					if n := len(l.server.Store().Events("bedside-test")); n != 11 {
						t.Errorf("%d commits are stored", n)
					}
				})
			})
		}
	})
	t.Run("read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newTail(t)
			next, stop := iter.Pull2(l.Read(within(t), 1))
			defer stop()
			for i := range 10 {
				if i == 1 {
					l.lose()
					l.server.Break()
					later(t, time.Second, func() { l.restore(t) })
				}
				if r, err, ok := next(); err != nil || !ok || int(r.Revision) != i+1 || string(r.Data) != string(large(i+1)) {
					t.Fatalf("revision %d, %v, %v; want revision %d", r.Revision, err, ok, i+1)
				}
			}
			if r, err, ok := next(); ok {
				t.Errorf("then: revision %d, %v", r.Revision, err)
			}
		})
	})
}

// A log that is shorter than its writer knows, or than a reader was told, for longer
// than anybody has patience.
func TestLostTail(t *testing.T) {
	const patience = 30 * time.Second // the default
	t.Run("append", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newTail(t)
			l.lose()
			began := time.Now()
			err := l.Append(t.Context(), 10, large(11))
			for errors.Is(err, eventlog.ErrUnavailable) && time.Since(began) < time.Hour {
				<-time.After(time.Second)
				err = l.Append(t.Context(), 10, large(11))
			}
			wantOnly(t, "append", err, eventlog.ErrLogDamaged)
			if !strings.Contains(fmt.Sprint(err), "ends at revision 5, but 10 was stored; restore it") {
				t.Error(err)
			}
			if took := time.Since(began); took < patience || took > patience+time.Second {
				t.Errorf("it was damage after %v", took)
			}
			wantOnly(t, "again", l.Append(t.Context(), 10, large(11)), eventlog.ErrLogDamaged)
			wantOnly(t, "at its end", l.Append(t.Context(), 5, large(6)), nil)
		})
	})
	t.Run("settle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := newTail(t)
			l.server.SetPlan(func(esdbtest.Append) esdbtest.Fault {
				l.lose()
				l.server.SetPlan(nil)
				return esdbtest.CutOff
			})
			err := eventlog.Settle(within(t), l, 10, large(11), eventlog.SettleOptions{})
			if !errors.Is(err, eventlog.ErrLogDamaged) || !errors.Is(err, eventlog.ErrUnknownOutcome) {
				t.Error(err)
			}
		})
	})
	// Also when the server was away for half of that time.
	for name, away := range map[string]time.Duration{"read": 0, "read after an outage": patience / 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTail(t)
				next, stop := iter.Pull2(l.Read(within(t), 1))
				defer stop()
				if r, err, ok := next(); r.Revision != 1 || err != nil || !ok {
					t.Fatal(r.Revision, err, ok)
				}
				l.server.Store().Lose("bedside-test", 1, 9)
				began := time.Now()
				l.server.Stop()
				later(t, away, func() { restart(t, l.server) })
				_, err, ok := next()
				for ok && err == nil { // what was on its way
					_, err, ok = next()
				}
				wantOnly(t, "read", err, eventlog.ErrLogDamaged)
				if !strings.Contains(fmt.Sprint(err), ", but had 10; restore it") {
					t.Error(err)
				}
				if took := time.Since(began); took < away+patience {
					t.Errorf("it was damage after %v", took)
				}
			})
		})
	}
}

// unseen is a log that cannot be looked at until seen, so that what an append came to
// is not found before the log's end is lost.
type unseen struct {
	eventlog.Log
	seen bool
}

func (u *unseen) Head(ctx context.Context) (eventlog.Revision, error) {
	if !u.seen {
		return 0, eventlog.ErrUnavailable
	}
	return u.Log.Head(ctx)
}
