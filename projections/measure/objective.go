package measure

import "time"

// Comparator is how an objective's value must stand to its target. Any other than these is never satisfied.
type Comparator string

const (
	AtLeast  Comparator = ">="
	MoreThan Comparator = ">"
	AtMost   Comparator = "<="
	LessThan Comparator = "<"
)

func (c Comparator) holds(value, target float64) bool {
	switch c {
	case AtLeast:
		return value >= target
	case MoreThan:
		return value > target
	case AtMost:
		return value <= target
	case LessThan:
		return value < target
	}
	return false
}

// near gives the end of an interval that is the last to satisfy c.
func (c Comparator) near(lower, upper *float64) *float64 {
	if c == AtMost || c == LessThan {
		return upper
	}
	return lower
}

// Objective is what a programme is to come to, and by when.
type Objective struct {
	Comparator Comparator
	Target     float64
	By         time.Time
	MinN       int // people, sheets or answers behind the value, where it has a number of these beside it
}

// Outcome is the value of an objective's metric at min(at, by).
type Outcome struct {
	Value        *float64 // nil: cannot be computed
	Lower, Upper *float64 // the interval of this very value; nil: it has none
	N            *int     // that the answer has beside the value; nil: it has none
}

// ObjectiveState tells how an objective stands.
type ObjectiveState string

const (
	ObjectiveMet    ObjectiveState = "met"
	ObjectiveOpen   ObjectiveState = "open"   // not met, and there is time
	ObjectiveMissed ObjectiveState = "missed" // not met, and there is none
)

// Judge tells how an objective stands at a moment (DOMAIN.md, "Effectiveness of a programme"). It is not met by a value
// that cannot be computed, nor by one with fewer than MinN behind it. It is confirmed if it is met and the bound of the
// interval nearest to the target satisfies the comparator too; without an interval it is not.
func (o Objective) Judge(at time.Time, x Outcome) (state ObjectiveState, confirmed bool) {
	enough := x.N == nil || *x.N >= o.MinN
	if enough && o.satisfiedBy(x.Value) {
		return ObjectiveMet, o.satisfiedBy(o.Comparator.near(x.Lower, x.Upper))
	}
	if at.Before(o.By) {
		return ObjectiveOpen, false
	}
	return ObjectiveMissed, false
}

func (o Objective) satisfiedBy(value *float64) bool {
	return finite(value) && o.Comparator.holds(*value, o.Target)
}
