package measure

import (
	"slices"
	"time"
)

// Level is a step of a framework's scale. The levels of a framework differ in From.
type Level struct {
	ID   string
	From float64 // the least estimate, in [0, 1]
}

// LevelOf gives the highest level that an estimate reaches, nil if there is none.
func LevelOf(levels []Level, estimate float64) *Level {
	var reached *Level
	for i := range levels {
		if l := &levels[i]; l.From <= estimate && (reached == nil || l.From >= reached.From) {
			reached = l
		}
	}
	return reached
}

// Requirement is what one role requires of one competency.
type Requirement struct {
	Level       string   // id of one of the framework's levels; others are refused at registration and ignored here
	MinEvidence int      // number of pieces that count; 0 is 1, as without any the state is NoEvidence
	MinWeight   *float64 // after decay; nil: 1
	Kinds       []string // evidence of one of them must be there; empty: of any kind
}

// defaultMinWeight is the Requirement's where it gives none.
const defaultMinWeight = 1

func (r *Requirement) minWeight() float64 {
	if r.MinWeight == nil {
		return defaultMinWeight
	}
	return *r.MinWeight
}

// shownBy tells whether there are enough pieces of evidence, of a kind that counts.
func (r *Requirement) shownBy(kept []Evidence) bool {
	ofKind := func(e Evidence) bool { return slices.Contains(r.Kinds, e.Kind) }
	return len(kept) >= r.MinEvidence && (len(r.Kinds) == 0 || slices.ContainsFunc(kept, ofKind))
}

// State tells how a person stands in a competency.
type State string

const (
	NoEvidence  State = "no_evidence"  // nothing to estimate from
	NotRequired State = "not_required" // evidence, but no role asks for it
	NotMet      State = "not_met"      // the estimate is too low, or evidence is missing in number or kind
	Lapsed      State = "lapsed"       // met but for the weight, which decay has taken
	Expiring    State = "expiring"     // met, but not in 30 days without new evidence
	Met         State = "met"
)

// expiry is how far ahead Expiring looks.
const expiry = 30 * day

// Standing is a person's estimate in a competency against what their roles require. Level and Required are ids of
// levels, nil where no level is reached or required.
type Standing struct {
	Estimate
	Level    *string
	Required *string
	State    State
}

// Assess gives a person's standing in a competency at a moment: kept is the evidence that counts (see [Supersede]),
// levels are those of the competency's framework, and requirements those of all roles held at that moment
// (DOMAIN.md, "Competency"). Of the requirements those of the highest level count, and all of these must hold.
func Assess(kept []Evidence, at time.Time, prior Prior, levels []Level, requirements []Requirement) Standing {
	kept = inOrder(kept)
	s := Standing{Estimate: EstimateOf(kept, at, prior)}
	if s.Value != nil {
		if l := LevelOf(levels, *s.Value); l != nil {
			s.Level = &l.ID
		}
	}
	required, those := highest(levels, requirements)
	if required != nil {
		s.Required = &required.ID
	}
	switch {
	case s.Value == nil:
		s.State = NoEvidence
	case required == nil:
		s.State = NotRequired
	default:
		s.State = judge(kept, at, prior, required.From, those)
	}
	return s
}

// judge tells how evidence that weighs something stands against requirements of one level, which begins at from.
func judge(kept []Evidence, at time.Time, prior Prior, from float64, requirements []Requirement) State {
	minWeight := 0.0
	for i := range requirements {
		if !requirements[i].shownBy(kept) {
			return NotMet
		}
		minWeight = max(minWeight, requirements[i].minWeight())
	}
	now, later := sumUp(kept, at), sumUp(kept, at.Add(expiry))
	switch {
	case now.estimate(prior) < from:
		return NotMet
	case now.weight < minWeight:
		return Lapsed
	case later.weight == 0 || later.weight < minWeight || later.estimate(prior) < from:
		// Time changes more than the weight: the estimate nears the prior's as evidence thins, and its mean moves
		// to what decays more slowly.
		return Expiring
	}
	return Met
}

// highest gives the highest level that is required, and the requirements of this level; nil if nothing is required.
func highest(levels []Level, requirements []Requirement) (level *Level, those []Requirement) {
	for _, r := range requirements {
		i := slices.IndexFunc(levels, func(l Level) bool { return l.ID == r.Level })
		switch {
		case i < 0:
		case level == nil || levels[i].From > level.From:
			level, those = &levels[i], []Requirement{r}
		case levels[i].From == level.From:
			those = append(those, r)
		}
	}
	return level, those
}
