package definition

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Evaluation says which numbers a performance evaluation starts from (DOMAIN.md, "Evaluation inputs").
type Evaluation struct {
	Header
	Roles       []string           `json:"roles"`
	MinCoverage float64            `json:"minCoverage"` // 0.8 unless the document says otherwise
	Metrics     []EvaluationMetric `json:"metrics"`
}

// EvaluationMetric is one of the numbers.
type EvaluationMetric struct {
	ID          string          `json:"id"`
	Name        Text            `json:"name,omitzero"`
	Description Text            `json:"description,omitzero"`
	Source      Source          `json:"source"`
	Weight      float64         `json:"weight"` // 0: shown, not counted
	Scale       EvaluationScale `json:"scale"`
}

// EvaluationScale has the values that score 0 and 100; From may be the greater.
type EvaluationScale struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// Source is where a metric's value comes from: exactly one field is set.
type Source struct {
	Competency string        `json:"competency,omitzero"` // IRI
	Completion []string      `json:"completion,omitzero"` // IRIs of programmes
	KPI        string        `json:"kpi,omitzero"`        // IRI
	Count      *SubjectMatch `json:"count,omitzero"`
	Hours      *SubjectMatch `json:"hours,omitzero"`
}

// SubjectMatch finds statements about a person.
type SubjectMatch struct {
	Match
	Subject string `json:"subject"` // SubjectActor unless the document says otherwise
}

// UnmarshalJSONFrom fills in what the document leaves to the default.
func (m *SubjectMatch) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain SubjectMatch
	p := plain{Subject: SubjectActor}
	if err := json.UnmarshalDecode(dec, &p); err != nil {
		return err
	}
	*m = SubjectMatch(p)
	return nil
}

// defaultMinCoverage is the least weight of the metrics in use, of all weight, that makes a total.
const defaultMinCoverage = 0.8

// UnmarshalJSONFrom fills in what the document leaves to the default.
func (e *Evaluation) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Evaluation
	p := plain{MinCoverage: defaultMinCoverage}
	if err := json.UnmarshalDecode(dec, &p); err != nil {
		return err
	}
	*e = Evaluation(p)
	return nil
}
