package demo

import (
	"math"
	"slices"
	"testing"
	"time"
)

// found is what simple means over the stream say of one programme.
type found map[string]float64

// cell is a mean in the making.
type cell struct{ sum, n float64 }

func (c *cell) add(x float64) { c.sum += x; c.n++ }
func (c cell) mean() float64  { return c.sum / c.n }

// look goes through a stream once and finds, for each programme, gains of those enrolled and differences of wards,
// without anything that the generator knows beside its definitions and people.
func look(h *Hospital) []found {
	who := map[Account]*person{}
	for _, p := range h.people {
		who[Account{"", p.mbox}] = p
		who[Account{accountHome, p.account}] = p
	}
	person := func(mbox string, account *Account) *person {
		if account != nil {
			return who[*account]
		}
		return who[Account{"", mbox}]
	}
	asked := map[string]question{}
	for _, q := range questions {
		asked[q.id()] = q
	}
	type key struct {
		programme  int
		of         string // KPI, competency or assessment
		who        string // "treated", "comparison", or a person
		month, end int    // of the window; after the programme
	}
	cells := map[key]*cell{}
	add := func(k key, x float64) {
		if cells[k] == nil {
			cells[k] = &cell{}
		}
		cells[k].add(x)
	}
	for s := range h.Statements() {
		for i := range h.programmes {
			g := &h.programmes[i]
			switch {
			case s.Verb.Display.EN == "responded":
				q, side := asked[s.Object.ID], side(g, s.Context.Team.Account.Name)
				if month, after, in := window(g, s.Timestamp); in && side != "" && g.targets[q.slug] > 0 {
					add(key{i, q.kpi(), side, month, after}, q.single(int(*s.Result.Score.Raw)))
				}
			case s.Verb.Display.EN == "rated":
				after, in := 0, !s.Timestamp.Before(g.Starts.AddDate(0, 0, -g.WindowDays)) && s.Timestamp.Before(g.Starts)
				if !s.Timestamp.Before(g.Ends) && s.Timestamp.Before(g.Ends.AddDate(0, 0, g.WindowDays)) {
					after, in = 1, true
				}
				if p := person(s.Object.Mbox, s.Object.Account); in && g.enrols(p) {
					add(key{i, s.Context.Activities.Other[0].ID, p.id, 0, after}, ratingScore(*s.Result.Score.Raw))
				}
			case s.Object.ID == g.Pre || s.Object.ID == g.Post || s.Object.ID == g.Retention:
				k := key{i, s.Object.ID, person(s.Actor.Mbox, s.Actor.Account).id, 0, 0}
				if cells[k] == nil { // the first attempt
					add(k, *s.Result.Score.Raw / *s.Result.Score.Max)
				}
			}
		}
	}
	all := make([]found, len(h.programmes))
	for i := range h.programmes {
		g := &h.programmes[i]
		all[i] = found{}
		gains := func(name, before string, beforeEnd int, after string, afterEnd int) {
			var gain cell
			for _, p := range h.people {
				pre, post := cells[key{i, before, p.id, 0, beforeEnd}], cells[key{i, after, p.id, 0, afterEnd}]
				if pre != nil && post != nil {
					gain.add(post.mean() - pre.mean())
				}
			}
			all[i][name] = gain.mean()
		}
		gains("learning", g.Pre, 0, g.Post, 0)
		gains("retention", g.Post, 0, g.Retention, 0)
		for _, c := range g.Competencies {
			gains(c, c, 0, c, 1)
		}
		for _, kpi := range g.KPIs {
			var sides [2]cell
			for m := range g.WindowMonths {
				for after := range sides {
					treated, comparison := cells[key{i, kpi, "treated", m, after}], cells[key{i, kpi, "comparison", m, after}]
					if treated != nil && comparison != nil {
						sides[after].add(treated.mean() - comparison.mean())
					}
				}
			}
			all[i][kpi] = sides[1].mean() - sides[0].mean()
		}
	}
	return all
}

// side tells what a ward is to a programme, "" if nothing.
func side(g *programme, ward string) string {
	switch {
	case slices.Contains(g.Treated, ward):
		return "treated"
	case slices.Contains(g.Comparison, ward):
		return "comparison"
	}
	return ""
}

// window gives the month of a programme's window before (0) or after (1) it.
func window(g *programme, t time.Time) (month, after int, in bool) {
	number := func(t time.Time) int { return 12*t.Year() + int(t.Month()) }
	for after, from := range []int{number(g.Starts) - g.WindowMonths, number(g.Ends)} {
		if month := number(t) - from; month >= 0 && month < g.WindowMonths {
			return month, after, true
		}
	}
	return 0, 0, false
}

// single is what one answer adds to a KPI.
func (q question) single(raw int) float64 {
	is := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	switch q.statistic {
	case "mean":
		return float64(raw)
	case "nps":
		return 100 * (is(raw >= 9) - is(raw <= 6))
	default:
		return is(raw == 4)
	}
}

func (e Expected) all() found {
	f := found{"learning": e.MeanGain, "retention": e.RetentionGain}
	for c, x := range e.Behaviour {
		f[c] = x
	}
	for kpi, x := range e.Results {
		f[kpi] = x
	}
	return f
}

// TestEffects finds, on the average over seeds, what is said to be planted. What is found of one number in n seeds has a
// standard error of its deviation over √n. One of these 48 ratios, Student's with 15 degrees of freedom, would be beyond
// 5 in one of 130 sets of seeds; and the seeds are fixed.
func TestEffects(t *testing.T) {
	const seeds = 16
	for size, common := range map[Size]float64{None: 0.3, Small: 0.15, Large: 0} {
		t.Run(size.String(), func(t *testing.T) {
			t.Parallel()
			cfg := Default(end)
			cfg.Scale, cfg.Effects, cfg.UnitMonth = 0.25, [2]Effect{Uniform(size), Uniform(size)}, common
			sum, squares := [2]found{{}, {}}, [2]found{{}, {}}
			var programmes []Programme
			for seed := range uint64(seeds) {
				cfg.Seed = seed
				h := build(t, cfg)
				programmes = h.Programmes()
				for i, f := range look(h) {
					for name, x := range f {
						sum[i][name] += x
						squares[i][name] += x * x
					}
				}
			}
			for i, g := range programmes {
				for name, want := range g.Expected.all() {
					mean := sum[i][name] / seeds
					se := math.Sqrt((squares[i][name]/seeds - mean*mean) / (seeds - 1))
					if !(math.Abs(mean-want) < 5*se) {
						t.Errorf("%s, %s: %.4f on the average, expected %.4f, standard error %.4f", g.Name, name, mean, want, se)
					}
				}
			}
		})
	}
}

// TestNone has no effect where none is planted, exactly.
func TestNone(t *testing.T) {
	cfg := fast(1)
	cfg.Effects = [2]Effect{}
	for _, g := range build(t, cfg).Programmes() {
		for kpi, x := range g.Expected.Results {
			if x != 0 {
				t.Errorf("%s, %s: a difference of %v is expected of nothing", g.Name, kpi, x)
			}
		}
		for c, x := range g.Expected.Behaviour {
			if x != 0 {
				t.Errorf("%s, %s: a gain of %v is expected of nothing", g.Name, c, x)
			}
		}
	}
}

// TestExpectations has closed forms that agree with what is drawn.
func TestExpectations(t *testing.T) {
	d := build(t, fast(3)).draw("test")
	const n = 400_000
	var score, top, nps, cutOff cell
	q := questions[len(questions)-1]
	for range n {
		raw := q.answers.score(d.normal(0.3, 1.1))
		score.add(float64(raw))
		nps.add(q.single(raw))
		if raw >= 9 {
			top.add(1)
		} else {
			top.add(0)
		}
		cutOff.add(cut(d.normal(0.8, 0.3)))
	}
	for name, c := range map[string]struct{ got, want, tolerance float64 }{
		"mean": {score.mean(), q.answers.expected(0.3, 1.1), 0.02},
		"top":  {top.mean(), q.answers.reach(9, 0.3, 1.1), 0.004},
		"nps":  {nps.mean(), q.value(0.3, 1.1), 0.7},
		"cut":  {cutOff.mean(), expectedCut(0.8, 0.3), 0.002},
	} {
		if math.Abs(c.got-c.want) > c.tolerance {
			t.Errorf("%s: %v drawn, %v expected", name, c.got, c.want)
		}
	}
}
