package index

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"
)

// fullDisk is a file system that can fail the writes of some files, and counts
// the tables that are begun.
type fullDisk struct {
	atomic.Bool
	tables atomic.Int64
}

// onFullDisk is a harness on one. files is the beginning or the end of names.
func onFullDisk(t *testing.T, files string) (*harness, *fullDisk) {
	full := &fullDisk{}
	inject := func(op errorfs.Op) error {
		name := op.Path[strings.LastIndexByte(op.Path, '/')+1:]
		if op.Kind == errorfs.OpCreate && strings.HasSuffix(name, ".sst") {
			full.tables.Add(1)
		}
		write := op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate
		if full.Load() && write && (strings.HasPrefix(name, files) || strings.HasSuffix(name, files)) {
			return syscall.ENOSPC
		}
		return nil
	}
	h := &harness{testLog: newTestLog(t), fs: errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(inject))}
	h.open()
	return h, full
}

// busy keeps the caller at work for as long as a loop that turns in circles
// would need to show.
func (h *harness) busy() {
	for range 2000 {
		h.view(func(*View) {})
	}
}

// While rows cannot be written to disk nothing is applied, reads go on, and when
// there is space again all is as before.
func TestUnwritable(t *testing.T) {
	h, full := onFullDisk(t, ".sst")
	h.store(about(id(1), 1, 2, 1))
	full.Store(true)
	check(t, h.x.writer.startFlush())
	flushed := h.x.writer.flushes[0]
	<-h.x.health.failing()
	wantError(t, h.x.Err(), ErrUnwritable)
	wantError(t, h.x.Err(), syscall.ENOSPC)
	h.busy()
	if n := full.tables.Load(); n > 3 {
		t.Errorf("%d tries to write a table", n)
	}

	c, drafts := h.commit(about(id(2), 1, 2, 1))
	wantError(t, h.x.Apply(c, must(c.Events()), drafts), ErrUnwritable)
	h.wantList(Query{}, 1)

	full.Store(false)
	<-flushed
	check(t, h.x.Err())
	apply(t, h.x, c, drafts)
	h.wantList(Query{}, 2, 1)
	h.reopen()
	h.wantList(Query{}, 2, 1)
	check(t, h.x.Close())
}

// noCompactions is a file system on which compactions can be made to fail, and flushes
// are not.
type noCompactions struct {
	vfs.FS
	full   atomic.Bool
	failed atomic.Int64
}

func (fs *noCompactions) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if fs.full.Load() && category == "pebble-compaction" {
		fs.failed.Add(1)
		return nil, syscall.ENOSPC
	}
	return fs.FS.Create(name, category)
}

// A compaction that failed and had tables below level 0, Pebble does not try again before
// the next flush, and that needs a commit. So it must not keep the commit out.
func TestCompactionGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Pebble counts from the start of the process, which lies in the bubble's future.
		time.Sleep(100 * 365 * 24 * time.Hour)
		fs := &noCompactions{FS: vfs.NewMem()}
		h := &harness{testLog: newTestLog(t), fs: fs}
		h.open()
		table := func() {
			h.store(about(uuid.New(), 1, 2, 1))
			if err := h.x.writer.flush(); !errors.Is(err, ErrUnwritable) {
				check(t, err)
			}
			synctest.Wait()
		}
		table()
		table()
		check(t, h.x.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false)) // below level 0
		fs.full.Store(true)
		for fs.failed.Load() == 0 {
			table()
		}
		wantError(t, h.x.Err(), ErrUnwritable)
		time.Sleep(2 * retryDelay)
		check(t, h.x.Err())
		if n := fs.failed.Load(); n != 1 {
			t.Errorf("%d compactions have failed: Pebble does try again", n)
		}
		fs.full.Store(false)
		time.Sleep(time.Minute)
		if h.x.db.Metrics().Levels[0].Sublevels == 0 {
			t.Error("Pebble compacts without a flush")
		}
		table()
		if n := h.x.db.Metrics().Levels[0].Sublevels; n > 0 {
			t.Errorf("%d sublevels", n)
		}
		check(t, h.x.Close())
	})
}

// A full disk does not keep the index from closing; what was flushed stays.
func TestCloseUnwritable(t *testing.T) {
	h, full := onFullDisk(t, ".sst")
	h.store(about(id(1), 1, 2, 1))
	check(t, h.x.writer.flush())
	h.store(about(id(2), 1, 2, 1))
	full.Store(true)
	wantError(t, h.x.Close(), ErrUnwritable)
	full.Store(false)
	h.open()
	h.wantList(Query{}, 1)
	check(t, h.x.Close())
}

// Apply waits for flushes, not for ever: Close and a failure wake it.
func TestApplyWaits(t *testing.T) {
	for name, wake := range map[string]func(h *harness, flushed chan struct{}) error{
		"flushed": func(_ *harness, flushed chan struct{}) error { close(flushed); return nil },
		"failing": func(h *harness, _ chan struct{}) error {
			h.x.health.wrote(&h.x.health.flush, syscall.ENOSPC)
			return ErrUnwritable
		},
		"closing": func(h *harness, _ chan struct{}) error { close(h.x.closing); return ErrClosed },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &harness{testLog: newTestLog(t), fs: vfs.NewMem()}
				h.open()
				flushed := make(chan struct{})
				h.x.writer.flushes = []<-chan struct{}{flushed, make(chan struct{})}
				c, drafts := h.commit(about(id(1), 1, 2, 1))
				events := must(c.Events())
				applied := make(chan error, 1)
				go func() { applied <- h.x.Apply(c, events, drafts) }()
				synctest.Wait()
				if len(applied) > 0 {
					t.Fatal("did not wait")
				}
				want := wake(h, flushed)
				if err := <-applied; !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
				if name != "closing" {
					close(h.x.closing)
				}
				h.x.flusher.Wait()
				check(t, h.x.db.Close())
			})
		})
	}
}

// A damaged table is found by a read; from then on nothing is served or applied,
// and the next Open refuses.
func TestDamagedWhileOpen(t *testing.T) {
	h := newHarness(t, limits{})
	for range 10 {
		var events []testEvent
		for range 100 {
			events = append(events, about(uuid.New(), 1, 2, 1))
		}
		h.store(events...)
	}
	check(t, h.x.Close())
	table := h.files(".sst")[0]
	size := must(h.fs.Stat(table)).Size()
	h.overwrite(table, size/4, size/2) // the position is in front, the index and the footer behind
	h.open()
	v := h.x.View()
	_, err := v.Query(context.Background(), Query{Limit: 1000})
	check(t, v.Close())
	wantError(t, err, ErrDamaged)
	wantError(t, h.x.Err(), ErrDamaged)
	h.view(func(v *View) {
		_, err := v.Activity(activityIRI(1))
		wantError(t, err, ErrDamaged)
	})
	c, drafts := h.commit(about(uuid.New(), 1, 2, 1))
	wantError(t, h.x.Apply(c, must(c.Events()), drafts), ErrDamaged)
	wantError(t, h.x.Close(), ErrDamaged)
	h.refused(ErrDamaged)
}

// Where Pebble would end the process, here it is damage; and Close still ends.
func TestFatal(t *testing.T) {
	h, full := onFullDisk(t, "MANIFEST")
	h.store(about(id(1), 1, 2, 1))
	full.Store(true)
	check(t, h.x.writer.startFlush())
	<-h.x.health.failing()
	wantError(t, h.x.Err(), ErrDamaged)
	full.Store(false) // too late: what the manifest has is not known
	h.busy()
	if n := full.tables.Load(); n > 1 {
		t.Errorf("%d tables were begun, all but one after the damage", n)
	}
	h.view(func(v *View) {
		_, err := v.Statement(id(1))
		wantError(t, err, ErrDamaged)
	})
	wantError(t, h.x.Close(), ErrDamaged)
	_, err := Open("index", h.options())
	wantError(t, err, ErrDamaged)
}

// A table that could not be written is tried again after a while; one of a
// damaged index never.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := make(chan struct{})
		h := newHealth(slog.New(slog.DiscardHandler), func() {}, closing)
		g := gate{vfs.NewMem(), h}
		create := func(name string) (time.Duration, error) {
			start := time.Now()
			f, err := g.Create(name, vfs.WriteCategoryUnspecified)
			if err == nil {
				check(t, f.Close())
			}
			return time.Since(start), err
		}
		if took, err := create("1.sst"); took != 0 || err != nil {
			t.Errorf("while all is well: %v, %v", took, err)
		}
		h.wrote(&h.flush, syscall.ENOSPC)
		if took, err := create("1.sst"); took != retryDelay || err != nil {
			t.Errorf("after a failure: %v, %v", took, err)
		}
		h.fatal("damage")
		if took, err := create("MANIFEST-000001"); took != 0 || err != nil {
			t.Errorf("another file: %v, %v", took, err)
		}
		time.AfterFunc(time.Hour, func() { close(closing) })
		if took, err := create("1.sst"); took != time.Hour || !errors.Is(err, ErrDamaged) {
			t.Errorf("after damage: %v, %v", took, err)
		}
	})
}

// Rows that came since the last tick are flushed by the next.
func TestTick(t *testing.T) {
	tick := make(chan time.Time)
	fs := vfs.NewCrashableMem()
	h := &harness{testLog: newTestLog(t), fs: fs}
	o := h.options()
	o.Tick = tick
	h.x = must(Open("index", o))
	h.store(about(id(1), 1, 2, 1))
	tick <- time.Time{}
	tick <- time.Time{} // the first has been worked off
	h.x.mu.Lock()
	if len(h.x.writer.flushes) > 0 {
		<-h.x.writer.flushes[0]
	}
	h.x.mu.Unlock()
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	check(t, h.x.Close())
	h.fs = crashed
	h.open()
	h.wantList(Query{}, 1)
	check(t, h.x.Close())
}

// Readers, a writer and Close at once.
func TestConcurrency(t *testing.T) {
	h := newHarness(t, limits{})
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for seen := uint64(0); ; {
				v := h.x.View()
				p, err := v.Query(context.Background(), Query{Limit: 3, Verb: verbIRI(2)})
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil || len(p.Statements) > 0 && p.Statements[0].Number < seen {
					t.Errorf("%v: %+v behind %d", err, p, seen)
				}
				if len(p.Statements) > 0 {
					seen = p.Statements[0].Number
				}
				if next := v.Position().Next; p.Head != next {
					t.Errorf("head %d, position %d", p.Head, next)
				}
				_ = v.Close()
				select {
				case <-done:
					h.x.Metrics()
				default:
				}
			}
		})
	}
	for range 100 {
		h.store(about(uuid.New(), 1, 2, 1), refer(uuid.New(), 1, 2, uuid.New()))
	}
	close(done)
	check(t, h.x.Settle(context.Background()))
	check(t, h.x.Close())
	readers.Wait()
	h.open()
	if m := h.x.Metrics(); m.DiskBytes == 0 || m.MemtableBytes == 0 {
		t.Errorf("metrics %+v", m)
	}
}

// TestFailsAgain: what failed, was well and fails again is waited for as at first; and a compaction is not taken for given
// up while one runs.
func TestFailsAgain(t *testing.T) {
	h := newHealth(slog.New(slog.DiscardHandler), func() {}, make(chan struct{}))
	failing := func() bool {
		select {
		case <-h.failing():
			return true
		default:
			return false
		}
	}
	broken := errors.New("broken")
	for range 2 {
		if failing() {
			t.Fatal("failing while nothing does")
		}
		h.set(&h.flush, broken)
		if !failing() || !errors.Is(h.err(), broken) {
			t.Fatalf("not failing: %v", h.err())
		}
		h.set(&h.flush, nil)
	}
	h.set(&h.compact, broken)
	h.mu.Lock()
	h.ended, h.running = time.Now().Add(-time.Hour), 1
	h.mu.Unlock()
	if !errors.Is(h.err(), broken) {
		t.Error("a compaction that runs is taken for given up")
	}
	h.mu.Lock()
	h.running = 0
	h.mu.Unlock()
	if err := h.err(); err != nil || failing() {
		t.Errorf("one that was given up still counts: %v", err)
	}
}
