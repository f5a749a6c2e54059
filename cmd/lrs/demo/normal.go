package demo

import "math"

// cumulative is the standard normal distribution's probability of x or less.
func cumulative(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// ladder turns a latent value into a score: lowest, and one more for each step that is reached. Steps rise.
type ladder struct {
	lowest int
	steps  []float64
}

func (l ladder) score(latent float64) int {
	n := l.lowest
	for _, step := range l.steps {
		if latent < step {
			break
		}
		n++
	}
	return n
}

// reach is the probability of a score of at least k, of a normal latent value.
func (l ladder) reach(k int, mean, sd float64) float64 {
	switch i := k - l.lowest - 1; {
	case i < 0:
		return 1
	case i >= len(l.steps):
		return 0
	default:
		return cumulative((mean - l.steps[i]) / sd)
	}
}

// expected is the mean score of a normal latent value.
func (l ladder) expected(mean, sd float64) float64 {
	sum := float64(l.lowest)
	for i := range l.steps {
		sum += l.reach(l.lowest+1+i, mean, sd)
	}
	return sum
}

// cut keeps a score in [0, 1].
func cut(x float64) float64 { return min(max(x, 0), 1) }

// expectedCut is the mean of cut(x) of a normal x.
func expectedCut(mean, sd float64) float64 {
	density := func(z float64) float64 { return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) }
	a, b := -mean/sd, (1-mean)/sd
	return mean*(cumulative(b)-cumulative(a)) + sd*(density(a)-density(b)) + 1 - cumulative(b)
}
