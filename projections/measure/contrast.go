package measure

import "math"

// Contrast is by how much treated units moved away from the comparison units. It says what moved together, not what
// caused it.
type Contrast struct {
	Difference   *float64 // in the KPI's unit; nil without a month on each side
	Lower, Upper *float64 // the 95 % Student interval; nil with fewer than 3 months on a side
}

// minMonths is how few months on a side an interval can come from.
const minMonths = 3

// ContrastOf compares the months after a programme with those before it, each given by the treated units' value minus
// the comparison units' (DOMAIN.md, "Effectiveness of a programme", 4). The order of months does not matter.
func ContrastOf(before, after []float64) Contrast {
	m0, m1 := len(before), len(after)
	b, a := HistogramOf(before...), HistogramOf(after...)
	difference := a.mean() - b.mean() // NaN if there are none on a side
	result := Contrast{Difference: number(difference)}
	if m0 >= minMonths && m1 >= minMonths {
		df := m0 + m1 - 2
		s := math.Sqrt((b.squares() + a.squares()) / float64(df)) // pooled
		root := math.Sqrt(1/float64(m0) + 1/float64(m1))
		result.Lower, result.Upper = around(difference, float64(float64(studentT(df)*s)*root))
	}
	return result
}
