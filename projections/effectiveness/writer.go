package effectiveness

import (
	"context"
	"fmt"
	"slices"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/digest"
	"github.com/bedside-lrs/bedside/projections/fact"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Load implements projections.Projection.
func (Projection) Load(ctx context.Context, tx *readmodel.Tx, g readmodel.Generation, past projections.Past) (projections.Writer, error) {
	w := &writer{table: g.Table, past: past, named: map[string]bool{}}
	err := tx.Each(ctx, "SELECT activity FROM "+g.Table("effectiveness_activities"), nil, func(scan func(...any) error) error {
		var activity string
		err := scan(&activity)
		w.named[activity] = true
		return err
	})
	return w, err
}

// writer keeps one generation.
type writer struct {
	projections.Changes
	table func(string) string
	past  projections.Past
	named map[string]bool // activities, as readmodel.KeyText has them

	tx   *readmodel.Tx // of the inserters
	into struct{ statements, reactions, voidings *readmodel.Inserter }
}

// begin makes the inserters of a transaction.
func (w *writer) begin(tx *readmodel.Tx) {
	if w.tx == tx {
		return
	}
	w.tx = tx
	w.into.statements = tx.Insert(w.table("effectiveness_statements"), "activity", "t", "subject", "happened", "statement", "done", "score", "response")
	w.into.reactions = tx.Insert(w.table("effectiveness_reactions"), "statement", "n", "programme", "t")
	w.into.voidings = tx.Insert(w.table("effectiveness_voidings"), "statement", "t")
}

// AnswersKey begins the key of a change that an answer to a survey may have made; what follows is what the answer is
// grouped by, which may be a programme, or an activity that was responded to, as readmodel.KeyText has it.
const AnswersKey = "answers:"

// Changed implements projections.Writer: activities, as readmodel.KeyText has them, the ids of programmes that were
// registered, and AnswersKey and a grouping or an activity.
func (w *writer) Changed(ctx context.Context, tx *readmodel.Tx) ([]string, error) {
	return w.Take(ctx, func(ctx context.Context, statement string) error {
		err := tx.Each(ctx, "SELECT DISTINCT activity, response FROM "+w.table("effectiveness_statements")+" WHERE statement = ?", []any{statement},
			func(scan func(...any) error) error {
				var activity string
				var response bool
				err := scan(&activity, &response)
				w.changed(activity, response)
				return err
			})
		if err != nil {
			return err
		}
		return tx.Each(ctx, "SELECT programme FROM "+w.table("effectiveness_reactions")+" WHERE statement = ?", []any{statement},
			func(scan func(...any) error) error {
				var programme string
				err := scan(&programme)
				w.Add(AnswersKey + programme)
				return err
			})
	})
}

// changed notes that a statement about an activity has come or is voided.
func (w *writer) changed(activity string, response bool) {
	if response {
		activity = AnswersKey + activity
	}
	w.Add(activity)
}

// Apply implements projections.Writer.
func (w *writer) Apply(ctx context.Context, tx *readmodel.Tx, e *projections.Digested) error {
	w.begin(tx)
	switch made := e.Digest.(type) {
	case *definition.Programme:
		return w.register(ctx, tx, e, made)
	case *fact.Features:
		if target, voids := made.Voids(); voids {
			return w.void(ctx, e.T, target)
		}
		if made.IsResponse() {
			if err := w.reaction(ctx, e.T, made); err != nil {
				return err
			}
		}
		activity := readmodel.KeyText(made.ObjectID)
		if !w.named[activity] {
			return nil
		}
		w.changed(activity, made.IsResponse())
		return w.statement(ctx, activity, e.T, made)
	}
	return fmt.Errorf("%w: %T", projections.ErrIndigestible, e.Digest)
}

// activities lists what a programme names.
func activities(p *definition.Programme) (all []string) {
	for _, a := range p.Activities {
		all = append(all, a.ID)
	}
	if as := p.Assessments; as != nil {
		all = append(all, as.Pre, as.Post)
		if as.Retention != nil {
			all = append(all, as.Retention.Activity)
		}
	}
	return all
}

// Names tells whether a programme names an activity, which is as readmodel.KeyText has it.
func Names(p *definition.Programme, activity string) bool {
	return slices.ContainsFunc(activities(p), func(id string) bool { return readmodel.KeyText(id) == activity })
}

// Prepare implements projections.Preparer: it looks at all statements so far for activities that no programme has named
// before.
func (w *writer) Prepare(ctx context.Context, update projections.Update, e *projections.Digested) error {
	p, ok := e.Digest.(*definition.Programme)
	if !ok {
		return nil
	}
	added := map[string]bool{}
	for _, id := range activities(p) {
		if activity := readmodel.KeyText(id); !w.named[activity] {
			added[activity] = true
		}
	}
	if len(added) == 0 {
		return nil
	}
	return digest.Earlier(ctx, w.past, e.Position, update, func(tx *readmodel.Tx, t int64, f *fact.Features) error {
		w.begin(tx)
		activity := readmodel.KeyText(f.ObjectID)
		if !added[activity] {
			return nil
		}
		return w.statement(ctx, activity, t, f)
	})
}

// register notes the activities that a programme names.
func (w *writer) register(ctx context.Context, tx *readmodel.Tx, e *projections.Digested, p *definition.Programme) error {
	w.Add(p.ID())
	for _, id := range activities(p) {
		activity := readmodel.KeyText(id)
		if w.named[activity] {
			continue
		}
		w.named[activity] = true
		if err := tx.Exec(ctx, "INSERT INTO "+w.table("effectiveness_activities")+" (activity, t) VALUES (?, ?)", activity, e.T); err != nil {
			return err
		}
	}
	return nil
}

// The verbs that complete an activity.
const (
	verbCompleted = "http://adlnet.gov/expapi/verbs/completed"
	verbPassed    = "http://adlnet.gov/expapi/verbs/passed"
)

// reaction writes what may be an answer to a reaction survey: one is the reaction to what it is grouped by.
func (w *writer) reaction(ctx context.Context, t int64, f *fact.Features) error {
	for n, id := range f.Grouping {
		w.Add(AnswersKey + id)
		if err := w.into.reactions.Add(ctx, f.ID, n, id, t); err != nil {
			return err
		}
	}
	return nil
}

// statement writes a statement about an activity, for each whom it counts for. Whether what responds to it is an answer to a
// survey is asked when the answer is made.
func (w *writer) statement(ctx context.Context, activity string, t int64, f *fact.Features) error {
	done, response := 0, 0
	if f.Verb == verbCompleted || f.Verb == verbPassed || f.Completion != nil && *f.Completion {
		done = 1
	}
	if f.IsResponse() {
		response = 1
	}
	var score any
	if s, ok := measure.Score(measure.Result{
		Scaled: f.Score.Scaled, Raw: f.Score.Raw, Min: f.Score.Min, Max: f.Score.Max, Success: f.Success,
	}, measure.Bounds{}); ok {
		score = s
	}
	for key := range f.People() {
		if err := w.into.statements.Add(ctx, activity, t, readmodel.KeyText(key), f.Timestamp, f.ID, done, score, response); err != nil {
			return err
		}
	}
	return nil
}

// void notes that a statement is voided. It may have come or be still to come.
func (w *writer) void(ctx context.Context, t int64, target string) error {
	w.Void(target)
	return w.into.voidings.Add(ctx, target, t)
}
