package people

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Name is the projection's.
const Name = "people"

// UnitKey begins the keys of changes of units; those of people are their ids.
const UnitKey = "unit:"

// Projection writes the tables of people and units:
//
//	people_people, people_units,       what is and was known: a row holds from its
//	people_assignments,                since (µs) until its until, null while it
//	people_identities                  holds
//	people_events                      what they are made of
//
// valid_from and valid_to of an assignment are when the role is held; since and
// until are when that was known.
type Projection struct{}

// Schema implements projections.Projection.
func (Projection) Schema() readmodel.Schema {
	const known = ", since BIGINT NOT NULL, until BIGINT"
	return readmodel.Schema{
		Projection: Name,
		Version:    1,
		Tables: []readmodel.Table{
			{Name: "people_events", Columns: "t BIGINT NOT NULL, type TEXT NOT NULL, version BIGINT NOT NULL, payload TEXT NOT NULL", Key: "t"},
			{Name: "people_units", Columns: "unit TEXT NOT NULL, name TEXT NOT NULL, parent TEXT NOT NULL" + known, Key: "unit, since"},
			{Name: "people_people", Columns: "person TEXT NOT NULL, name TEXT NOT NULL" + known, Key: "person, since"},
			{
				Name: "people_assignments",
				Columns: "person TEXT NOT NULL, role TEXT NOT NULL, unit TEXT NOT NULL, valid_from BIGINT NOT NULL, valid_to BIGINT" +
					known,
				Key: "person, role, unit, valid_from, since",
			},
			{
				Name:    "people_identities",
				Columns: "identity_key TEXT NOT NULL, person TEXT NOT NULL, identity TEXT NOT NULL" + known,
				Key:     "identity_key, person, since",
			},
		},
	}
}

// Digest implements projections.Projection.
func (Projection) Digest(e *projections.Event) (any, error) {
	switch e.Encoded.Type {
	case event.TypeUnitRegistered, event.TypeUnitRemoved, event.TypePersonRegistered, event.TypePersonRemoved,
		event.TypeAssignmentMade, event.TypeAssignmentRemoved, event.TypeIdentityLinked, event.TypeIdentityUnlinked,
		event.TypePersonAttributesSet, event.TypeUnitAttributesSet:
		return event.Decode(e.Encoded)
	}
	return nil, nil
}

// Load implements projections.Projection.
func (Projection) Load(ctx context.Context, tx *readmodel.Tx, g readmodel.Generation, _ projections.Past) (projections.Writer, error) {
	w := &writer{table: g.Table, history: NewHistory()}
	_, err := load(ctx, tx, g.Table("people_events"), w.history, 0)
	return w, err
}

// load applies the events behind since to a history, and gives the time of the last.
func load(ctx context.Context, tx *readmodel.Tx, table string, h *History, since int64) (last int64, err error) {
	last = since
	err = tx.Each(ctx, "SELECT t, type, version, payload FROM "+table+" WHERE t > ? ORDER BY t", []any{since}, func(scan func(...any) error) error {
		var t int64
		var version uint32
		var typ, payload string
		if err := scan(&t, &typ, &version, &payload); err != nil {
			return err
		}
		ev, err := event.Decode(event.Encoded{Type: typ, Version: version, Payload: []byte(payload)})
		if err == nil {
			err = h.Apply(t, ev)
		}
		if err != nil {
			return fmt.Errorf("%s, event at %d: %w", table, t, err)
		}
		last = t
		return nil
	})
	return last, err
}

// writer keeps one generation.
type writer struct {
	projections.Changes
	table   func(string) string
	history *History
}

// Changed implements projections.Writer: the ids of people, and of units as unit:ID.
func (w *writer) Changed(ctx context.Context, _ *readmodel.Tx) ([]string, error) {
	return w.Take(ctx, nil)
}

// Apply implements projections.Writer.
func (w *writer) Apply(ctx context.Context, tx *readmodel.Tx, e *projections.Digested) error {
	ev := e.Digest.(event.Event)
	if err := w.history.Apply(e.T, ev); err != nil {
		return fmt.Errorf("%w: %w", projections.ErrIndigestible, err)
	}
	encoded, err := ev.Encode() // in its current form
	if err != nil {
		return err
	}
	if err := tx.Exec(ctx, "INSERT INTO "+w.table("people_events")+" (t, type, version, payload) VALUES (?, ?, ?, ?)",
		e.T, encoded.Type, int64(encoded.Version), string(encoded.Payload)); err != nil {
		return err
	}
	return w.rows(ctx, tx, e.T, ev)
}

// rows ends what an event replaces, and adds what holds from now on.
func (w *writer) rows(ctx context.Context, tx *readmodel.Tx, t int64, ev event.Event) error {
	end := func(table, where string, args ...any) error {
		return tx.Exec(ctx, "UPDATE "+w.table(table)+" SET until = ? WHERE until IS NULL AND "+where, append([]any{t}, args...)...)
	}
	add := func(table, columns string, args ...any) error {
		marks := ""
		for range args {
			marks += "?, "
		}
		return tx.Exec(ctx, "INSERT INTO "+w.table(table)+" ("+columns+", since) VALUES ("+marks+"?)", append(args, t)...)
	}
	endAssignment := func(k event.AssignmentKey) error {
		return end("people_assignments", "person = ? AND role = ? AND unit = ? AND valid_from = ?",
			k.Person, k.Role, k.Unit, k.From.UnixMicro())
	}
	// steps in order; the first error counts
	run := func(key string, steps ...func() error) error {
		w.Add(key)
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	}
	switch ev := ev.(type) {
	case event.UnitRegistered:
		return run(UnitKey+ev.Unit,
			func() error { return end("people_units", "unit = ?", ev.Unit) },
			func() error { return add("people_units", "unit, name, parent", ev.Unit, ev.Name, ev.Parent) })
	case event.UnitRemoved:
		return run(UnitKey+ev.Unit, func() error { return end("people_units", "unit = ?", ev.Unit) })
	case event.PersonRegistered:
		return run(ev.Person,
			func() error { return end("people_people", "person = ?", ev.Person) },
			func() error { return add("people_people", "person, name", ev.Person, ev.Name) })
	case event.PersonRemoved:
		return run(ev.Person,
			func() error { return end("people_people", "person = ?", ev.Person) },
			func() error { return end("people_assignments", "person = ?", ev.Person) },
			func() error { return end("people_identities", "person = ?", ev.Person) })
	case event.AssignmentMade:
		var to any
		if !ev.To.IsZero() {
			to = ev.To.UnixMicro()
		}
		return run(ev.Person,
			func() error { return endAssignment(ev.AssignmentKey) },
			func() error {
				return add("people_assignments", "person, role, unit, valid_from, valid_to",
					ev.Person, ev.Role, ev.Unit, ev.From.UnixMicro(), to)
			})
	case event.AssignmentRemoved:
		return run(ev.Person, func() error { return endAssignment(ev.AssignmentKey) })
	case event.IdentityLinked:
		identity, err := json.Marshal(ev.Identity)
		if err != nil {
			return err
		}
		return run(ev.Person, func() error {
			// Another spelling of an identity that the person has changes nothing.
			linked, err := tx.One(ctx, "SELECT since FROM "+w.table("people_identities")+" WHERE identity_key = ? AND person = ? AND until IS NULL",
				[]any{Key(ev.Identity), ev.Person}, new(int64))
			if err != nil || linked {
				return err
			}
			return add("people_identities", "identity_key, person, identity", Key(ev.Identity), ev.Person, string(identity))
		})
	case event.IdentityUnlinked:
		return run(ev.Person, func() error {
			return end("people_identities", "identity_key = ? AND person = ?", Key(ev.Identity), ev.Person)
		})
	case event.PersonAttributesSet: // it has no table: people_events is enough for those who ask
		return run(ev.Person)
	case event.UnitAttributesSet: // nor has it
		return run(UnitKey + ev.Unit)
	}
	return fmt.Errorf("%w: %T", projections.ErrIndigestible, ev)
}
