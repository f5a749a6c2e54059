package definition

import "slices"

// verbResponded is that of an answer. Answers are counted by questions only, where small numbers are hidden.
const verbResponded = "http://adlnet.gov/expapi/verbs/responded"

// kpi refuses whatever would let two numbers be subtracted until they show one person's answer (DOMAIN.md, "Small
// numbers").
func (c *checker) kpi(k *KPI) {
	if k.Match != nil {
		if len(k.Match.Verbs) == 0 {
			c.fault("/match", ruleKPIResponded, "without verbs the match may take answers to surveys; name the verbs, without %s", verbResponded)
		} else if i := slices.Index(k.Match.Verbs, verbResponded); i >= 0 {
			c.fault(pointer("match", "verbs", i), ruleKPIResponded, "answers to surveys are counted by questions; leave this verb out")
		}
	}
	c.changedKPI(k)
	c.boxes(k)
	c.hidden(k)
	told := map[*KPI]bool{}
	for i, id := range k.Questions {
		if c.questions[id].survey == nil {
			c.fault(pointer("questions", i), ruleReference, "no survey asks the question %s; register one that does, or mend the IRI", id)
		}
		for _, other := range c.kpis[id] {
			if same := sameQuestions(k, other) && k.Interval == other.Interval && k.MinN == other.MinN; !same && !told[other] {
				c.fault(pointer("questions", i), ruleKPIShared, "the kpi %s is made of this question too; both must have the same "+
					"questions, interval and minN, or no question in common", other.ID())
				told[other] = true
			}
		}
		c.kpis[id] = append(c.kpis[id], k)
	}
}

// hidden refuses a KPI of the measure of another, where one of them hides its small numbers and the other would tell them: it
// hides less, cuts time elsewhere, or divides by the measure. Who only divides by it hides how few the statements are, and
// not the measure. That two KPIs count the same statements, and one hides them, is for who registers them to say.
func (c *checker) hidden(k *KPI) {
	if k.Measure == "" {
		return
	}
	hides := func(k *KPI) bool { return k.Statistic == Measure && k.MinN > 0 }
	for _, other := range c.counting {
		same := k.Statistic == other.Statistic && k.MinN == other.MinN && k.Interval == other.Interval
		if k.Measure == other.Measure && (hides(k) || hides(other)) && !same {
			c.fault("/measure", ruleKPIShared, "the kpi %s is made of this measure too, and one of them hides small numbers; "+
				"both must be of the statistic measure, with the same interval and minN, or of other measures", other.ID())
		}
	}
	c.counting = append(c.counting, k)
}

func (c *checker) changedKPI(k *KPI) {
	old, ok := Find[*KPI](c.inForce, k.ID())
	if !ok {
		return
	}
	const advice = "must not change, because old and new numbers together would show single answers; register another kpi"
	if !sameQuestions(old, k) {
		c.fault("/questions", ruleKPIChanged, "the questions of a registered kpi %s", advice)
	}
	if old.Interval != k.Interval {
		c.fault("/interval", ruleKPIChanged, "the interval of a registered kpi %s (it is %s)", advice, old.Interval)
	}
	if old.MinN != k.MinN {
		c.fault("/minN", ruleKPIChanged, "the minN of a registered kpi %s (it is %d)", advice, old.MinN)
	}
}
