package lrs

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/index"
)

// TestDamagedUnderCommit: a reader finds damage in the index while a commit is on its way to the log. Nobody is told a
// wrong thing, and when the index has been made again everything is there and writes go on.
func TestDamagedUnderCommit(t *testing.T) {
	b := newBench(t)
	for range 200 {
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
	}
	b.close(t)
	log := &refusingLog{Log: b.log}
	if err := b.open(t, func(c *Config) { c.Log = log }); err != nil {
		t.Fatal(err)
	}
	held, release := log.hold()
	onItsWay := uuid.New()
	answer := make(chan error, 1)
	go func() {
		_, err := b.put(t, draft(t, onItsWay, "passed"))
		answer <- err
	}()
	<-held
	names, err := b.fs.List("index")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			overwrite(t, b.fs, b.fs.PathJoin("index", name))
		}
	}
	v, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Query(context.Background(), index.Query{Limit: 1000}); !errors.Is(err, index.ErrDamaged) {
		t.Fatalf("the damage is not found: %v", err)
	}
	v.Close()
	release()
	if err := <-answer; !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("the commit that the index cannot take: %v", err)
	}
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("a write that reached no commit: %v", err)
	}
	if _, err := b.View(); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("a read: %v", err)
	}
	if err := b.Rebuild(t.Context(), b.emptyIndex(t, "again"), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if b.stored(t, onItsWay) == "" {
		t.Error("the statement whose commit the old index could not take is not there")
	}
	if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
		t.Errorf("a write after the rebuild: %v", err)
	}
}

// overwrite changes the second quarter of a file: what an open table needs again is behind it.
func overwrite(t *testing.T, fs vfs.FS, name string) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, info.Size()/4)
	if _, err := f.ReadAt(data, info.Size()/4); err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] ^= 0xff
	}
	if _, err := f.WriteAt(data, info.Size()/4); err != nil {
		t.Fatal(err)
	}
}
