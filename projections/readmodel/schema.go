package readmodel

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// Schema is the tables of one projection.
type Schema struct {
	Projection string
	// Version is that of the tables and of the code that fills them: tables of another
	// version are built anew.
	Version int
	Tables  []Table
}

// Table is written so that both engines understand it: BIGINT, TEXT, DOUBLE
// PRECISION; times are BIGINT microseconds since 1970. TEXT is ordered by its bytes.
type Table struct {
	Name    string // of the view; unique over all projections
	Columns string // the definitions of the columns, without the key
	Key     string // columns of the primary key, by which SQLite orders the rows
	Indexes []string
	// Lookups are indexes that filling the tables does not need. They are made when a build has come near the head:
	// to keep one of random keys in order costs more than the rows themselves.
	Lookups []string
}

// Generation is one set of a projection's tables.
type Generation struct {
	Projection string
	Number     int64
}

// Table is the name of a table in this generation.
func (g Generation) Table(name string) string { return fmt.Sprintf("%s_%d", name, g.Number) }

// textType finds the type in Table.Columns.
var textType = regexp.MustCompile(`\bTEXT\b`)

// Create makes the empty tables of a generation.
func (t *Tx) Create(ctx context.Context, s Schema, g Generation) error {
	for _, table := range s.Tables {
		if err := t.register(ctx, g, table.Name); err != nil {
			return err
		}
		name, columns, options := g.Table(table.Name), table.Columns, " WITHOUT ROWID"
		if t.dialect == postgres {
			// The database's own collation is that of some language.
			columns, options = textType.ReplaceAllString(columns, `TEXT COLLATE "C"`), ""
		}
		if err := t.Exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s))%s", name, columns, table.Key, options)); err != nil {
			return err
		}
		for i, columns := range table.Indexes {
			if err := t.Exec(ctx, fmt.Sprintf("CREATE INDEX %s_i%d ON %s (%s)", name, i, name, columns)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Index makes the Lookups of a generation, each in a transaction of its own: on SQLite others wait for it.
func (s *Store) Index(ctx context.Context, schema Schema, g Generation) error {
	for _, table := range schema.Tables {
		for i, columns := range table.Lookups {
			name := g.Table(table.Name)
			if err := s.sorting(ctx, func(tx *Tx) error {
				return tx.Exec(ctx, fmt.Sprintf("CREATE INDEX %s_l%d ON %s (%s)", name, i, name, columns))
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// register notes that a table is a generation's. Names alone do not tell: that of one
// projection may begin with that of another.
func (t *Tx) register(ctx context.Context, g Generation, table string) error {
	owners, err := t.strings(ctx, "SELECT DISTINCT projection FROM projection_tables WHERE name = ? AND projection <> ?", table, g.Projection)
	if err == nil && len(owners) > 0 {
		err = fmt.Errorf("readmodel: the table %s of the projection %s is one of the projection %s already", table, g.Projection, owners[0])
	}
	if err != nil {
		return err
	}
	return t.Exec(ctx, "INSERT INTO projection_tables (projection, generation, name) VALUES (?, ?, ?)", g.Projection, g.Number, table)
}

// Publish makes the views show a generation.
func (t *Tx) Publish(ctx context.Context, s Schema, g Generation) error {
	for _, table := range s.Tables {
		if err := t.publish(ctx, table.Name, g.Table(table.Name)); err != nil {
			return err
		}
	}
	return nil
}

// publish makes a view show a table. In PostgreSQL a view that keeps its columns is
// replaced: grants on it, and views that analysts have built on it, stay.
func (t *Tx) publish(ctx context.Context, view, table string) error {
	as := fmt.Sprintf(" VIEW %s AS SELECT * FROM %s", view, table)
	if t.dialect == postgres {
		if err := t.Exec(ctx, "SAVEPOINT publish"); err != nil {
			return err
		}
		err := t.Exec(ctx, "CREATE OR REPLACE"+as)
		if err == nil {
			return t.Exec(ctx, "RELEASE SAVEPOINT publish")
		}
		const otherColumns = "42P16"
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != otherColumns {
			return err
		}
		if err := t.Exec(ctx, "ROLLBACK TO SAVEPOINT publish"); err != nil {
			return err
		}
	}
	if err := t.dropView(ctx, view); err != nil {
		return err
	}
	return t.Exec(ctx, "CREATE"+as)
}

// Drop removes the tables of a generation, whatever version made them. The views
// must not show it any more.
func (t *Tx) Drop(ctx context.Context, g Generation) error {
	names, err := t.strings(ctx, "SELECT name FROM projection_tables WHERE projection = ? AND generation = ?", g.Projection, g.Number)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.Exec(ctx, "DROP TABLE IF EXISTS "+g.Table(name)); err != nil {
			return err
		}
	}
	return t.Exec(ctx, "DELETE FROM projection_tables WHERE projection = ? AND generation = ?", g.Projection, g.Number)
}

// DropViews removes the views of a projection, whatever version made them, but for
// those to keep; with them, on PostgreSQL, what others have built on them, which would
// keep a new version out for ever.
func (t *Tx) DropViews(ctx context.Context, projection string, keep ...string) error {
	names, err := t.strings(ctx, "SELECT DISTINCT name FROM projection_tables WHERE projection = ?", projection)
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.Contains(keep, name) {
			continue
		}
		if err := t.dropView(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) dropView(ctx context.Context, name string) error {
	query := "DROP VIEW IF EXISTS " + name
	if t.dialect == postgres {
		query += " CASCADE"
	}
	return t.Exec(ctx, query)
}

func (t *Tx) strings(ctx context.Context, query string, args ...any) (all []string, err error) {
	err = t.Each(ctx, query, args, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		all = append(all, s)
		return err
	})
	return all, err
}
