package definition

import "slices"

func (c *checker) survey(s *Survey) {
	c.unique("questions", len(s.Questions), func(i int) string { return s.Questions[i].ID })
	for i := range s.Questions {
		q := &s.Questions[i]
		if q.Scale.Min >= q.Scale.Max {
			c.fault(pointer("questions", i, "scale"), ruleScaleOrder, "min is %v and max %v; min must be below max", q.Scale.Min, q.Scale.Max)
		}
		for j, box := range q.TopBox {
			if box < q.Scale.Min || box > q.Scale.Max {
				c.fault(pointer("questions", i, "topBox", j), ruleTopBoxScale, "%v is outside the scale from %v to %v; mend one of them",
					box, q.Scale.Min, q.Scale.Max)
			}
		}
		if first := c.questions[q.ID]; first.survey != s && !sameAnswers(first.Question, q) {
			c.fault(pointer("questions", i), ruleQuestionSame, "the survey %s asks the same question with another scale or topBox; "+
				"make them equal, or give the question another id", first.survey.ID())
		}
	}
}

// sameAnswers reports whether the answers to two questions mean the same.
func sameAnswers(a, b *Question) bool {
	boxes, others := slices.Clone(a.TopBox), slices.Clone(b.TopBox)
	slices.Sort(boxes)
	slices.Sort(others)
	return a.Scale == b.Scale && slices.Equal(boxes, others)
}
