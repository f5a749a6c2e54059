package demo

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/schemas"
)

// Definitions gives the JSON documents to register together: the shipped ones as they are, but for their examples of
// a programme and an evaluation, and the demo's own.
func (h *Hospital) Definitions() [][]byte { return h.definitions }

// Evaluation is the IRI of the yearly evaluation of nurses.
const Evaluation = own + "evaluations/nurse-annual"

const shippedSet = "definitions/builtin/patient-service"

// document is a JSON object.
type document map[string]any

func (h *Hospital) define() (all [][]byte, err error) {
	names, err := fs.Glob(schemas.FS, shippedSet+"/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if kind, _, _ := strings.Cut(path.Base(name), "-"); kind == "programme" || kind == "evaluation" {
			continue
		}
		body, err := fs.ReadFile(schemas.FS, name)
		if err != nil {
			return nil, err
		}
		all = append(all, body)
	}
	mine := []document{defineStaffSurvey(), defineStaffKPI(), h.defineEvaluation()}
	for i := range h.programmes {
		mine = append(mine, h.defineProgramme(&h.programmes[i]))
	}
	for _, o := range mine {
		body, err := json.Marshal(o, json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		all = append(all, body)
	}
	return all, nil
}

func named(text string) Text { return Text{text} }

func defineStaffSurvey() document {
	var list []document
	for _, q := range staffQuestions {
		list = append(list, document{
			"id": staffSurvey + "/" + q.slug, "name": named(q.name), "topBox": q.topBox,
			"scale": document{"min": q.answers.lowest, "max": q.answers.lowest + len(q.answers.steps)},
		})
	}
	return document{"kind": "survey", "id": staffSurvey, "name": named("Working here"), "audience": "staff", "questions": list}
}

func defineStaffKPI() document {
	return document{
		"kind": "kpi", "id": own + "kpis/staff-loyalty", "name": named("Net promoter score of the staff"),
		"questions": []string{staffSurvey + "/recommend"}, "statistic": "nps", "direction": "up", "target": 20,
		"interval": "quarter", "minN": 10,
	}
}

// defineProgramme also says what it was made from: a server that holds another demo is then found out before anything
// is sent to it.
func (h *Hospital) defineProgramme(g *programme) document {
	type part struct {
		slug, name, method string
		required           bool
	}
	var activities []document
	for _, a := range []part{
		{"module", "in an hour", "e-learning", true}, {"workshop", "workshop", "workshop", true},
		{"role-play", "role-play", "role-play", true}, {"seminar", "seminar", "seminar", false},
	} {
		activities = append(activities, document{
			"id": g.part("activities/" + a.slug), "name": named(g.Name + ": " + a.name), "method": a.method, "required": a.required,
		})
	}
	first := g.skills[0]
	objective := func(id, name, metric string, target float64, months int) document {
		return document{
			"id": id, "name": named(name), "metric": metric, "comparator": ">=", "target": target,
			"by": timeText(g.Ends.AddDate(0, months, 0)),
		}
	}
	return document{
		"kind": "programme", "id": g.ID, "name": named(g.Name),
		"description": named(fmt.Sprintf("Made up by lrs demo: %v.", h.cfg)),
		"targetUnits": g.Treated, "comparisonUnits": g.Comparison, "roles": programmeRoles,
		"starts": timeText(g.Starts), "ends": timeText(g.Ends), "activities": activities,
		"assessments": document{
			"pre": g.Pre, "post": g.Post,
			"retention": document{"activity": g.Retention, "afterDays": g.RetentionDays},
		},
		"reactionSurvey": shipped + "surveys/reaction",
		"behaviour":      document{"competencies": g.Competencies, "kinds": []string{"observation"}, "windowDays": g.WindowDays},
		"results":        document{"kpis": g.KPIs, "windowMonths": g.WindowMonths},
		"objectives": []document{
			objective("completion", "Nearly everybody completes it", "completionRate", 0.85, 0),
			objective("reaction", "People find it useful", "reaction.mean", 3.8, 1),
			objective("learning", "People learn", "learning.meanGain", 0.1, 1),
			objective("retention", "It lasts", "learning.retention.meanGain", -0.1, 4),
			objective("behaviour", "Colleagues see it at work", fmt.Sprintf("behaviour[%s].meanGain", competency(first)), 0.1, 4),
			objective("patients", "Patients notice", fmt.Sprintf("results[%s].difference", g.KPIs[0]), 0.05, g.WindowMonths),
		},
	}
}

func (h *Hospital) defineEvaluation() document {
	var programmes []string
	for i := range h.programmes {
		programmes = append(programmes, h.programmes[i].ID)
	}
	metric := func(id, name string, source document, weight, from, to float64) document {
		return document{"id": id, "name": named(name), "source": source, "weight": weight, "scale": document{"from": from, "to": to}}
	}
	return document{
		"kind": "evaluation", "id": Evaluation, "name": named("Annual evaluation of nurses"),
		"description": named("Numbers to start a conversation from."), "roles": []string{"nurse"}, "minCoverage": 0.7,
		"metrics": []document{
			metric("listening", "Active listening", document{"competency": competency(listening)}, 3, 0, 1),
			metric("empathy", "Empathy", document{"competency": competency(empathy)}, 3, 0, 1),
			metric("communication", "Clear communication", document{"competency": competency(clarity)}, 2, 0, 1),
			metric("conflict", "Conflict resolution", document{"competency": competency(conflict)}, 1, 0, 1),
			metric("culture", "Cultural sensitivity", document{"competency": competency(culture)}, 1, 0, 1),
			metric("training", "Programmes completed", document{"completion": programmes}, 2, 0, 1),
			metric("patients", "What patients say of the ward", document{"kpi": shipped + "kpis/listened"}, 2, 0.5, 0.9),
			metric("recognition", "Recognition in a year", document{"count": document{
				"verbs": []string{verb("earned").ID}, "activityTypes": []string{typeBadge},
			}}, 1, 0, 3),
			metric("development", "Hours of development in a year", document{"hours": document{
				"verbs":         []string{verb("attended").ID, verb("completed").ID, verb("passed").ID},
				"activityTypes": []string{typeMeeting, typeModule, typeSimulation},
			}}, 1, 0, 16),
			metric("observed", "Observations in a year", document{"count": document{
				"verbs": []string{verb("rated").ID}, "subject": "object",
			}}, 0, 0, 30),
		},
	}
}

func timeText(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }
