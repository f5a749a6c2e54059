package lrs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// ward is a store whose machine goes through much, with its clients.
type ward struct {
	*bench // the test's own; clients use life
	t      *testing.T
	rng    *rand.Rand
	life   atomic.Pointer[life]
	behind atomic.Bool  // the last write was refused for the clock
	writes sync.RWMutex // held for reading while a client writes

	closing, closed chan struct{} // when clients stop writing, and polling

	results, acks, polls tally

	mu                     sync.Mutex
	acknowledged, possible map[uuid.UUID]bool // under mu
	seen                   map[uuid.UUID]bool // of the poller
}

// life is a store from its start to its end.
type life struct {
	*Store
	log  *mortalLog
	over chan struct{} // closed when the next life has begun
}

// mortalLog may die on the way back from an append.
type mortalLog struct {
	eventlog.Log
	die  atomic.Bool
	dead chan struct{}
}

func (l *mortalLog) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if !l.die.CompareAndSwap(true, false) {
		return l.Log.Append(ctx, expected, data)
	}
	err := l.Log.Append(ctx, expected, data)
	close(l.dead)
	<-ctx.Done()
	return fmt.Errorf("%w: %w", eventlog.ErrUnknownOutcome, errors.Join(err, ctx.Err()))
}

// tally counts, and lets one goroutine wait for more.
type tally struct {
	n    atomic.Int64
	more chan struct{} // has one when n has grown
}

func (c *tally) add() {
	c.n.Add(1)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *tally) await(more int64) {
	for until := c.n.Load() + more; c.n.Load() < until; {
		<-c.more
	}
}

func newWard(t *testing.T, seed uint64) *ward {
	w := &ward{
		bench: newBench(t), t: t, rng: rand.New(rand.NewPCG(seed, 0)),
		closing: make(chan struct{}), closed: make(chan struct{}),
		acknowledged: map[uuid.UUID]bool{}, possible: map[uuid.UUID]bool{}, seen: map[uuid.UUID]bool{},
	}
	for _, c := range []*tally{&w.results, &w.acks, &w.polls} {
		c.more = make(chan struct{}, 1)
	}
	w.close(t)
	w.begin(t)
	return w
}

// begin opens the store on what there is, and lets the clients go on.
func (w *ward) begin(t *testing.T) {
	t.Helper()
	log := &mortalLog{Log: w.log, dead: make(chan struct{})}
	if err := w.open(t, func(c *Config) { c.Log = log }); err != nil {
		t.Fatal(err)
	}
	if before := w.life.Swap(&life{Store: w.Store, log: log, over: make(chan struct{})}); before != nil {
		close(before.over)
	}
}

// kill leaves the store as SIGKILL does: what it has not written down is gone,
// and so is every answer that is under way.
func (w *ward) kill(t *testing.T) {
	t.Helper()
	w.fail(errors.New("killed")) // so that Close writes nothing down
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Store.Close(ctx); err != nil {
		t.Fatal(err)
	}
	w.fs = w.fs.CrashClone(vfs.CrashCloneCfg{})
	if err := w.index.Close(); err != nil {
		t.Fatal(err)
	}
	w.log = w.log.Reopen()
	w.begin(t)
}

func (w *ward) stop(t *testing.T) {
	t.Helper()
	w.close(t)
	w.begin(t)
}

// upheaval is one of the things that happen to machines.
func (w *ward) upheaval(t *testing.T) {
	t.Helper()
	restart := w.kill
	if w.rng.IntN(2) == 0 {
		restart = w.stop
	}
	if w.behind.Load() && w.rng.IntN(2) == 0 {
		w.clock.Step(time.Hour)
		return
	}
	switch w.rng.IntN(8) {
	case 0:
		w.clock.Step(time.Hour)
	case 1:
		w.clock.Step(-time.Hour)
	case 2:
		w.clock.Step(time.Duration(w.rng.Int64N(int64(8*time.Second))) - 4*time.Second)
	case 3:
		if err := w.renewLease(); err != nil {
			t.Fatal(err)
		}
	case 4:
		restart(t)
	case 5: // the clock is another one after the restart
		w.clock.Step(time.Duration(1-2*w.rng.IntN(2)) * time.Hour)
		restart(t)
	case 6: // between append and apply
		log := w.life.Load().log
		log.die.Store(true)
		w.awaitWrite(log.dead)
		w.kill(t)
	case 7: // the idle store's watermark follows a clock that then turns out wrong
		w.writes.Lock()
		step := [...]time.Duration{time.Hour, 2 * time.Second}[w.rng.IntN(2)]
		w.clock.Step(step)
		if err := w.renewLease(); err != nil {
			t.Fatal(err)
		}
		w.polls.await(2)
		w.clock.Step(-step)
		if w.rng.IntN(3) > 0 {
			restart(t)
		}
		w.writes.Unlock()
	}
}

// awaitWrite waits for what a write will do, and sets a clock that is behind
// until there is one.
func (w *ward) awaitWrite(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-w.results.more:
			if w.behind.Load() {
				w.clock.Step(time.Hour)
			}
		}
	}
}

// awaitStored waits for so many more acknowledgements.
func (w *ward) awaitStored(more int64) {
	done := make(chan struct{})
	go func() { w.acks.await(more); close(done) }()
	w.awaitWrite(done)
}

// write stores statements until the ward closes.
func (w *ward) write() {
	for i := 1; ; i++ {
		select {
		case <-w.closing:
			return
		default:
		}
		var drafts []*xapi.Draft
		for range 1 + i%5 {
			drafts = append(drafts, draft(w.t, uuid.New(), "passed"))
		}
		w.writes.RLock()
		l := w.life.Load()
		_, err := l.StoreStatements(context.Background(), drafts, true)
		w.writes.RUnlock()
		w.note(drafts, err)
		if errors.Is(err, ErrClosed) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) {
			<-l.over // no life ends but for the next
		}
	}
}

func (w *ward) note(drafts []*xapi.Draft, err error) {
	w.behind.Store(errors.Is(err, ErrClock))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range drafts {
		switch {
		case err == nil:
			w.acknowledged[d.ID()] = true
		case errors.Is(err, ErrUnknownOutcome):
			w.possible[d.ID()] = true
		case !errors.Is(err, ErrClock) && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrUnavailable):
			w.t.Error(err)
		}
	}
	if err == nil {
		w.acks.add()
	}
	w.results.add()
}

// poll asks for what is new, page by page, until the ward is closed.
func (w *ward) poll() {
	var through, since int64
	q := index.Query{Ascending: true, Limit: 20}
	for {
		select {
		case <-w.closed:
			return
		default:
		}
		l := w.life.Load()
		page, published, err := ask(l.Store, q)
		if err != nil {
			<-l.over
			continue
		}
		if q.Head == 0 { // a list begins
			if through = published; through < since {
				w.t.Errorf("the watermark went back from %d to %d", since, through)
			}
		}
		for _, st := range page.Statements {
			w.see(st, since, through)
		}
		if q.After, q.Head = page.Next, page.Head; !page.More {
			since = through
			q.Since, q.After, q.Head = since, 0, 0
			w.polls.add()
		}
	}
}

func ask(s *Store, q index.Query) (index.Page, int64, error) {
	v, err := s.View()
	if err != nil {
		return index.Page{}, 0, err
	}
	defer v.Close()
	page, err := v.Query(context.Background(), q)
	return page, v.ConsistentThrough.UnixMicro(), err
}

func (w *ward) see(st index.Stored, since, through int64) {
	parsed, err := xapi.ParseStatement(st.Raw, xapi.V2)
	switch {
	case err != nil:
		w.t.Error(err)
	case st.Stored <= since || st.Stored > through:
		w.t.Errorf("stored at %d, shown after %d through %d", st.Stored, since, through)
	case w.seen[parsed.ID]:
		w.t.Errorf("%s is seen twice", parsed.ID)
	default:
		w.seen[parsed.ID] = true
	}
}

// check compares what the poller saw with what clients were told.
func (w *ward) check(t *testing.T) {
	t.Helper()
	t.Logf("%d statements, %d of unknown outcome, %d polls", len(w.acknowledged), len(w.possible), w.polls.n.Load())
	for id := range w.acknowledged {
		if !w.seen[id] {
			t.Errorf("%s was missed", id)
		}
	}
	for id := range w.seen {
		if !w.acknowledged[id] && !w.possible[id] {
			t.Errorf("%s was refused, and seen", id)
		}
	}
	for id := range w.possible {
		if there := w.stored(t, id) != ""; there != w.seen[id] {
			t.Errorf("%s, of unknown outcome: stored %v, seen %v", id, there, w.seen[id])
		}
	}
}
