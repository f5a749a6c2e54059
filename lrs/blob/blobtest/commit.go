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

func everyHash(t *testing.T, f Fixture) {
	s, reopen := f.Store, f.Reopen
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

func hashMismatch(t *testing.T, f Fixture) {
	s := f.Store
	want, got := ID([]byte("announced")), ID([]byte("sent"))
	w := create(t, s, want, []byte("sent"))
	_, _, err := w.Commit(t.Context())
	if !errors.Is(err, blob.ErrHashMismatch) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), got) {
		t.Fatalf("Commit: %v; want ErrHashMismatch that names both hashes", err)
	}
	if _, err := w.Write(nil); !errors.Is(err, blob.ErrFinished) {
		t.Errorf("Write after a Commit that failed: %v", err)
	}
	if _, _, err := w.Commit(t.Context()); !errors.Is(err, blob.ErrFinished) {
		t.Errorf("Commit after a Commit that failed: %v", err)
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

func missing(t *testing.T, f Fixture) {
	s := f.Store
	CheckMissing(t, s, ID([]byte("never stored")))
}

func invalidIDs(t *testing.T, f Fixture) {
	s := f.Store
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

func abortAndFinish(t *testing.T, f Fixture) {
	s := f.Store
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

func contexts(t *testing.T, f Fixture) {
	s := f.Store
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
func largeBlob(t *testing.T, f Fixture) {
	s, reopen := f.Store, f.Reopen
	content := pattern("large", several)
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
	for _, offset := range []int64{600_000, 3, 262_100} {
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

func twoWriters(t *testing.T, f Fixture) {
	s := f.Store
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

// nothingBeforeCommit: what is being written is nowhere, whatever its size.
func nothingBeforeCommit(t *testing.T, f Fixture) {
	for _, size := range []int{100, several} {
		content := pattern("not yet", size)
		w := create(t, f.Store, "", content)
		CheckMissing(t, f.Store, ID(content))
		if n, bytes, err := f.Store.Verify(t.Context()); n != 0 || bytes != 0 || err != nil {
			t.Errorf("Verify counts what is being written: %d, %d, %v", n, bytes, err)
		}
		if n := sweepAll(t, f.Store, future()); n != 0 {
			t.Errorf("Sweep counts what is being written: %d", n)
		}
		if err := w.Abort(); err != nil {
			t.Fatal(err)
		}
		CheckMissing(t, f.Reopen(), ID(content))
	}
}
