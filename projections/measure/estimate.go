package measure

import "time"

// Prior is the evidence for (Alpha) and against (Beta) that is assumed before there is any; both are positive.
type Prior struct {
	Alpha, Beta float64
}

// DefaultPrior holds unless the rules say otherwise.
var DefaultPrior = Prior{Alpha: 0.5, Beta: 0.5}

// Estimate is what evidence adds up to at one moment. Value, Mean, Lower and Upper are in [0, 1], and nil together:
// without evidence, and where all of it weighs nothing, so that there is no mean (rules of weight 0, or evidence more
// than a thousand half-lives old).
type Estimate struct {
	Value *float64 // the estimate itself, which neither thin nor old evidence raises
	Mean  *float64 // of the scores by weight

	// Lower and Upper are an indicative range: the 5 % quantile of the Beta distribution, or Value if that is less,
	// and the 95 % quantile.
	Lower, Upper *float64

	Weight   float64 // of all pieces, after decay
	Evidence int     // number of pieces
}

// The quantiles of the indicative range.
const (
	lowerQuantile = 0.05
	upperQuantile = 0.95
)

// EstimateOf adds up the evidence that counts (see [Supersede]) for one person and one competency, in whatever order
// it is given, as of at (DOMAIN.md, "Competency"). A piece that is later than at has not begun to decay.
func EstimateOf(kept []Evidence, at time.Time, prior Prior) Estimate {
	s := sumUp(inOrder(kept), at)
	result := Estimate{Weight: s.weight, Evidence: len(kept)}
	if s.weight > 0 {
		mean, value := s.mean(), s.estimate(prior)
		alpha, beta := s.posterior(prior)
		lower := min(value, betaQuantile(lowerQuantile, alpha, beta))
		upper := betaQuantile(upperQuantile, alpha, beta)
		result.Value, result.Mean, result.Lower, result.Upper = &value, &mean, &lower, &upper
	}
	return result
}

// sums are over the evidence at one moment.
type sums struct {
	weight float64 // Σ wd
	good   float64 // Σ wds
	bad    float64 // Σ wd(1−s)
}

// sumUp adds in the order given.
func sumUp(kept []Evidence, at time.Time) (s sums) {
	for i := range kept {
		e := &kept[i]
		wd := float64(e.Weight * e.decay(at))
		s.weight += wd
		s.good += float64(wd * e.Score)
		s.bad += float64(wd * (1 - e.Score))
	}
	return s
}

// mean is NaN if the weight is 0.
func (s sums) mean() float64 { return s.good / s.weight }

func (s sums) estimate(prior Prior) float64 {
	alpha, beta := s.posterior(prior)
	return min(alpha/(alpha+beta), s.mean())
}

func (s sums) posterior(prior Prior) (alpha, beta float64) {
	return prior.Alpha + s.good, prior.Beta + s.bad
}

const day = 24 * time.Hour

// decay is the part of the weight that is left at at, in [0, 1]. Its age is in whole microseconds, as moments are: a
// time.Duration ends after 292 years.
func (e *Evidence) decay(at time.Time) float64 {
	age := float64(at.UnixMicro()-e.Timestamp.UnixMicro()) / float64(day/time.Microsecond)
	if e.HalfLifeDays <= 0 || age <= 0 {
		return 1
	}
	return exp2(-age / e.HalfLifeDays)
}

// Piece is evidence with its part in the result.
type Piece struct {
	Evidence
	Decay float64 // what is left of the weight, in [0, 1]
	Share float64 // of the weight of all pieces after decay, in [0, 1]; 0 if they weigh nothing together
}

// Weigh tells the part of each piece in the [Estimate] that the same arguments give, in the order of its sums.
func Weigh(kept []Evidence, at time.Time) []Piece {
	kept = inOrder(kept)
	total := sumUp(kept, at).weight
	pieces := make([]Piece, len(kept))
	for i, e := range kept {
		pieces[i] = Piece{Evidence: e, Decay: e.decay(at)}
		if total > 0 {
			pieces[i].Share = float64(e.Weight*pieces[i].Decay) / total
		}
	}
	return pieces
}
