package demo

import (
	"math"
	"time"
)

// The skills of the shipped framework.
const (
	listening = iota
	empathy
	clarity
	conflict
	culture
	skills // how many
)

var skillSlugs = [skills]string{
	"active-listening", "empathy", "clear-communication", "conflict-resolution", "cultural-sensitivity",
}

// competency is the IRI of a skill.
func competency(c int) string { return shipped + "competencies/" + skillSlugs[c] }

// skillSD is the deviation of a latent skill over people: √½, half of its variance shared by a person's skills.
var skillSD = math.Sqrt(0.5)

// trainedSkill is the mean of a latent skill among those whom the programmes train.
var trainedSkill = [skills]float64{0, 0.1, 0.05, -0.3, -0.15}

// meanSkill is the mean of a latent skill among those who begin with a post.
func meanSkill(p post, c int) float64 {
	mean := trainedSkill[c]
	switch {
	case p.unit == Emergency:
		mean -= 0.3
	case p.role == "manager":
		mean += 0.3
	case p.role == "physician" && c == clarity:
		mean -= 0.3
	case p.role == "clerk" && c == empathy:
		mean -= 0.2
	}
	return mean
}

// skillAt is a latent skill at a time, with what programmes have added.
func (h *Hospital) skillAt(p *person, c int, t time.Time) float64 {
	skill := p.skill[c]
	for i := range h.programmes {
		if g := &h.programmes[i]; p.took[i] && g.trains(c) && !t.Before(g.Ends) {
			skill += g.Effect.Behaviour.behaviour()
		}
	}
	return skill
}

// What observers see: a skill and the noise of a rating, on a ladder from 1 to 5.
var ratings = ladder{1, []float64{-1.6, -0.9, -0.1, 0.9}}

const ratingNoise = 0.7

// ratingScore is a rating as a score in [0, 1].
func ratingScore(rating float64) float64 { return (rating - 1) / 4 }

// What assessments of a programme measure: the mean of the skills that it trains, and noise.
const (
	assessmentMean  = 0.58 // of whose latent skill is 0
	assessmentSlope = 0.1
	assessmentNoise = 0.06
	gainSD          = 0.05  // of what people gain
	forgotten       = -0.03 // from the final assessment to the one that asks what is left
)
