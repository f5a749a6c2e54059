package measure

import "math"

// z is the normal quantile of every 95 % interval that is not Student's (DOMAIN.md, "KPIs").
const z = 1.959964

// Point is a KPI's value in one period, before [Tree.Published] says whether it may be published.
type Point struct {
	Value        *float64 // nil: cannot be computed
	Lower, Upper *float64 // the 95 % interval; nil together, where there is none
	N            int      // answers, statements, or Σ n of the measures
}

// TopBoxOf is the share of answers in the top box, with Wilson's interval, all in [0, 1]; all nil if n = 0. As questions
// differ in what their top box is, the caller counts: n answers, of them top in their question's box (0 ≤ top ≤ n).
func TopBoxOf(top, n int) Point {
	count := float64(n)
	p := float64(top) / count
	point := Point{Value: number(p), N: n}
	if point.Value == nil {
		return point
	}
	const z2 = z * z
	whole := 1 + z2/count
	centre := (p + z2/(2*count)) / whole
	root := math.Sqrt(float64(p*(1-p))/count + z2/float64(4*float64(count*count)))
	half := float64(z*root) / whole
	// At 0 and 1 a bound is the value itself, which rounding may miss.
	point.Lower, point.Upper = number(min(p, clamp(centre-half))), number(max(p, clamp(centre+half)))
	return point
}

// MeanOf is the mean of raw scores, with Student's interval. Value is nil if n = 0, the bounds if n < 2.
func MeanOf(h Histogram) Point {
	point := Point{Value: h.Mean(), N: h.N()}
	point.Lower, point.Upper = h.studentBounds()
	return point
}

// NPSOf is the net promoter score of raw scores from 0 to 10, in [−100, 100], with value ± z se, which may reach
// beyond. All nil if n = 0. Scores that are neither promoters' (9 to 10) nor detractors' (0 to 6) count in n alone.
func NPSOf(h Histogram) Point {
	promoters := float64(h.Count(func(v float64) bool { return 9 <= v && v <= 10 }))
	detractors := float64(h.Count(func(v float64) bool { return 0 <= v && v <= 6 }))
	n := float64(h.N())
	net := promoters - detractors
	point := Point{Value: number(float64(100*net) / n), N: h.N()}
	if point.Value != nil {
		share := net / n
		variance := (promoters+detractors)/n - float64(share*share)
		se := float64(100 * math.Sqrt(variance/n))
		point.Lower, point.Upper = around(*point.Value, float64(z*se))
	}
	return point
}

// CountOf is a number of statements, with n ± z √n, not below 0. Never nil: none are 0, between 0 and 0.
func CountOf(n int) Point { return rate(n, 1) }

// Per1000Of is the number of statements per 1000 of a measure (admissions, say), with its interval as [CountOf] has it.
// sum is that of the measure's values in the period; all is nil unless it is positive. N is that of the statements.
func Per1000Of(n int, sum float64) Point {
	if !(sum > 0) {
		return Point{N: n}
	}
	return rate(n, 1000/sum)
}

// rate is a count of n, ± z √n and not below 0, in some unit.
func rate(n int, unit float64) Point {
	value := float64(float64(n) * unit)
	point := Point{Value: number(value), N: n}
	point.Lower, point.Upper = around(value, float64(float64(z*math.Sqrt(float64(n)))*unit))
	if point.Lower != nil {
		*point.Lower = max(0, *point.Lower)
	}
	return point
}

// MeasureOf is the mean of recorded values, each as often as its record's n says (absent: once); without an interval.
// N is Σ n; Value is nil if that is 0.
func MeasureOf(h Histogram) Point { return Point{Value: h.Mean(), N: h.N()} }
