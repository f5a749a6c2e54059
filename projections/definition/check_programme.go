package definition

import "slices"

func (c *checker) programme(p *Programme) {
	if p.Starts >= p.Ends {
		c.fault("/ends", ruleTimesOrder, "ends must be after starts")
	}
	c.unique("activities", len(p.Activities), func(i int) string { return p.Activities[i].ID })
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
