package projectiontest_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/measure"
)

// This is the part of the model about programmes and people.

// enrolled tells whether a programme is for somebody.
func (m *wardModel) enrolled(p *wardProgramme, person string) bool {
	for a, end := range m.assignments {
		target := slices.ContainsFunc(p.TargetUnits, func(unit string) bool { return m.below(a.unit, unit) })
		if a.person == person && target && slices.Contains(p.Roles, a.role) && a.from < p.Ends.UnixMicro() && (end == 0 || end > p.Starts.UnixMicro()) {
			return true
		}
	}
	return false
}

// by finds what somebody has done, by (timestamp, id).
func (m *wardModel) by(person string, which func(*said) bool) (all []*said) {
	for _, s := range m.said {
		acts := slices.ContainsFunc(s.actors, func(i event.Identity) bool { return m.links[who(i)].person == person })
		if acts && which(s) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *said) int { return cmp.Or(cmp.Compare(a.when(), b.when()), cmp.Compare(a.id, b.id)) })
	return all
}

// on gives what somebody has done about an activity up to a time. An answer to a survey is none, also when the survey asks
// that no more.
func (m *wardModel) on(person, activity string, until int64) []*said {
	return m.by(person, func(s *said) bool {
		answer := s.verb == adl+"responded" && m.asked[activity]
		return s.about == nil && s.object == activity && !answer && s.when() <= until
	})
}

// stands tells whether somebody has started and completed a programme by a time.
func (m *wardModel) stands(p *wardProgramme, person string, until int64) (started, completed bool) {
	completed = true
	for _, a := range p.Activities {
		done := false
		for _, s := range m.on(person, a["id"].(string), until) {
			started = true
			done = done || s.verb == adl+"completed" || s.verb == adl+"passed" || s.completion != nil && *s.completion
		}
		completed = completed && (done || !a["required"].(bool))
	}
	return started, completed
}

// score is NaN without one.
func (s *said) score() float64 {
	switch {
	case s.scaled != nil:
		return *s.scaled
	case s.success != nil && *s.success:
		return 1
	case s.success != nil:
		return 0
	}
	return math.NaN()
}

// attempt finds the first attempt of somebody at an activity from a time on and up to another.
func (m *wardModel) attempt(person, activity string, from, until int64) (score float64, at int64, ok bool) {
	for _, s := range m.on(person, activity, until) {
		if s.when() >= from && !math.IsNaN(s.score()) {
			return s.score(), s.when(), true
		}
	}
	return 0, 0, false
}

// compareEffects holds the effectiveness of a programme against the model; box is its KPI, nil if that is not registered.
func (m *wardModel) compareEffects(p *wardProgramme, at int64, box *glance, e *effectiveness.Effectiveness) error {
	enrolled, started, completed := 0, 0, 0
	var pre, post, kept, later []float64
	excluded := []effectiveness.Excluded{}
	for _, person := range wardPeople {
		if !m.enrolled(p, person) {
			continue
		}
		enrolled++
		s, c := m.stands(p, person, at)
		if s {
			started++
		}
		if c {
			completed++
		}
		before, when, ok := m.attempt(person, wardActivities[3], math.MinInt64, at)
		if !ok {
			excluded = append(excluded, effectiveness.Excluded{Person: person, Reason: "no_pre"})
			continue
		}
		after, when, ok := m.attempt(person, wardActivities[4], when+1, at)
		if !ok {
			excluded = append(excluded, effectiveness.Excluded{Person: person, Reason: "no_post"})
			continue
		}
		pre, post = append(pre, before), append(post, after)
		if again, _, ok := m.attempt(person, wardActivities[5], when+20*86400e6, at); ok {
			kept, later = append(kept, after), append(later, again)
		}
	}
	if e.Enrolled != enrolled || e.Started != started || e.Completed != completed {
		return fmt.Errorf("%d enrolled, %d started, %d completed, not %d, %d and %d", e.Enrolled, e.Started, e.Completed, enrolled, started, completed)
	}
	order := func(a, b effectiveness.Excluded) int { return cmp.Compare(a.Person, b.Person) }
	slices.SortFunc(excluded, order)
	if got := slices.SortedFunc(slices.Values(e.Learning.Excluded), order); !slices.Equal(got, excluded) {
		return fmt.Errorf("excluded %v, not %v", got, excluded)
	}
	for _, x := range []struct {
		got       *measure.Paired
		pre, post []float64
	}{{&e.Learning.Paired, pre, post}, {e.Learning.Retention, kept, later}} {
		if x.got.N != len(x.pre) || !same(x.got.MeanPre, average(x.pre)) || !same(x.got.MeanPost, average(x.post)) {
			return fmt.Errorf("pairs %s, not %v and %v", text(x.got), x.pre, x.post)
		}
	}
	if box == nil {
		return nil
	}
	return box.compareResult(p, time.UnixMicro(at), e.Results[0])
}

// average is NaN of nothing.
func average(of []float64) float64 {
	sum := 0.0
	for _, v := range of {
		sum += v
	}
	return sum / float64(len(of))
}

// compareResult holds what moved in a KPI against the model.
func (g *glance) compareResult(p *wardProgramme, at time.Time, r effectiveness.Result) error {
	first := time.Date(p.Starts.Year(), p.Starts.Month(), 1, 0, 0, 0, 0, time.UTC)
	last := time.Date(p.Ends.Year(), p.Ends.Month(), 1, 0, 0, 0, 0, time.UTC)
	if last.Before(p.Ends) {
		last = last.AddDate(0, 1, 0)
	}
	var treated, comparison [2]counted
	var moved [2][]float64
	for side, begins := range [][]time.Time{{first.AddDate(0, -2, 0), first.AddDate(0, -1, 0)}, {last, last.AddDate(0, 1, 0)}} {
		for _, from := range begins {
			month := feedback.Period{From: from, To: from.AddDate(0, 1, 0)}
			counts := !month.To.After(at)
			for _, unit := range slices.Concat(p.TargetUnits, p.ComparisonUnits) {
				counts = counts && g.shows(unit, month)
			}
			if !counts {
				continue
			}
			var these, those counted
			g.over(p.TargetUnits, month, &these)
			g.over(p.ComparisonUnits, month, &those)
			g.over(p.TargetUnits, month, &treated[side])
			g.over(p.ComparisonUnits, month, &comparison[side])
			a, _, _ := these.value(g.k.Statistic)
			b, _, _ := those.value(g.k.Statistic)
			moved[side] = append(moved[side], a-b)
		}
	}
	for i, x := range []struct {
		got  measure.Point
		want counted
	}{{r.TreatedBefore, treated[0]}, {r.TreatedAfter, treated[1]}, {r.ComparisonBefore, comparison[0]}, {r.ComparisonAfter, comparison[1]}} {
		want := math.NaN()
		if x.want.n > 0 {
			want, _, _ = x.want.value(g.k.Statistic)
		}
		if x.got.N != x.want.n || !same(x.got.Value, want) {
			return fmt.Errorf("result %d: %s, not n = %d and %v", i, text(x.got), x.want.n, want)
		}
	}
	if want := average(moved[1]) - average(moved[0]); !same(r.Difference, want) {
		return fmt.Errorf("difference %s, not %v", text(r.Difference), want)
	}
	return nil
}

// compareMetrics holds the metrics of a person that are of statements against the model, over [from, to).
func (m *wardModel) compareMetrics(person string, from, to time.Time, in evaluation.Inputs) error {
	present := m.present(person, from.UnixMicro(), to.UnixMicro())
	if math.Abs(in.Present-present) > 1e-12 {
		return fmt.Errorf("%s is present for %v, not %v", person, in.Present, present)
	}
	within := func(s *said) bool { return s.when() >= from.UnixMicro() && s.when() < to.UnixMicro() }
	hours := map[string]float64{"PT1H30M": 1.5, "P1D": 24, "PT0.5S": 0.5 / 3600}
	for i, x := range m.evaluation.Metrics {
		want := 0.0
		switch x.ID[2:] {
		case "training":
			want = math.NaN()
			if p := m.programmes[wardProgrammes[0]]; p != nil && p.Ends.After(from) && !p.Ends.After(to) && m.enrolled(p, person) {
				want = 0
				if _, completed := m.stands(p, person, to.UnixMicro()-1); completed {
					want = 1
				}
			}
		case "recognition":
			want = float64(len(m.by(person, func(s *said) bool { return s.verb == wardVerbs[5] && within(s) })))
		case "development":
			for _, s := range m.by(person, func(s *said) bool { return (s.verb == wardVerbs[2] || s.verb == wardVerbs[3]) && within(s) }) {
				want += hours[s.duration]
			}
		case "observed":
			for _, s := range m.said {
				self := slices.ContainsFunc(s.actors, func(i event.Identity) bool { return m.links[who(i)].person == person })
				if s.verb == wardVerbs[6] && s.about != nil && m.links[who(*s.about)].person == person && within(s) && !self {
					want++
				}
			}
		default:
			continue
		}
		if !strings.HasSuffix(x.ID, "training") {
			if want /= present; present < 0.5 {
				want = math.NaN()
			}
		}
		if !same(in.Metrics[i].Value, want) {
			return fmt.Errorf("%s of %s: %s, not %v", x.ID, person, text(in.Metrics[i]), want)
		}
	}
	return nil
}

// present is the part of [from, to) in which somebody has an assignment.
func (m *wardModel) present(person string, from, to int64) float64 {
	bounds := []int64{from, to}
	for a, end := range m.assignments {
		bounds = append(bounds, max(from, min(a.from, to)), max(from, min(end, to)))
	}
	slices.Sort(bounds)
	covered := int64(0)
	for i := 1; i < len(bounds); i++ {
		for a, end := range m.assignments {
			if a.person == person && a.from <= bounds[i-1] && (end == 0 || end >= bounds[i]) {
				covered += bounds[i] - bounds[i-1]
				break
			}
		}
	}
	return float64(covered) / float64(to-from)
}
