package measure

import "math"

// Result is what a statement says of how well it went: result.score and result.success. nil: not said.
type Result struct {
	Scaled, Raw, Min, Max *float64
	Success               *bool
}

// Bounds is the range of raw scores that an evidence rule assumes where the statement names none. nil: not given.
type Bounds struct {
	Min, Max *float64
}

// Score gives the score of a statement in [0, 1] by the first that applies of scaled, raw within the statement's own
// bounds, raw within the rule's, and success (DOMAIN.md, "Score of a statement"). False: the statement has no score.
//
// Two bounds apply only together and only if min < max; numbers that are not finite count as not said.
func Score(r Result, rule Bounds) (float64, bool) {
	if finite(r.Scaled) {
		return clamp(*r.Scaled), true
	}
	if finite(r.Raw) {
		for _, b := range [...]Bounds{{r.Min, r.Max}, rule} {
			if b.apply() {
				return clamp(b.scale(*r.Raw)), true
			}
		}
	}
	if r.Success == nil {
		return 0, false
	}
	if *r.Success {
		return 1, true
	}
	return 0, true
}

func (b Bounds) apply() bool { return finite(b.Min) && finite(b.Max) && *b.Min < *b.Max }

// scale maps Min to 0 and Max to 1.
func (b Bounds) scale(raw float64) float64 {
	width := *b.Max - *b.Min
	if math.IsInf(width, 0) { // the difference of the largest numbers is none; that of their halves is
		half := *b.Min / 2
		return (raw/2 - half) / (*b.Max/2 - half)
	}
	return (raw - *b.Min) / width
}

func finite(v *float64) bool { return v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) }

// clamp moves v into [0, 1]; -0 becomes 0, so that no answer shows a "-0".
func clamp(v float64) float64 { return max(0, min(v, 1)) }
