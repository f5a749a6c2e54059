package competency

import (
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/fact"
)

// Projection is the projection of competencies.
type Projection struct{}

// registered is the digest of an event that registers evidence rules.
type registered struct {
	rules *definition.EvidenceRules
	body  []byte
}

// Digest implements projections.Projection: a *fact.Features of a statement, or
// registered.
func (Projection) Digest(e *projections.Event) (any, error) {
	switch e.Encoded.Type {
	case event.TypeStatementStored:
		f, err := fact.FeaturesOf(e.Encoded.Payload)
		if err != nil {
			return nil, err
		}
		return &f, nil
	case event.TypeDefinitionRegistered:
		ev, err := event.Decode(e.Encoded)
		if err != nil {
			return nil, err
		}
		d := ev.(event.DefinitionRegistered)
		if d.Kind != definition.KindEvidenceRules {
			return nil, nil
		}
		parsed, err := definition.Parse(d.Definition)
		if err != nil {
			return nil, err
		}
		rules, ok := parsed.(*definition.EvidenceRules)
		if !ok {
			return nil, fmt.Errorf("a definition of kind %s has the kind %s in it", d.Kind, parsed.Kind())
		}
		return registered{rules, d.Definition}, nil
	}
	return nil, nil
}
