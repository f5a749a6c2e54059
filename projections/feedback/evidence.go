package feedback

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Counted is a statement behind a number.
type Counted struct {
	Statement string
	Timestamp time.Time
	Unit      string
	Raw       *float64 // of an answer
	Voided    bool     // it does not count; the same where it is a rating of oneself
	Self      bool
}

// Recorded is a measure behind a number.
type Recorded struct {
	Unit     string
	From, To time.Time
	Value    float64
	N        int
	T        int64 // when it was recorded, µs
}

// Evidence is what is behind the number of a unit in one period.
type Evidence struct {
	Point    Point
	Counted  []Counted // by timestamp and id
	Recorded []Recorded
}

// Evidence gives what is behind a number; nothing but the point if it is suppressed. Whether single answers may be shown
// is for the caller to say.
func (r *Reader) Evidence(ctx context.Context, tx *readmodel.Tx, s Scene, kpi catalog.Entry, unit string, p Period) (*Evidence, error) {
	t, err := r.Tally(ctx, tx, s, kpi, []Period{p})
	if err != nil {
		return nil, err
	}
	e := &Evidence{Point: t.points(unit)[0]}
	if e.Point.Suppressed {
		return e, nil
	}
	k, d := t.kpi, &t.periods[0]
	within := func(key string) (id string, ok bool) {
		id, ok = d.forest.ids[key]
		return id, ok && d.forest.has(unit, id)
	}
	self, err := selves(ctx, tx, s, kpi)
	if err != nil {
		return nil, err
	}
	if err := r.counted(ctx, tx, e, kpi, d, self, within); err != nil {
		return nil, err
	}
	if k.Measure != "" {
		records, err := readMeasures(ctx, tx, k.Measure, p.From, p.To)
		if err != nil {
			return nil, err
		}
		for _, m := range records {
			if id, ok := within(m.unit); ok && m.t <= d.asOf && m.replaced > d.asOf {
				e.Recorded = append(e.Recorded, Recorded{id, time.UnixMicro(m.since).UTC(), time.UnixMicro(m.until).UTC(), m.value, m.n, m.t})
			}
		}
	}
	slices.SortFunc(e.Counted, func(a, b Counted) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), strings.Compare(a.Statement, b.Statement))
	})
	return e, nil
}

// fetchAtOnce are read with one query.
const fetchAtOnce = 100

// counted finds the statements that a KPI counts in a period.
func (r *Reader) counted(ctx context.Context, tx *readmodel.Tx, e *Evidence, kpi catalog.Entry, d *tallied, self map[int64]bool, within func(string) (string, bool)) error {
	k := kpi.Definition.(*definition.KPI)
	if k.Match == nil && len(k.Questions) == 0 {
		return nil
	}
	all, names, err := r.load(ctx, tx, kpi)
	if err != nil {
		return err
	}
	for i, sh := range all {
		query, key := "SELECT t, statement FROM feedback_matches WHERE kpi = ? AND t IN (", any(kpi.T)
		if k.Match == nil {
			query, key = "SELECT t, statement FROM feedback_answers WHERE question = ? AND t IN (", keyText(k.Questions[i])
		}
		var rows []int
		for i, happened := range sh.Happened {
			if happened < d.From.UnixMicro() || happened >= d.To.UnixMicro() || sh.T[i] > d.asOf {
				continue
			}
			if _, ok := within(names[sh.Name[i]]); ok {
				rows = append(rows, i)
			}
		}
		for chunk := range slices.Chunk(rows, fetchAtOnce) {
			args, byT := []any{key}, map[int64]int{}
			for _, i := range chunk {
				args, byT[sh.T[i]] = append(args, sh.T[i]), i
			}
			marks := strings.TrimSuffix(strings.Repeat("?, ", len(chunk)), ", ")
			err := tx.Each(ctx, query+marks+")", args, func(scan func(...any) error) error {
				var t int64
				var c Counted
				if err := scan(&t, &c.Statement); err != nil {
					return err
				}
				i := byT[t]
				c.Timestamp, c.Voided = time.UnixMicro(sh.Happened[i]).UTC(), !sh.Known(i, d.asOf)
				c.Self = self[t]
				c.Unit, _ = within(names[sh.Name[i]])
				if k.Match == nil {
					c.Raw = new(sh.Value[i])
				}
				e.Counted = append(e.Counted, c)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
