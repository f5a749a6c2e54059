package definition

import "slices"

// Answers that were published once must not be published again in another grouping: what two numbers differ by may be one
// person's answer (DOMAIN.md, "Small numbers"). [checker.kpi] sees to that for KPIs; here it is for reaction surveys, which
// are published by programme, and for what both are made of.

// reaction refuses what would let a programme's reaction be subtracted from something.
func (c *checker) reaction(p *Programme) {
	const advice = "because what was answered before and after together would show single answers; register another programme"
	old, ok := Find[*Programme](c.inForce, p.ID())
	registered := ok && old.ReactionSurvey != ""
	if registered && old.ReactionSurvey != p.ReactionSurvey {
		c.fault("/reactionSurvey", ruleReactionChanged, "the reactionSurvey of a registered programme must stay, %s", advice)
		return
	}
	survey, ok := Find[*Survey](c.set, p.ReactionSurvey)
	if !ok {
		return
	}
	for _, k := range All[*KPI](c.set) {
		for _, id := range k.Questions {
			if survey.has(id) {
				c.fault("/reactionSurvey", ruleReactionKPI, "the kpi %s is made of its question %s; a reaction is published by programme and a kpi by unit, "+
					"and the two together would show single answers: ask with questions of its own", k.ID(), id)
				return
			}
		}
	}
	if !registered {
		return
	}
	if old.Ends != p.Ends {
		c.fault("/ends", ruleReactionChanged, "the end of a registered programme with a reactionSurvey must not change, %s", advice)
	}
	before, ok := Find[*Survey](c.inForce, p.ReactionSurvey)
	if !ok {
		return
	}
	same := len(before.Questions) == len(survey.Questions)
	for i := range before.Questions {
		same = same && survey.has(before.Questions[i].ID)
	}
	if !same {
		c.fault("/reactionSurvey", ruleReactionChanged, "the survey %s must keep its questions, %s", survey.ID(), advice)
	} else if id := c.boxChanged(ids(before), len(before.Questions)); id != "" {
		c.fault("/reactionSurvey", ruleReactionChanged, "the question %s must keep its topBox, %s", id, advice)
	}
}

// boxes refuses another top box of a question among several that a registered KPI is made of. Whatever its statistic is:
// it may have been another, and may be again.
func (c *checker) boxes(k *KPI) {
	if _, ok := Find[*KPI](c.inForce, k.ID()); !ok {
		return
	}
	if id := c.boxChanged(k.Questions, len(k.Questions)); id != "" {
		c.fault("/questions", ruleKPIChanged, "the topBox of the question %s must not change, because old and new numbers together would show "+
			"single answers; give the question another id, and register another kpi", id)
	}
}

// boxChanged finds a question, among several whose answers are added up, that has another top box than before.
func (c *checker) boxChanged(questions []string, together int) string {
	if together < 2 {
		return "" // how many gave which answer is not who did
	}
	for _, id := range questions {
		now := c.questions[id].Question
		for _, s := range All[*Survey](c.inForce) {
			if i := slices.IndexFunc(s.Questions, func(q Question) bool { return q.ID == id }); i >= 0 && now != nil && !sameAnswers(&s.Questions[i], now) {
				return id
			}
		}
	}
	return ""
}

func (s *Survey) has(question string) bool {
	return slices.ContainsFunc(s.Questions, func(q Question) bool { return q.ID == question })
}

func ids(s *Survey) (all []string) {
	for i := range s.Questions {
		all = append(all, s.Questions[i].ID)
	}
	return all
}
