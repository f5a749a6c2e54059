package demo

import (
	"math"
	"slices"
	"time"
)

// Programme is a training of the wards' nurses and nursing assistants, as it was registered, with what it is known to
// have brought about.
type Programme struct {
	ID, Name            string
	Treated, Comparison []string // ids of units
	Starts, Ends        time.Time
	WindowMonths        int // of results, on each side
	WindowDays          int // of behaviour, on each side
	Competencies        []string
	KPIs                []string
	Pre, Post           string // IRIs of the assessments
	Retention           string
	RetentionDays       int // from Post to Retention, at least

	Effect   Effect
	Expected Expected
}

// programme is one as the generator knows it.
type programme struct {
	Programme
	index   int
	slug    string
	skills  []int
	targets map[string]float64 // questions of the patient survey, and how much of the effect each gets
}

// programmeRoles are who is trained.
var programmeRoles = []string{"nurse", "nursing-assistant"}

// planProgrammes places both programmes in the middle of the history: two months long, the second a month later.
func (h *Hospital) planProgrammes() []programme {
	first := h.cfg.Months/2 - 2
	window := min(6, first, h.cfg.Months-first-3)
	list := []programme{{
		slug: "listen-first", skills: []int{listening, empathy},
		targets: map[string]float64{"listened": 1, "courtesy": 0.8, "rating": 0.6, "recommend": 0.6},
		Programme: Programme{
			Name:    "Listen first",
			Treated: []string{"cardiology", "geriatrics"}, Comparison: []string{"pulmonology", "neurology"},
		},
	}, {
		slug: "clear-words", skills: []int{clarity, conflict},
		targets: map[string]float64{"explained": 1, "concerns": 0.8, "rating": 0.6, "recommend": 0.6},
		Programme: Programme{
			Name:    "Clear words",
			Treated: []string{"orthopaedics", "general-surgery"}, Comparison: []string{"urology", "gynaecology"},
		},
	}}
	for i := range list {
		g := &list[i]
		g.index = i
		g.ID = own + "programmes/" + g.slug
		g.Starts, g.Ends = h.month(first+i), h.month(first+i+2)
		g.WindowMonths, g.WindowDays = window, 90
		g.Pre, g.Post, g.Retention = g.part("assessments/pre"), g.part("assessments/post"), g.part("assessments/retention")
		g.RetentionDays = 60
		for _, c := range g.skills {
			g.Competencies = append(g.Competencies, competency(c))
		}
		for _, q := range questions {
			if g.targets[q.slug] > 0 {
				g.KPIs = append(g.KPIs, q.kpi())
			}
		}
		g.Effect = h.cfg.Effects[i]
		g.Expected = h.expect(g)
	}
	return list
}

// Programmes gives the programmes with what is known of them.
func (h *Hospital) Programmes() []Programme {
	var list []Programme
	for i := range h.programmes {
		list = append(list, h.programmes[i].Programme)
	}
	return list
}

// part is the IRI of something that belongs to the programme.
func (g *programme) part(name string) string { return g.ID + "/" + name }

func (g *programme) trains(c int) bool { return slices.Contains(g.skills, c) }

// enrols tells whether somebody is to take part.
func (g *programme) enrols(p *person) bool {
	return slices.ContainsFunc(p.posts, func(q post) bool {
		return slices.Contains(programmeRoles, q.role) && slices.Contains(g.Treated, q.unit) &&
			q.from.Before(g.Ends) && (q.to.IsZero() || q.to.After(g.Starts))
	})
}

// effectOn is what the programme adds to a ward's latent answers to a question in a month.
func (g *programme) effectOn(ward, question string, month time.Time) float64 {
	if !slices.Contains(g.Treated, ward) || month.Before(g.Starts) {
		return 0
	}
	effect := g.Effect.Patients.patients() * g.targets[question]
	if month.Before(g.Ends) {
		effect /= 2
	}
	return effect
}

// skillOf is the mean of the skills that the programme trains, of a person before it.
func (g *programme) skillOf(p *person) float64 {
	sum := 0.0
	for _, c := range g.skills {
		sum += p.skill[c]
	}
	return sum / float64(len(g.skills))
}

// assess gives the score that somebody reaches who has gained something.
func (g *programme) assess(d draw, p *person, gained float64) float64 {
	return cut(assessmentMean + assessmentSlope*g.skillOf(p) + gained + d.normal(0, assessmentNoise))
}

// assessment gives mean and deviation, before the cut to [0, 1], of the scores after a gain with a mean and a deviation.
func (g *programme) assessment(gain, sd float64) (mean, deviation float64) {
	for _, c := range g.skills {
		mean += trainedSkill[c] / float64(len(g.skills))
	}
	// Half of the variance of a skill is the person's, the other half each skill's own.
	variance := skillSD * skillSD * (0.5 + 0.5/float64(len(g.skills)))
	mean = assessmentMean + assessmentSlope*mean + gain
	return mean, math.Sqrt(assessmentSlope*assessmentSlope*variance + assessmentNoise*assessmentNoise + sd*sd)
}
