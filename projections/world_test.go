package projections_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// patience bounds what must happen some time.
const patience = 60 * time.Second

// world is a log, what was written to it, and a store.
type world struct {
	t     *testing.T
	ctx   context.Context
	store *readmodel.Store
	log   *memlog.Log

	builder *eventlog.Builder

	mu      sync.Mutex
	head    eventlog.Head // under mu, as are all that follow
	now     int64
	commits []commit
}

// commit is what a commit has.
type commit struct {
	first  int64
	events []eventlog.Event
}

func newWorld(t *testing.T, store *readmodel.Store) *world {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	w := &world{t: t, ctx: ctx, store: store, log: memlog.New(), builder: eventlog.NewBuilder(eventlog.Limits{}), now: 1_000_000}
	w.head.Log[0] = 1
	return w
}

// onEach runs a test in a world with a store of each engine.
func onEach(t *testing.T, do func(t *testing.T, w *world)) {
	for engine, store := range readmodeltest.Stores(t) {
		t.Run(engine, func(t *testing.T) { do(t, newWorld(t, store)) })
	}
}

// append appends a commit with events of these types.
func (w *world) append(types ...string) (revision uint64) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	c := commit{first: w.now}
	for i, typ := range types {
		c.events = append(c.events, eventlog.Event{Type: typ, Version: 1, Payload: fmt.Appendf(nil, "p%d.%d", len(w.commits)+1, i)})
	}
	if err := w.builder.Add(c.events...); err != nil {
		w.t.Fatal(err)
	}
	sealed, err := w.builder.Seal(eventlog.SealInfo{Log: w.head.Log, Previous: w.head, FirstStored: c.first})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.log.Append(context.WithoutCancel(w.ctx), w.head.Revision, sealed.Data); err != nil {
		w.t.Fatal(err)
	}
	w.head = sealed.Commit.Head()
	w.commits = append(w.commits, c)
	w.now += int64(len(types)) + 10
	return uint64(w.head.Revision)
}

// revision is that of the last commit.
func (w *world) revision() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return uint64(w.head.Revision)
}

// start starts a runtime, which is closed with the test at the latest.
func (w *world) start(ps ...projections.Projection) *projections.Runtime {
	return w.startWith(projections.Config{Log: w.log, Projections: ps})
}

func (w *world) startWith(c projections.Config) *projections.Runtime {
	if c.Store == nil {
		c.Store = w.store
	}
	c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	rt := projections.Start(c)
	w.t.Cleanup(rt.Close)
	return rt
}

// caughtUp waits until a runtime has all commits.
func (w *world) caughtUp(rt *projections.Runtime) {
	w.t.Helper()
	if err := rt.Wait(w.ctx, w.revision()); err != nil {
		w.t.Fatalf("wait for revision %d: %v; %s", w.revision(), err, w.states(rt))
	}
}

func (w *world) states(rt *projections.Runtime) string {
	all, err := rt.Status(context.WithoutCancel(w.ctx))
	return fmt.Sprintf("%+v %v", all, err)
}

// tables is what a projection has made, as text.
type tables struct{ list, tally, commits, aside []string }

// want is what the toy must have made of the events that are wanted.
func (w *world) want(wanted func(projections.Position, int64) bool) (all tables) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, tally := 0, map[string][2]int64{}
	for i, c := range w.commits {
		taken := 0
		for j, e := range c.events {
			if p := (projections.Position{Revision: uint64(i + 1), Index: j}); wanted != nil && !wanted(p, c.first+int64(j)) {
				break
			}
			taken++
			if _, bad := badTypes[e.Type]; bad {
				all.aside = append(all.aside, fmt.Sprint(i+1, j, c.first+int64(j), e.Type))
				continue
			}
			if e.Type == ignored || e.Erased {
				continue
			}
			n++
			all.list = append(all.list, fmt.Sprint(n, i+1, j, c.first+int64(j), e.Type, string(e.Payload)))
			tally[e.Type] = [2]int64{tally[e.Type][0] + 1, c.first + int64(j)}
		}
		if taken > 0 {
			all.commits = append(all.commits, fmt.Sprint(c.first, i+1, taken))
		}
	}
	for typ, v := range tally {
		all.tally = append(all.tally, fmt.Sprint(typ, v[0], v[1]))
	}
	slices.Sort(all.tally)
	return all
}

// got reads what a projection has made.
func got(ctx context.Context, tx *readmodel.Tx, name string) (all tables, err error) {
	read := func(into *[]string, query string, columns int) {
		if err != nil {
			return
		}
		err = tx.Each(ctx, query, nil, func(scan func(...any) error) error {
			row, pointers := make([]any, columns), make([]any, columns)
			for i := range row {
				pointers[i] = &row[i]
			}
			err := scan(pointers...)
			*into = append(*into, fmt.Sprint(row...))
			return err
		})
	}
	read(&all.list, "SELECT n, revision, event, t, type, payload FROM "+name+"_list ORDER BY n", 6)
	read(&all.tally, "SELECT type, n, last FROM "+name+"_tally ORDER BY type", 3)
	read(&all.commits, "SELECT first, revision, events FROM "+name+"_commits ORDER BY first", 3)
	if err != nil {
		return all, err
	}
	live, _, err := tx.Live(ctx, name)
	if err != nil {
		return all, err
	}
	asides, err := tx.Asides(ctx, live.Generation, 1<<20)
	for _, a := range asides {
		if a.Projection != name || !strings.HasPrefix(a.Reason, badTypes[a.Type]) {
			err = fmt.Errorf("%+v is set aside", a)
		}
		all.aside = append(all.aside, fmt.Sprint(a.Revision, a.Event, a.At, a.Type))
	}
	return all, err
}

// check compares what a projection has made with what it must have.
func (w *world) check(name string) {
	w.t.Helper()
	w.checkIn(w.store, name, nil)
}

func (w *world) checkIn(store *readmodel.Store, name string, wanted func(projections.Position, int64) bool) {
	w.t.Helper()
	var have tables
	if err := store.View(w.ctx, func(tx *readmodel.Tx) (err error) {
		have, err = got(w.ctx, tx, name)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	if err := differ(have, w.want(wanted)); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
}

func differ(have, want tables) error {
	for _, table := range []struct {
		name       string
		have, want []string
	}{
		{"list", have.list, want.list}, {"tally", have.tally, want.tally},
		{"commits", have.commits, want.commits}, {"set aside", have.aside, want.aside},
	} {
		for i := range max(len(table.have), len(table.want)) {
			if i >= len(table.have) || i >= len(table.want) || table.have[i] != table.want[i] {
				return fmt.Errorf("the %s has %d rows, not %d; they differ from row %d on: %.5q, not %.5q", table.name,
					len(table.have), len(table.want), i, table.have[min(i, len(table.have)):], table.want[min(i, len(table.want)):])
			}
		}
	}
	return nil
}

// checkpoints gives all generations of a projection.
func (w *world) checkpoints(name string) (all []readmodel.Checkpoint) {
	w.t.Helper()
	if err := w.store.View(context.WithoutCancel(w.ctx), func(tx *readmodel.Tx) (err error) {
		all, err = tx.Checkpoints(context.WithoutCancel(w.ctx), name)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// hasTable tells whether a generation's list is there.
func (w *world) hasTable(name string, generation int64) bool {
	return w.store.View(context.WithoutCancel(w.ctx), func(tx *readmodel.Tx) error {
		var n int64
		_, err := tx.One(context.WithoutCancel(w.ctx), fmt.Sprintf("SELECT count(*) FROM %s_list_%d", name, generation), nil, &n)
		return err
	}) == nil
}

// until waits for a state of a projection.
func (w *world) until(rt *projections.Runtime, what string, is func(projections.Status) bool) {
	w.t.Helper()
	for w.ctx.Err() == nil {
		all, err := rt.Status(w.ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		if is(all[0]) {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond): // to look again
		case <-w.ctx.Done():
		}
	}
	w.t.Fatalf("never %s; %s", what, w.states(rt))
}

// closed closes a runtime and waits until none of its goroutines is left.
func (w *world) closed(rt *projections.Runtime) {
	w.t.Helper()
	done := make(chan struct{})
	go func() { rt.Close(); close(done) }()
	select {
	case <-done:
	case <-w.ctx.Done():
		w.t.Fatalf("Close does not return:\n%s", stacks())
	}
	noneRuns(w.t)
}

// noneRuns waits until no goroutine of the package is left.
func noneRuns(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		left := 0
		for stack := range bytes.SplitSeq(stacks(), []byte("\n\n")) {
			if bytes.Contains(stack, []byte("bedside/projections.")) {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left:\n%s", left, stacks())
		}
	}
}

func stacks() []byte {
	buffer := make([]byte, 1<<22)
	return buffer[:runtime.Stack(buffer, true)]
}

// gate holds back those that pass it.
type gate struct {
	waits chan struct{} // gets one for each that waits
	open  chan struct{}
}

func newGate() *gate { return &gate{waits: make(chan struct{}, 100), open: make(chan struct{})} }

func (g *gate) pass() {
	g.waits <- struct{}{}
	<-g.open
}

// reached waits until somebody waits.
func (w *world) reached(g *gate) {
	w.t.Helper()
	select {
	case <-g.waits:
	case <-w.ctx.Done():
		w.t.Fatal("nobody came")
	}
}

// replay builds projections anew, for those who do not ask which are done. PostgreSQL may not have noticed yet
// that the connection with the last claim is gone.
func replay(ctx context.Context, rt *projections.Runtime, names ...string) error {
	_, err := rt.Replay(ctx, names...)
	for deadline := time.Now().Add(30 * time.Second); errors.Is(err, projections.ErrBuilding) && time.Now().Before(deadline); {
		_, err = rt.Replay(ctx, names...)
	}
	return err
}
