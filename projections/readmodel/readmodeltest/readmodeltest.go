// Package readmodeltest gives tests of the read side a fresh database of each engine.
//
// PostgreSQL is a server of the test's own: its data are in a temporary directory, it
// listens on a socket there, and it ends with the test's process, however that ends. A
// machine without PostgreSQL fails the test.
package readmodeltest

import (
	"context"
	"iter"
	"path/filepath"
	"testing"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// The engines.
const (
	SQLite     = "SQLite"
	PostgreSQL = "PostgreSQL"
)

// DSNs gives an empty database of each engine, by the engine's name. It lasts as long
// as the test.
func DSNs(tb testing.TB) iter.Seq2[string, string] {
	return func(yield func(engine, dsn string) bool) {
		_ = yield(SQLite, "sqlite:"+filepath.Join(tb.TempDir(), "readmodel.db")) && yield(PostgreSQL, newDatabase(tb))
	}
}

// Stores gives an open store of each engine, by the engine's name. It is closed with
// the test.
func Stores(tb testing.TB) iter.Seq2[string, *readmodel.Store] {
	return func(yield func(engine string, store *readmodel.Store) bool) {
		for engine, dsn := range DSNs(tb) {
			if !yield(engine, Open(tb, dsn)) {
				return
			}
		}
	}
}

// Open opens a store, and closes it with the test.
func Open(tb testing.TB, dsn string) *readmodel.Store {
	tb.Helper()
	store, err := readmodel.Open(context.Background(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Errorf("close the store: %v", err)
		}
	})
	return store
}
