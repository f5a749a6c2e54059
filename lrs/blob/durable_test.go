package blob

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// platter is a disk that knows what a power cut would leave: the content that a file had at its last sync, under the
// names that their directory had at its own. It does the real work too, and can fail.
type platter struct {
	t      *testing.T
	store  *File
	synced map[string][]byte            // file name → content at its last sync
	named  map[string][]byte            // file name → durable content, once renamed; nil content: never synced
	names  map[string]map[string][]byte // directory → what the power cut leaves in it; directories have nil content
	fail   string                       // the call that fails
}

var errDisk = errors.New("disk failed")

func newPlatter(t *testing.T) *platter {
	return &platter{t: t, synced: map[string][]byte{}, named: map[string][]byte{}, names: map[string]map[string][]byte{}}
}

func (p *platter) syncFile(f *os.File) error {
	if p.fail == "syncFile" {
		return errDisk
	}
	content, err := os.ReadFile(f.Name())
	if err != nil {
		return err
	}
	p.synced[f.Name()] = content
	return f.Sync()
}

func (p *platter) rename(from, to string) error {
	if p.store.placing.TryLock() {
		p.store.placing.Unlock()
		p.t.Error("rename without the placing lock: a sweep could remove the new file")
	}
	if p.fail == "rename" {
		return errDisk
	}
	content, ok := p.synced[from]
	if !ok {
		content = []byte("garbage: the content was not synced before it was named")
	}
	p.named[to] = content
	return os.Rename(from, to)
}

func (p *platter) syncDir(dir string) error {
	if p.fail == "syncDir" {
		return errDisk
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	p.names[dir] = map[string][]byte{}
	for _, e := range entries {
		p.names[dir][e.Name()] = p.named[filepath.Join(dir, e.Name())]
	}
	return nil
}

// survives tells whether a power cut now would leave content at path.
func (p *platter) survives(path string, content []byte) bool {
	for dir := filepath.Dir(path); dir != filepath.Dir(p.store.dir); dir = filepath.Dir(dir) {
		if _, ok := p.names[filepath.Dir(dir)][filepath.Base(dir)]; !ok {
			return false
		}
	}
	got, ok := p.names[filepath.Dir(path)][filepath.Base(path)]
	return ok && bytes.Equal(got, content)
}

func openPlatter(t *testing.T) *platter {
	t.Helper()
	p := newPlatter(t)
	store, err := newFile(filepath.Join(t.TempDir(), "blobs"), p)
	if err != nil {
		t.Fatal(err)
	}
	p.store = store
	return p
}

func commit(t *testing.T, s Store, content []byte) (string, error) {
	t.Helper()
	w, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	id, _, err := w.Commit(t.Context())
	return id, err
}

// Whatever Commit has returned nil for survives a power cut: the test fails without the sync of the file, of its
// directory, of the store's directory, or in another order.
func TestCommitIsDurable(t *testing.T) {
	p := openPlatter(t)
	for _, content := range []string{"first", "", "first", "second"} {
		id, err := commit(t, p.store, []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		if !p.survives(p.store.path(id), []byte(content)) {
			t.Errorf("a power cut after Commit loses %q", content)
		}
	}
}

// A store whose maker crashed before it synced the directories is made durable by the next one.
func TestReopenIsDurable(t *testing.T) {
	first := openPlatter(t)
	again := newPlatter(t)
	store, err := newFile(first.store.dir, again)
	if err != nil {
		t.Fatal(err)
	}
	again.store = store
	id, err := commit(t, store, []byte("x"))
	if err != nil || !again.survives(store.path(id), []byte("x")) {
		t.Errorf("a power cut after Commit in a reopened store loses it (%v)", err)
	}
}

// A failing disk is an error of Commit, never a half promise, and leaves no temporary file. The same blob can be
// stored once the disk is well again.
func TestCommitOnFailingDisk(t *testing.T) {
	for _, call := range []string{"syncFile", "rename", "syncDir"} {
		t.Run(call, func(t *testing.T) {
			p := openPlatter(t)
			p.fail = call
			if _, err := commit(t, p.store, []byte("x")); !errors.Is(err, errDisk) {
				t.Fatalf("Commit: %v; want the disk's error", err)
			}
			if left, err := os.ReadDir(filepath.Join(p.store.dir, tmpDir)); len(left) != 0 || err != nil {
				t.Errorf("left in tmp: %v, %v", left, err)
			}
			p.fail = ""
			id, err := commit(t, p.store, []byte("x"))
			if err != nil || !p.survives(p.store.path(id), []byte("x")) {
				t.Errorf("the next Commit: %v, or not durable", err)
			}
		})
	}
	p := newPlatter(t)
	p.fail = "syncDir"
	if _, err := newFile(t.TempDir(), p); !errors.Is(err, errDisk) {
		t.Errorf("NewFile: %v; want the disk's error", err)
	}
}

// A blob whose writing failed cannot be committed, although what did arrive has a hash too.
func TestFailedWriteIsFinal(t *testing.T) {
	s := openPlatter(t).store
	created, err := s.Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	w := created.(*fileWriter)
	writable := w.tmp
	if w.tmp, err = os.Open(writable.Name()); err != nil { // a handle that takes no writes stands for a full disk
		t.Fatal(err)
	}
	_, full := w.Write([]byte("x"))
	if full == nil || w.tmp.Close() != nil {
		t.Fatal("nothing failed")
	}
	w.tmp = writable // there is space again
	if n, err := w.Write([]byte("y")); n != 0 || err != full {
		t.Fatalf("second Write: %d, %v; want the error of the first", n, err)
	}
	if _, _, err := w.Commit(t.Context()); !errors.Is(err, full) {
		t.Fatalf("Commit: %v; want the error of Write", err)
	}
	n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(string) (bool, error) { return false, nil })
	if n != 0 || err != nil {
		t.Errorf("Sweep: %d, %v; want nothing stored", n, err)
	}
}

// An id that passes CheckID is a file name of its own directory, whatever it is made of.
func FuzzCheckID(f *testing.F) {
	f.Add(strings.Repeat("ab", 32))
	f.Add("../../x")
	f.Add(strings.Repeat("0", 128))
	f.Fuzz(func(t *testing.T, id string) {
		if CheckID(id) != nil {
			return
		}
		raw, err := hex.DecodeString(id)
		hash, _ := NewHash(id)
		if err != nil || len(raw) != hash.Size() || hex.EncodeToString(raw) != id {
			t.Fatalf("%q passed", id)
		}
		s := File{dir: "/blobs"}
		if path := s.path(id); filepath.Dir(filepath.Dir(path)) != "/blobs" || filepath.Base(path) != id {
			t.Fatalf("%q leads to %s", id, path)
		}
	})
}
