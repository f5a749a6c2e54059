package definition

import "slices"

func (c *checker) programme(p *Programme) {
	if p.Starts >= p.Ends {
		c.fault("/ends", ruleTimesOrder, "ends must be after starts")
	}
	c.unique("activities", len(p.Activities), func(i int) string { return p.Activities[i].ID })
	for i := range p.Activities {
		c.noQuestion(pointer("activities", i, "id"), p.Activities[i].ID)
	}
	if a := p.Assessments; a != nil {
		c.noQuestion(pointer("assessments", "pre"), a.Pre)
		c.noQuestion(pointer("assessments", "post"), a.Post)
		if a.Retention != nil {
			c.noQuestion(pointer("assessments", "retention", "activity"), a.Retention.Activity)
		}
	}
	if p.ReactionSurvey != "" {
		if _, ok := Find[*Survey](c.set, p.ReactionSurvey); !ok {
			c.fault("/reactionSurvey", ruleReference, "the survey %s is not registered; register it, or mend the IRI", p.ReactionSurvey)
		}
	}
	c.reaction(p)
	if p.Behaviour != nil {
		for i, id := range p.Behaviour.Competencies {
			c.competency(pointer("behaviour", "competencies", i), id)
		}
	}
	if p.Results != nil {
		for i, id := range p.Results.KPIs {
			c.monthlyKPI(pointer("results", "kpis", i), id)
		}
	}
	c.unique("objectives", len(p.Objectives), func(i int) string { return p.Objectives[i].ID })
	for i := range p.Objectives {
		at := pointer("objectives", i, "metric")
		m, err := ParseMetric(p.Objectives[i].Metric)
		if err != nil {
			c.fault(at, ruleMetricPath, "%v", err)
		} else if missing := p.missing(m); missing != "" {
			c.fault(at, ruleMetricMeasured, "the programme does not measure this; give it %s, or take another metric", missing)
		}
	}
}

// noQuestion refuses a survey's question: what is behind a programme's numbers is shown by person and statement, and
// answers are not.
func (c *checker) noQuestion(pointer, id string) {
	if c.questions[id].survey != nil {
		c.fault(pointer, ruleProgrammeQuestion, "this is a question of the survey %s, and answers to surveys are not shown one by one; "+
			"name an activity of its own", c.questions[id].survey.ID())
	}
}

// missing says what a programme would need to have the metric; "" if it has it.
func (p *Programme) missing(m Metric) string {
	switch m.Section {
	case SectionReaction:
		if p.ReactionSurvey == "" {
			return "a reactionSurvey"
		}
	case SectionLearning:
		if p.Assessments == nil {
			return "assessments"
		}
	case SectionRetention:
		if p.Assessments == nil || p.Assessments.Retention == nil {
			return "assessments with retention"
		}
	case SectionBehaviour:
		if p.Behaviour == nil || !slices.Contains(p.Behaviour.Competencies, m.Key) {
			return "a behaviour with the competency " + m.Key
		}
	case SectionResults:
		if p.Results == nil || !slices.Contains(p.Results.KPIs, m.Key) {
			return "results with the kpi " + m.Key
		}
	}
	return ""
}
