package feedback_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// checksGiven tells whether the command line says -rapid.checks.
var checksGiven = sync.OnceValue(func() (given bool) {
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	return given
})

// onTables runs do with the tables of a town.
func (c *town) onTables(ctx context.Context, file string, do func(*readmodel.Store) error) (err error) {
	store, err := readmodel.Open(ctx, "sqlite:"+file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := c.build(ctx, store); err != nil {
		return err
	}
	return do(store)
}

// moments are those as of which an attacker asks: whenever something becomes final, and others.
func (c *town) moments(more int) []int64 {
	var all []int64
	for m := time.March; m <= time.June; m++ {
		for beside := range int64(2) {
			all = append(all, month(m).UnixMicro()-beside)
		}
	}
	for i := range more {
		all = append(all, c.events[(i+1)*len(c.events)/(more+1)].t)
	}
	all = append(all, dusk.UnixMicro())
	slices.Sort(all)
	return all
}

// TestAttack: whoever may not see single answers cannot find out how many there are of a group that is smaller than
// minN, nor their sum, by linear algebra over everything that they can read at all times.
//
// What is left out is refused at registration, or has a test of its own: TestLeaksAreClosed, TestTopBoxStays.
func TestAttack(t *testing.T) {
	if !checksGiven() {
		if err := flag.Set("rapid.checks", "14"); err != nil {
			t.Fatal(err)
		}
	}
	dir, n := t.TempDir(), 0
	told := 0
	rapid.Check(t, func(rt *rapid.T) {
		c := towns(plan{}).Draw(rt, "town")
		if faults := c.faults(); faults != nil {
			rt.Fatal(faults)
		}
		n++
		err := c.onTables(t.Context(), filepath.Join(dir, fmt.Sprintf("%d.db", n)), func(store *readmodel.Store) error {
			a := newAttacker(c, true)
			for _, asOf := range c.moments(3) {
				if err := a.ask(t.Context(), store, asOf); err != nil {
					return err
				}
			}
			told += len(a.numbers)
			if found := isolated(a.numbers); found != nil {
				return fmt.Errorf("%d answers are isolated:%s\nby%s", len(found), c.describe(found), c.namesOf(a.numbers, found))
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
	if told < 100*n {
		t.Errorf("only %d numbers are published in %d hospitals: this attacks nothing", told, n)
	}
}

// faults are those that registration finds in the definitions of a town.
func (c *town) faults() definition.Faults {
	set := definition.Set{}
	for _, r := range c.definitions {
		d, err := definition.Parse([]byte(r.body))
		if err != nil {
			panic(err)
		}
		if faults := definition.Check(set, d); faults != nil {
			return faults
		}
		set = set.With(d)
	}
	return nil
}

// namesOf lists the numbers that may have isolated answers: those of their family.
func (c *town) namesOf(numbers []number, answers []int) (text string) {
	seen := map[string]bool{}
	for _, x := range numbers {
		line := fmt.Sprintf("\n  %s: %d answers", x.what, len(x.of))
		if !seen[line] && x.family == familyOf(c.answers[answers[0]].question) {
			seen[line] = true
			text += line
		}
	}
	return text
}

// TestTeeth: the attack succeeds when a rule is left out.
func TestTeeth(t *testing.T) {
	dir := t.TempDir()
	tries := func(t *testing.T, attack func(c *town, file string) []number) {
		const most = 20
		for seed := range most {
			c := towns(plan{}).Example(seed)
			if found := isolated(attack(c, filepath.Join(dir, fmt.Sprintf("%s-%d.db", filepath.Base(t.Name()), seed)))); found != nil {
				t.Logf("in the hospital of seed %d these are isolated:%s", seed, c.describe(found))
				return
			}
		}
		t.Errorf("no answer was isolated in %d hospitals", most)
	}
	t.Run("minN alone", func(t *testing.T) {
		tries(t, func(c *town, _ string) []number { return c.published(false) })
	})
	t.Run("minN and the tree", func(t *testing.T) { // the same numbers, with the rule: the model's own check
		for seed := range 20 {
			c := towns(plan{}).Example(seed)
			if found := isolated(c.published(true)); found != nil {
				t.Errorf("seed %d: isolated:%s", seed, c.describe(found))
			}
		}
	})
	// As of every time, in place of once and for all. What is read is what answers/read shows.
	live := func(only func(number) bool) func(*town, string) []number {
		return func(c *town, file string) (all []number) {
			err := c.onTables(t.Context(), file, func(store *readmodel.Store) error {
				a := newAttacker(c, false)
				for _, asOf := range c.moments(4) {
					if err := a.ask(t.Context(), store, asOf); err != nil {
						return err
					}
				}
				all = slices.DeleteFunc(a.numbers, func(x number) bool { return !only(x) })
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
	}
	t.Run("not final", func(t *testing.T) {
		tries(t, live(func(x number) bool { return x.family == monthly[0] }))
	})
	t.Run("a reaction that is not final", func(t *testing.T) {
		tries(t, live(func(x number) bool { return x.family == reacting[0] }))
	})
}

// published is what the rules say may be shown of the monthly KPIs when all is final, with or without the one for the
// tree of units.
func (c *town) published(tree bool) (all []number) {
	for m := time.January; m <= time.March; m++ {
		p := feedback.Period{From: month(m), To: month(m + 1)}
		known := func(feedback.Period) int64 { return final(p.To) }
		parents := c.tree(final(p.To))
		of, shown := map[string][]int{}, map[string]bool{}
		for unit := range parents {
			of[unit] = c.behind(monthly, []unitPeriod{{unit, p}}, known)
			shown[unit] = len(of[unit]) >= c.minN
		}
		for tree && c.hideOne(parents, of, shown) {
		}
		for unit := range parents {
			if shown[unit] {
				all = append(all, number{fmt.Sprintf("%s in %s", unit, m), monthly[0], c.minN, of[unit]})
			}
		}
	}
	return all
}

// hideOne applies the rule for the tree once, to the highest unit that it applies to.
func (c *town) hideOne(parents map[string]string, of map[string][]int, shown map[string]bool) bool {
	depth := func(unit string) (n int) {
		for ; unit != ""; unit = parents[unit] {
			n++
		}
		return n
	}
	units := slices.Clone(c.units)
	slices.SortStableFunc(units, func(a, b string) int { return depth(a) - depth(b) })
	for _, unit := range units {
		if !shown[unit] {
			continue
		}
		rest, least := len(of[unit]), ""
		for _, below := range c.units {
			if !shown[below] || below == unit {
				continue
			}
			above := parents[below]
			for above != "" && !shown[above] {
				above = parents[above]
			}
			if above != unit {
				continue
			}
			rest -= len(of[below])
			if least == "" || len(of[below]) < len(of[least]) {
				least = below
			}
		}
		if rest >= 1 && rest < c.minN && least != "" {
			shown[least] = false
			return true
		}
	}
	return false
}

// TestLeaksAreClosed: what TestAttack leaves out isolated answers once. It is refused at registration, or answered so that
// nothing follows.
func TestLeaksAreClosed(t *testing.T) {
	dir := t.TempDir()
	for _, leak := range []struct {
		name string
		plan plan
	}{
		{"a KPI of a question of a reaction survey", plan{kpiOfReaction: true}},
		{"a programme that is registered again and ends later", plan{otherEnd: true}},
		{"a reaction survey that loses a question", plan{shorterSurvey: true}},
		{"answers in two programmes", plan{nested: true}},
	} {
		t.Run(leak.name, func(t *testing.T) {
			const most = 25
			for seed := range most {
				c := towns(leak.plan).Example(seed)
				if faults := c.faults(); faults != nil {
					t.Logf("refused: %v", faults)
					return
				}
				var found []int
				err := c.onTables(t.Context(), filepath.Join(dir, fmt.Sprintf("%s-%d.db", filepath.Base(t.Name()), seed)), func(store *readmodel.Store) error {
					a := newAttacker(c, true)
					for _, asOf := range []int64{month(time.May).UnixMicro(), dusk.UnixMicro()} {
						if err := a.ask(t.Context(), store, asOf); err != nil {
							return err
						}
					}
					if found = isolated(a.numbers); found != nil {
						t.Errorf("seed %d: %d answers are isolated:%s\nby%s", seed, len(found), c.describe(found), c.namesOf(a.numbers, found))
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if found != nil {
					return
				}
			}
		})
	}
}

// TestTopBoxStays: where a KPI has two questions, the answers to one of them would be isolated when what the top box of the
// other is changes, because every revision of the survey would have its own share of the same answers.
func TestTopBoxStays(t *testing.T) {
	c := &town{minN: 5, units: []string{"u0"}, moves: []move{{dawn.UnixMicro(), "u0", ""}}}
	survey := func(boxes ...string) string {
		return fmt.Sprintf(`{"kind":"survey","id":%q,"audience":"patient","questions":[{"id":%q,"scale":{"min":0,"max":2},"topBox":%s},
			{"id":%q,"scale":{"min":0,"max":2},"topBox":%s}]}`, surveyOf, monthly[0], boxes[0], monthly[1], boxes[1])
	}
	c.definitions = []registration{
		{dawn.UnixMicro() + 10, survey("[2]", "[2]")},
		{dawn.UnixMicro() + 20, fmt.Sprintf(`{"kind":"kpi","id":%q,"questions":[%q,%q],"statistic":"topBox","direction":"up"}`, iri+"box", monthly[0], monthly[1])},
		{month(time.May).UnixMicro() + 10, survey("[2]", "[1,2]")},
		{month(time.May).UnixMicro() + 20, survey("[2]", "[0,1,2]")},
		{month(time.May).UnixMicro() + 30, survey("[0,1,2]", "[0,1]")},
		{month(time.May).UnixMicro() + 40, survey("[0,1,2]", "[0,1,2]")},
	}
	for i := range 5 { // the last one is to the second question, and has the score 1
		a := &answer{question: monthly[i/4], unit: "u0", happened: month(time.January), raw: 2 - i/4}
		a.stored = a.happened.UnixMicro()
		c.answers = append(c.answers, a)
	}
	c.order()
	if c.faults() == nil {
		t.Error("another top box of one of two questions is let pass")
	}
}
