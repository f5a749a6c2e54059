package measure

import "math"

// studentT gives t₀.₉₇₅: what a variable of Student's distribution with df ≥ 1 degrees of freedom exceeds in absolute
// value with a probability of 5 %. Within 1e-12 of its value.
func studentT(df int) float64 {
	v := float64(df)
	if df > 1000 {
		// Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5. What it leaves out is below 1e-14 here,
		// and the search for the quantile would take some √df rounds for each of its steps.
		return normal975 + (t1+(t2+(t3+t4/v)/v)/v)/v
	}
	// T²/(df + T²) has the distribution Beta(1/2, df/2). Its upper tail, unlike 1 − the lower tail of
	// Beta(df/2, 1/2), is as precise for many degrees of freedom as it is for few.
	y := betaQuantile(0.95, 0.5, v/2)
	return math.Sqrt(float64(v*y) / (1 - y))
}

// normal975 is the 97.5 % quantile of the normal distribution, to which studentT falls; t1 to t4 are how fast.
const (
	normal975 = 1.959963984540054235524594430520551527955550
	n3        = normal975 * normal975 * normal975
	n5        = n3 * normal975 * normal975
	n7        = n5 * normal975 * normal975
	n9        = n7 * normal975 * normal975

	t1 = (n3 + normal975) / 4
	t2 = (5*n5 + 16*n3 + 3*normal975) / 96
	t3 = (3*n7 + 19*n5 + 17*n3 - 15*normal975) / 384
	t4 = (79*n9 + 776*n7 + 1482*n5 - 1920*n3 - 945*normal975) / 92160
)

// studentBounds gives the 95 % interval for the mean of what a sample is drawn from: mean ± t sd/√n. nil if n < 2.
func (h Histogram) studentBounds() (lower, upper *float64) {
	n := h.N()
	sd := h.SD()
	if sd == nil {
		return nil, nil
	}
	return around(h.mean(), float64(studentT(n-1)**sd)/math.Sqrt(float64(n)))
}

// around gives value ± half, nil unless both are finite.
func around(value, half float64) (lower, upper *float64) {
	lower, upper = number(value-half), number(value+half)
	if lower == nil || upper == nil {
		return nil, nil
	}
	return lower, upper
}
