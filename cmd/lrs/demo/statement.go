package demo

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// Statement is an xAPI statement, as far as the hospital's go.
type Statement struct {
	ID        string    `json:"id"`
	Actor     Agent     `json:"actor"`
	Verb      Verb      `json:"verb"`
	Object    Object    `json:"object"`
	Result    *Result   `json:"result,omitzero"`
	Context   *Context  `json:"context,omitzero"`
	Timestamp time.Time `json:"timestamp"` // UTC, whole milliseconds
}

// JSON gives the bytes to post: for equal statements the same.
func (s Statement) JSON() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("demo: " + err.Error()) // nothing in it can fail
	}
	return b
}

// Agent is somebody by mbox or account.
type Agent struct {
	ObjectType string   `json:"objectType"` // "Agent", or of a team "Group"
	Mbox       string   `json:"mbox,omitzero"`
	Account    *Account `json:"account,omitzero"`
}

// Account is somebody's in some system.
type Account struct {
	HomePage string `json:"homePage"`
	Name     string `json:"name"`
}

// Verb says what was done.
type Verb struct {
	ID      string `json:"id"`
	Display Text   `json:"display"`
}

// Text is English.
type Text struct {
	EN string `json:"en"`
}

// Object is an activity or, of an observation, an Agent.
type Object struct {
	ObjectType string      `json:"objectType"`
	ID         string      `json:"id,omitzero"`
	Definition *Definition `json:"definition,omitzero"`
	Mbox       string      `json:"mbox,omitzero"`
	Account    *Account    `json:"account,omitzero"`
}

// Definition says what an activity is.
type Definition struct {
	Name *Text  `json:"name,omitzero"`
	Type string `json:"type"`
}

// Result is what came of it.
type Result struct {
	Score      *Score `json:"score,omitzero"`
	Success    *bool  `json:"success,omitzero"`
	Completion *bool  `json:"completion,omitzero"`
	Response   string `json:"response,omitzero"`
	Duration   string `json:"duration,omitzero"`
}

// Score is scaled, or raw with its range; an observer's is raw alone.
type Score struct {
	Scaled *float64 `json:"scaled,omitzero"`
	Raw    *float64 `json:"raw,omitzero"`
	Min    *float64 `json:"min,omitzero"`
	Max    *float64 `json:"max,omitzero"`
}

// Context is what it was part of.
type Context struct {
	Registration string      `json:"registration,omitzero"`
	Instructor   *Agent      `json:"instructor,omitzero"`
	Team         *Agent      `json:"team,omitzero"`
	Activities   *Activities `json:"contextActivities,omitzero"`
}

// Activities are those of the context.
type Activities struct {
	Parent   []Activity `json:"parent,omitempty"`
	Grouping []Activity `json:"grouping,omitempty"`
	Other    []Activity `json:"other,omitempty"`
}

// Activity is one by its IRI.
type Activity struct {
	ID string `json:"id"`
}

// The vocabulary (DOMAIN.md, "Statement patterns").
const (
	shipped = "https://w3id.org/bedside/patient-service/" // of the definitions that come with the program
	own     = "https://demo.hospital.example/"            // of the demo's

	accountHome   = "https://lms.hospital.example"
	anonymousHome = "https://survey.hospital.example"
	unitHome      = own + "units"

	activityTypes  = "http://adlnet.gov/expapi/activities/"
	typeModule     = activityTypes + "module"
	typeMeeting    = activityTypes + "meeting"
	typeSimulation = activityTypes + "simulation"
	typeAssessment = activityTypes + "assessment"
	typeQuestion   = activityTypes + "question"
	typeBadge      = "http://activitystrea.ms/schema/1.0/badge"
)

// verb gives one by its last word.
func verb(word string) Verb {
	switch word {
	case "rated", "earned":
		return Verb{"http://id.tincanapi.com/verb/" + word, Text{word}}
	}
	return Verb{"http://adlnet.gov/expapi/verbs/" + word, Text{word}}
}

func activity(id, name, typ string) Object {
	return Object{ObjectType: "Activity", ID: id, Definition: &Definition{&Text{name}, typ}}
}

// inSystem is a person as the learning management system names them: by its account, if there is one.
func (p *person) inSystem() Agent {
	if p.account != "" {
		return Agent{ObjectType: "Agent", Account: &Account{accountHome, p.account}}
	}
	return Agent{ObjectType: "Agent", Mbox: p.mbox}
}

// byColleagues is a person as colleagues name them: by address, if they know one.
func (p *person) byColleagues() Agent {
	if p.mbox != "" {
		return Agent{ObjectType: "Agent", Mbox: p.mbox}
	}
	return p.inSystem()
}

// anonymous is somebody who stays unknown.
func anonymous(name string) Agent {
	return Agent{ObjectType: "Agent", Account: &Account{anonymousHome, name}}
}

// team is a unit.
func team(unit string) *Agent {
	return &Agent{ObjectType: "Group", Account: &Account{unitHome, unit}}
}

func about(competencies ...int) (list []Activity) {
	for _, c := range competencies {
		list = append(list, Activity{competency(c)})
	}
	return list
}

// scaled is a score in [0, 1] with three digits, which its shortest spelling does not exceed.
func scaled(score float64) *Score {
	score = float64(int(score*1000+0.5)) / 1000
	return &Score{Scaled: &score}
}

// percent is a score in [0, 1] as points of a hundred.
func percent(score float64) *Score {
	raw, least, most := float64(int(score*100+0.5)), 0.0, 100.0
	return &Score{Raw: &raw, Min: &least, Max: &most}
}

func yes() *bool { v := true; return &v }

func minutes(n int) string {
	if n%60 == 0 {
		return fmt.Sprintf("PT%dH", n/60)
	}
	return fmt.Sprintf("PT%dM", n)
}
