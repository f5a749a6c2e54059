package competency

import (
	"fmt"
	"strings"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/digest"
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
		f, err := digest.Statement(e)
		if err == nil {
			err = keepable(f)
		}
		if err != nil {
			return nil, err
		}
		return f, nil
	case event.TypeDefinitionRegistered:
		d, parsed, err := catalog.Read(e.Encoded)
		if err != nil {
			return nil, err
		}
		if rules, ok := parsed.(*definition.EvidenceRules); ok {
			return registered{rules, d.Definition}, nil
		}
	}
	return nil, nil
}

// keepable checks that both engines can keep what the tables have of a statement as it
// is. It is asked here and not when rows are written: a statement that is set aside
// then comes up again with every registration of rules, and takes that with it.
func keepable(f *fact.Features) error {
	for _, text := range append([]string{f.ID, f.Verb, f.ObjectID}, f.Other...) {
		if strings.IndexByte(text, 0) >= 0 {
			return fmt.Errorf("%.100q has a zero byte", text)
		}
	}
	return nil
}
