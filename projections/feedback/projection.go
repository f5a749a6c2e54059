package feedback

import (
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/digest"
)

// Projection is the projection of feedback.
type Projection struct{}

// registered is the digest of an event that registers a KPI.
type registered struct {
	kpi  *definition.KPI
	body []byte
}

// Digest implements projections.Projection: a *fact.Features of a statement, registered, or an event.MeasureRecorded.
func (Projection) Digest(e *projections.Event) (any, error) {
	switch e.Encoded.Type {
	case event.TypeStatementStored:
		f, err := digest.Statement(e)
		if err != nil {
			return nil, err
		}
		return f, nil
	case event.TypeDefinitionRegistered:
		d, parsed, err := catalog.Read(e.Encoded)
		if err != nil {
			return nil, err
		}
		if kpi, ok := parsed.(*definition.KPI); ok {
			return registered{kpi, d.Definition}, nil
		}
	case event.TypeMeasureRecorded:
		ev, err := event.Decode(e.Encoded)
		if err != nil {
			return nil, err
		}
		return ev.(event.MeasureRecorded), nil
	}
	return nil, nil
}
