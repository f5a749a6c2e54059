package definition

func (c *checker) evidenceRules(r *EvidenceRules) {
	if c.rules == nil {
		c.rules = r
	} else if prior, first := r.EffectivePrior(), c.rules.EffectivePrior(); prior != first {
		at := ""
		if r.Prior != nil {
			at = "/prior"
		}
		c.fault(at, rulePrior, "the prior is alpha %v, beta %v, but that of the rules %s is alpha %v, beta %v; all rules apply "+
			"together and must have the same", prior.Alpha, prior.Beta, c.rules.ID(), first.Alpha, first.Beta)
	}
	c.unique("rules", len(r.Rules), func(i int) string { return r.Rules[i].ID })
	for i := range r.Rules {
		for j, id := range r.Rules[i].Competencies.IDs {
			c.competency(pointer("rules", i, "competencies", j), id)
		}
	}
}
