package definition

func (c *checker) evaluation(e *Evaluation) {
	c.unique("metrics", len(e.Metrics), func(i int) string { return e.Metrics[i].ID })
	for i := range e.Metrics {
		m := &e.Metrics[i]
		if m.Scale.From == m.Scale.To {
			c.fault(pointer("metrics", i, "scale"), ruleScaleOrder, "from and to are both %v; they must differ", m.Scale.To)
		}
		if m.Source.Competency != "" {
			c.competency(pointer("metrics", i, "source", "competency"), m.Source.Competency)
		}
		if m.Source.KPI != "" {
			c.monthlyKPI(pointer("metrics", i, "source", "kpi"), m.Source.KPI)
		}
		for j, id := range m.Source.Completion {
			if _, ok := Find[*Programme](c.set, id); !ok {
				c.fault(pointer("metrics", i, "source", "completion", j), ruleReference,
					"the programme %s is not registered; register it, or mend the IRI", id)
			}
		}
	}
}
