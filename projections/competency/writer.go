package competency

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	w := &writer{table: g.Table, past: past, rules: map[string]ruleSet{}}
	err := catalog.Revisions(ctx, tx, g.Table("competency_rules"), func(d *definition.EvidenceRules, t int64) { w.rules[d.ID()] = newRuleSet(d, t) })
	return w, err
}

// writer keeps one generation.
type writer struct {
	projections.Changes
	table func(string) string
	past  projections.Past
	rules map[string]ruleSet // in force, by id

	tx   *readmodel.Tx // of the inserters
	into struct{ evidence, voidings, statements, responses, parties, actors *readmodel.Inserter }
	seen map[string]bool // actors that are in the table for certain
}

// manySeen bounds writer.seen.
const manySeen = 1 << 16

// begin makes the inserters of a transaction.
func (w *writer) begin(tx *readmodel.Tx) {
	if w.tx == tx {
		return
	}
	w.tx = tx
	w.into.evidence = tx.Insert(w.table("competency_evidence"),
		"subject", "rules", "t", "rule", "competency", "statement", "happened", "activity", "score", "parties", "question")
	w.into.voidings = tx.Insert(w.table("competency_voidings"), "statement", "t")
	w.into.statements = tx.Insert(w.table("competency_statements"), "t", "statement", "verb", "activity", "scored")
	w.into.responses = tx.Insert(w.table("competency_responses"), "t", "statement")
	w.into.parties = tx.Insert(w.table("competency_parties"), "actor", "t", "acts", "name")
	w.into.actors = tx.Insert(w.table("competency_actors"), "actor", "identity", "t")
	if w.seen == nil || len(w.seen) > manySeen {
		w.seen = map[string]bool{}
	}
}

// UnmappedKey is the key of a change of what is unmapped; that of an identity begins otherwise.
const UnmappedKey = "unmapped:"

// UnmappedAnswersKey is that key where an answer to a survey has made the change: who may not see answers is not to
// learn when one comes, or is voided.
const UnmappedAnswersKey = "answers:" + UnmappedKey

// Changed implements projections.Writer: the keys of identities, UnmappedKey, UnmappedAnswersKey, and
// projections.Everything when rules were registered.
func (w *writer) Changed(ctx context.Context, tx *readmodel.Tx) ([]string, error) {
	return w.Take(ctx, func(ctx context.Context, statement string) error {
		unmapped := UnmappedKey
		if err := tx.Each(ctx, "SELECT 1 FROM "+w.table("competency_responses")+" WHERE statement = ?", []any{statement},
			func(func(...any) error) error {
				unmapped = UnmappedAnswersKey
				return nil
			}); err != nil {
			return err
		}
		w.Add(unmapped)
		return tx.Each(ctx, "SELECT DISTINCT subject FROM "+w.table("competency_evidence")+" WHERE statement = ? AND question = ''", []any{statement},
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
	case *fact.Features:
		return w.statement(ctx, e.T, made)
	}
	return fmt.Errorf("%w: %T", projections.ErrIndigestible, e.Digest)
}

// Prepare implements projections.Preparer: it looks at all statements so far under a new revision of rules.
func (w *writer) Prepare(ctx context.Context, update projections.Update, e *projections.Digested) error {
	r, ok := e.Digest.(registered)
	if !ok {
		return nil
	}
	set := newRuleSet(r.rules, e.T)
	return digest.Earlier(ctx, w.past, e.Position, update, func(tx *readmodel.Tx, t int64, f *fact.Features) error {
		w.begin(tx)
		return w.evidence(ctx, set, t, f, false)
	})
}

// register puts a revision of rules in force.
func (w *writer) register(ctx context.Context, tx *readmodel.Tx, e *projections.Digested, r registered) error {
	if err := tx.Exec(ctx, "INSERT INTO "+w.table("competency_rules")+" (id, t, definition) VALUES (?, ?, ?)",
		keyText(r.rules.ID()), e.T, string(r.body)); err != nil {
		return err
	}
	w.rules[r.rules.ID()] = newRuleSet(r.rules, e.T)
	w.Add(projections.Everything)
	return nil
}

// statement takes one statement.
func (w *writer) statement(ctx context.Context, t int64, f *fact.Features) error {
	if target, voids := f.Voids(); voids {
		return w.void(ctx, t, target)
	}
	if f.IsResponse() {
		w.Add(UnmappedAnswersKey)
		if err := w.into.responses.Add(ctx, t, f.ID); err != nil {
			return err
		}
	} else {
		w.Add(UnmappedKey)
	}
	scored := 0
	if f.Score != (fact.Score{}) {
		scored = 1
	}
	activity := ""
	if f.ObjectType == "Activity" {
		activity = f.ObjectID
	}
	if err := w.into.statements.Add(ctx, t, f.ID, f.Verb, activity, scored); err != nil {
		return err
	}
	for key, a := range f.People() {
		if err := w.party(ctx, t, key, a, 1); err != nil {
			return err
		}
	}
	// Of who rates himself the row above stays: the first with a key does.
	if key := f.ObjectAgent.Key(); f.ObjectType == "Agent" && key != "" {
		if err := w.party(ctx, t, key, &f.ObjectAgent, 0); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.rules)) {
		if err := w.evidence(ctx, w.rules[id], t, f, true); err != nil {
			return err
		}
	}
	return nil
}

// party takes one whom a statement names.
func (w *writer) party(ctx context.Context, t int64, identityKey string, a *fact.Agent, acts int) error {
	key := keyText(identityKey)
	name := strings.ReplaceAll(a.Name, "\x00", "\uFFFD") // which PostgreSQL cannot store
	if err := w.into.parties.Add(ctx, key, t, acts, name); err != nil {
		return err
	}
	if w.seen[key] {
		return nil
	}
	w.seen[key] = true
	identity, err := json.Marshal(a.Identity)
	if err != nil {
		return fmt.Errorf("%w: %w", projections.ErrIndigestible, err)
	}
	return w.into.actors.Add(ctx, key, string(identity), t)
}

// void notes that a statement is voided. It may have come or be still to come; one
// that is itself a voiding has no rows here, and so stays in force (xAPI Data 2.3.2).
func (w *writer) void(ctx context.Context, t int64, target string) error {
	w.Void(target)
	return w.into.voidings.Add(ctx, target, t)
}

// evidence writes what a statement is under one set of rules. Whether what responds to something is an answer to a survey
// is asked when the answer is made; nobody is told that it has come.
func (w *writer) evidence(ctx context.Context, set ruleSet, t int64, f *fact.Features, changes bool) error {
	question := ""
	if f.IsResponse() {
		question = f.ObjectID
	}
	for i := range set.rules {
		rule := &set.rules[i]
		if !rule.match(f) {
			continue
		}
		subjects, parties := rule.parties(f)
		if len(subjects) == 0 {
			continue
		}
		var score any
		if s, ok := rule.score(f); ok {
			score = s
		}
		activity := ""
		if f.ObjectType == "Activity" {
			activity = f.ObjectID
		}
		for _, competency := range rule.competencies(f) {
			for _, subject := range subjects {
				if err := w.into.evidence.Add(ctx, keyText(subject), set.t, t, keyText(rule.ID), keyText(competency), f.ID, f.Timestamp,
					activity, score, parties, question); err != nil {
					return err
				}
				if changes && question == "" {
					w.Add(subject)
				}
			}
		}
	}
	return nil
}
