package blobtest

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// sharedCommit: what one commits the other has at once, and what one sweeps the other has no more.
func sharedCommit(t *testing.T, a, b blob.Store) {
	for _, size := range []int{0, 100, several} {
		content := pattern("from a", size)
		id := Put(t, a, "", content)
		Check(t, b, id, content)
		if n, bytes, err := b.Verify(t.Context()); n != 1 || bytes != int64(size) || err != nil {
			t.Errorf("Verify: %d, %d, %v; want 1, %d", n, bytes, err, size)
		}
		if n := sweepAll(t, b, future()); n != 1 {
			t.Fatalf("Sweep: %d; want 1", n)
		}
		CheckMissing(t, a, id)
	}
	for i := range 30 {
		content := pattern(fmt.Sprint("many ", i), 20)
		id := Put(t, a, "", content)
		if has, err := b.Has(t.Context(), id); !has || err != nil {
			t.Fatalf("Has right after the other's Commit %d: %v, %v", i, has, err)
		}
		Check(t, b, id, content)
	}
}

// sharedCommitAtOnce: both succeed, and it is one blob.
func sharedCommitAtOnce(t *testing.T, a, b blob.Store) {
	for i := range 3 {
		content := pattern(fmt.Sprint("badge ", i), several)
		var wg sync.WaitGroup
		for _, s := range []blob.Store{a, b, a, b} {
			wg.Go(func() { commitAndCheck(t, s, content) })
		}
		wg.Wait()
		for _, s := range []blob.Store{a, b} {
			Check(t, s, ID(content), content)
		}
		if n := sweepAll(t, a, future()); n != 1 {
			t.Fatalf("Sweep: %d; want 1: the same content is one blob", n)
		}
		CheckMissing(t, b, ID(content))
	}
}

// sharedSweep: what one commits stays while the other sweeps, whether that is judging it or has just done so.
func sharedSweep(t *testing.T, a, b blob.Store) {
	content := pattern("again", 1000)
	id := Put(t, a, "", content)
	n, err := b.Sweep(t.Context(), time.Now(), func(string) (bool, error) {
		Put(t, a, "", content)
		return false, nil
	})
	if n != 0 || err != nil {
		t.Fatalf("Sweep: %d, %v; want 0: the blob was committed while keep ran", n, err)
	}
	Check(t, b, id, content)
	for range 20 {
		Put(t, a, "", content)
		before := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { commitAndCheck(t, a, content) })
		wg.Go(func() { sweepAll(t, b, before) })
		wg.Wait()
		Check(t, b, id, content)
	}
}

func sharedReader(t *testing.T, a, b blob.Store) {
	content := pattern("page", several)
	id := Put(t, a, "", content)
	r, size, err := a.Open(t.Context(), id)
	if err != nil || size != several {
		t.Fatal(size, err)
	}
	defer r.Close()
	Put(t, b, "", content)
	if n := sweepAll(t, b, future()); n != 1 {
		t.Fatalf("Sweep: %d; want 1", n)
	}
	CheckMissing(t, a, id)
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("reading on after the other's sweep: %d bytes, %v", len(got), err)
	}
}
