package measure

import "math"

// Pair is a person's score before and after, each in [0, 1].
type Pair struct {
	Pre, Post float64
}

// Paired is what pairs say together. What cannot be computed is nil: all but N if there are none; the deviation, the
// bounds and HedgesG if there is one.
type Paired struct {
	N        int // pairs
	MeanPre  *float64
	MeanPost *float64
	MeanGain *float64 // of post − pre
	SDGain   *float64 // with n − 1

	Lower, Upper *float64 // the 95 % Student interval of MeanGain

	// HedgesG is MeanGain in standard deviations: over the root of the mean variance of pre and post, corrected for
	// small n. nil too if neither pre nor post varies.
	HedgesG *float64

	// HakeGain is how much was gained of what there was to gain; nil too if that is nothing, every pre being 1.
	HakeGain *float64
}

// PairedOf compares people with themselves (DOMAIN.md, "Effectiveness of a programme", 2 and 3). The order of pairs does
// not matter to a single bit.
func PairedOf(pairs []Pair) Paired {
	n := len(pairs)
	pres, posts, gains := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, p := range pairs {
		pres[i], posts[i], gains[i] = p.Pre, p.Post, p.Post-p.Pre
	}
	pre, post, gain := HistogramOf(pres...), HistogramOf(posts...), HistogramOf(gains...)
	result := Paired{N: n, MeanPre: pre.Mean(), MeanPost: post.Mean(), MeanGain: gain.Mean(), SDGain: gain.SD()}
	result.Lower, result.Upper = gain.studentBounds()
	if n > 0 {
		result.HakeGain = number((post.mean() - pre.mean()) / (1 - pre.mean()))
	}
	if n > 1 {
		variance := (pre.squares() + post.squares()) / float64(2*(n-1))
		small := 1 - 3/(float64(8*float64(n))-9)
		result.HedgesG = number(float64(gain.mean() / math.Sqrt(variance) * small))
	}
	return result
}
