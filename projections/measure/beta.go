package measure

import "math"

// betaQuantile gives the x for which Beta(a, b) puts the probability p, in (0, 1), on [0, x], within 1e-12 of x or
// 1e-25. Where a or b is next to nothing all is at that end. Bounded in time; never NaN for finite a and b.
func betaQuantile(p, a, b float64) float64 {
	switch {
	case !(a >= tiny):
		return 0
	case !(b >= tiny):
		return 1
	}
	x := guessQuantile(p, a, b)
	if a+b > maxCertainty {
		return clamp(x)
	}
	// Halley's method, kept inside a bracket that each round narrows: two to five rounds with a prior of 0.5 and usual
	// weights. Where the density is next to nothing or endless its steps leave the bracket and become bisections. The
	// curvature is bounded on both sides lest a step vanish where the density does.
	lnB := lnGamma(a) + lnGamma(b) - lnGamma(a+b)
	low, high := 0.0, 1.0
	for range 100 {
		if !(low < x && x < high) {
			x = low + (high-low)/2
		}
		probability, density := betaCDF(x, a, b, lnB)
		if probability < p {
			low = x
		} else {
			high = x
		}
		newton := (probability - p) / density
		curvature := float64(newton * ((a-1)/x - (b-1)/(1-x)))
		step := newton / (1 - float64(0.5*max(-1, min(curvature, 1))))
		x -= step
		if math.Abs(step) <= float64(1e-13*x) {
			return clamp(x)
		}
	}
	return low + (high-low)/2
}

const (
	// maxCertainty is the a + b beyond which rounding makes rounds useless. There the first guess is within 1e-7.
	maxCertainty = 1e9

	// tiny stands for 0 where that would be divided by.
	tiny = 1e-300
)

// guessQuantile starts the search: from the normal distribution (Abramowitz and Stegun, Handbook of Mathematical
// Functions, 26.5.22 and 26.2.22), or, where the density is infinite or greatest at an end, from its power laws there.
func guessQuantile(p, a, b float64) float64 {
	if a < 1 || b < 1 {
		left := exp(float64(a*log(a/(a+b)))) / a
		right := exp(float64(b*log(b/(a+b)))) / b
		both := left + right
		if p < left/both {
			return exp(log(float64(float64(a*both)*p)) / a)
		}
		return 1 - exp(log(float64(float64(b*both)*(1-p)))/b)
	}
	t := math.Sqrt(float64(-2 * log(min(p, 1-p))))
	z := t - (2.30753+float64(0.27061*t))/(1+float64(t*(0.99229+float64(0.04481*t))))
	if p > 0.5 {
		z = -z
	}
	c := (float64(z*z) - 3) / 6
	ra, rb := 1/(float64(2*a)-1), 1/(float64(2*b)-1)
	h := 2 / (ra + rb)
	w := float64(z*math.Sqrt(h+c))/h - float64((rb-ra)*(c+5.0/6-2/float64(3*h)))
	return a / (a + float64(b*exp(float64(2*w))))
}

// betaCDF gives the probability that Beta(a, b) puts on [0, x], and its density there; 0 < x < 1, lnB is ln B(a, b).
func betaCDF(x, a, b, lnB float64) (probability, density float64) {
	front := exp(float64(a*log(x)) + float64(b*log(1-x)) - lnB)
	density = front / float64(x*(1-x))
	if x < (a+1)/(a+b+2) { // where the fraction converges fast; elsewhere by symmetry
		return float64(front*betaFraction(x, a, b)) / a, density
	}
	return 1 - float64(front*betaFraction(1-x, b, a))/b, density
}

// betaFraction is the continued fraction of the incomplete beta function (Abramowitz and Stegun, 26.5.8), by Lentz's
// method. It takes some √max(a, b) rounds.
func betaFraction(x, a, b float64) float64 {
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-float64((a+b)*x)/(a+1))
	f := d
	for m := 1.0; m < 1e5; m++ {
		k := a + float64(2*m)
		even := float64(float64(m*(b-m))*x) / float64((k-1)*k)
		d = 1 / away(1+float64(even*d))
		c = away(1 + even/c)
		f = float64(f * float64(d*c))

		odd := -float64(float64((a+m)*(a+b+m))*x) / float64(k*(k+1))
		d = 1 / away(1+float64(odd*d))
		c = away(1 + odd/c)
		change := float64(d * c)
		f = float64(f * change)
		if math.Abs(change-1) < 1e-15 {
			break
		}
	}
	return f
}
