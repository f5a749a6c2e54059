package xapi

// readResult reads a Result (D 2.4.5).
func (c *cursor) readResult() *Result {
	r := new(Result)
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "score":
			r.Score = c.score()
		case "success":
			r.Success = c.bool()
		case "completion":
			r.Completion = c.bool()
		case "response":
			r.Response = c.string()
		case "duration":
			r.Duration = c.formatted(isDuration, ruleDuration, "an ISO 8601 duration such as PT4H35M59.14S or P4W")
		case "extensions":
			r.Extensions = c.extensions()
		default:
			c.unknown(name, "a result")
		}
	}
	return r
}

// score reads a Score (D 2.4.5.1). Its numbers are compared by their exact values.
func (c *cursor) score() *Score {
	s := new(Score)
	c.begin('{')
	for name := range c.members() {
		switch name {
		case "scaled":
			s.Scaled = c.number()
		case "raw":
			s.Raw = c.number()
		case "min":
			s.Min = c.number()
		case "max":
			s.Max = c.number()
		default:
			c.unknown(name, "a score")
		}
	}
	c.checkScore(s)
	return s
}

func (c *cursor) checkScore(s *Score) {
	if c.err != nil {
		return
	}
	if s.Scaled != "" && (s.Scaled.Compare("-1") < 0 || s.Scaled.Compare("1") > 0) {
		c.failAt("/scaled", ruleScaled, "must be within -1 and 1")
	}
	if s.Min != "" && s.Max != "" && s.Min.Compare(s.Max) >= 0 {
		c.failAt("/min", ruleScoreOrder, "min must be less than max")
	}
	if s.Raw != "" && (s.Min != "" && s.Raw.Compare(s.Min) < 0 || s.Max != "" && s.Raw.Compare(s.Max) > 0) {
		c.failAt("/raw", ruleScoreRaw, "raw must be within min and max")
	}
}
