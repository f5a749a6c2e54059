package hrhttp_test

import (
	"fmt"
	"testing"
)

// The definitions and statements of the tests.
const (
	listening = "https://ward.example/competencies/listening"
	speaking  = "https://ward.example/competencies/speaking"
	framework = "https://ward.example/frameworks/service"
	rules     = "https://ward.example/rules/default"

	passed = "http://adlnet.gov/expapi/verbs/passed"
	voided = "http://adlnet.gov/expapi/verbs/voided"

	simulation = "http://adlnet.gov/expapi/activities/simulation"
)

// frameworkOf has two competencies; a nurse must listen at a level from a threshold.
func frameworkOf(id string, from float64) string {
	return fmt.Sprintf(`{"kind":"framework","id":%q,"name":{"en":"Service"},"levels":[{"id":"novice","from":0},{"id":"able","from":%v}],
	"competencies":[{"id":%q},{"id":%q}],"requirements":[{"role":"nurse","competency":%q,"level":"able"}]}`, id, from, listening, speaking, listening)
}

// rulesOf take simulations, with a weight.
func rulesOf(id string, weight float64) string {
	return fmt.Sprintf(`{"kind":"evidence-rules","id":%q,"rules":[{"id":"simulation","match":{"verbs":[%q],"activityTypes":[%q]},
	"subject":"actor","competencies":"context.other","kind":"simulation","weight":%v,"attempts":"all"}]}`, id, passed, simulation, weight)
}

// define registers both.
func (l *lab) define(t testing.TB) {
	t.Helper()
	l.do(t, "POST", base+"/definitions", "["+frameworkOf(framework, 0.6)+","+rulesOf(rules, 1)+"]").want(200)
}

// The definitions of what patients say, and what is made of it.
const (
	kpiListened = "https://ward.example/kpis/listened"
	kpiPraise   = "https://ward.example/kpis/praise"
	annual      = "https://ward.example/evaluations/annual"
	programme   = "https://ward.example/programmes/listen"
	survey      = "https://ward.example/surveys/inpatient"
	question    = survey + "/listened"
	useful      = "https://ward.example/surveys/reaction/useful"
)

// defineFeedback registers them; the framework is there.
func (l *lab) defineFeedback(t testing.TB) {
	t.Helper()
	l.do(t, "POST", base+"/definitions", `[
		{"kind":"survey","id":"`+survey+`","audience":"patient","questions":[{"id":"`+question+`","scale":{"min":1,"max":4},"topBox":[4]}]},
		{"kind":"survey","id":"https://ward.example/surveys/reaction","audience":"staff","questions":[{"id":"`+useful+`","scale":{"min":1,"max":4},"topBox":[4]}]},
		{"kind":"kpi","id":"`+kpiListened+`","questions":["`+question+`"],"statistic":"topBox","direction":"up"},
		{"kind":"kpi","id":"`+kpiPraise+`","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"]},"statistic":"per1000","measure":"encounters","direction":"up"},
		{"kind":"programme","id":"`+programme+`","targetUnits":["ward-a"],"comparisonUnits":["ward-b"],"roles":["nurse"],
			"starts":"2025-03-01T00:00:00Z","ends":"2025-04-01T00:00:00Z","activities":[{"id":"https://ward.example/modules/1","method":"e-learning","required":true}],
			"assessments":{"pre":"https://ward.example/pre","post":"https://ward.example/post"},"reactionSurvey":"https://ward.example/surveys/reaction",
			"behaviour":{"competencies":["`+listening+`"],"kinds":["simulation"],"windowDays":90},"results":{"kpis":["`+kpiListened+`"],"windowMonths":3},
			"objectives":[{"id":"gain","metric":"learning.meanGain","comparator":">=","target":0.1,"by":"2025-06-01T00:00:00Z"}]},
		{"kind":"evaluation","id":"`+annual+`","roles":["nurse"],"metrics":[
			{"id":"listening","source":{"competency":"`+listening+`"},"weight":1,"scale":{"from":0,"to":1}},
			{"id":"patients","source":{"kpi":"`+kpiListened+`"},"weight":1,"scale":{"from":0,"to":1}},
			{"id":"praise","source":{"count":{"verbs":["http://id.tincanapi.com/verb/earned"]}},"weight":1,"scale":{"from":0,"to":3}}]}
	]`).want(200)
}

const wardUnits = "unit,name,parent\nhospital,Hospital,\nmedicine,Medicine,hospital\nward-a,Ward A,medicine\nward-b,Ward B,medicine\n" +
	"surgery,Surgery,hospital\nward-c,Ward C,surgery\n"

const peopleHeader = "person,name,role,unit,from,to,mbox,account_home,account_name\n"

// someone is a line of people.csv: a nurse of a unit, with an mbox.
func someone(id, unit string) string {
	return fmt.Sprintf("%s,Name of %s,nurse,%s,2025-01-01,,%s,,\n", id, id, unit, mboxOf(id))
}

func mboxOf(person string) string { return "mailto:" + person + "@ward.example" }

// agent is an actor with the mbox of a person.
func agent(person string) string { return `{"mbox":"` + mboxOf(person) + `"}` }

// id is the n-th statement's id.
func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// attempt is a simulation with a score for a competency, at noon of a day of January 2026.
func attempt(n int, actor, competency string, score float64, day int) string {
	return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":%q},"object":{"id":"https://ward.example/simulations/1","definition":{"type":%q}},
	"result":{"score":{"scaled":%v}},"timestamp":"2026-01-%02dT12:00:00Z","context":{"contextActivities":{"other":[{"id":%q}]}}}`,
		id(n), actor, passed, simulation, score, day, competency)
}

// unscored is one without a score.
func unscored(n int, actor, activity string) string {
	return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":%q},"object":{"id":%q,"definition":{"type":%q}},
	"context":{"contextActivities":{"other":[{"id":%q}]}}}`, id(n), actor, passed, activity, simulation, listening)
}

// uncovered is a statement that no rule takes.
func uncovered(n int, actor, activity string) string {
	return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":"https://ward.example/verbs/did"},"object":{"id":%q}}`, id(n), actor, activity)
}

func voiding(n, target int) string {
	return fmt.Sprintf(`{"id":%q,"actor":{"mbox":"mailto:office@ward.example"},"verb":{"id":%q},"object":{"objectType":"StatementRef","id":%q}}`,
		id(n), voided, id(target))
}

// competenciesOf and evidenceOf are resources.
func competenciesOf(person string) string { return "/people/" + esc(person) + "/competencies" }

func evidenceOf(person, competency string) string {
	return competenciesOf(person) + "/" + esc(competency) + "/evidence"
}
