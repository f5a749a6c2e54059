package blob_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
)

func openFile(t *testing.T, dir string) *blob.File {
	t.Helper()
	s, err := blob.NewFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files lists the files below dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFileContract(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blobtest.Fixture {
		dir := filepath.Join(t.TempDir(), "blobs")
		t.Cleanup(func() {
			for _, f := range files(t, filepath.Join(dir, "tmp")) {
				t.Errorf("temporary file left: %s", f)
			}
		})
		return blobtest.Fixture{
			Store:  openFile(t, dir),
			Reopen: func() blob.Store { return openFile(t, dir) },
			Damage: func(t *testing.T, id string) { flip(t, filepath.Join(dir, id[:2], id)) },
		}
	})
}

// flip changes the last byte of a file as a disk does: its time stays.
func flip(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-1] ^= 1
	if err := errors.Join(os.WriteFile(path, content, 0o600), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

func TestFileLayout(t *testing.T) {
	dir := t.TempDir()
	s := openFile(t, dir)
	var id string
	for range 2 {
		id = blobtest.Put(t, s, "", []byte("one file"))
	}
	want := filepath.Join(dir, id[:2], id)
	if got := files(t, dir); len(got) != 1 || got[0] != want {
		t.Fatalf("files %q; want %q only", got, want)
	}
	info, err := os.Stat(want)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

// A crash leaves temporary files: the next process removes them, but not those of its own writers.
func TestFileLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := openFile(t, dir)
	crashed := filepath.Join(dir, "tmp", "ANOTHERRUN-123")
	if err := os.WriteFile(crashed, []byte("half a bl"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	again := openFile(t, dir)
	if _, err := os.Stat(crashed); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a crashed process's temporary file: %v; want it removed", err)
	}
	id, _, err := w.Commit(t.Context())
	if err != nil {
		t.Fatalf("Commit of a writer older than the second store: %v", err)
	}
	blobtest.Check(t, again, id, nil)
}

func TestFileSweepLeavesForeignFiles(t *testing.T) {
	dir := t.TempDir()
	s := openFile(t, dir)
	foreign := filepath.Join(dir, "ab", "README")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(string) (bool, error) { return false, nil })
	if n != 0 || err != nil {
		t.Fatalf("Sweep: %d, %v", n, err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
	if _, _, err := w.Commit(t.Context()); err != nil {
		t.Errorf("Commit after a sweep: %v", err)
	}
}

func TestNewFileErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(dir, "no", "parent")} {
		if _, err := blob.NewFile(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("NewFile(%s): %v; want an error that names it", bad, err)
		}
	}
}

// A writer needs no memory that grows with the blob.
func TestFileConstantMemory(t *testing.T) {
	s := openFile(t, t.TempDir())
	w, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 64<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 512 { // 32 MiB
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	_, size, err := w.Commit(t.Context())
	runtime.ReadMemStats(&after)
	if err != nil || size != 32<<20 {
		t.Fatalf("Commit: %d, %v", size, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("a blob of 32 MiB allocated %d bytes; want under 1 MiB", used)
	}
}

func BenchmarkFileCommit(b *testing.B) {
	s, err := blob.NewFile(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	content := make([]byte, 64<<10)
	b.SetBytes(int64(len(content)))
	for i := 0; b.Loop(); i++ {
		content[0], content[1], content[2] = byte(i), byte(i>>8), byte(i>>16)
		w, err := s.Create(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			b.Fatal(err)
		}
		if _, _, err := w.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
