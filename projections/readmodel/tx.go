package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Tx is a transaction. Parameters are written as ? on both engines. It is for one
// goroutine.
type Tx struct {
	tx         *sql.Tx
	dialect    dialect
	statements map[string]*sql.Stmt // prepared in this transaction
	inserters  []*Inserter
	looping    bool // in Each
}

// ErrUnstorable is wrapped by an error about a value that not both engines can store as it is: text with a zero byte
// or that is no UTF-8, a number that is none.
var ErrUnstorable = errors.New("readmodel: the value cannot be stored")

// storable checks values before they are written. Both engines refuse the same.
func storable(values []any) error {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			if strings.IndexByte(v, 0) >= 0 || !utf8.ValidString(v) {
				return fmt.Errorf("%w: the text %.100q", ErrUnstorable, v)
			}
		case float64:
			if math.IsNaN(v) {
				return fmt.Errorf("%w: NaN", ErrUnstorable)
			}
		}
	}
	return nil
}

// ready prepares for a statement: the rows that were added before it are there.
func (t *Tx) ready(ctx context.Context, query string, args []any) error {
	if t.looping {
		return failed(query, errors.New("a loop over another query of the transaction is under way; PostgreSQL cannot do that"))
	}
	if err := storable(args); err != nil {
		return failed(query, err)
	}
	return t.flush(ctx)
}

// Exec runs a statement.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := t.Affect(ctx, query, args...)
	return err
}

// Affect runs a statement and tells how many rows it changed.
func (t *Tx) Affect(ctx context.Context, query string, args ...any) (int64, error) {
	if err := t.ready(ctx, query, args); err != nil {
		return 0, err
	}
	result, err := t.tx.ExecContext(ctx, t.bind(query), args...)
	if err != nil {
		return 0, failed(query, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, failed(query, err)
	}
	return n, nil
}

// Each runs a query and calls row for each row of its result; scan is that of the
// row. It ends with row's first error. row must not use the transaction.
func (t *Tx) Each(ctx context.Context, query string, args []any, row func(scan func(...any) error) error) (err error) {
	if err := t.ready(ctx, query, args); err != nil {
		return err
	}
	stmt, err := t.prepare(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return failed(query, err)
	}
	t.looping = true
	defer func() {
		t.looping = false
		if e := rows.Close(); e != nil && err == nil {
			err = failed(query, e)
		}
	}()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return failed(query, err)
	}
	return nil
}

// One runs a query of at most one row; found is whether there was one.
func (t *Tx) One(ctx context.Context, query string, args []any, into ...any) (found bool, err error) {
	err = t.Each(ctx, query, args, func(scan func(...any) error) error {
		found = true
		return scan(into...)
	})
	return found, err
}

// prepare keeps a statement for the rest of the transaction.
func (t *Tx) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := t.statements[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := t.tx.PrepareContext(ctx, t.bind(query))
	if err != nil {
		return nil, failed(query, err)
	}
	t.statements[query] = stmt
	return stmt, nil
}

// failed says which statement was refused: the names of the tables tell an operator what to look at.
func failed(query string, err error) error {
	return fmt.Errorf("readmodel: %.120s: %w", strings.Join(strings.Fields(query), " "), err)
}

// bind writes the parameters in the engine's way. No query of ours has a ? in a string.
func (t *Tx) bind(query string) string {
	if t.dialect != postgres {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// Inserter adds rows to a table, many with one statement.
type Inserter struct {
	tx      *Tx
	head    string // INSERT INTO … VALUES
	row     string // (?, ?, …)
	tail    string
	columns int
	values  []any
}

// rowsAtOnce are added by one statement: enough that the statement's own cost is small.
const rowsAtOnce = 64

// Insert makes an inserter. Its rows are in the database before the next query of
// the transaction, and at its end. Of rows with a key that is there already the
// first stays.
func (t *Tx) Insert(table string, columns ...string) *Inserter {
	in := &Inserter{
		tx:      t,
		head:    "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ",
		row:     "(?" + strings.Repeat(", ?", len(columns)-1) + ")",
		tail:    " ON CONFLICT DO NOTHING",
		columns: len(columns),
	}
	t.inserters = append(t.inserters, in)
	return in
}

// Add adds a row. Error: ErrUnstorable, wrapped, and the row is not added; what the
// database has against a row comes with a later statement or the end.
func (in *Inserter) Add(ctx context.Context, values ...any) error {
	if len(values) != in.columns {
		return fmt.Errorf("readmodel: %d values for %s%s", len(values), in.head, in.row)
	}
	if in.tx.looping {
		return fmt.Errorf("readmodel: %s%s: a loop over a query of the transaction is under way", in.head, in.row)
	}
	if err := storable(values); err != nil {
		return failed(in.head+in.row, err)
	}
	in.values = append(in.values, values...)
	if len(in.values) == rowsAtOnce*in.columns {
		return in.flush(ctx)
	}
	return nil
}

func (in *Inserter) flush(ctx context.Context) error {
	rows := len(in.values) / in.columns
	if rows == 0 {
		return nil
	}
	query := in.head + in.row + strings.Repeat(", "+in.row, rows-1) + in.tail
	if rows < rowsAtOnce {
		if _, err := in.tx.tx.ExecContext(ctx, in.tx.bind(query), in.values...); err != nil {
			return failed(query, err)
		}
	} else {
		stmt, err := in.tx.prepare(ctx, query)
		if err != nil {
			return err
		}
		if _, err := stmt.ExecContext(ctx, in.values...); err != nil {
			return failed(query, err)
		}
	}
	in.values = in.values[:0]
	return nil
}

// flush writes what the inserters hold.
func (t *Tx) flush(ctx context.Context) error {
	for _, in := range t.inserters {
		if err := in.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}
