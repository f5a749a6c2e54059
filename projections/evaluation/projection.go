package evaluation

import (
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/digest"
)

// Projection is the projection of evaluations.
type Projection struct{}

// registered is the digest of an event that registers an evaluation.
type registered struct {
	evaluation *definition.Evaluation
	body       []byte
}

// remark is that of one that says something about an evaluation.
type remark struct {
	kind string
	event.Evaluated
}

// The kinds of remarks.
const (
	Decision = "decision"
	Comment  = "comment"
)

// Digest implements projections.Projection: a *fact.Features of a statement, registered, or a remark.
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
		if ev, ok := parsed.(*definition.Evaluation); ok {
			return registered{ev, d.Definition}, nil
		}
	case event.TypeEvaluationDecided, event.TypeEvaluationCommented:
		ev, err := event.Decode(e.Encoded)
		if err != nil {
			return nil, err
		}
		if d, ok := ev.(event.EvaluationDecided); ok {
			return remark{Decision, d.Evaluated}, nil
		}
		return remark{Comment, ev.(event.EvaluationCommented).Evaluated}, nil
	}
	return nil, nil
}
