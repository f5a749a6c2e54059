package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// put stores content without syncing, and returns its id and file.
func put(t testing.TB, s *File, want string, content []byte) (id, path string) {
	t.Helper()
	w, err := s.Create(t.Context(), want)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		id, _, err = w.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return id, s.path(id)
}

func openUnsynced(t testing.TB) *File {
	t.Helper()
	s, err := NewUnsynced(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rot changes a byte of a file as a disk does: its size and its time stay.
func rot(t *testing.T, path string, at int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := errors.Join(os.WriteFile(path, b, 0o600), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
}

// wantDamaged fails the test unless Open refuses a blob, names its file, and says what to do.
func wantDamaged(t *testing.T, s *File, id string) {
	t.Helper()
	r, _, err := s.Open(t.Context(), id)
	if err == nil {
		r.Close()
	}
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), s.path(id)) || !strings.Contains(err.Error(), "restore this file from a backup") {
		t.Fatalf("Open: %v; want ErrDamaged that names %s and says what to do", err, s.path(id))
	}
}

// wantWhole fails the test unless Open gives the content.
func wantWhole(t *testing.T, s *File, id string, content []byte) {
	t.Helper()
	r, size, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || size != int64(len(content)) || !bytes.Equal(got, content) {
		t.Fatalf("%d bytes, size %d, %v; want %d bytes", len(got), size, err, len(content))
	}
}

// No byte of a damaged file is handed out, whatever is wrong with it and whatever hash it goes by; restored, it is
// served again.
func TestDamaged(t *testing.T) {
	s := openUnsynced(t)
	n := 0
	for _, digits := range []int{56, 64, 96, 128} {
		for name, damage := range map[string]func(t *testing.T, path string, size int){
			"first byte": func(t *testing.T, path string, size int) { rot(t, path, 0) },
			"last byte":  func(t *testing.T, path string, size int) { rot(t, path, size-1) },
			"cut":        func(t *testing.T, path string, size int) { truncate(t, path, size-1) },
			"empty":      func(t *testing.T, path string, size int) { truncate(t, path, 0) },
			"longer":     func(t *testing.T, path string, size int) { truncate(t, path, size+1) },
		} {
			t.Run(fmt.Sprint(digits, " ", name), func(t *testing.T) {
				n++
				content := bytes.Repeat(fmt.Appendf(nil, "evidence %d ", n), 20_000)
				hash, err := NewHash(strings.Repeat("0", digits))
				if err != nil {
					t.Fatal(err)
				}
				hash.Write(content)
				id, path := put(t, s, fmt.Sprintf("%x", hash.Sum(nil)), content)
				damage(t, path, len(content))
				wantDamaged(t, s, id)
				wantDamaged(t, s, id) // that it was asked for does not count
				if blobs, _, err := s.Verify(t.Context()); blobs >= n || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
					t.Errorf("Verify: %d, %v; want ErrDamaged that names %s", blobs, err, path)
				}
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
				wantWhole(t, s, id, content)
			})
		}
	}
}

func truncate(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.Truncate(path, int64(size)); err != nil {
		t.Fatal(err)
	}
}

// What was whole is read again when somebody has written to it.
func TestDamagedLater(t *testing.T) {
	content := bytes.Repeat([]byte("evidence "), 20_000)
	s := openUnsynced(t)
	id, path := put(t, s, "", content)
	wantWhole(t, s, id, content)
	wantWhole(t, s, id, content)
	rot(t, path, 17)
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	wantDamaged(t, s, id)
	put(t, s, "", content) // as a client may who sends it again
	wantWhole(t, s, id, content)
	truncate(t, path, 5)
	wantDamaged(t, s, id)
}

// What rots in a file that was whole Verify finds, and Open knows it from then on. Verify counts what is in front.
func TestVerifyFindsRot(t *testing.T) {
	s := openUnsynced(t)
	var ids []string
	for i := range 10 {
		id, _ := put(t, s, "", []byte{byte(i)})
		wantWhole(t, s, id, []byte{byte(i)})
		ids = append(ids, id)
	}
	if blobs, size, err := s.Verify(t.Context()); blobs != 10 || size != 10 || err != nil {
		t.Fatalf("Verify: %d, %d, %v", blobs, size, err)
	}
	rot(t, s.path(ids[4]), 0)
	front := 0
	for _, id := range ids {
		if id < ids[4] {
			front++
		}
	}
	if blobs, size, err := s.Verify(t.Context()); blobs != front || size != int64(front) || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), ids[4]) {
		t.Fatalf("Verify: %d, %d, %v; want ErrDamaged behind %d blobs", blobs, size, err, front)
	}
	wantDamaged(t, s, ids[4])
}

// A directory in a blob's place is an error, of Open and of Verify.
func TestNoFile(t *testing.T) {
	s := openUnsynced(t)
	id := strings.Repeat("ab", 32)
	if err := os.Mkdir(s.path(id), 0o700); err != nil {
		t.Fatal(err)
	}
	_, _, opened := s.Open(t.Context(), id)
	_, _, verified := s.Verify(t.Context())
	for _, err := range []error{opened, verified} {
		if err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("%v; want an error that names it", err)
		}
	}
}

// Many who ask for a file at once wait for one of them to read it; who goes away waits for nothing.
func TestCheckedOnce(t *testing.T) {
	s := openUnsynced(t)
	content := bytes.Repeat([]byte("page "), 100_000)
	id, path := put(t, s, "", content)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Open(gone, id); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that went away: %v", err)
	}
	now, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	lock := s.checks.lock(id)
	lock.Lock()     // somebody reads it,
	rot(t, path, 0) // and whoever else does finds it damaged
	var wg sync.WaitGroup
	asking := make(chan struct{})
	for range 8 {
		wg.Go(func() {
			asking <- struct{}{}
			r, _, err := s.Open(t.Context(), id)
			if err != nil {
				t.Error(err)
				return
			}
			r.Close()
		})
	}
	for range 8 {
		<-asking
	}
	for range 1000 { // for those who ask to get as far as they can
		runtime.Gosched()
	}
	s.checks.note(id, state{now.Size(), now.ModTime().UnixNano()})
	lock.Unlock()
	wg.Wait()
}

// What was checked is remembered in bounded memory; what is asked for is remembered longest.
func TestChecksAreBounded(t *testing.T) {
	var c checks
	now := state{size: 1, modified: 2}
	c.note("hot", now)
	for i := range 5 * generation {
		c.note(fmt.Sprint(i), now)
		if i%1000 == 0 && !c.known("hot", now) {
			t.Fatalf("forgotten after %d others, although it is asked for", i)
		}
	}
	if n := len(c.young) + len(c.old); n > 2*generation {
		t.Errorf("%d are remembered; want at most %d", n, 2*generation)
	}
	if c.known("0", now) {
		t.Error("nothing is forgotten")
	}
	if c.known("hot", state{size: 1, modified: 3}) || c.known("hot", state{size: 2, modified: 2}) {
		t.Error("a changed file is known")
	}
}

// BenchmarkOpen opens files that were not checked yet, and ones that were.
func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{33 << 10, 1 << 20, 100 << 20} {
		content := bytes.Repeat([]byte{7}, size)
		s := openUnsynced(b)
		id, _ := put(b, s, "", content)
		open := func(b *testing.B) {
			r, _, err := s.Open(b.Context(), id)
			if err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
		b.Run(fmt.Sprintf("first/%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				s.checks.forget(id)
				open(b)
			}
		})
		b.Run(fmt.Sprintf("again/%dKB", size>>10), func(b *testing.B) {
			for b.Loop() {
				open(b)
			}
		})
	}
}

// BenchmarkVerify reads a store of many small blobs.
func BenchmarkVerify(b *testing.B) {
	s := openUnsynced(b)
	content := make([]byte, 40<<10)
	for i := range 2000 {
		content[0], content[1] = byte(i), byte(i>>8)
		put(b, s, "", content)
	}
	b.SetBytes(2000 * int64(len(content)))
	for b.Loop() {
		if blobs, _, err := s.Verify(b.Context()); blobs != 2000 || err != nil {
			b.Fatal(blobs, err)
		}
	}
}
