// Package blobtest is the contract of blob.Store as tests, for every driver.
package blobtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// Fixture is an empty store of a driver.
type Fixture struct {
	Store blob.Store
	// Reopen closes the store and opens the same data again, as a restart would.
	Reopen func() blob.Store
	// Damage changes a byte of what is stored of a blob, as a disk may.
	Damage func(t *testing.T, id string)
}

// Run runs the contract against stores that open makes.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f Fixture)
	}{
		{"every hash", everyHash},
		{"hash mismatch", hashMismatch},
		{"missing", missing},
		{"invalid ids", invalidIDs},
		{"abort and finish", abortAndFinish},
		{"nothing before Commit", nothingBeforeCommit},
		{"context", contexts},
		{"large blob, seek", largeBlob},
		{"two writers at once", twoWriters},
		{"sweep", sweep},
		{"sweep spares a new commit", sweepSparesCommit},
		{"sweep against commits", sweepAgainstCommits},
		{"sweep of what is being committed", sweepWhatIsCommitted},
		{"writer outlives sweep", writerOutlivesSweep},
		{"sweep stops at an error", sweepStops},
		{"sweep stops with its context", sweepStopsWithContext},
		{"reader outlives sweep", readerOutlivesSweep},
		{"readers while it is stored again", readersWhileStoredAgain},
		{"verify", verify},
		{"verify against commits", verifyAgainstCommits},
		{"damaged", damaged},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// RunShared runs what the contract says of several processes with the same data, against two stores that open makes.
// It is for drivers that many nodes can use.
func RunShared(t *testing.T, open func(t *testing.T) (a, b blob.Store)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, a, b blob.Store)
	}{
		{"one's commit is there for the other", sharedCommit},
		{"both commit at once", sharedCommitAtOnce},
		{"one sweeps while the other commits", sharedSweep},
		{"one's reader outlives the other's sweep", sharedReader},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := open(t)
			test.run(t, a, b)
		})
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

// sweepAll sweeps whatever was committed before a time, and counts it.
func sweepAll(t *testing.T, s blob.Store, before time.Time) int {
	t.Helper()
	n, err := s.Sweep(t.Context(), before, func(string) (bool, error) { return false, nil })
	if err != nil {
		t.Error(err)
	}
	return n
}

// future is a time before which everything was committed.
func future() time.Time { return time.Now().Add(time.Hour) }

// several is over two of any driver's chunks, and no multiple of one.
const several = 600_123

// pattern is content that differs everywhere, and by name.
func pattern(name string, size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i ^ i>>8 ^ i>>16)
	}
	copy(content, name)
	return content
}

// commit stores content. Unlike Put it may run beside the test's goroutine.
func commit(t *testing.T, s blob.Store, content []byte) error {
	w, err := s.Create(t.Context(), "")
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(content); err != nil {
		return err
	}
	_, _, err = w.Commit(t.Context())
	return err
}

// whole is nil if content is there. Unlike Check it may run beside the test's goroutine.
func whole(t *testing.T, s blob.Store, content []byte) error {
	r, _, err := s.Open(t.Context(), ID(content))
	if err != nil {
		return err
	}
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, content) {
		err = fmt.Errorf("blob %s: %d bytes of other content, want %d", ID(content), len(got), len(content))
	}
	return errors.Join(err, r.Close())
}

// commitAndCheck stores content, which must be there then.
func commitAndCheck(t *testing.T, s blob.Store, content []byte) {
	err := commit(t, s, content)
	if err == nil {
		err = whole(t, s, content)
	}
	if err != nil {
		t.Error(err)
	}
}
