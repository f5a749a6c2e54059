package projectiontest_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/gaps"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
)

// wardModel is what is known at a time, from a list of facts by brute force, as DOMAIN.md is read; it has no code of the
// projections and no arithmetic of package measure. Of people and units it knows what world does.
type wardModel struct {
	*world
	all        []*wardFact
	asOf       int64
	kpis       map[string]*wardKPI
	surveys    map[string]*wardSurvey
	asked      map[string]bool // questions of all surveys that ever were in force
	programmes map[string]*wardProgramme
	evaluation *wardEvaluation
	said       []*said // but for voidings and what is voided
	measures   []event.MeasureRecorded
}

func wardAt(facts []*wardFact, asOf int64) *wardModel {
	m := &wardModel{
		world: knownAt(nil, 0), all: facts, asOf: asOf,
		kpis: map[string]*wardKPI{}, surveys: map[string]*wardSurvey{}, asked: map[string]bool{}, programmes: map[string]*wardProgramme{},
	}
	for _, f := range facts {
		if f.t > asOf {
			break
		}
		switch doc := f.doc.(type) {
		case *wardKPI:
			m.kpis[doc.ID] = doc
		case *wardSurvey:
			m.surveys[doc.ID] = doc
			for _, q := range doc.Questions {
				m.asked[q.ID] = true
			}
		case *wardProgramme:
			m.programmes[doc.ID] = doc
		case *wardEvaluation:
			m.evaluation = doc
		}
		switch ev := f.event.(type) {
		case nil, event.EvaluationDecided, event.EvaluationCommented:
		case event.MeasureRecorded:
			m.measures = append(m.measures, ev)
		default:
			m.about(ev)
		}
		if f.said != nil && f.said.verb == VerbVoided {
			m.voided[f.said.object] = true
		}
	}
	for _, f := range facts {
		if f.t <= asOf && f.said != nil && f.said.verb != VerbVoided && !m.voided[f.said.id] {
			m.said = append(m.said, f.said)
		}
	}
	return m
}

// below tells whether a unit is another or below it.
func (m *wardModel) below(unit, top string) bool {
	for {
		u, ok := m.units[unit]
		if !ok || unit == top {
			return ok
		}
		unit = u[1]
	}
}

// counted is what a KPI has in some place.
type counted struct {
	raws []float64 // of answers
	top  int       // of these in the top box
	n    int       // answers, statements or Σ n
	sum  float64   // of measures: Σ n·value, or Σ value
}

// count adds up what a KPI has in the subtrees of units in a period, each thing once.
func (m *wardModel) count(k *wardKPI, boxes map[string][]float64, units []string, p feedback.Period, into *counted) {
	within := func(unit string) bool {
		return slices.ContainsFunc(units, func(top string) bool { return m.below(unit, top) })
	}
	for _, s := range m.said {
		at := time.UnixMicro(s.when())
		if at.Before(p.From) || !at.Before(p.To) || !within(s.team) {
			continue
		}
		switch {
		case s.verb == adl+"responded":
			if s.raw != nil && slices.Contains(k.Questions, s.object) {
				into.raws, into.n = append(into.raws, *s.raw), into.n+1
				if slices.Contains(boxes[s.object], *s.raw) {
					into.top++
				}
			}
		case k.Match != nil && slices.Contains(k.Match.Verbs, s.verb) && slices.Contains(k.Match.ActivityTypes, s.typ):
			into.n++
		}
	}
	for i, r := range m.measures {
		latest := !slices.ContainsFunc(m.measures[i+1:], func(o event.MeasureRecorded) bool {
			return o.Measure == r.Measure && o.Unit == r.Unit && o.From.Equal(r.From) && o.To.Equal(r.To)
		})
		if !latest || k.Measure != r.Measure || r.From.Before(p.From) || r.To.After(p.To) || !within(r.Unit) {
			continue
		}
		if k.Statistic == "per1000" {
			into.sum += r.Value
			continue
		}
		n := 1
		if r.N != nil {
			n = int(*r.N)
		}
		into.n, into.sum = into.n+n, into.sum+float64(n)*r.Value
	}
}

// value is a statistic with its 95 % interval; NaN is null.
func (c *counted) value(statistic string) (value, lower, upper float64) {
	const z = 1.959964
	n, none := float64(c.n), math.NaN()
	switch statistic {
	case "topBox":
		p := float64(c.top) / n
		centre, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
		return p, (centre - half) / (1 + z*z/n), (centre + half) / (1 + z*z/n)
	case "mean":
		mean, squares := 0.0, 0.0
		for _, r := range c.raws {
			mean += r / n
		}
		if c.n < 2 {
			return mean, none, none
		}
		for _, r := range c.raws {
			squares += (r - mean) * (r - mean)
		}
		half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * math.Sqrt(squares/(n-1)) / math.Sqrt(n)
		return mean, mean - half, mean + half
	case "nps":
		up, down := 0.0, 0.0
		for _, r := range c.raws {
			if r >= 9 {
				up++
			}
			if r <= 6 {
				down++
			}
		}
		net := (up - down) / n
		half := z * 100 * math.Sqrt(((up+down)/n-net*net)/n)
		return 100 * net, 100*net - half, 100*net + half
	case "count":
		return n, math.Max(0, n-z*math.Sqrt(n)), n + z*math.Sqrt(n)
	case "per1000":
		if c.sum <= 0 {
			return none, none, none
		}
		unit := 1000 / c.sum
		return n * unit, math.Max(0, n-z*math.Sqrt(n)) * unit, (n + z*math.Sqrt(n)) * unit
	}
	return c.sum / n, none, none
}

func (k *wardKPI) ofAnswers() bool { return k.Questions != nil }

func (k *wardKPI) least() int {
	if k.ofAnswers() && k.MinN == 0 {
		return 5
	}
	return k.MinN
}

// shown tells which units' numbers of a period are published.
func (m *wardModel) shown(k *wardKPI, p feedback.Period) map[string]bool {
	n, shown, parents := map[string]int{}, map[string]bool{}, map[string]string{}
	for unit := range m.units {
		var c counted
		m.count(k, nil, []string{unit}, p, &c)
		n[unit], shown[unit], parents[unit] = c.n, c.n >= k.least(), m.units[unit][1]
	}
	for hideLeast(parents, n, shown, k.least()) {
	}
	return shown
}

// hideLeast applies the rule against subtraction once, to the highest unit that it applies to; false if to none.
func hideLeast(parents map[string]string, n map[string]int, shown map[string]bool, minN int) bool {
	var units []string
	depth := map[string]int{}
	for unit := range parents {
		units = append(units, unit)
		for u := unit; u != ""; u = parents[u] {
			depth[unit]++
		}
	}
	slices.Sort(units)
	slices.SortStableFunc(units, func(a, b string) int { return depth[a] - depth[b] })
	for _, unit := range units {
		rest, least := n[unit], ""
		for _, below := range units {
			above := parents[below]
			for above != "" && !shown[above] {
				above = parents[above]
			}
			if !shown[below] || above != unit {
				continue
			}
			rest -= n[below]
			if least == "" || n[below] < n[least] || n[below] == n[least] && below < least {
				least = below
			}
		}
		if shown[unit] && least != "" && rest >= 1 && rest < minN {
			shown[least] = false
			return true
		}
	}
	return false
}

// finalOf is the first instant of the second month after an end.
func finalOf(end time.Time) int64 {
	last := end.Add(-time.Microsecond)
	return time.Date(last.Year(), last.Month()+2, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}

// glance is what is known of a KPI in periods, for who may see single answers and for who may not.
type glance struct {
	k     *wardKPI
	boxes map[string][]float64
	past  map[int64]*wardModel
	seen  map[feedback.Period]map[string]bool
	*wardModel
	final bool
}

func (m *wardModel) glance(k *wardKPI, final bool, past map[int64]*wardModel) *glance {
	g := &glance{k: k, boxes: map[string][]float64{}, past: past, seen: map[feedback.Period]map[string]bool{}, wardModel: m, final: final}
	for _, s := range m.surveys {
		for _, q := range s.Questions {
			g.boxes[q.ID] = q.TopBox
		}
	}
	return g
}

// then is what counts for a period, nil if nobody who asks may know yet.
func (g *glance) then(p feedback.Period) *wardModel {
	if !g.final || !g.k.ofAnswers() {
		return g.wardModel
	}
	at := finalOf(p.To)
	if g.asOf < at {
		return nil
	}
	if g.past[at] == nil {
		g.past[at] = wardAt(g.all, at)
	}
	return g.past[at]
}

func (g *glance) shows(unit string, p feedback.Period) bool {
	m := g.then(p)
	if m == nil {
		return false
	}
	if g.seen[p] == nil {
		g.seen[p] = m.shown(g.k, p)
	}
	return g.seen[p][unit]
}

// over adds up what is published of units in periods.
func (g *glance) over(units []string, p feedback.Period, into *counted) {
	if m := g.then(p); m != nil {
		m.count(g.k, g.boxes, units, p, into)
	}
}

// compareSeries holds the points of a series against the model.
func (g *glance) compareSeries(unit string, s *feedback.Series) error {
	for _, p := range s.Points {
		if p.Suppressed == g.shows(unit, p.Period) {
			return fmt.Errorf("from %s: suppressed %t", p.From, p.Suppressed)
		}
		if p.Suppressed {
			if p.N != 0 || p.Value != nil || p.Lower != nil || p.Upper != nil {
				return fmt.Errorf("from %s: suppressed, but %s", p.From, text(p))
			}
			continue
		}
		var c counted
		g.over([]string{unit}, p.Period, &c)
		value, lower, upper := c.value(g.k.Statistic)
		if p.N != c.n || !same(p.Value, value) || !same(p.Lower, lower) || !same(p.Upper, upper) {
			return fmt.Errorf("from %s: %s, not n = %d and %v (%v to %v)", p.From, text(p), c.n, value, lower, upper)
		}
	}
	return nil
}

// compareLimits holds the control limits of a series, and its signals, against the model.
func (g *glance) compareLimits(unit string, baseline []feedback.Period, s *feedback.Series) error {
	most := len(baseline)
	if baseline == nil {
		most = 12
		for _, p := range s.Points {
			baseline = append(baseline, p.Period)
		}
	}
	var values []float64
	for _, p := range baseline {
		var c counted
		if g.shows(unit, p) {
			g.over([]string{unit}, p, &c)
			if v, _, _ := c.value(g.k.Statistic); !math.IsNaN(v) && len(values) < most {
				values = append(values, v)
			}
		}
	}
	if len(values) < 6 {
		for _, p := range s.Points {
			if s.Limits != nil || len(p.Signals) > 0 {
				return fmt.Errorf("limits %s and signals %v from %d points", text(s.Limits), p.Signals, len(values))
			}
		}
		return nil
	}
	centre, moving, n := 0.0, 0.0, float64(len(values))
	for i, v := range values {
		centre += v / n
		if i > 0 {
			moving += math.Abs(v-values[i-1]) / (n - 1)
		}
	}
	l := s.Limits
	if l == nil || l.Points != len(values) || !same(&l.Centre, centre) || !same(&l.Lower, centre-2.66*moving) || !same(&l.Upper, centre+2.66*moving) {
		return fmt.Errorf("limits %s, not %v from %v", text(l), centre, values)
	}
	inRow, last := 0, 0.0
	for _, p := range s.Points {
		var want []string
		if !p.Suppressed && p.Value != nil {
			if *p.Value < l.Lower || *p.Value > l.Upper {
				want = append(want, "beyond_limits")
			}
			side := *p.Value - l.Centre
			if side*last <= 0 {
				inRow = 0
			}
			if inRow, last = inRow+1, side; side != 0 && inRow >= 8 {
				want = append(want, "run_of_8")
			}
		}
		if fmt.Sprint(p.Signals) != fmt.Sprint(want) {
			return fmt.Errorf("from %s: signals %v, not %v", p.From, p.Signals, want)
		}
	}
	return nil
}

// same compares with a number of the model, in which NaN is null.
func same(got *float64, want float64) bool {
	if got == nil {
		return math.IsNaN(want)
	}
	return math.Abs(*got-want) <= 1e-9*math.Max(1, math.Abs(want))
}

// compareGaps holds what patients say against the model.
func (g *glance) compareGaps(unit string, at time.Time, all []gaps.Gap) error {
	first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	var c counted
	for i := -3; i < 0; i++ {
		p := feedback.Period{From: first.AddDate(0, i, 0), To: first.AddDate(0, i+1, 0)}
		if g.shows(unit, p) {
			g.over([]string{unit}, p, &c)
		}
	}
	want := math.NaN()
	if c.n >= g.k.least() {
		want, _, _ = c.value(g.k.Statistic)
	}
	for _, x := range all {
		if x.KPI == g.k.ID && !same(x.Patient, want) {
			return fmt.Errorf("patients: %s, not %v", text(x), want)
		}
	}
	return nil
}

// compareInputs holds the metric of a KPI against the model, over [from, to), bounds of months.
func (g *glance) compareInputs(person string, from, to time.Time, in evaluation.Inputs) error {
	var c counted
	whole, with := 0, 0
	for begin := from; begin.Before(to); begin = begin.AddDate(0, 1, 0) {
		p := feedback.Period{From: begin, To: begin.AddDate(0, 1, 0)}
		whole++
		var units []string
		for unit := range g.units {
			if g.assigned(person, unit, p) && g.shows(unit, p) {
				units = append(units, unit)
			}
		}
		if units != nil {
			with++
			g.over(units, p, &c)
		}
	}
	want := math.NaN()
	if 2*with >= whole && with > 0 && c.n >= g.k.least() {
		want, _, _ = c.value(g.k.Statistic)
	}
	for i, x := range g.evaluation.Metrics {
		if strings.HasSuffix(x.ID, "patients") && !same(in.Metrics[i].Value, want) {
			return fmt.Errorf("the KPI of %s: %s, not %v", person, text(in.Metrics[i]), want)
		}
	}
	return nil
}

// assigned tells whether somebody was assigned to a unit all through a period: at each moment at which an assignment
// begins or ends, and at its beginning.
func (m *wardModel) assigned(person, unit string, p feedback.Period) bool {
	from, to := p.From.UnixMicro(), p.To.UnixMicro()
	moments := []int64{from}
	for a, end := range m.assignments {
		moments = append(moments, a.from, end)
	}
	for _, at := range moments {
		if at < from || at >= to {
			continue
		}
		held := false
		for a, end := range m.assignments {
			held = held || a.person == person && a.unit == unit && a.from <= at && (end == 0 || at < end)
		}
		if !held {
			return false
		}
	}
	return true
}

// compareReaction holds the reaction to a programme against the model.
func (m *wardModel) compareReaction(p *wardProgramme, final bool, at int64, past map[int64]*wardModel, got *feedback.Reaction) error {
	survey := m.surveys[p.ReactionSurvey]
	if survey == nil || got == nil {
		if survey != nil || got != nil {
			return fmt.Errorf("reaction %s", text(got))
		}
		return nil
	}
	then := m
	if final {
		f := finalOf(p.Ends)
		if m.asOf < f || at < p.Ends.UnixMicro() {
			if !got.Suppressed {
				return fmt.Errorf("reaction %s before it is final", text(got))
			}
			return nil
		}
		if past[f] == nil {
			past[f] = wardAt(m.all, f)
		}
		then, at = past[f], f
	}
	var c counted
	sheets := map[string]bool{}
	for _, s := range then.said {
		for _, q := range survey.Questions {
			if s.verb != adl+"responded" || s.object != q.ID || s.raw == nil || !slices.Contains(s.grouping, p.ID) || s.when() > at {
				continue
			}
			if final && s.grouping[0] != p.ID { // an answer is published once
				continue
			}
			sheet := s.sheet
			if sheet == "" {
				sheet = s.id
			}
			sheets[sheet] = true
			c.raws, c.n = append(c.raws, *s.raw), c.n+1
			if slices.Contains(q.TopBox, *s.raw) {
				c.top++
			}
		}
	}
	if len(sheets) < 5 {
		if *got != (feedback.Reaction{Suppressed: true}) {
			return fmt.Errorf("reaction %s of %d sheets", text(got), len(sheets))
		}
		return nil
	}
	mean, _, _ := c.value("mean")
	top, _, _ := c.value("topBox")
	if got.Suppressed || got.Responses != len(sheets) || !same(got.Mean, mean) || !same(got.TopBox, top) {
		return fmt.Errorf("reaction %s, not %d sheets with %v and %v", text(got), len(sheets), mean, top)
	}
	return nil
}

// compareMeasures holds the records that hold against the model.
func (m *wardModel) compareMeasures(all []feedback.Measure) error {
	got, want := map[string]int{}, map[string]int{}
	line := func(measure, unit string, from, to time.Time, value float64, n int) string {
		return fmt.Sprint(measure, unit, from.UTC(), to.UTC(), value, n)
	}
	for _, r := range all {
		got[line(r.Measure, r.Unit, r.From, r.To, r.Value, r.N)]++
	}
	for i, r := range m.measures {
		_, there := m.units[r.Unit]
		replaced := slices.ContainsFunc(m.measures[i+1:], func(o event.MeasureRecorded) bool {
			return o.Measure == r.Measure && o.Unit == r.Unit && o.From.Equal(r.From) && o.To.Equal(r.To)
		})
		n := 1
		if r.N != nil {
			n = int(*r.N)
		}
		if there && !replaced {
			want[line(r.Measure, r.Unit, r.From, r.To, r.Value, n)]++
		}
	}
	if !mapsEqual(got, want) {
		return fmt.Errorf("measures %v, not %v", got, want)
	}
	return nil
}
