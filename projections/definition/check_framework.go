package definition

import (
	"maps"
	"slices"
)

func (c *checker) framework(f *Framework) {
	c.unique("levels", len(f.Levels), func(i int) string { return f.Levels[i].ID })
	for i := 1; i < len(f.Levels); i++ {
		if f.Levels[i].From <= f.Levels[i-1].From {
			c.fault(pointer("levels", i, "from"), ruleLevelOrder, "the level %s must begin above the level %s before it, at %v; "+
				"put the levels in order, the lowest first", f.Levels[i].ID, f.Levels[i-1].ID, f.Levels[i-1].From)
		}
	}
	c.unique("competencies", len(f.Competencies), func(i int) string { return f.Competencies[i].ID })
	listed := map[string]bool{}
	for i := range f.Competencies {
		listed[f.Competencies[i].ID] = true
		c.listedCompetency(f, i)
	}
	for i, r := range f.Requirements {
		if !listed[r.Competency] {
			c.fault(pointer("requirements", i, "competency"), ruleReference, "the framework does not list the competency %s; "+
				"list it, or require another", r.Competency)
		}
		if _, ok := f.Level(r.Level); !ok {
			c.fault(pointer("requirements", i, "level"), ruleReference, "the framework has no level %s; add it, or require another", r.Level)
		}
	}
}

func (c *checker) listedCompetency(f *Framework, i int) {
	competency := &f.Competencies[i]
	if first := c.frameworks[competency.ID]; first != f {
		c.fault(pointer("competencies", i, "id"), ruleCompetencyTwice, "the framework %s lists this competency already; "+
			"list it in one of the two", first.ID())
	}
	for _, level := range slices.Sorted(maps.Keys(competency.Indicators)) {
		if _, ok := f.Level(level); !ok {
			c.fault(pointer("competencies", i, "indicators", level), ruleReference, "the framework has no level %s; add it, or mend the name", level)
		}
	}
	if competency.KPI == "" {
		return
	}
	at := pointer("competencies", i, "kpi")
	k := c.monthlyKPI(at, competency.KPI)
	switch {
	case k == nil:
	case !k.OfAnswers():
		c.fault(at, ruleCompetencyKPI, "the kpi %s is a %s; link one whose statistic is topBox, mean or nps", k.ID(), k.Statistic)
	case k.Statistic == Mean && !c.oneScale(k):
		c.fault(at, ruleCompetencyKPIScale, "the kpi %s is a mean of questions on different scales; link one with a single scale", k.ID())
	}
}

// oneScale reports whether the questions of a KPI have the same scale. Those that are not registered are another fault.
func (c *checker) oneScale(k *KPI) bool {
	var first *Question
	for _, id := range k.Questions {
		q := c.questions[id].Question
		switch {
		case q == nil:
		case first == nil:
			first = q
		case q.Scale != first.Scale:
			return false
		}
	}
	return true
}
