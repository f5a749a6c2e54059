package definition

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Programme is a training of people in units, and what it is to bring about (DOMAIN.md, "Effectiveness of a programme").
type Programme struct {
	Header
	TargetUnits     []string            `json:"targetUnits"`
	ComparisonUnits []string            `json:"comparisonUnits,omitzero"`
	Roles           []string            `json:"roles"`
	Starts          Time                `json:"starts"`
	Ends            Time                `json:"ends"`
	Activities      []ProgrammeActivity `json:"activities"`
	Assessments     *Assessments        `json:"assessments,omitzero"`    // nil: learning is not measured
	ReactionSurvey  string              `json:"reactionSurvey,omitzero"` // IRI; "": reaction is not measured
	Behaviour       *Behaviour          `json:"behaviour,omitzero"`      // nil: behaviour is not measured
	Results         *Results            `json:"results,omitzero"`        // nil: results are not measured
	Objectives      []Objective         `json:"objectives,omitzero"`
}

// ProgrammeActivity is a part of a programme.
type ProgrammeActivity struct {
	ID          string `json:"id"` // IRI
	Name        Text   `json:"name,omitzero"`
	Description Text   `json:"description,omitzero"`
	Method      string `json:"method"`   // a word such as "workshop"
	Required    bool   `json:"required"` // to complete the programme
}

// Assessments are the activities that measure learning.
type Assessments struct {
	Pre       string     `json:"pre"`  // IRI
	Post      string     `json:"post"` // IRI
	Retention *Retention `json:"retention,omitzero"`
}

// Retention is measured some time after the post-assessment.
type Retention struct {
	Activity  string `json:"activity"` // IRI
	AfterDays int    `json:"afterDays"`
}

// Behaviour is measured by evidence before and after a programme.
type Behaviour struct {
	Competencies []string `json:"competencies"` // IRIs
	Kinds        []string `json:"kinds"`        // of evidence
	WindowDays   int      `json:"windowDays"`
}

// Results are measured by KPIs before and after a programme.
type Results struct {
	KPIs         []string `json:"kpis"` // IRIs
	WindowMonths int      `json:"windowMonths"`
}

// Objective is what a metric of the programme is to come to, and by when.
type Objective struct {
	ID          string  `json:"id"`
	Name        Text    `json:"name,omitzero"`
	Description Text    `json:"description,omitzero"`
	Metric      string  `json:"metric"`     // see ParseMetric
	Comparator  string  `json:"comparator"` // ">=", ">", "<=" or "<"
	Target      float64 `json:"target"`
	By          Time    `json:"by"`
	MinN        int     `json:"minN"` // 5 unless the document says otherwise
}

// defaultObjectiveMinN is how many people or sheets an objective needs.
const defaultObjectiveMinN = 5

// UnmarshalJSONFrom fills in what the document leaves to the default.
func (o *Objective) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Objective
	p := plain{MinN: defaultObjectiveMinN}
	if err := json.UnmarshalDecode(dec, &p); err != nil {
		return err
	}
	*o = Objective(p)
	return nil
}
