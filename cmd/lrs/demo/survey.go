package demo

import (
	"cmp"
	"math"
	"time"
)

// question is one of the shipped patient survey, and of the KPI with its name.
type question struct {
	slug      string
	kpiSlug   string // "": the same
	statistic string
	answers   ladder
	liking    float64 // added to the latent answer
}

// The steps of answers whose latent value has a deviation of 1: on a good ward some 70 % say "always", and 60 % give 9
// or 10.
var (
	always   = ladder{1, []float64{-2.1, -1.3, -0.55}}
	toTen    = ladder{0, []float64{-2.9, -2.7, -2.5, -2.3, -2.0, -1.7, -1.35, -0.9, -0.3, 0.4}}
	willTell = ladder{0, []float64{-2.6, -2.4, -2.2, -2.05, -1.9, -1.65, -1.35, -1.0, -0.4, 0.15}}
)

// questions are those of the patient survey, in its order.
var questions = []question{
	{slug: "listened", statistic: "topBox", answers: always},
	{slug: "explained", statistic: "topBox", answers: always, liking: -0.15},
	{slug: "courtesy", statistic: "topBox", answers: always, liking: 0.3},
	{slug: "concerns", statistic: "topBox", answers: always, liking: -0.3},
	{slug: "respected", statistic: "topBox", answers: always, liking: 0.25},
	{slug: "rating", statistic: "mean", answers: toTen},
	{slug: "recommend", kpiSlug: "loyalty", statistic: "nps", answers: willTell},
}

const patientSurvey = shipped + "surveys/inpatient"

func (q question) id() string { return patientSurvey + "/" + q.slug }

func (q question) kpi() string {
	return shipped + "kpis/" + cmp.Or(q.kpiSlug, q.slug)
}

// value is the expected value of the KPI, of a normal latent answer.
func (q question) value(mean, sd float64) float64 {
	switch q.statistic {
	case "mean":
		return q.answers.expected(mean, sd)
	case "nps": // promoters from 9 on, detractors up to 6
		return 100 * (q.answers.reach(9, mean, sd) - (1 - q.answers.reach(7, mean, sd)))
	default:
		return q.answers.reach(4, mean, sd)
	}
}

const (
	answering = 0.96 // of the questions on a sheet
	patientSD = math.Sqrt2 / 2
	noiseSD   = math.Sqrt2 / 2 // with patientSD a variance of 1
)

// mood is what all latent answers of a ward have in common in a month, without chance and programmes.
func (h *Hospital) mood(w unit, month time.Time) float64 {
	m := float64(int(month.Month()) - 1)
	age := month.Sub(h.month(0)).Hours() / 24 / 30
	mood := w.standing + 0.06*math.Sin(2*math.Pi*m/12) + 0.005*age
	if w.id == Emergency && h.trouble(month) {
		mood--
	}
	return mood
}

// trouble tells whether a month is one of the two in which the emergency department lacks staff: for a signal to see.
func (h *Hospital) trouble(month time.Time) bool {
	return !month.Before(h.Trouble()) && month.Before(h.Trouble().AddDate(0, 2, 0))
}

// patients gives the sheets of a ward's patients in a month.
func (h *Hospital) patients(w unit, m int) (all []Statement) {
	d := h.draw("patients", w.id, m)
	month := h.month(m)
	common := h.mood(w, month) + d.normal(0, h.cfg.UnitMonth)
	var latent [16]float64
	for i, q := range questions {
		latent[i] = common + q.liking
		for k := range h.programmes {
			latent[i] += h.programmes[k].effectOn(w.id, q.slug, month)
		}
	}
	for _, at := range d.arrivals(w.sheets*h.cfg.Scale, month, h.month(m+1)) {
		s := newSheet(d, at, patientSurvey, w.id)
		patient := d.normal(0, patientSD)
		for i, q := range questions {
			if d.chance(answering) {
				all = append(all, s.answer(d, q.slug, q.answers, latent[i]+patient+d.normal(0, noiseSD)))
			}
		}
	}
	return all
}

// staffQuestions are those of the demo's own survey.
var staffQuestions = []struct {
	slug, name string
	answers    ladder
	topBox     []int
}{
	{"recommend", "Would you recommend us as a place to work? (0 not at all to 10 surely)", toTen, []int{9, 10}},
	{"supported", "Does your team support you with difficult patients? (1 never to 5 always)", toFive, []int{4, 5}},
	{"training", "Does training help you in your work? (1 not at all to 5 fully)", toFive, []int{4, 5}},
}

var toFive = ladder{1, []float64{-2, -1.3, -0.5, 0.6}}

const staffSurvey = own + "surveys/staff"

// staff gives the sheets of the staff of a unit, in the last month of each quarter of a year.
func (h *Hospital) staff(u unit, m int) (all []Statement) {
	month := h.month(m)
	if month.Month()%3 != 0 {
		return nil
	}
	d := h.draw("staff", u.id, m)
	common := d.normal(-0.2, 0.2)
	for _, p := range h.people {
		if q, ok := p.at(month); !ok || q.unit != u.id || !d.chance(0.55) {
			continue
		}
		s := newSheet(d, d.workingHours(month, h.days(m)), staffSurvey, u.id)
		mine := d.normal(common, patientSD)
		for _, q := range staffQuestions {
			all = append(all, s.answer(d, q.slug, q.answers, d.normal(mine, noiseSD)))
		}
	}
	return all
}

// sheet is what somebody unknown fills in.
type sheet struct {
	at                 time.Time
	survey, unit       string
	registration, name string
	grouping           []Activity
}

func newSheet(d draw, at time.Time, survey, unit string) sheet {
	return sheet{at: at, survey: survey, unit: unit, registration: d.uuid(), name: d.uuid()}
}

// answer is one of the sheet's.
func (s sheet) answer(d draw, slug string, scale ladder, latent float64) Statement {
	raw, least, most := float64(scale.score(latent)), float64(scale.lowest), float64(scale.lowest+len(scale.steps))
	return Statement{
		ID: d.uuid(), Timestamp: s.at, Actor: anonymous(s.name), Verb: verb("responded"),
		Object: Object{ObjectType: "Activity", ID: s.survey + "/" + slug, Definition: &Definition{Type: typeQuestion}},
		Result: &Result{Score: &Score{Raw: &raw, Min: &least, Max: &most}},
		Context: &Context{
			Registration: s.registration, Team: team(s.unit),
			Activities: &Activities{Parent: []Activity{{s.survey}}, Grouping: s.grouping},
		},
	}
}
