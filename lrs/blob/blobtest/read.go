package blobtest

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

func readerOutlivesSweep(t *testing.T, f Fixture) {
	s := f.Store
	content := bytes.Repeat([]byte("page "), 1000)
	id := Put(t, s, "", content)
	r, _, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	Put(t, s, "", content)
	if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(string) (bool, error) { return false, nil }); n != 1 || err != nil {
		t.Fatalf("Sweep: %d, %v", n, err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("reading on after a sweep: %d bytes, %v", len(got), err)
	}
}

func verify(t *testing.T, f Fixture) {
	s, reopen := f.Store, f.Reopen
	check := func(blobs int, bytes int64) {
		t.Helper()
		if n, size, err := s.Verify(t.Context()); n != blobs || size != bytes || err != nil {
			t.Errorf("Verify: %d blobs, %d bytes, %v; want %d, %d", n, size, err, blobs, bytes)
		}
	}
	check(0, 0)
	content := []byte("a certificate")
	s512 := sha512.Sum512(content)
	Put(t, s, "", nil)
	Put(t, s, "", content)
	Put(t, s, "", content)
	Put(t, s, hex.EncodeToString(s512[:]), content)
	unfinished := create(t, s, "", content)
	defer unfinished.Abort()
	check(3, 2*int64(len(content)))
	if err := unfinished.Abort(); err != nil {
		t.Fatal(err)
	}
	s = reopen()
	check(3, 2*int64(len(content)))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Verify(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify of a client that went away: %v", err)
	}
}

// readersWhileStoredAgain: whoever opens a blob gets it, and keeps it, however often it is stored again and swept.
func readersWhileStoredAgain(t *testing.T, f Fixture) {
	content := pattern("page", several)
	id := Put(t, f.Store, "", content)
	r, _, err := f.Store.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	stored := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(stored)
		for range 8 {
			commitAndCheck(t, f.Store, content)
		}
	})
	for range 2 {
		wg.Go(func() {
			for {
				if err := whole(t, f.Store, content); err != nil {
					t.Error(err)
				}
				select {
				case <-stored:
					return
				default:
				}
			}
		})
	}
	wg.Wait()
	if n := sweepAll(t, f.Store, future()); n != 1 {
		t.Fatalf("Sweep: %d; want 1", n)
	}
	CheckMissing(t, f.Store, id)
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[1000:]) {
		t.Fatalf("reading on: %d bytes, %v", len(got), err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("reading again: %d bytes, %v", len(got), err)
	}
}

// verifyAgainstCommits: what is stored again meanwhile is no damage, and counts once or not.
func verifyAgainstCommits(t *testing.T, f Fixture) {
	contents := [][]byte{pattern("a", several), pattern("b", several), pattern("c", 100)}
	for _, content := range contents {
		Put(t, f.Store, "", content)
	}
	stored := make(chan struct{})
	go func() {
		defer close(stored)
		for range 8 {
			for _, content := range contents {
				if err := commit(t, f.Store, content); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for done := false; !done; {
		select {
		case <-stored:
			done = true
		default:
		}
		n, _, err := f.Store.Verify(t.Context())
		if err != nil || n > len(contents) || done && n != len(contents) {
			t.Errorf("Verify: %d, %v; %d are there", n, err, len(contents))
		}
	}
}

// damaged: no byte of a damaged blob is handed out, Verify finds it, the others are served, and storing it again heals
// it.
func damaged(t *testing.T, f Fixture) {
	for _, size := range []int{1, 1000, several} {
		content, other := pattern("evidence", size), pattern("others", size+1)
		id := Put(t, f.Store, "", content)
		Put(t, f.Store, "", other)
		f.Damage(t, id)
		s := f.Reopen()
		for range 2 { // that it was asked for does not count
			isDamaged(t, s, id)
			verifyFinds(t, s, id)
		}
		Check(t, s, ID(other), other)
		Put(t, s, "", content)
		Check(t, s, id, content)
		if _, _, err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	}
	// What was whole when it was opened, Verify reads again; Open knows it from then on.
	s := f.Reopen()
	content := []byte("rots later")
	id := Put(t, s, "", content)
	Check(t, s, id, content)
	f.Damage(t, id)
	verifyFinds(t, s, id)
	isDamaged(t, s, id)
	if n := sweepAll(t, s, future()); n != 7 {
		t.Errorf("Sweep: %d; want 7, damaged or not", n)
	}
	CheckMissing(t, s, id)
}

func isDamaged(t *testing.T, s blob.Store, id string) {
	t.Helper()
	r, _, err := s.Open(t.Context(), id)
	if err == nil {
		r.Close()
	}
	saysDamaged(t, "Open", id, err)
}

func verifyFinds(t *testing.T, s blob.Store, id string) {
	t.Helper()
	_, _, err := s.Verify(t.Context())
	saysDamaged(t, "Verify", id, err)
}

func saysDamaged(t *testing.T, what, id string, err error) {
	t.Helper()
	if !errors.Is(err, blob.ErrDamaged) || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), "restore") {
		t.Fatalf("%s: %v; want ErrDamaged that names %s and says what to restore", what, err, id)
	}
}
