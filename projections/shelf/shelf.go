// Package shelf keeps what projections have of statements in memory: rows of their tables by what they are about, for
// questions that look at all of them. It reads each row once.
package shelf

import (
	"context"
	"fmt"
	"maps"
	"math"
	"sync"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Table says where rows are. Each column but Key may be an expression; r is the row.
type Table struct {
	Projection string
	Rows       string // a view with the columns t, happened and statement
	Voidings   string // a view with the columns statement and t
	Key        string // what a shelf is about
	Name       string // a TEXT: whom or what unit a row is of
	Value      string // a DOUBLE PRECISION, or null
	Marks      string // a BIGINT from 0 to 255: bits, whose meaning is the projection's
}

// Shelf is the rows with one key, in the order of T. Whoever holds one may read it while it grows: what is there is
// never changed.
type Shelf struct {
	T, Happened []int64 // µs
	Name        []uint32
	Value       []float64 // NaN for null
	Marks       []uint8

	through int64           // time up to which it has all
	voided  map[int64]int64 // when the statement of a row was voided, by the row's T
}

// Known tells whether a row counts at asOf, µs: its statement is stored, and not voided.
func (s *Shelf) Known(i int, asOf int64) bool {
	if s.T[i] > asOf {
		return false
	}
	if s.voided == nil {
		return true
	}
	at, ok := s.voided[s.T[i]]
	return !ok || at > asOf
}

// Shelves keeps those of one projection that were asked for. No row changes and none is removed, so that only what was
// added since is read again. Its methods may be called concurrently.
type Shelves struct {
	mu    sync.Mutex
	live  readmodel.Generation
	all   map[source]*Shelf
	names []string
	index map[string]uint32
	rows  int
}

type source struct {
	table Table
	key   any
}

// maxRows bounds the rows that are kept: 60 MB of them.
const maxRows = 2 << 20

// Load gives the shelves of keys, each a string or an int64, with all rows that the snapshot has, and perhaps some that
// it has not yet; names are those that Shelf.Name points to.
func (s *Shelves) Load(ctx context.Context, tx *readmodel.Tx, table Table, keys ...any) (all []*Shelf, names []string, err error) {
	live, _, err := tx.Live(ctx, table.Projection)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || s.live != live.Generation {
		s.live, s.all, s.names, s.index, s.rows = live.Generation, map[source]*Shelf{}, nil, map[string]uint32{}, 0
	}
	for _, key := range keys {
		src := source{table, key}
		sh := s.all[src]
		if sh == nil {
			sh = &Shelf{through: math.MinInt64}
		}
		if live.Live && sh.through < live.Through {
			before := len(sh.T)
			if sh, err = s.read(ctx, tx, src, sh, live.Through); err != nil {
				return nil, nil, err
			}
			s.rows += len(sh.T) - before
			s.all[src] = sh
		}
		all = append(all, sh)
	}
	for src, sh := range s.all { // in no order
		if s.rows <= maxRows {
			break
		}
		s.rows -= len(sh.T)
		delete(s.all, src)
	}
	return all, s.names, nil
}

// read gives a shelf with what has come since.
func (s *Shelves) read(ctx context.Context, tx *readmodel.Tx, src source, old *Shelf, through int64) (*Shelf, error) {
	sh, t := *old, src.table
	voided := map[int64]int64{}
	query := fmt.Sprintf(`SELECT r.t, r.happened, %s, %s, %s, v.t FROM %s r LEFT JOIN %s v ON v.statement = r.statement
		WHERE r.%s = ? AND r.t > ? ORDER BY r.t`, t.Name, t.Value, t.Marks, t.Rows, t.Voidings, t.Key)
	err := tx.Each(ctx, query, []any{src.key, old.through}, func(scan func(...any) error) error {
		var at, happened int64
		var marks uint8
		var name string
		var value *float64
		var void *int64
		if err := scan(&at, &happened, &name, &value, &marks, &void); err != nil {
			return err
		}
		i, ok := s.index[name]
		if !ok {
			i = uint32(len(s.names))
			s.index[name], s.names = i, append(s.names, name)
		}
		if value == nil {
			value = new(math.NaN())
		}
		sh.T, sh.Happened, sh.Name = append(sh.T, at), append(sh.Happened, happened), append(sh.Name, i)
		sh.Value, sh.Marks = append(sh.Value, *value), append(sh.Marks, marks)
		if void != nil {
			voided[at] = *void
		}
		return nil
	})
	if err == nil && old.through > math.MinInt64 {
		query := fmt.Sprintf(`SELECT r.t, v.t FROM %s v JOIN %s r ON r.statement = v.statement WHERE r.%s = ? AND v.t > ?`,
			t.Voidings, t.Rows, t.Key)
		err = tx.Each(ctx, query, []any{src.key, old.through}, func(scan func(...any) error) error {
			var at, void int64
			err := scan(&at, &void)
			voided[at] = void
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	if len(voided) > 0 {
		maps.Copy(voided, old.voided)
		sh.voided = voided
	}
	sh.through = through
	return &sh, nil
}
