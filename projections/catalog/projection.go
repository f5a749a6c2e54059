package catalog

import (
	"context"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Name is the projection's.
const Name = "definitions"

// Projection writes the table definitions_revisions: every definition with its
// revision, from 1, and its time t, µs since 1970, from which it is in force.
type Projection struct{}

// Schema implements projections.Projection.
func (Projection) Schema() readmodel.Schema {
	return readmodel.Schema{
		Projection: Name,
		Version:    1,
		Tables: []readmodel.Table{{
			Name:    "definitions_revisions",
			Columns: "t BIGINT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, revision BIGINT NOT NULL, definition TEXT NOT NULL",
			Key:     "t",
			Indexes: []string{"kind, id, revision"},
		}},
	}
}

// Digest implements projections.Projection. A definition that this release cannot
// read is set aside.
func (Projection) Digest(e *projections.Event) (any, error) {
	if e.Encoded.Type != event.TypeDefinitionRegistered {
		return nil, nil
	}
	registered, _, err := Read(e.Encoded)
	if err != nil {
		return nil, err
	}
	return registered, nil
}

// Read reads an event DefinitionRegistered. All projections that care about a
// definition read it here, so that they agree on what is in force.
func Read(e event.Encoded) (event.DefinitionRegistered, definition.Definition, error) {
	ev, err := event.Decode(e)
	if err != nil {
		return event.DefinitionRegistered{}, nil, err
	}
	registered := ev.(event.DefinitionRegistered)
	d, err := definition.Parse(registered.Definition)
	if err != nil {
		return registered, nil, err
	}
	if d.Kind() != registered.Kind || d.ID() != registered.ID {
		return registered, nil, fmt.Errorf("the definition registered as %s %s says that it is %s %s", registered.Kind, registered.ID, d.Kind(), d.ID())
	}
	return registered, d, nil
}

// Load implements projections.Projection.
func (Projection) Load(_ context.Context, _ *readmodel.Tx, g readmodel.Generation, _ projections.Past) (projections.Writer, error) {
	return &writer{table: g.Table("definitions_revisions")}, nil
}

type writer struct {
	projections.Changes
	table string
}

// Changed implements projections.Writer: KIND:ID of each definition.
func (w *writer) Changed(ctx context.Context, _ *readmodel.Tx) ([]string, error) {
	return w.Take(ctx, nil)
}

// Apply implements projections.Writer.
func (w *writer) Apply(ctx context.Context, tx *readmodel.Tx, e *projections.Digested) error {
	d := e.Digest.(event.DefinitionRegistered)
	var revision int64
	if _, err := tx.One(ctx, "SELECT COALESCE(MAX(revision), 0) FROM "+w.table+" WHERE kind = ? AND id = ?",
		[]any{d.Kind, d.ID}, &revision); err != nil {
		return err
	}
	w.Add(d.Kind + ":" + d.ID)
	return tx.Exec(ctx, "INSERT INTO "+w.table+" (t, kind, id, revision, definition) VALUES (?, ?, ?, ?, ?)",
		e.T, d.Kind, d.ID, revision+1, string(d.Definition))
}
