package feedback

import (
	"context"
	"maps"
	"math"
	"sync"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// shelf is the answers to one question, or the statements that one revision of a KPI matches. Who holds one may read it
// while it grows: what is there is never changed.
type shelf struct {
	through int64 // time up to which it has all, µs

	// Of each row, in the order of t, which differs.
	t, happened []int64
	unit        []uint32 // index in names
	raw         []float64

	voided map[int64]int64 // when the statement of a row was voided, by the row's t
}

// shelves keeps those that were asked for. No row changes and none is removed, so that only what was added since is
// read again.
type shelves struct {
	mu    sync.Mutex
	live  readmodel.Generation
	all   map[source]*shelf
	names []string          // of units, as keyText has them
	index map[string]uint32 // of a name
	rows  int
}

// source names a shelf: a question as keyText has it, or a revision of a KPI.
type source struct {
	question string
	kpi      int64
}

// maxRows bounds the rows that are kept: 60 MB of them.
const maxRows = 2 << 20

// load gives the rows of sources up to the snapshot, and perhaps some that it has not yet.
func (s *shelves) load(ctx context.Context, tx *readmodel.Tx, sources []source) (all []*shelf, names []string, err error) {
	live, _, err := tx.Live(ctx, Name)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || s.live != live.Generation {
		s.live, s.all, s.names, s.index, s.rows = live.Generation, map[source]*shelf{}, nil, map[string]uint32{}, 0
	}
	for _, src := range sources {
		sh := s.all[src]
		if sh == nil {
			sh = &shelf{through: math.MinInt64}
		}
		if live.Live && sh.through < live.Through {
			before := len(sh.t)
			if sh, err = s.read(ctx, tx, src, sh, live.Through); err != nil {
				return nil, nil, err
			}
			s.rows += len(sh.t) - before
			s.all[src] = sh
		}
		all = append(all, sh)
	}
	for src, sh := range s.all { // in no order
		if s.rows <= maxRows {
			break
		}
		s.rows -= len(sh.t)
		delete(s.all, src)
	}
	return all, s.names, nil
}

// read gives a shelf with what has come since.
func (s *shelves) read(ctx context.Context, tx *readmodel.Tx, src source, old *shelf, through int64) (*shelf, error) {
	sh := *old
	rows, void := `SELECT r.t, r.happened, r.unit, r.raw, v.t FROM feedback_answers r
		LEFT JOIN feedback_voidings v ON v.statement = r.statement WHERE r.question = ? AND r.t > ? ORDER BY r.t`,
		`SELECT r.t, v.t FROM feedback_voidings v JOIN feedback_answers r ON r.statement = v.statement WHERE r.question = ? AND v.t > ?`
	var key any = src.question
	if src.question == "" {
		rows = `SELECT r.t, r.happened, r.unit, 0.0, v.t FROM feedback_matches r
			LEFT JOIN feedback_voidings v ON v.statement = r.statement WHERE r.kpi = ? AND r.t > ? ORDER BY r.t`
		void = `SELECT r.t, v.t FROM feedback_voidings v JOIN feedback_matches r ON r.statement = v.statement WHERE r.kpi = ? AND v.t > ?`
		key = src.kpi
	}
	voided := map[int64]int64{}
	err := tx.Each(ctx, rows, []any{key, old.through}, func(scan func(...any) error) error {
		var t, happened int64
		var unit string
		var raw float64
		var void *int64
		if err := scan(&t, &happened, &unit, &raw, &void); err != nil {
			return err
		}
		i, ok := s.index[unit]
		if !ok {
			i = uint32(len(s.names))
			s.index[unit], s.names = i, append(s.names, unit)
		}
		sh.t, sh.happened = append(sh.t, t), append(sh.happened, happened)
		sh.unit, sh.raw = append(sh.unit, i), append(sh.raw, raw)
		if void != nil {
			voided[t] = *void
		}
		return nil
	})
	if err == nil && old.through > math.MinInt64 {
		err = tx.Each(ctx, void, []any{key, old.through}, func(scan func(...any) error) error {
			var t, at int64
			err := scan(&t, &at)
			voided[t] = at
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

// known tells whether a row counts at asOf: its statement is stored, and not voided.
func (s *shelf) known(i int, asOf int64) bool {
	if s.t[i] > asOf {
		return false
	}
	if s.voided == nil {
		return true
	}
	at, ok := s.voided[s.t[i]]
	return !ok || at > asOf
}
