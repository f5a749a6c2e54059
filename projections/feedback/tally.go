package feedback

import (
	"context"
	"slices"
	"sort"
	"sync"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/shelf"
)

// Scene is the moment that questions are about, and for whom they are answered.
type Scene struct {
	Trees       *people.Reader
	Definitions *catalog.Definitions // as of AsOf
	AsOf        int64                // µs
	Final       bool                 // for somebody who may not see single answers
}

// Reader answers questions from the live tables. Its methods may be called concurrently.
type Reader struct {
	shelves shelf.Shelves

	mu    sync.Mutex
	trees map[*people.Tree]*forest
}

// forest is a tree of units, ready to be used.
type forest struct {
	tree    *measure.Tree
	parents map[string]string
	ids     map[string]string // by keyText
}

// maxForests bounds those that are kept.
const maxForests = 256

func (r *Reader) forest(t *people.Tree) *forest {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.trees[t]; f != nil {
		return f
	}
	if r.trees == nil || len(r.trees) >= maxForests {
		r.trees = map[*people.Tree]*forest{}
	}
	f := &forest{tree: measure.NewTree(t.Parents), parents: t.Parents, ids: make(map[string]string, len(t.Parents))}
	for id := range t.Parents {
		f.ids[keyText(id)] = id
	}
	r.trees[t] = f
	return f
}

// above yields a unit and all above it. Registration refuses circles.
func (f *forest) above(unit string) (all []string) {
	for id := unit; id != ""; id = f.parents[id] {
		if _, ok := f.parents[id]; !ok {
			break
		}
		all = append(all, id)
	}
	return all
}

// has tells whether a unit is another or below it.
func (f *forest) has(unit, below string) bool { return slices.Contains(f.above(below), unit) }

// Tally is what there is of a KPI in some periods, by unit.
type Tally struct {
	kpi     *definition.KPI
	periods []tallied
}

// tallied is one period.
type tallied struct {
	Period
	asOf      int64
	secret    bool // nobody who asks may know yet
	forest    *forest
	own       map[string]*cell // by unit: what is of itself, without the units below
	published map[string]bool
}

// cell is what a unit has in a period.
type cell struct {
	values   measure.Histogram // answers, or the values of a KPI of measures
	top      int               // answers in the top box
	n        int               // answers, statements or Σ n
	recorded measure.Histogram // measures, each once, of Per1000
}

func (c *cell) add(o *cell) {
	c.values, c.recorded = c.values.Merge(o.values), c.recorded.Merge(o.recorded)
	c.top, c.n = c.top+o.top, c.n+o.n
}

// Tally counts what a KPI has in periods of its interval, which are in order.
func (r *Reader) Tally(ctx context.Context, tx *readmodel.Tx, s Scene, kpi catalog.Entry, periods []Period) (*Tally, error) {
	k := kpi.Definition.(*definition.KPI)
	t := &Tally{kpi: k, periods: make([]tallied, len(periods))}
	asOf := make([]int64, len(periods))
	for i, p := range periods {
		asOf[i] = s.AsOf
		if final := p.Final().UnixMicro(); s.Final && k.OfAnswers() {
			t.periods[i].secret = final > s.AsOf
			asOf[i] = final
		}
	}
	trees, err := s.Trees.Trees(ctx, tx, asOf)
	if err != nil {
		return nil, err
	}
	for i, p := range periods {
		d := &t.periods[i]
		d.Period, d.asOf, d.forest, d.own = p, asOf[i], r.forest(trees[i]), map[string]*cell{}
	}
	switch {
	case k.OfAnswers():
		err = r.answers(ctx, tx, s, kpi, t)
	case k.Statistic == definition.Measure:
		err = r.measures(ctx, tx, t, func(c *cell, value float64, n int) {
			if n > 0 {
				c.values.Add(value, n)
				c.n += n
			}
		})
	default:
		if err = r.matches(ctx, tx, s, kpi, t); err == nil && k.Statistic == definition.Per1000 {
			err = r.measures(ctx, tx, t, func(c *cell, value float64, _ int) { c.recorded.Add(value, 1) })
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range t.periods {
		t.periods[i].publish(k)
	}
	return t, nil
}

// publish decides which units' numbers may be shown.
func (d *tallied) publish(k *definition.KPI) {
	n := map[string]int{}
	if !d.secret && k.MinN > 0 {
		for unit, c := range d.own {
			for _, above := range d.forest.above(unit) {
				n[above] += c.n
			}
		}
	}
	if !d.secret {
		d.published = d.forest.tree.Published(n, k.MinN)
	}
}

// at finds the period with an instant in it, nil if there is none.
func (t *Tally) at(us int64) *tallied {
	i := sort.Search(len(t.periods), func(i int) bool { return t.periods[i].To.UnixMicro() > us })
	if i == len(t.periods) || us < t.periods[i].From.UnixMicro() {
		return nil
	}
	return &t.periods[i]
}

// cell is that of a unit as keyText has it, nil if it is none of the tree's.
func (d *tallied) cell(unit string) *cell {
	id, ok := d.forest.ids[unit]
	if !ok {
		return nil
	}
	c := d.own[id]
	if c == nil {
		c = &cell{}
		d.own[id] = c
	}
	return c
}

// The tables of what KPIs count.
var (
	answerTable = shelf.Table{
		Projection: Name, Rows: "feedback_answers", Voidings: "feedback_voidings", Key: "question", Name: "r.unit", Value: "r.raw", Marks: "0",
	}
	matchTable = shelf.Table{
		Projection: Name, Rows: "feedback_matches", Voidings: "feedback_voidings", Key: "kpi", Name: "r.unit", Value: "NULL", Marks: "0",
	}
)

// load gives what a KPI counts: a shelf for each of its questions, or one.
func (r *Reader) load(ctx context.Context, tx *readmodel.Tx, kpi catalog.Entry) ([]*shelf.Shelf, []string, error) {
	k := kpi.Definition.(*definition.KPI)
	if k.Match != nil {
		return r.shelves.Load(ctx, tx, matchTable, kpi.T)
	}
	keys := make([]any, len(k.Questions))
	for i, q := range k.Questions {
		keys[i] = keyText(q)
	}
	return r.shelves.Load(ctx, tx, answerTable, keys...)
}

// answers counts answers.
func (r *Reader) answers(ctx context.Context, tx *readmodel.Tx, s Scene, kpi catalog.Entry, t *Tally) error {
	all, names, err := r.load(ctx, tx, kpi)
	if err != nil {
		return err
	}
	questions := questionsOf(s.Definitions)
	for i, sh := range all {
		q := questions[t.kpi.Questions[i]]
		t.count(sh, names, nil, func(c *cell, raw float64) {
			c.n++
			c.values.Add(raw, 1)
			if q != nil && slices.Contains(q.TopBox, raw) {
				c.top++
			}
		})
	}
	return nil
}

// matches counts statements that a revision of the KPI matches.
func (r *Reader) matches(ctx context.Context, tx *readmodel.Tx, s Scene, kpi catalog.Entry, t *Tally) error {
	all, names, err := r.load(ctx, tx, kpi)
	if err != nil {
		return err
	}
	self, err := selves(ctx, tx, s, kpi)
	if err != nil {
		return err
	}
	t.count(all[0], names, self, func(c *cell, _ float64) { c.n++ })
	return nil
}

// count takes each row of a shelf that counts in its period, but for those at some times.
func (t *Tally) count(sh *shelf.Shelf, names []string, but map[int64]bool, take func(*cell, float64)) {
	if len(t.periods) == 0 {
		return
	}
	from, to := t.periods[0].From.UnixMicro(), t.periods[len(t.periods)-1].To.UnixMicro()
	cells := make([]map[uint32]*cell, len(t.periods)) // found already, by name
	for i := range cells {
		cells[i] = map[uint32]*cell{}
	}
	bounds := make([]int64, len(t.periods))
	for i := range t.periods {
		bounds[i] = t.periods[i].To.UnixMicro()
	}
	for i, happened := range sh.Happened {
		if happened < from || happened >= to {
			continue
		}
		p, exact := slices.BinarySearch(bounds, happened)
		if exact {
			p++
		}
		d := &t.periods[p]
		if d.secret || happened < d.From.UnixMicro() || !sh.Known(i, d.asOf) || but[sh.T[i]] {
			continue
		}
		c, ok := cells[p][sh.Name[i]]
		if !ok {
			c = d.cell(names[sh.Name[i]])
			cells[p][sh.Name[i]] = c
		}
		if c != nil {
			take(c, sh.Value[i])
		}
	}
}

// measures takes each record that holds, of the KPI's measure: those inside a period.
func (r *Reader) measures(ctx context.Context, tx *readmodel.Tx, t *Tally, take func(c *cell, value float64, n int)) error {
	if len(t.periods) == 0 {
		return nil
	}
	records, err := readMeasures(ctx, tx, t.kpi.Measure, t.periods[0].From, t.periods[len(t.periods)-1].To)
	if err != nil {
		return err
	}
	for _, m := range records {
		d := t.at(m.since)
		if d == nil || d.secret || m.until > d.To.UnixMicro() || m.t > d.asOf || m.replaced <= d.asOf {
			continue
		}
		if c := d.cell(m.unit); c != nil {
			take(c, m.value, m.n)
		}
	}
	return nil
}

// questionsOf finds the questions of all surveys. One that two surveys list, which registration allows if it is the same,
// is found once.
func questionsOf(d *catalog.Definitions) map[string]*definition.Question {
	found := map[string]*definition.Question{}
	for _, e := range d.Of(definition.KindSurvey) {
		s := e.Definition.(*definition.Survey)
		for i := range s.Questions {
			if found[s.Questions[i].ID] == nil {
				found[s.Questions[i].ID] = &s.Questions[i]
			}
		}
	}
	return found
}

// UnitPeriod is a unit in one of a Tally's periods, by its place.
type UnitPeriod struct {
	Unit   string
	Period int
}

// Published tells whether the series of a unit has a number for a period.
func (t *Tally) Published(u UnitPeriod) bool { return t.periods[u.Period].published[u.Unit] }

// Point gives the KPI's value over what is in any of these units' subtrees, each answer once.
func (t *Tally) Point(of ...UnitPeriod) measure.Point {
	var sum cell
	for i := range t.periods {
		d := &t.periods[i]
		var roots []string
		for _, u := range of {
			if u.Period == i {
				roots = append(roots, u.Unit)
			}
		}
		if len(roots) == 0 {
			continue
		}
		for unit, c := range d.own {
			if slices.ContainsFunc(d.forest.above(unit), func(above string) bool { return slices.Contains(roots, above) }) {
				sum.add(c)
			}
		}
	}
	switch t.kpi.Statistic {
	case definition.TopBox:
		return measure.TopBoxOf(sum.top, sum.n)
	case definition.Mean:
		return measure.MeanOf(sum.values)
	case definition.NPS:
		return measure.NPSOf(sum.values)
	case definition.Count:
		return measure.CountOf(sum.n)
	case definition.Per1000:
		return measure.Per1000Of(sum.n, sum.recorded.Sum())
	default:
		return measure.MeasureOf(sum.values)
	}
}
