package projectiontest

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Dump gives what a database has of projections: of each the checkpoint, the events
// set aside, and all rows of the live generation by their keys. The number of the
// generation is not in it, so that equal texts are equal rows, whichever engine has
// them; floats are given by their bits.
func Dump(ctx context.Context, store *readmodel.Store, all ...projections.Projection) (string, error) {
	var b strings.Builder
	err := store.View(ctx, func(tx *readmodel.Tx) error {
		for _, p := range all {
			if err := dump(ctx, tx, p.Schema(), &b); err != nil {
				return fmt.Errorf("dump %s: %w", p.Schema().Projection, err)
			}
		}
		return nil
	})
	return b.String(), err
}

func dump(ctx context.Context, tx *readmodel.Tx, s readmodel.Schema, b *strings.Builder) error {
	live, found, err := tx.Live(ctx, s.Projection)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("it has no live tables")
	}
	asides, err := tx.Asides(ctx, live.Generation, math.MaxInt32)
	if err != nil {
		return err
	}
	generation := live.Generation
	live.Number = 0
	fmt.Fprintf(b, "%s: %+v\n", s.Projection, live)
	for _, a := range asides {
		fmt.Fprintf(b, "set aside: %+v\n", a)
	}
	tables := slices.Concat([]readmodel.Table{{ // the runtime's own
		Name: s.Projection + "_commits", Columns: "first BIGINT NOT NULL, revision BIGINT NOT NULL, events BIGINT NOT NULL", Key: "first",
	}}, s.Tables)
	if err := complete(ctx, tx, generation, tables); err != nil {
		return err
	}
	for _, t := range tables {
		if err := dumpTable(ctx, tx, t, b); err != nil {
			return err
		}
	}
	return nil
}

// complete checks that a generation has no other tables.
func complete(ctx context.Context, tx *readmodel.Tx, g readmodel.Generation, tables []readmodel.Table) error {
	want := map[string]bool{}
	for _, t := range tables {
		want[t.Name] = true
	}
	n := 0
	err := tx.Each(ctx, "SELECT name FROM projection_tables WHERE projection = ? AND generation = ?", []any{g.Projection, g.Number},
		func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			if err == nil && !want[name] {
				err = fmt.Errorf("the table %s is not in the schema", name)
			}
			n++
			return err
		})
	if err == nil && n != len(want) {
		err = fmt.Errorf("the generation has %d tables, not %d", n, len(want))
	}
	return err
}

// dumpTable reads a table through its view.
func dumpTable(ctx context.Context, tx *readmodel.Tx, t readmodel.Table, b *strings.Builder) error {
	var names []string
	var cells []any
	for column := range strings.SplitSeq(t.Columns, ", ") {
		name, kind, _ := strings.Cut(column, " ")
		names = append(names, name)
		switch {
		case strings.HasPrefix(kind, "BIGINT"):
			cells = append(cells, new(sql.NullInt64))
		case strings.HasPrefix(kind, "TEXT"):
			cells = append(cells, new(sql.NullString))
		case strings.HasPrefix(kind, "DOUBLE PRECISION"):
			cells = append(cells, new(sql.NullFloat64))
		default:
			return fmt.Errorf("%s: the column %q is of none of the types of both engines", t.Name, column)
		}
	}
	fmt.Fprintf(b, "%s: %s\n", t.Name, strings.Join(names, ", "))
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name + " ORDER BY " + t.Key
	return tx.Each(ctx, query, nil, func(scan func(...any) error) error {
		if err := scan(cells...); err != nil {
			return err
		}
		for _, cell := range cells {
			b.WriteString("\t" + text(cell))
		}
		b.WriteByte('\n')
		return nil
	})
}

// text writes a cell so that different ones differ.
func text(cell any) string {
	switch c := cell.(type) {
	case *sql.NullInt64:
		if c.Valid {
			return strconv.FormatInt(c.Int64, 10)
		}
	case *sql.NullString:
		if c.Valid {
			return strconv.Quote(c.String)
		}
	case *sql.NullFloat64:
		if c.Valid {
			return fmt.Sprintf("%v (%016x)", c.Float64, math.Float64bits(c.Float64))
		}
	}
	return "null"
}

// Difference shows where two dumps begin to differ, "" if they do not.
func Difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		line := func(of []string) string {
			if i < len(of) {
				return of[i]
			}
			return "(the end)"
		}
		if line(g) != line(w) {
			return fmt.Sprintf("line %d:\n  %s\nnot:\n  %s", i+1, line(g), line(w))
		}
	}
	return ""
}
