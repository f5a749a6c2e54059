package definition

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// EvidenceRules say which statements are evidence of which competencies (DOMAIN.md, "Competency").
type EvidenceRules struct {
	Header
	Prior *Prior `json:"prior,omitzero"` // nil is that of DefaultPrior
	Rules []Rule `json:"rules"`
}

// Prior is what is believed of a competency before there is evidence: α₀ and β₀.
type Prior struct {
	Alpha float64 `json:"alpha"`
	Beta  float64 `json:"beta"`
}

// DefaultPrior holds unless the rules say otherwise.
func DefaultPrior() Prior { return Prior{Alpha: 0.5, Beta: 0.5} }

// EffectivePrior gives the prior or the default.
func (r *EvidenceRules) EffectivePrior() Prior {
	if r.Prior == nil {
		return DefaultPrior()
	}
	return *r.Prior
}

// Rule makes evidence of the statements that match.
type Rule struct {
	ID           string       `json:"id"`
	Name         Text         `json:"name,omitzero"`
	Description  Text         `json:"description,omitzero"`
	Match        Match        `json:"match"`
	Subject      string       `json:"subject"` // SubjectActor unless the document says otherwise
	Competencies Competencies `json:"competencies"`
	Kind         string       `json:"kind"` // of the evidence: a word such as "observation"
	Weight       float64      `json:"weight"`
	HalfLifeDays float64      `json:"halfLifeDays,omitzero"` // 0: no decay
	Attempts     string       `json:"attempts"`              // AttemptsLatest unless the document says otherwise
	Score        *Bounds      `json:"score,omitzero"`        // of raw scores whose statement gives none
}

// Whom a statement is about.
const (
	SubjectActor  = "actor"
	SubjectObject = "object"
)

// Which of several attempts counts.
const (
	AttemptsLatest = "latest"
	AttemptsFirst  = "first"
	AttemptsBest   = "best"
	AttemptsAll    = "all"
)

// Bounds are the least and the greatest raw score. They apply only where the least is below the greatest.
type Bounds struct {
	Min *float64 `json:"min"` // never nil
	Max *float64 `json:"max"` // never nil
}

// UnmarshalJSONFrom fills in what the document leaves to the default.
func (r *Rule) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	type plain Rule
	p := plain{Subject: SubjectActor, Attempts: AttemptsLatest}
	if err := json.UnmarshalDecode(dec, &p); err != nil {
		return err
	}
	*r = Rule(p)
	return nil
}

// Competencies are those that a statement is evidence of: listed in the rule, or taken from the statement.
type Competencies struct {
	FromContext bool     // from the statement's contextActivities.other; then IDs is nil
	IDs         []string // IRIs
}

// fromContext stands for a list in the document.
const fromContext = "context.other"

// UnmarshalJSONFrom reads "context.other" or a list.
func (c *Competencies) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		*c = Competencies{}
		return json.UnmarshalDecode(dec, &c.IDs)
	}
	var word string
	if err := json.UnmarshalDecode(dec, &word); err != nil {
		return err
	}
	if word != fromContext {
		return errors.New("competencies are a list of IRIs or " + fromContext)
	}
	*c = Competencies{FromContext: true}
	return nil
}

// MarshalJSONTo writes what UnmarshalJSONFrom reads.
func (c Competencies) MarshalJSONTo(enc *jsontext.Encoder) error {
	if c.FromContext {
		return enc.WriteToken(jsontext.String(fromContext))
	}
	return json.MarshalEncode(enc, c.IDs)
}
