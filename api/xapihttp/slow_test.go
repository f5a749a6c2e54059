package xapihttp_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// slowLog is a log whose appends wait while it is shut. late: it has what was appended
// by then, and only its answer waits.
type slowLog struct {
	eventlog.Log
	late bool

	mu    sync.Mutex
	shut  chan struct{} // under mu: closed while it is open
	waits int           // under mu: appends that met it shut
}

func newSlowLog(log eventlog.Log, late bool) *slowLog {
	l := &slowLog{Log: log, late: late, shut: make(chan struct{})}
	close(l.shut)
	return l
}

// hold shuts it; what it returns opens it again.
func (l *slowLog) hold() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shut := make(chan struct{})
	l.shut = shut
	return sync.OnceFunc(func() { close(shut) })
}

func (l *slowLog) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	l.mu.Lock()
	shut := l.shut
	l.mu.Unlock()
	select {
	case <-shut:
		return l.Log.Append(ctx, expected, data)
	default:
	}
	l.mu.Lock()
	l.waits++
	l.mu.Unlock()
	var err error
	if l.late {
		err = l.Log.Append(ctx, expected, data)
	}
	select {
	case <-shut:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, ctx.Err())
	}
	if l.late {
		return err
	}
	return l.Log.Append(ctx, expected, data)
}

// Head does not answer either, so that nobody finds out by it.
func (l *slowLog) Head(ctx context.Context) (eventlog.Revision, error) {
	l.mu.Lock()
	shut := l.shut
	l.mu.Unlock()
	select {
	case <-shut:
		return l.Log.Head(ctx)
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", eventlog.ErrUnavailable, ctx.Err())
	}
}

// While the log does not answer, a write is told after its time that nobody knows, and
// at once that the queue is full, when it is; the queue holds no more than it may, and
// reading goes on. When the log answers again so do writes, in the same process, and
// whatever clients send again is stored once.
func TestSlowLog(t *testing.T) {
	const (
		patience = time.Second
		maxQueue = 64 << 10
		writers  = 12
		size     = 8 << 10
	)
	for name, late := range map[string]bool{"asked late": false, "answered late": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log *slowLog
			l := newLabOn(t, func(c *lrs.Config) {
				log = newSlowLog(c.Log, late)
				c.Log, c.MaxQueue = log, maxQueue
				c.Settle = eventlog.SettleOptions{Timeout: 50 * time.Millisecond}
			}, func(c *xapihttp.Config) { c.CommitTimeout = patience })
			put := func(n int) (*answer, time.Duration) {
				start := time.Now()
				a := l.do(t, "PUT", "/statements?statementId="+id(n), simple(n, `"result":{"response":"`+strings.Repeat("x", size)+`"}`))
				return a, time.Since(start)
			}
			first, _ := put(0)
			first.want(204)
			release := log.hold()
			defer release() // for the store to close, if the test ends before

			waited, took := put(1)
			if waited.refused(503, "store.unknown"); waited.header.Get("Retry-After") != "5" || took < patience {
				t.Errorf("Retry-After %q after %s", waited.header.Get("Retry-After"), took)
			}
			answers, times := make([]*answer, writers), make([]time.Duration, writers)
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() { answers[i], times[i] = put(2 + i) })
			}
			wg.Wait()
			waiting, fastest := 1, time.Hour
			for i, a := range answers {
				if a.status == 503 && strings.Contains(a.body, `"code":"store.busy"`) {
					a.refused(503, "store.busy")
					if a.header.Get("Retry-After") != "1" {
						t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
					}
					fastest = min(fastest, times[i])
					continue
				}
				if a.refused(503, "store.unknown"); times[i] < patience {
					t.Errorf("not known after %s", times[i])
				}
				waiting++
			}
			if waiting*size > maxQueue || (waiting+2)*size < maxQueue {
				t.Errorf("%d writes of %d bytes waited, in a queue of %d", waiting, size, maxQueue)
			}
			// They still wait in the queue, although their clients do not. A document
			// and a large batch find it full as well.
			for range 3 {
				a, took := put(100)
				a.refused(503, "store.busy")
				fastest = min(fastest, took)
			}
			l.do(t, "PUT", "/activities/state"+stateOf+"&stateId=s", strings.Repeat("x", size)).refused(503, "store.busy")
			if fastest >= patience {
				t.Errorf("the queue is full, and the fastest is told after %s", fastest)
			}
			l.statement(t, id(0))
			if got := l.get(t, "/statements").page().ids(t); len(got) != 1 {
				t.Errorf("listed are %v", got)
			}

			release()
			deadline := time.Now().Add(time.Minute)
			for n := range 2 + writers {
				a, _ := put(n)
				for a.status == 503 && time.Now().Before(deadline) { // the queue is about to be emptied
					a, _ = put(n)
				}
				a.want(204)
			}
			l.do(t, "PUT", "/activities/state"+stateOf+"&stateId=s", "{}").want(204)
			want := map[string]bool{}
			for n := range 2 + writers {
				want[id(n)] = true
			}
			got := l.get(t, "/statements").page().ids(t)
			for _, id := range got {
				if !want[id] {
					t.Errorf("%s is listed twice, or was refused", id)
				}
				delete(want, id)
			}
			if len(want) > 0 {
				t.Errorf("lost are %v", want)
			}
			r, err := l.store.VerifyLog(t.Context())
			if err != nil || r.Fault != "" || r.Events != 1+len(got)+1 { // the log's creation, and the document
				t.Errorf("%+v, %v; want %d events", r, err, len(got)+2)
			}
			if log.waits < 2 {
				t.Error("the append was not sent again: the test wants that")
			}
		})
	}
}
