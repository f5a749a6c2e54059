package demo

import (
	"math"
	"time"
)

// Expected is what a programme's effectiveness would be found to be without chance: the exact expectation, under the
// model, of the point estimates that DOMAIN.md, "Effectiveness of a programme", defines. A 95 % interval that is right
// covers each about 95 times in 100, over seeds.
//
// Three things are left out because they are too small to be seen: scores of assessments are rounded to a hundredth
// (an error below 0.0001 in a mean), which months are published has a little to do with how the answers of two wards
// are mixed in them, and nothing depends on the people or numbers that a seed happens to draw.
type Expected struct {
	MeanPre, MeanGain float64 // learning, of those with both scores
	RetentionGain     float64 // from the final assessment to the one after it

	// Behaviour is the mean gain of observed scores by competency. It is over all enrolled, of whom some did not take
	// part, and so gained nothing.
	Behaviour map[string]float64

	// Results is by KPI the difference of differences, in the KPI's unit, over the months of the window.
	Results map[string]float64
}

func (h *Hospital) expect(g *programme) Expected {
	e := Expected{Behaviour: map[string]float64{}, Results: map[string]float64{}}
	gain := g.Effect.Learning.learning()
	e.MeanPre = expectedCut(g.assessment(0, 0))
	post := expectedCut(g.assessment(gain, gainSD))
	e.MeanGain = post - e.MeanPre
	e.RetentionGain = expectedCut(g.assessment(gain+forgotten, gainSD)) - post
	for _, c := range g.skills {
		sd := math.Hypot(skillSD, ratingNoise)
		before := ratings.expected(trainedSkill[c], sd)
		after := ratings.expected(trainedSkill[c]+g.Effect.Behaviour.behaviour(), sd)
		e.Behaviour[competency(c)] = taking * (ratingScore(after) - ratingScore(before))
	}
	for _, q := range questions {
		if g.targets[q.slug] > 0 {
			e.Results[q.kpi()] = h.expectedDifference(g, q)
		}
	}
	return e
}

// expectedDifference is the mean over the months after a programme of treated minus comparison wards, minus that of the
// months before.
func (h *Hospital) expectedDifference(g *programme, q question) float64 {
	gap := func(from time.Time) (sum float64) {
		for m := range g.WindowMonths {
			month := from.AddDate(0, m, 0)
			sum += h.expectedValue(g, q, g.Treated, month) - h.expectedValue(g, q, g.Comparison, month)
		}
		return sum / float64(g.WindowMonths)
	}
	return gap(g.Ends) - gap(g.Starts.AddDate(0, -g.WindowMonths, 0))
}

// expectedValue is that of the KPI over the answers of some wards in a month. Their numbers are Poisson, so that of all
// answers the expected share of a ward is its share of the expected numbers.
func (h *Hospital) expectedValue(g *programme, q question, units []string, month time.Time) float64 {
	sum, sheets := 0.0, 0.0
	for _, id := range units {
		w := wardByID(id)
		latent := h.mood(w, month) + q.liking + g.effectOn(id, q.slug, month)
		sum += w.sheets * q.value(latent, math.Hypot(1, h.cfg.UnitMonth))
		sheets += w.sheets
	}
	return sum / sheets
}
