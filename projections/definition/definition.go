package definition

import (
	"fmt"
	"time"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// The kinds of definitions.
const (
	KindFramework     = "framework"
	KindEvidenceRules = "evidence-rules"
	KindSurvey        = "survey"
	KindKPI           = "kpi"
	KindProgramme     = "programme"
	KindEvaluation    = "evaluation"
)

// Definition is a [*Framework], [*EvidenceRules], [*Survey], [*KPI], [*Programme] or [*Evaluation].
type Definition interface {
	Kind() string
	ID() string // an IRI
	// JSON gives the document as it was parsed. It must not be changed.
	JSON() []byte
}

// Header is what every definition begins with.
type Header struct {
	KindName    string `json:"kind"`
	IRI         string `json:"id"`
	Name        Text   `json:"name,omitzero"`
	Description Text   `json:"description,omitzero"`

	body []byte
}

// Kind gives the kind, one of the constants.
func (h *Header) Kind() string { return h.KindName }

// ID gives the IRI.
func (h *Header) ID() string { return h.IRI }

// JSON gives the document.
func (h *Header) JSON() []byte { return h.body }

func (h *Header) setBody(body []byte) { h.body = body }

// Text is a language map: a text by RFC 5646 language tag.
type Text map[string]string

// Time is a moment in µs since 1970, as everywhere in the projections.
type Time int64

// UnmarshalText reads an xAPI timestamp; what is finer than a microsecond is cut off.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := xapi.ParseTimestamp(string(text))
	if err != nil {
		return err
	}
	*t = Time(parsed.UnixMicro())
	return nil
}

// MarshalText writes RFC 3339 in UTC, with milliseconds.
func (t Time) MarshalText() ([]byte, error) {
	return []byte(time.UnixMicro(int64(t)).UTC().Format("2006-01-02T15:04:05.000Z07:00")), nil
}

// Ref names a definition.
type Ref struct{ Kind, ID string }

// RefTo gives the name of a definition.
func RefTo(d Definition) Ref { return Ref{d.Kind(), d.ID()} }

func (r Ref) String() string { return fmt.Sprintf("%s %s", r.Kind, r.ID) }

// empty gives a definition of a kind to decode into, nil for an unknown kind.
func empty(kind string) interface {
	Definition
	setBody([]byte)
} {
	switch kind {
	case KindFramework:
		return new(Framework)
	case KindEvidenceRules:
		return new(EvidenceRules)
	case KindSurvey:
		return new(Survey)
	case KindKPI:
		return new(KPI)
	case KindProgramme:
		return new(Programme)
	case KindEvaluation:
		return new(Evaluation)
	}
	return nil
}
