package blobtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

func sweep(t *testing.T, f Fixture) {
	s, reopen := f.Store, f.Reopen
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
func sweepSparesCommit(t *testing.T, f Fixture) {
	s := f.Store
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

func sweepStops(t *testing.T, f Fixture) {
	s := f.Store
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

// sweepAgainstCommits: of blobs that are all old enough to be swept, those stay that are stored again meanwhile,
// whoever comes first.
func sweepAgainstCommits(t *testing.T, f Fixture) {
	contents := [][]byte{pattern("a", 10), pattern("b", 1000), pattern("c", several)}
	for range 8 {
		for _, content := range contents {
			Put(t, f.Store, "", content)
		}
		before := time.Now()
		var wg sync.WaitGroup
		for _, content := range contents {
			wg.Go(func() { commitAndCheck(t, f.Store, content) })
		}
		wg.Go(func() { sweepAll(t, f.Store, before) })
		wg.Wait()
		for _, content := range contents {
			Check(t, f.Store, ID(content), content)
		}
		if t.Failed() {
			return
		}
	}
}

// sweepWhatIsCommitted: a sweep that takes everything leaves each blob whole or not there, also what is committed
// meanwhile, and it can be stored again.
func sweepWhatIsCommitted(t *testing.T, f Fixture) {
	content := pattern("now or never", several)
	wholeOrMissing := func() {
		if err := whole(t, f.Store, content); err != nil && !errors.Is(err, blob.ErrNotFound) {
			t.Error(err)
		}
	}
	for range 5 {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := commit(t, f.Store, content); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			for range 3 {
				sweepAll(t, f.Store, future())
				wholeOrMissing()
			}
		})
		wg.Wait()
		wholeOrMissing()
		if _, _, err := f.Store.Verify(t.Context()); err != nil || t.Failed() {
			t.Fatal(err)
		}
		commitAndCheck(t, f.Store, content)
	}
}

// writerOutlivesSweep: a sweep removes blobs, not what is going to be one.
func writerOutlivesSweep(t *testing.T, f Fixture) {
	content := pattern("slow", several)
	w := create(t, f.Store, "", content[:several/2])
	sweepAll(t, f.Store, future())
	if _, err := w.Write(content[several/2:]); err != nil {
		t.Fatal(err)
	}
	sweepAll(t, f.Store, future())
	if _, _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	Check(t, f.Store, ID(content), content)
}

func sweepStopsWithContext(t *testing.T, f Fixture) {
	for i := range 3 {
		Put(t, f.Store, "", []byte{byte(i)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	n, err := f.Store.Sweep(ctx, future(), func(string) (bool, error) {
		asked++
		cancel()
		return true, nil
	})
	if n != 0 || asked != 1 || !errors.Is(err, context.Canceled) {
		t.Fatalf("Sweep: %d removed, asked %d times, %v; want 0, 1, the end of its context", n, asked, err)
	}
}
