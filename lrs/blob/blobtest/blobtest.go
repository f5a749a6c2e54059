// Package blobtest is the contract of blob.Store as tests, for every driver.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// Opener makes an empty store. reopen closes it and opens the same data again, as a restart would.
type Opener func(t *testing.T) (store blob.Store, reopen func() blob.Store)

// Run runs the contract against the stores that open makes.
func Run(t *testing.T, open Opener) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open Opener)
	}{
		{"every hash", everyHash},
		{"hash mismatch", hashMismatch},
		{"missing", missing},
		{"invalid ids", invalidIDs},
		{"abort and finish", abortAndFinish},
		{"context", contexts},
		{"large blob, seek", largeBlob},
		{"two writers at once", twoWriters},
		{"sweep", sweep},
		{"sweep spares a new commit", sweepSparesCommit},
		{"sweep stops at an error", sweepStops},
		{"reader outlives sweep", readerOutlivesSweep},
		{"verify", verify},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// ID is the SHA-256 of content in hex.
func ID(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Put stores content and returns its id.
func Put(t *testing.T, s blob.Store, want string, content []byte) string {
	t.Helper()
	w := create(t, s, want, content)
	id, size, err := w.Commit(t.Context())
	if err != nil || size != int64(len(content)) {
		t.Fatalf("Commit: %q, %d bytes, %v; want %d bytes", id, size, err, len(content))
	}
	return id
}

// Check fails the test unless the store has content under id.
func Check(t *testing.T, s blob.Store, id string, content []byte) {
	t.Helper()
	if ok, err := s.Has(t.Context(), id); !ok || err != nil {
		t.Fatalf("Has(%s) = %v, %v", id, ok, err)
	}
	r, size, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) || size != int64(len(content)) {
		t.Fatalf("blob %s: %d bytes, size %d; want %d bytes", id, len(got), size, len(content))
	}
}

// CheckMissing fails the test if the store has a blob id, or does not name it when it says so.
func CheckMissing(t *testing.T, s blob.Store, id string) {
	t.Helper()
	if ok, err := s.Has(t.Context(), id); ok || err != nil {
		t.Fatalf("Has(%s) = %v, %v; want false", id, ok, err)
	}
	_, _, err := s.Open(t.Context(), id)
	if !errors.Is(err, blob.ErrNotFound) || !strings.Contains(err.Error(), id) {
		t.Fatalf("Open(%s): %v; want ErrNotFound that names it", id, err)
	}
}

func create(t *testing.T, s blob.Store, want string, content []byte) blob.Writer {
	t.Helper()
	w, err := s.Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write(content); n != len(content) || err != nil {
		t.Fatalf("Write: %d of %d bytes, %v", n, len(content), err)
	}
	return w
}

func everyHash(t *testing.T, open Opener) {
	s, reopen := open(t)
	content := []byte("a certificate")
	s224, s256 := sha256.Sum224(content), sha256.Sum256(content)
	s384, s512 := sha512.Sum384(content), sha512.Sum512(content)
	ids := []string{ID(nil)}
	Check(t, s, Put(t, s, "", nil), nil)
	for _, sum := range [][]byte{s224[:], s256[:], s384[:], s512[:]} {
		want := hex.EncodeToString(sum)
		if got := Put(t, s, want, content); got != want {
			t.Fatalf("Commit: %s, want %s", got, want)
		}
		Check(t, s, want, content)
		ids = append(ids, want)
	}
	if got := Put(t, s, "", content); got != hex.EncodeToString(s256[:]) {
		t.Fatalf("Commit without a wanted id: %s, want SHA-256", got)
	}
	s = reopen()
	Check(t, s, ids[0], nil)
	for _, id := range ids[1:] {
		Check(t, s, id, content)
	}
	n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(string) (bool, error) { return false, nil })
	if n != len(ids) || err != nil {
		t.Fatalf("Sweep: %d, %v; want each of %d blobs once", n, err, len(ids))
	}
}

func hashMismatch(t *testing.T, open Opener) {
	s, _ := open(t)
	want, got := ID([]byte("announced")), ID([]byte("sent"))
	w := create(t, s, want, []byte("sent"))
	_, _, err := w.Commit(t.Context())
	if !errors.Is(err, blob.ErrHashMismatch) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), got) {
		t.Fatalf("Commit: %v; want ErrHashMismatch that names both hashes", err)
	}
	CheckMissing(t, s, want)
	CheckMissing(t, s, got)
	Put(t, s, "", []byte("announced"))
	w = create(t, s, want, []byte("sent"))
	if _, _, err := w.Commit(t.Context()); !errors.Is(err, blob.ErrHashMismatch) {
		t.Fatal(err)
	}
	Check(t, s, want, []byte("announced")) // not harmed
}

func missing(t *testing.T, open Opener) {
	s, _ := open(t)
	CheckMissing(t, s, ID([]byte("never stored")))
}

func invalidIDs(t *testing.T, open Opener) {
	s, _ := open(t)
	hex64 := ID(nil)
	for _, id := range []string{
		"a", "..", "../../etc/passwd", strings.ToUpper(hex64), hex64[:63], hex64 + "0", hex64[:63] + "g",
		"../" + hex64[3:], hex64[:62] + "/.", "\x00" + hex64[1:], strings.Repeat("é", 32), strings.Repeat("0", 130),
	} {
		_, err := s.Create(t.Context(), id)
		_, _, err2 := s.Open(t.Context(), id)
		_, err3 := s.Has(t.Context(), id)
		for _, err := range []error{err, err2, err3} {
			if !errors.Is(err, blob.ErrInvalidID) {
				t.Errorf("id %q: %v; want ErrInvalidID", id, err)
			}
		}
	}
	if _, _, err := s.Open(t.Context(), ""); !errors.Is(err, blob.ErrInvalidID) {
		t.Errorf("Open of an empty id: %v", err)
	}
	if _, err := s.Has(t.Context(), ""); !errors.Is(err, blob.ErrInvalidID) {
		t.Errorf("Has of an empty id: %v", err)
	}
}

func abortAndFinish(t *testing.T, open Opener) {
	s, _ := open(t)
	content := []byte("half of it")
	w := create(t, s, "", content)
	for range 2 {
		if err := w.Abort(); err != nil {
			t.Fatal(err)
		}
	}
	CheckMissing(t, s, ID(content))
	w2 := create(t, s, "", content)
	if _, _, err := w2.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w2.Abort(); err != nil {
		t.Fatalf("Abort after Commit: %v", err)
	}
	Check(t, s, ID(content), content)
	for _, w := range []blob.Writer{w, w2} {
		if _, err := w.Write(content); !errors.Is(err, blob.ErrFinished) {
			t.Errorf("Write to a finished writer: %v", err)
		}
		if _, _, err := w.Commit(t.Context()); !errors.Is(err, blob.ErrFinished) {
			t.Errorf("Commit of a finished writer: %v", err)
		}
	}
}

func contexts(t *testing.T, open Opener) {
	s, _ := open(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Create(ended, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Create: %v", err)
	}
	w := create(t, s, "", []byte("x"))
	if _, _, err := w.Commit(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit: %v", err)
	}
	CheckMissing(t, s, ID([]byte("x")))
	Put(t, s, "", []byte("x"))
	n, err := s.Sweep(ended, time.Now().Add(time.Hour), func(string) (bool, error) { return false, nil })
	if n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep: %d, %v", n, err)
	}
	Check(t, s, ID([]byte("x")), []byte("x"))
}

// largeBlob writes more than any driver's chunk, in uneven pieces, and reads parts of it.
func largeBlob(t *testing.T, open Opener) {
	s, reopen := open(t)
	content := make([]byte, 1<<20+12345)
	for i := range content {
		content[i] = byte(i ^ i>>8 ^ i>>16)
	}
	w := create(t, s, "", nil)
	for piece := range slices.Chunk(content, 70_001) {
		if n, err := w.Write(piece); n != len(piece) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	id, _, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	Check(t, s, id, content)
	s = reopen()
	r, _, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, offset := range []int64{1 << 20, 3, 131_072} {
		part := make([]byte, 100)
		if _, err := r.Seek(offset, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, part); err != nil || !bytes.Equal(part, content[offset:offset+100]) {
			t.Fatalf("read at %d: wrong content or %v", offset, err)
		}
	}
	if end, err := r.Seek(0, io.SeekEnd); end != int64(len(content)) || err != nil {
		t.Fatalf("Seek to the end: %d, %v", end, err)
	}
}

func twoWriters(t *testing.T, open Opener) {
	s, _ := open(t)
	content := []byte("the same badge for everyone")
	writers := []blob.Writer{create(t, s, "", content), create(t, s, ID(content), content)}
	for i := range 6 {
		writers = append(writers, create(t, s, "", fmt.Append(nil, "badge ", i/2)))
	}
	var wg sync.WaitGroup
	for _, w := range writers {
		wg.Go(func() {
			id, _, err := w.Commit(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if ok, err := s.Has(t.Context(), id); !ok || err != nil {
				t.Errorf("Has(%s) after Commit: %v, %v", id, ok, err)
			}
		})
	}
	wg.Wait()
	Check(t, s, ID(content), content)
	n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(string) (bool, error) { return false, nil })
	if n != 4 || err != nil {
		t.Fatalf("Sweep: %d, %v; want 4: the same content is stored once", n, err)
	}
	CheckMissing(t, s, ID(content))
}

func sweep(t *testing.T, open Opener) {
	s, reopen := open(t)
	kept, dropped := Put(t, s, "", []byte("kept")), Put(t, s, "", []byte("dropped"))
	never := func(id string) (bool, error) { t.Errorf("asked about %s, which is too new", id); return false, nil }
	if n, err := s.Sweep(t.Context(), time.Now().Add(-time.Hour), never); n != 0 || err != nil {
		t.Fatalf("Sweep of new blobs: %d, %v", n, err)
	}
	asked := map[string]int{}
	keep := func(id string) (bool, error) { asked[id]++; return id == kept, nil }
	if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), keep); n != 1 || err != nil {
		t.Fatalf("Sweep: %d, %v; want 1", n, err)
	}
	if len(asked) != 2 || asked[kept] != 1 || asked[dropped] != 1 {
		t.Errorf("asked %v; want once about each of both", asked)
	}
	for range 2 {
		Check(t, s, kept, []byte("kept"))
		CheckMissing(t, s, dropped)
		s = reopen()
	}
	if got := Put(t, s, "", []byte("dropped")); got != dropped {
		t.Fatal("stored again under another id")
	}
	Check(t, s, dropped, []byte("dropped"))
}

// sweepSparesCommit: storing a blob again renews it, before the sweep and in the middle of its decision.
func sweepSparesCommit(t *testing.T, open Opener) {
	s, _ := open(t)
	content := []byte("uploaded again")
	id := Put(t, s, "", content)
	before := time.Now()
	drop := func(string) (bool, error) { return false, nil }
	Put(t, s, "", content)
	if n, err := s.Sweep(t.Context(), before, drop); n != 0 || err != nil {
		t.Fatalf("Sweep: %d, %v; want 0: the blob was committed again", n, err)
	}
	before = time.Now()
	n, err := s.Sweep(t.Context(), before, func(got string) (bool, error) {
		if got == id {
			Put(t, s, "", content)
		}
		return false, nil
	})
	if n != 0 || err != nil {
		t.Fatalf("Sweep: %d, %v; want 0: the blob was committed while keep ran", n, err)
	}
	Check(t, s, id, content)
	if n, err := s.Sweep(t.Context(), time.Now(), drop); n != 1 || err != nil {
		t.Fatalf("Sweep: %d, %v; want 1", n, err)
	}
}

func sweepStops(t *testing.T, open Opener) {
	s, _ := open(t)
	for i := range 3 {
		Put(t, s, "", []byte{byte(i)})
	}
	broken := errors.New("index closed")
	asked := 0
	n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(string) (bool, error) {
		asked++
		if asked == 2 {
			return false, broken
		}
		return false, nil
	})
	if n != 1 || asked != 2 || !errors.Is(err, broken) {
		t.Fatalf("Sweep: %d removed, asked %d times, %v; want 1, 2, the error of keep", n, asked, err)
	}
}

func readerOutlivesSweep(t *testing.T, open Opener) {
	s, _ := open(t)
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

func verify(t *testing.T, open Opener) {
	s, reopen := open(t)
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
