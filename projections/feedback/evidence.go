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
	Voided    bool     // it does not count
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
	for _, src := range sourcesOf(kpi) {
		if err := r.counted(ctx, tx, e, src, d, within); err != nil {
			return nil, err
		}
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

// sourcesOf gives the shelves that a KPI counts.
func sourcesOf(kpi catalog.Entry) (all []source) {
	k := kpi.Definition.(*definition.KPI)
	for _, q := range k.Questions {
		all = append(all, source{question: keyText(q)})
	}
	if k.Match != nil {
		all = append(all, source{kpi: kpi.T})
	}
	return all
}

// fetchAtOnce are read with one query.
const fetchAtOnce = 100

// counted finds the statements of a shelf in a period.
func (r *Reader) counted(ctx context.Context, tx *readmodel.Tx, e *Evidence, src source, d *tallied, within func(string) (string, bool)) error {
	all, names, err := r.shelves.load(ctx, tx, []source{src})
	if err != nil {
		return err
	}
	sh := all[0]
	var rows []int
	for i, happened := range sh.happened {
		if happened < d.From.UnixMicro() || happened >= d.To.UnixMicro() || sh.t[i] > d.asOf {
			continue
		}
		if _, ok := within(names[sh.unit[i]]); ok {
			rows = append(rows, i)
		}
	}
	query, key := "SELECT t, statement FROM feedback_answers WHERE question = ? AND t IN (", any(src.question)
	if src.question == "" {
		query, key = "SELECT t, statement FROM feedback_matches WHERE kpi = ? AND t IN (", src.kpi
	}
	for chunk := range slices.Chunk(rows, fetchAtOnce) {
		args, byT := []any{key}, map[int64]int{}
		for _, i := range chunk {
			args, byT[sh.t[i]] = append(args, sh.t[i]), i
		}
		marks := strings.TrimSuffix(strings.Repeat("?, ", len(chunk)), ", ")
		err := tx.Each(ctx, query+marks+")", args, func(scan func(...any) error) error {
			var t int64
			var c Counted
			if err := scan(&t, &c.Statement); err != nil {
				return err
			}
			i := byT[t]
			c.Timestamp, c.Voided = time.UnixMicro(sh.happened[i]).UTC(), !sh.known(i, d.asOf)
			c.Unit, _ = within(names[sh.unit[i]])
			if src.question != "" {
				c.Raw = new(sh.raw[i])
			}
			e.Counted = append(e.Counted, c)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
