package measure

// Need is how one person stands in a competency that a role of theirs requires.
type Need struct {
	State    State
	Estimate *float64 // nil: no evidence
	From     float64  // of the required level
}

// NeedOf reads a person's need off a [Standing]; levels are those of the framework. False: nothing is required.
func NeedOf(levels []Level, s Standing) (Need, bool) {
	if s.Required == nil {
		return Need{}, false
	}
	for _, l := range levels {
		if l.ID == *s.Required {
			return Need{State: s.State, Estimate: s.Value, From: l.From}, true
		}
	}
	return Need{}, false
}

// short is by how much the estimate misses the required level, in [0, 1]. No evidence counts as an estimate of 0.
func (n Need) short() float64 {
	estimate := 0.0
	if n.Estimate != nil {
		estimate = *n.Estimate
	}
	return max(0, n.From-estimate)
}

// Gap is what a unit lacks in one competency.
type Gap struct {
	People  int     // of whom it is required
	NotMet  int     // of these: without evidence, not met or lapsed
	Share   float64 // NotMet/People, in [0, 1]
	MeanGap float64 // by how much estimates miss the required level on average, in [0, 1]
}

// GapOf adds up the needs of a unit's people, in whatever order (DOMAIN.md, "Competency"). Where nobody is required to
// have the competency there is no gap: all is 0.
func GapOf(needs []Need) Gap {
	if len(needs) == 0 {
		return Gap{}
	}
	g := Gap{People: len(needs)}
	var short Histogram
	for _, n := range needs {
		switch n.State {
		case NoEvidence, NotMet, Lapsed:
			g.NotMet++
		}
		short.Add(n.short(), 1)
	}
	g.Share = float64(g.NotMet) / float64(g.People)
	g.MeanGap = short.mean()
	return g
}

// Priority says how urgent a gap is, in [0, 2]: up to twice its share, the less content patients are. patient is the
// value of the KPI that the competency is linked to, nil if there is none or it is suppressed; on is the KPI's scale;
// down: less is better.
func (g Gap) Priority(patient *float64, on Scale, down bool) float64 {
	if !finite(patient) {
		return g.Share
	}
	x := on.Of(*patient)
	if down {
		x = 1 - x
	}
	return float64(g.Share * (2 - x))
}
