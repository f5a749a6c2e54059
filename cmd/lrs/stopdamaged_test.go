package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// TestStopDamaged: a node that is stopped before its damaged index is made again stops
// well, and the next start makes it again: an index is no truth.
func TestStopDamaged(t *testing.T) {
	dir := t.TempDir()
	w := newBigWriter(3)
	s := startServer(t, dir)
	w.write(t, s, 3)
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	registry := auth.NewRegistry("http://localhost")
	cfg := nodeConfig{
		dir: dir, engine: engine{name: "main"}, listen: "127.0.0.1:0", cache: 1 << 20,
		blobs: func(dir string) (blob.Store, error) { return blob.NewFile(dir) },
	}
	n, err := openNode(t.Context(), cfg, registry, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n.stop() // no rebuild begins, as if the stop had come first
	n.keeping.Wait()
	tables, err := filepath.Glob(filepath.Join(dir, "index", "*", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, table := range tables {
		if err := os.Truncate(table, 100); err != nil {
			t.Fatal(err)
		}
	}
	v, err := n.store.View()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Query(t.Context(), index.Query{Limit: 10}); !errors.Is(err, index.ErrDamaged) {
		t.Fatalf("the damage is not found: %v", err)
	}
	v.Close()
	if err := n.close(10 * time.Second); err != nil {
		t.Errorf("the stop failed: %v", err)
	}
	s = startServer(t, dir)
	w.wantAll(t, s)
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}
