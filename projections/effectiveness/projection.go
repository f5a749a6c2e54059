package effectiveness

import (
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/digest"
)

// Projection is the projection of programmes.
type Projection struct{}

// Digest implements projections.Projection: a *fact.Features of a statement about an activity or one that voids, or a
// *definition.Programme.
func (Projection) Digest(e *projections.Event) (any, error) {
	switch e.Encoded.Type {
	case event.TypeStatementStored:
		f, err := digest.Statement(e)
		if err != nil {
			return nil, err
		}
		if _, voids := f.Voids(); !voids && f.ObjectType != "Activity" {
			return nil, nil
		}
		return f, nil
	case event.TypeDefinitionRegistered:
		_, parsed, err := catalog.Read(e.Encoded)
		if err != nil {
			return nil, err
		}
		if p, ok := parsed.(*definition.Programme); ok {
			return p, nil
		}
	}
	return nil, nil
}
