package readmodel

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// file opens a store in a new file.
func file(t *testing.T) (*Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.db")
	s, err := Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, path
}

// TestCheckpointBeside: what is written gets into the file without the writer doing it,
// which would wait for that: it writes less than makes it do so.
func TestCheckpointBeside(t *testing.T) {
	s, path := file(t)
	const pages = checkpointPages * 3 / 2
	if err := s.Update(t.Context(), func(tx *Tx) error {
		if err := tx.Exec(t.Context(), "CREATE TABLE t (v TEXT)"); err != nil {
			return err
		}
		in := tx.Insert("t", "v")
		for range pages {
			if err := in.Add(t.Context(), strings.Repeat("x", 4000)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > pages*4000 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the file has %d bytes", info.Size())
		}
	}
}

// TestCacheOfBuilds: the writer's cache is large while something is built, and no longer.
func TestCacheOfBuilds(t *testing.T) {
	s, _ := file(t)
	cache := func() (kib int) {
		if err := s.Update(t.Context(), func(tx *Tx) error {
			_, err := tx.One(t.Context(), "PRAGMA cache_size", nil, &kib)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return -kib
	}
	var releases []func()
	for _, projection := range []string{"one", "two"} {
		release, ok, err := s.Claim(t.Context(), projection)
		if err != nil || !ok {
			t.Fatalf("claim: %v %v", ok, err)
		}
		releases = append(releases, release)
	}
	for i, want := range []int{buildingCache, buildingCache, usualCache} {
		if i > 0 {
			releases[i-1]()
		}
		if got := cache(); got != want {
			t.Errorf("with %d builds under way the cache is %d KiB", 2-i, got)
		}
	}
}

// TestCacheIsGivenBack: by the end of the build itself, not by what is written next.
func TestCacheIsGivenBack(t *testing.T) {
	s, _ := file(t)
	ctx, cancel := context.WithCancel(t.Context())
	release, ok, err := s.Claim(ctx, "one")
	if err != nil || !ok {
		t.Fatalf("claim: %v %v", ok, err)
	}
	if err := s.Update(ctx, func(*Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if s.file.cache != buildingCache {
		t.Fatalf("a build's cache has %d KiB", s.file.cache)
	}
	cancel()
	release()
	if s.file.cache != usualCache {
		t.Errorf("after the build the cache has %d KiB", s.file.cache)
	}
}
