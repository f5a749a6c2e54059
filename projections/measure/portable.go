package measure

import "math"

// The functions of this file give the same bits on every processor, which those of package math do not (see the
// package comment): they use + − × ÷ alone, and round every product. Of package math they take what only moves bits.

// ln 2 in two parts; ln2High has so few bits that its product with an exponent is exact.
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

// exp2 gives 2**x within 1e-15 of its value; x <= 0.
func exp2(x float64) float64 {
	if x < minExponent {
		return 0
	}
	k := math.Round(x)
	x -= k
	return expScaled(float64(x*ln2High), float64(-x*ln2Low), k)
}

// exp gives e**x within 1e-15 of its value.
func exp(x float64) float64 {
	k := math.Round(float64(x * (1 / math.Ln2)))
	switch {
	case k < minExponent:
		return 0
	case k > -minExponent:
		return math.Inf(1)
	}
	return expScaled(x-float64(k*ln2High), float64(k*ln2Low), k)
}

// minExponent is below the exponent of the smallest float64, 2**-1074, as -minExponent is above that of the largest.
const minExponent = -1100

// expScaled gives 2**k × e**(high − low), |high − low| ≤ ln 2 / 2. The polynomial is that of FreeBSD's e_exp.c.
func expScaled(high, low, k float64) float64 {
	const (
		p1 = 1.66666666666666657415e-01
		p2 = -2.77777777770155933842e-03
		p3 = 6.61375632143793436117e-05
		p4 = -1.65339022054652515390e-06
		p5 = 4.13813679705723846039e-08
	)
	r := high - low
	t := float64(r * r)
	p := p4 + float64(t*p5)
	p = p3 + float64(t*p)
	p = p2 + float64(t*p)
	p = p1 + float64(t*p)
	c := r - float64(t*p)
	y := 1 - ((low - float64(r*c)/(2-c)) - high)
	return math.Ldexp(y, int(k))
}

// log gives ln x, x > 0, within 1e-15 of its value. The polynomial is that of FreeBSD's e_log.c.
func log(x float64) float64 {
	const (
		l1 = 6.666666666666735130e-01
		l2 = 3.999999999940941908e-01
		l3 = 2.857142874366239149e-01
		l4 = 2.222219843214978396e-01
		l5 = 1.818357216161805012e-01
		l6 = 1.531383769920937332e-01
		l7 = 1.479819860511658591e-01
	)
	fraction, exponent := math.Frexp(x)
	if fraction < math.Sqrt2/2 {
		fraction *= 2
		exponent--
	}
	f, k := fraction-1, float64(exponent)
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	odd := l5 + float64(s4*l7)
	odd = l3 + float64(s4*odd)
	odd = l1 + float64(s4*odd)
	even := l4 + float64(s4*l6)
	even = l2 + float64(s4*even)
	r := float64(s2*odd) + float64(s4*even)
	half := float64(float64(0.5*f) * f)
	return float64(k*ln2High) - ((half - (float64(s*(half+r)) + float64(k*ln2Low))) - f)
}

// lnGamma gives ln Γ(x), x > 0, by Stirling's series (Abramowitz and Stegun, 6.1.41), within 1e-14 or 1e-15 of its
// value, whichever is more.
func lnGamma(x float64) float64 {
	shift := 1.0 // Γ(x) = Γ(x + n) / (x (x + 1) … (x + n − 1)); the series needs a large argument
	for ; x < 10; x++ {
		shift = float64(shift * x)
	}
	r := 1 / x
	r2 := float64(r * r)
	series := -691.0/360360 + float64(r2/156)
	series = 1.0/1188 + float64(r2*series)
	series = -1.0/1680 + float64(r2*series)
	series = 1.0/1260 + float64(r2*series)
	series = -1.0/360 + float64(r2*series)
	series = 1.0/12 + float64(r2*series)
	const halfLn2Pi = 0.91893853320467274178
	return float64((x-0.5)*log(x)) - x + halfLn2Pi + float64(r*series) - log(shift)
}
