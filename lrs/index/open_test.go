package index

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// files are the names in the index's directory that end in suffix.
func (h *harness) files(suffix string) (names []string) {
	h.t.Helper()
	for _, name := range must(h.fs.List("index")) {
		if strings.HasSuffix(name, suffix) || strings.HasPrefix(name, suffix) {
			names = append(names, h.fs.PathJoin("index", name))
		}
	}
	if len(names) == 0 {
		h.t.Fatalf("no file %s", suffix)
	}
	return names
}

// overwrite changes the bytes of a file from one offset to another.
func (h *harness) overwrite(name string, from, to int64) {
	h.t.Helper()
	f := must(h.fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified))
	data := make([]byte, to-from)
	must(f.ReadAt(data, from))
	for i := range data {
		data[i] ^= 0xff
	}
	must(f.WriteAt(data, from))
	check(h.t, f.Close())
}

// refused reopens after a change of the files and wants an error.
func (h *harness) refused(want error) {
	h.t.Helper()
	_, err := Open("index", h.options())
	wantError(h.t, err, want)
	// The caller removes and rebuilds.
	check(h.t, h.fs.RemoveAll("index"))
	h.open()
	if h.x.Position().Next != 1 {
		h.t.Error("the new index is not empty")
	}
}

func closed(t *testing.T) *harness {
	h := newHarness(t, limits{})
	for range 3 {
		h.store(about(uuid.New(), 1, 2, 1))
	}
	check(t, h.x.Close())
	return h
}

func TestOpenDamaged(t *testing.T) {
	for name, damage := range map[string]func(h *harness){
		"manifest":          func(h *harness) { h.overwrite(h.files("MANIFEST")[0], 0, 20) },
		"table missing":     func(h *harness) { check(h.t, h.fs.Remove(h.files(".sst")[0])) },
		"manifest missing":  func(h *harness) { check(h.t, h.fs.Remove(h.files("MANIFEST")[0])) },
		"table overwritten": func(h *harness) { h.overwrite(h.files(".sst")[0], 0, 500) },
		"table too short": func(h *harness) {
			f := must(h.fs.Create(h.files(".sst")[0], vfs.WriteCategoryUnspecified))
			check(h.t, f.Close())
		},
		"marked": func(h *harness) {
			check(h.t, must(h.fs.Create("index/"+damagedFile, vfs.WriteCategoryUnspecified)).Close())
		},
		"rows without a position": func(h *harness) {
			h.edit(func(db *pebble.DB) error { return db.Delete(key{kindPosition}, pebble.NoSync) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := closed(t)
			damage(h)
			h.refused(ErrDamaged)
		})
	}
}

// edit changes rows behind the index's back.
func (h *harness) edit(do func(db *pebble.DB) error) {
	h.t.Helper()
	o := &pebble.Options{
		FS: h.fs, Comparer: comparer, FormatMajorVersion: pebble.FormatNewest, DisableWAL: true,
		Logger: pebbleLogger{&health{log: slog.New(slog.DiscardHandler)}},
	}
	db := must(pebble.Open("index", o))
	check(h.t, do(db))
	check(h.t, db.Flush())
	check(h.t, db.Close())
}

func TestOpenStale(t *testing.T) {
	h := closed(t)
	h.edit(func(db *pebble.DB) error {
		value := Position{Next: 1}.encode()
		value[3]++ // the format
		return db.Set(key{kindPosition}, append(value, "of another shape"...), pebble.NoSync)
	})
	h.refused(ErrStale)
}

// A directory that somebody has open must not be taken for a damaged one.
func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	x := must(Open(dir, Options{}))
	_, err := Open(dir, Options{})
	if err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrStale) {
		t.Errorf("opened twice: %v", err)
	}
	check(t, x.Close())
	wantError(t, x.Close(), ErrClosed)
	x = must(Open(dir, Options{}))
	check(t, x.Close())
}

// After a power cut the index is an older one, whole, and takes the rest.
func TestCrash(t *testing.T) {
	fs := vfs.NewCrashableMem()
	h := &harness{testLog: newTestLog(t), fs: fs}
	h.open()
	for n := range 20 {
		h.store(about(uuid.New(), 1, 2, 1), refer(uuid.New(), 1, 1+n%2, id(n)), about(id(n), 1, 2, 1))
		if n%7 == 6 {
			check(t, h.x.writer.flush())
		}
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	check(t, h.x.Close())
	h.fs = crashed
	h.open()
	defer func() { check(t, h.x.Close()) }()
	p := h.x.Position()
	if p.Head.Revision != 14 || p.Next != 43 {
		t.Fatalf("position after the crash %+v", p)
	}
	h.view(func(v *View) {
		if p := must(v.Query(context.Background(), Query{Limit: 100})); p.Statements[0].Number != 42 {
			t.Errorf("newest statement %d", p.Statements[0].Number)
		}
	})
	for _, c := range h.commits[p.Head.Revision:] {
		apply(t, h.x, c, nil)
	}
	h.checkRebuilt()
}
