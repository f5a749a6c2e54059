package index

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"
)

// badReads is a file system on which the reads of tables fail while an error is set.
type badReads struct{ atomic.Pointer[error] }

func (r *badReads) fail(err error) { r.Store(&err) }

func (r *badReads) inject(op errorfs.Op) error {
	if err := r.Load(); err != nil && op.Kind == errorfs.OpFileReadAt && strings.HasSuffix(op.Path, ".sst") {
		return *err
	}
	return nil
}

// onBadReads is a harness on one, with rows in a table that is in no cache.
func onBadReads(t *testing.T) (*harness, *badReads) {
	t.Helper()
	reads := &badReads{}
	h := &harness{testLog: newTestLog(t), fs: errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(reads.inject))}
	h.open()
	h.storeMany()
	h.reopen()
	return h, reads
}

// storeMany stores what takes more than one block of a table.
func (h *harness) storeMany() {
	h.t.Helper()
	for range 10 {
		var events []testEvent
		for range 100 {
			events = append(events, about(uuid.New(), 1, 2, 1))
		}
		h.store(events...)
	}
}

func (h *harness) queryAll() (err error) {
	h.view(func(v *View) { _, err = v.Query(context.Background(), Query{Limit: 1000}) })
	return err
}

// lost are what says that the rows are lost, and troubled what says nothing about them.
var (
	lost     = []error{io.EOF, io.ErrUnexpectedEOF, syscall.EIO, syscall.EUCLEAN, syscall.EISDIR, errorfs.ErrInjected}
	troubled = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EACCES}
)

// TestReadLost: what a disk cannot give back is damage: nothing is served any more, the
// next Open refuses, and whoever waits for it is told.
func TestReadLost(t *testing.T) {
	for _, fault := range lost {
		t.Run(fault.Error(), func(t *testing.T) {
			h, reads := onBadReads(t)
			reads.fail(fault)
			wantError(t, h.queryAll(), ErrDamaged)
			wantError(t, h.x.Err(), ErrDamaged)
			select {
			case <-h.x.Damaged():
			default:
				t.Error("nobody is told that a rebuild must begin")
			}
			reads.Store(nil)
			wantError(t, h.queryAll(), ErrDamaged)
			wantError(t, h.x.Close(), ErrDamaged)
			h.refused(ErrDamaged)
			check(t, h.x.Close())
		})
	}
}

// TestReadTrouble: what a rebuild would meet too is no damage. It is told of for a while,
// and the same read succeeds when it is over.
func TestReadTrouble(t *testing.T) {
	for _, fault := range troubled {
		t.Run(fault.Error(), func(t *testing.T) {
			h, reads := onBadReads(t)
			check(t, h.x.Unreadable())
			reads.fail(&os.PathError{Op: "read", Path: "1.sst", Err: fault})
			wantError(t, h.queryAll(), ErrUnreadable)
			wantError(t, h.x.Unreadable(), fault)
			c, drafts := h.commit(about(id(1), 1, 2, 1))
			check(t, h.x.Err())
			reads.Store(nil)
			check(t, h.queryAll())
			apply(t, h.x, c, drafts)
			h.x.health.missed = h.x.health.missed.Add(-unreadLasts)
			check(t, h.x.Unreadable())
			check(t, h.x.Close())
		})
	}
}

// TestOpenUnreadable: the same at a start. An index that could not be read for trouble of
// the machine is there afterwards.
func TestOpenUnreadable(t *testing.T) {
	for _, file := range []string{".sst", "MANIFEST", "OPTIONS"} {
		for _, kind := range []errorfs.OpKind{errorfs.OpOpen, errorfs.OpFileRead, errorfs.OpFileReadAt} {
			open := func(fault error) (h *harness, met bool, err error) {
				h = closed(t)
				rows := h.fs
				defer func() { h.fs = rows }()
				h.fs = errorfs.Wrap(rows, errorfs.InjectorFunc(func(op errorfs.Op) error {
					if op.Kind == kind && strings.Contains(op.Path, file) {
						met = true
						return fault
					}
					return nil
				}))
				x, err := Open("index", h.options())
				if err == nil {
					h.x = x // closed when the test ends
				}
				return h, met, err
			}
			h, met, err := open(syscall.EIO)
			if !met { // Pebble does not read this file so
				check(t, err)
				continue
			}
			wantError(t, err, ErrDamaged)
			check(t, h.fs.RemoveAll("index")) // as the caller does
			h.open()
			h, _, err = open(syscall.EMFILE)
			wantError(t, err, ErrUnreadable)
			h.open()
			if h.x.Position().Next == 1 {
				t.Errorf("%s, %v: the rows are gone", file, kind)
			}
		}
	}
}

// TestCompactionReads: a compaction that cannot read its input has found damage, and does
// not try again for ever as one that cannot write.
func TestCompactionReads(t *testing.T) {
	h, reads := onBadReads(t)
	h.storeMany()
	check(t, h.x.writer.flush())
	reads.fail(syscall.EIO)
	ctx, cancel := context.WithCancel(t.Context())
	compacted := make(chan struct{})
	go func() {
		defer close(compacted)
		_ = h.x.db.Compact(ctx, []byte{0}, []byte{0xff}, false)
	}()
	<-h.x.Damaged() // from now on its tables wait for Close
	cancel()
	<-compacted
	wantError(t, h.x.Err(), ErrDamaged)
	wantError(t, h.x.Close(), ErrDamaged)
}

// TestCutWhileOpen cuts the tables of an index on a disk that serves.
func TestCutWhileOpen(t *testing.T) {
	dir := t.TempDir()
	h := &harness{testLog: newTestLog(t), fs: vfs.Default}
	h.x = must(Open(dir, h.options()))
	h.storeMany()
	check(t, h.x.Close())
	h.x = must(Open(dir, h.options()))
	for _, table := range must(filepath.Glob(filepath.Join(dir, "*.sst"))) {
		check(t, os.Truncate(table, must(os.Stat(table)).Size()/2))
	}
	err := h.queryAll()
	wantError(t, err, ErrDamaged)
	wantError(t, err, io.ErrUnexpectedEOF)
	if !strings.Contains(err.Error(), ".sst") {
		t.Errorf("%v does not name the file", err)
	}
	wantError(t, h.x.Close(), ErrDamaged)
}

// TestOpenFile: a file where the folder belongs is an index that must be made again.
func TestOpenFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "1")
	check(t, os.WriteFile(name, []byte("a file"), 0o600))
	_, err := Open(name, Options{})
	wantError(t, err, ErrDamaged)
}
