package readmodel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// onEach runs a test with an empty store of each engine.
func onEach(t *testing.T, do func(t *testing.T, engine string, store *readmodel.Store)) {
	for engine, store := range readmodeltest.Stores(t) {
		t.Run(engine, func(t *testing.T) { do(t, engine, store) })
	}
}

// items is a projection of one table and one index.
func items(projection string, version int) readmodel.Schema {
	return readmodel.Schema{Projection: projection, Version: version, Tables: []readmodel.Table{{
		Name: projection + "_items", Columns: "k TEXT NOT NULL, v BIGINT NOT NULL", Key: "k", Indexes: []string{"v"},
	}}}
}

func update(t testing.TB, s *readmodel.Store, do func(tx *readmodel.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s *readmodel.Store, do func(tx *readmodel.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

// build makes a generation with n rows, and says so in its checkpoint.
func build(ctx context.Context, tx *readmodel.Tx, s readmodel.Schema, n int) (readmodel.Checkpoint, error) {
	c, err := tx.Begin(ctx, s)
	if err != nil {
		return c, err
	}
	return fill(ctx, tx, s, c, n)
}

// fill adds rows up to n to a generation.
func fill(ctx context.Context, tx *readmodel.Tx, s readmodel.Schema, c readmodel.Checkpoint, n int) (readmodel.Checkpoint, error) {
	in := tx.Insert(c.Table(s.Tables[0].Name), "k", "v")
	for i := int(c.Revision); i < n; i++ {
		if err := in.Add(ctx, fmt.Sprintf("%05d", i), i); err != nil {
			return c, err
		}
	}
	from := c.Revision
	c.Revision = uint64(n)
	ok, err := tx.Advance(ctx, from, c)
	if err == nil && !ok {
		err = errors.New("the checkpoint was moved")
	}
	return c, err
}

func count(ctx context.Context, tx *readmodel.Tx, table string) (n int, err error) {
	_, err = tx.One(ctx, "SELECT count(*) FROM "+table, nil, &n)
	return n, err
}

func texts(ctx context.Context, tx *readmodel.Tx, query string, args ...any) (all []string, err error) {
	err = tx.Each(ctx, query, args, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		all = append(all, s)
		return err
	})
	return all, err
}

// relations gives the names of all tables and views but the books, sorted.
func relations(t testing.TB, engine string, s *readmodel.Store) (all []string) {
	t.Helper()
	query := "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
	if engine == readmodeltest.PostgreSQL {
		query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' UNION ALL SELECT viewname FROM pg_views WHERE schemaname = 'public'"
	}
	view(t, s, func(tx *readmodel.Tx) (err error) {
		all, err = texts(t.Context(), tx, query)
		return err
	})
	all = slices.DeleteFunc(all, func(name string) bool {
		return slices.Contains([]string{"projection_checkpoints", "projection_set_aside", "projection_tables"}, name)
	})
	slices.Sort(all)
	return all
}

func same[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %v, not %v", what, got, want)
	}
}
