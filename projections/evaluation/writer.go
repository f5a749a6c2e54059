package evaluation

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/digest"
	"github.com/bedside-lrs/bedside/projections/fact"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Load implements projections.Projection.
func (Projection) Load(ctx context.Context, tx *readmodel.Tx, g readmodel.Generation, past projections.Past) (projections.Writer, error) {
	w := &writer{table: g.Table, past: past, evaluations: map[string]revision{}}
	err := catalog.Revisions(ctx, tx, g.Table("evaluation_definitions"), func(d *definition.Evaluation, t int64) {
		w.evaluations[d.ID()] = newRevision(d, t)
	})
	return w, err
}

// revision is an evaluation as it was registered at t, with the metrics that count statements.
type revision struct {
	t       int64
	metrics []counter
}

type counter struct {
	id       string
	ofObject bool
	match    func(*fact.Features) bool
}

func newRevision(e *definition.Evaluation, t int64) revision {
	r := revision{t: t}
	for i := range e.Metrics {
		if m := matchOf(&e.Metrics[i]); m != nil {
			r.metrics = append(r.metrics, counter{e.Metrics[i].ID, m.Subject == definition.SubjectObject, m.Compile()})
		}
	}
	return r
}

// matchOf says which statements a metric counts, nil if it counts none.
func matchOf(m *definition.EvaluationMetric) *definition.SubjectMatch {
	if m.Source.Count != nil {
		return m.Source.Count
	}
	return m.Source.Hours
}

// writer keeps one generation.
type writer struct {
	projections.Changes
	table       func(string) string
	past        projections.Past
	evaluations map[string]revision // in force, by id

	tx   *readmodel.Tx // of the inserters
	into struct{ statements, voidings, remarks *readmodel.Inserter }
}

// begin makes the inserters of a transaction.
func (w *writer) begin(tx *readmodel.Tx) {
	if w.tx == tx {
		return
	}
	w.tx = tx
	w.into.statements = tx.Insert(w.table("evaluation_statements"),
		"evaluation", "subject", "t", "metric", "happened", "statement", "hours", "parties", "question")
	w.into.voidings = tx.Insert(w.table("evaluation_voidings"), "statement", "t")
	w.into.remarks = tx.Insert(w.table("evaluation_remarks"),
		"person", "evaluation", "t", "kind", "since", "until", "position", "said_by", "credential", "remark")
}

// PersonKey begins the key of a change that names a person and not an identity.
const PersonKey = "person:"

// Changed implements projections.Writer: the keys of identities, PersonKey and a person, and projections.Everything when
// an evaluation was registered.
func (w *writer) Changed(ctx context.Context, tx *readmodel.Tx) ([]string, error) {
	return w.Take(ctx, func(ctx context.Context, statement string) error {
		return tx.Each(ctx, "SELECT DISTINCT subject FROM "+w.table("evaluation_statements")+" WHERE statement = ? AND question = ''", []any{statement},
			func(scan func(...any) error) error {
				var subject string
				err := scan(&subject)
				w.Add(subject)
				return err
			})
	})
}

// Apply implements projections.Writer.
func (w *writer) Apply(ctx context.Context, tx *readmodel.Tx, e *projections.Digested) error {
	w.begin(tx)
	switch made := e.Digest.(type) {
	case registered:
		return w.register(ctx, tx, e, made)
	case remark:
		w.Add(PersonKey + made.Person)
		return w.into.remarks.Add(ctx, readmodel.KeyText(made.Person), readmodel.KeyText(made.Evaluation), e.T, made.kind,
			made.From.UnixMicro(), made.To.UnixMicro(), made.Position, storable(made.By), storable(made.Credential), storable(made.Text))
	case *fact.Features:
		if target, voids := made.Voids(); voids {
			return w.void(ctx, e.T, target)
		}
		for _, id := range slices.Sorted(maps.Keys(w.evaluations)) {
			if err := w.statement(ctx, w.evaluations[id], e.T, made, true); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%w: %T", projections.ErrIndigestible, e.Digest)
}

// Prepare implements projections.Preparer: it looks at all statements so far under a new revision of an evaluation.
func (w *writer) Prepare(ctx context.Context, update projections.Update, e *projections.Digested) error {
	r, ok := e.Digest.(registered)
	if !ok {
		return nil
	}
	rev := newRevision(r.evaluation, e.T)
	if len(rev.metrics) == 0 {
		return nil
	}
	return digest.Earlier(ctx, w.past, e.Position, update, func(tx *readmodel.Tx, t int64, f *fact.Features) error {
		w.begin(tx)
		return w.statement(ctx, rev, t, f, false)
	})
}

// register puts a revision of an evaluation in force.
func (w *writer) register(ctx context.Context, tx *readmodel.Tx, e *projections.Digested, r registered) error {
	if err := tx.Exec(ctx, "INSERT INTO "+w.table("evaluation_definitions")+" (id, t, definition) VALUES (?, ?, ?)",
		readmodel.KeyText(r.evaluation.ID()), e.T, string(r.body)); err != nil {
		return err
	}
	w.evaluations[r.evaluation.ID()] = newRevision(r.evaluation, e.T)
	w.Add(projections.Everything)
	return nil
}

// statement writes what metrics count a statement. Whether what responds to something is an answer to a survey is asked
// when the answer is made; nobody is told that it has come.
func (w *writer) statement(ctx context.Context, r revision, t int64, f *fact.Features, changes bool) error {
	question := ""
	if f.IsResponse() {
		question = f.ObjectID
	}
	for i := range r.metrics {
		m := &r.metrics[i]
		if !m.match(f) {
			continue
		}
		subjects, others := f.Parties(m.ofObject)
		parties := ""
		if len(others) > 0 {
			b, err := json.Marshal(others)
			if err != nil {
				return fmt.Errorf("%w: %w", projections.ErrIndigestible, err)
			}
			parties = string(b)
		}
		hours := 0.0
		if f.Duration != "" {
			if seconds, err := fact.Seconds(f.Duration); err == nil { // the statement was validated; what is longer than a number can say is not said
				hours = seconds / 3600
			}
		}
		for _, subject := range subjects {
			if err := w.into.statements.Add(ctx, r.t, readmodel.KeyText(subject), t, readmodel.KeyText(m.id), f.Timestamp, f.ID, hours, parties, question); err != nil {
				return err
			}
			if changes && question == "" {
				w.Add(subject)
			}
		}
	}
	return nil
}

// void notes that a statement is voided. It may have come or be still to come.
func (w *writer) void(ctx context.Context, t int64, target string) error {
	w.Void(target)
	return w.into.voidings.Add(ctx, target, t)
}
