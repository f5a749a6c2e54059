package feedback

import (
	"context"
	"math"
	"time"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// record is a row of feedback_measures.
type record struct {
	unit         string // as keyText has it
	t            int64
	since, until int64
	value        float64
	n            int
	replaced     int64 // time of the next record of the same measure, unit and period; the last of all times if there is none
}

// Measure is a record that holds.
type Measure struct {
	Measure string
	Recorded
}

// Measures gives the records that hold at a Scene, of one measure, or of all if none is named; by measure, unit and period.
func (r *Reader) Measures(ctx context.Context, tx *readmodel.Tx, s Scene, measure string) ([]Measure, error) {
	trees, err := s.Trees.Trees(ctx, tx, []int64{s.AsOf})
	if err != nil {
		return nil, err
	}
	ids := r.forest(trees[0]).ids
	query, args := "SELECT measure, unit, since, until, t, value, n FROM feedback_measures WHERE t <= ?", []any{s.AsOf}
	if measure != "" {
		query, args = query+" AND measure = ?", append(args, keyText(measure))
	}
	var all []Measure
	err = tx.Each(ctx, query+" ORDER BY measure, unit, since, until, t", args, func(scan func(...any) error) error {
		var m Measure
		var since, until int64
		var n *int64
		if err := scan(&m.Measure, &m.Unit, &since, &until, &m.T, &m.Value, &n); err != nil {
			return err
		}
		var ok bool
		if m.Unit, ok = ids[m.Unit]; !ok {
			return nil // the unit was removed
		}
		m.From, m.To, m.N = time.UnixMicro(since).UTC(), time.UnixMicro(until).UTC(), 1
		if n != nil {
			m.N = int(*n)
		}
		if i := len(all) - 1; i >= 0 && all[i].Measure == m.Measure && all[i].Unit == m.Unit && all[i].From.Equal(m.From) && all[i].To.Equal(m.To) {
			all[i] = m
		} else {
			all = append(all, m)
		}
		return nil
	})
	return all, err
}

// readMeasures reads the records of a measure that lie inside [from, to), all there ever were, in the order of t.
func readMeasures(ctx context.Context, tx *readmodel.Tx, measure string, from, to time.Time) ([]record, error) {
	var all []record
	type key struct {
		unit         string
		since, until int64
	}
	last := map[key]int{}
	err := tx.Each(ctx, `SELECT t, unit, since, until, value, n FROM feedback_measures
		WHERE measure = ? AND since >= ? AND until <= ? ORDER BY t`, []any{keyText(measure), from.UnixMicro(), to.UnixMicro()},
		func(scan func(...any) error) error {
			r := record{replaced: math.MaxInt64}
			var n *int64
			if err := scan(&r.t, &r.unit, &r.since, &r.until, &r.value, &n); err != nil {
				return err
			}
			r.n = 1
			if n != nil {
				r.n = int(*n)
			}
			k := key{r.unit, r.since, r.until}
			if i, ok := last[k]; ok {
				all[i].replaced = r.t
			}
			last[k] = len(all)
			all = append(all, r)
			return nil
		})
	return all, err
}
