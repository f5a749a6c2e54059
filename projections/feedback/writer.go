package feedback

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/digest"
	"github.com/bedside-lrs/bedside/projections/fact"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Load implements projections.Projection.
func (Projection) Load(ctx context.Context, tx *readmodel.Tx, g readmodel.Generation, past projections.Past) (projections.Writer, error) {
	w := &writer{table: g.Table, past: past, kpis: map[string]revision{}}
	err := catalog.Revisions(ctx, tx, g.Table("feedback_kpis"), func(d *definition.KPI, t int64) { w.kpis[d.ID()] = newRevision(d, t) })
	return w, err
}

// revision is a KPI as it was registered at t.
type revision struct {
	*definition.KPI
	t         int64
	match     func(*fact.Features) bool // nil: it is not of matching statements
	questions map[string]bool           // as keyText has them
}

// writer keeps one generation.
type writer struct {
	projections.Changes
	table func(string) string
	past  projections.Past
	kpis  map[string]revision // in force, by id

	tx   *readmodel.Tx // of the inserters
	into struct{ answers, matches, voidings, measures *readmodel.Inserter }
}

func newRevision(k *definition.KPI, t int64) revision {
	r := revision{KPI: k, t: t, questions: map[string]bool{}}
	for _, q := range k.Questions {
		r.questions[keyText(q)] = true
	}
	if k.Match != nil {
		r.match = k.Match.Compile()
	}
	return r
}

// begin makes the inserters of a transaction.
func (w *writer) begin(tx *readmodel.Tx) {
	if w.tx == tx {
		return
	}
	w.tx = tx
	w.into.answers = tx.Insert(w.table("feedback_answers"), "question", "t", "happened", "unit", "raw", "statement", "sheet", "grouping_ids")
	w.into.matches = tx.Insert(w.table("feedback_matches"), "kpi", "t", "happened", "unit", "statement", "parties")
	w.into.voidings = tx.Insert(w.table("feedback_voidings"), "statement", "t")
	w.into.measures = tx.Insert(w.table("feedback_measures"), "measure", "t", "unit", "since", "until", "value", "n")
}

// AnswersKey begins the keys of changes that single answers have made, or single statements or measures of which the KPI
// hides small numbers: who is told of each can count them. What follows is the id of the KPI. The key of any other change
// is the id of a KPI alone.
const AnswersKey = "answers:"

// key is that of a change that something single has made.
func (r revision) key() string {
	if r.OfAnswers() || r.MinN > 0 {
		return AnswersKey + r.ID()
	}
	return r.ID()
}

// Changed implements projections.Writer.
func (w *writer) Changed(ctx context.Context, tx *readmodel.Tx) ([]string, error) {
	return w.Take(ctx, func(ctx context.Context, statement string) error { return w.lookup(ctx, tx, statement) })
}

// Apply implements projections.Writer.
func (w *writer) Apply(ctx context.Context, tx *readmodel.Tx, e *projections.Digested) error {
	w.begin(tx)
	switch made := e.Digest.(type) {
	case registered:
		return w.register(ctx, tx, e, made)
	case *fact.Features:
		return w.statement(ctx, e.T, made)
	case event.MeasureRecorded:
		return w.measure(ctx, e.T, made)
	}
	return fmt.Errorf("%w: %T", projections.ErrIndigestible, e.Digest)
}

// Prepare implements projections.Preparer: it looks at all statements so far under a new revision of a KPI.
func (w *writer) Prepare(ctx context.Context, update projections.Update, e *projections.Digested) error {
	r, ok := e.Digest.(registered)
	if !ok || r.kpi.Match == nil {
		return nil
	}
	rev := newRevision(r.kpi, e.T)
	return digest.Earlier(ctx, w.past, e.Position, update, func(tx *readmodel.Tx, t int64, f *fact.Features) error {
		w.begin(tx)
		_, err := w.matches(ctx, rev, t, f)
		return err
	})
}

// register puts a revision of a KPI in force.
func (w *writer) register(ctx context.Context, tx *readmodel.Tx, e *projections.Digested, r registered) error {
	if err := tx.Exec(ctx, "INSERT INTO "+w.table("feedback_kpis")+" (id, t, definition) VALUES (?, ?, ?)",
		keyText(r.kpi.ID()), e.T, string(r.body)); err != nil {
		return err
	}
	w.kpis[r.kpi.ID()] = newRevision(r.kpi, e.T)
	w.Add(r.kpi.ID())
	return nil
}

// statement takes one statement.
func (w *writer) statement(ctx context.Context, t int64, f *fact.Features) error {
	if target, voids := f.Voids(); voids {
		return w.void(ctx, t, target)
	}
	if f.IsResponse() {
		return w.answer(ctx, t, f)
	}
	for _, id := range slices.Sorted(maps.Keys(w.kpis)) {
		k := w.kpis[id]
		matches, err := w.matches(ctx, k, t, f)
		if err != nil {
			return err
		}
		if matches {
			w.Add(k.key())
		}
	}
	return nil
}

// answer writes an answer to a question, whether or not a KPI has it: one may later.
func (w *writer) answer(ctx context.Context, t int64, f *fact.Features) error {
	if f.ObjectType != "Activity" || f.Score.Raw == nil {
		return nil
	}
	grouping := ""
	if len(f.Grouping) > 0 {
		b, err := json.Marshal(f.Grouping)
		if err != nil {
			return fmt.Errorf("%w: %w", projections.ErrIndigestible, err)
		}
		grouping = string(b)
	}
	w.touch(keyText(f.ObjectID))
	return w.into.answers.Add(ctx, keyText(f.ObjectID), t, f.Timestamp, keyText(f.Team), *f.Score.Raw, f.ID, f.Registration, grouping)
}

// touch notes that what the KPIs of a question say has changed; the question is as keyText has it.
func (w *writer) touch(question string) {
	for _, k := range w.kpis {
		if k.questions[question] {
			w.Add(k.key())
		}
	}
}

// matches writes a statement that a KPI matches. Answers it never takes: they are counted by questions, under the rule
// for small numbers.
func (w *writer) matches(ctx context.Context, r revision, t int64, f *fact.Features) (bool, error) {
	if r.match == nil || f.Team == "" || f.IsResponse() {
		return false, nil
	}
	if !r.match(f) {
		return false, nil
	}
	parties := ""
	if raters, rated := f.Parties(false); len(rated) > 0 {
		b, err := json.Marshal([][]string{raters, rated})
		if err != nil {
			return false, fmt.Errorf("%w: %w", projections.ErrIndigestible, err)
		}
		parties = string(b)
	}
	return true, w.into.matches.Add(ctx, r.t, t, f.Timestamp, keyText(f.Team), f.ID, parties)
}

// measure writes what the hospital has recorded.
func (w *writer) measure(ctx context.Context, t int64, m event.MeasureRecorded) error {
	for _, k := range w.kpis {
		if k.Measure == m.Measure {
			w.Add(k.key())
		}
	}
	var n any
	if m.N != nil {
		n = *m.N
	}
	return w.into.measures.Add(ctx, keyText(m.Measure), t, keyText(m.Unit), m.From.UnixMicro(), m.To.UnixMicro(), m.Value, n)
}

// void notes that a statement is voided. It may have come or be still to come.
func (w *writer) void(ctx context.Context, t int64, target string) error {
	w.Void(target)
	return w.into.voidings.Add(ctx, target, t)
}

// lookup notes the KPIs that a statement is in.
func (w *writer) lookup(ctx context.Context, tx *readmodel.Tx, statement string) error {
	err := tx.Each(ctx, "SELECT question FROM "+w.table("feedback_answers")+" WHERE statement = ?", []any{statement},
		func(scan func(...any) error) error {
			var question string
			err := scan(&question)
			w.touch(question)
			return err
		})
	if err != nil {
		return err
	}
	return tx.Each(ctx, "SELECT kpi FROM "+w.table("feedback_matches")+" WHERE statement = ?", []any{statement},
		func(scan func(...any) error) error {
			var t int64
			err := scan(&t)
			for _, k := range w.kpis {
				if k.t == t {
					w.Add(k.key())
				}
			}
			return err
		})
}
