package competency

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/fact"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// UnmappedActor is an identity that no person has, of an actor or of who was rated.
type UnmappedActor struct {
	Key        string // keyText of the identity's
	Identity   string // JSON
	Name       string // that a statement gave last
	Statements int64
	First      int64 // stored of the first, µs
	Last       int64
}

// Uncovered is an activity, under one verb, with statements that are no evidence. One of
// a Group counts once.
type Uncovered struct {
	Activity   string
	Verb       string
	Statements int64
	Scored     int64 // of these, how many have a result.score
}

// Unmapped is what no identity or rule covers, the most statements first.
type Unmapped struct {
	Actors     []UnmappedActor
	Activities []Uncovered // that no rule takes
	Scores     []Uncovered // that a rule takes without finding a score
}

// Unmapped gives what no identity or rule covers as known at s.AsOf. Activities and
// scores are those of statements about people whom within admits; of all, if it is nil.
func (r *Reader) Unmapped(ctx context.Context, tx *readmodel.Tx, s Scene, within func(person string) bool) (u *Unmapped, err error) {
	u = &Unmapped{}
	inForce := r.book(s.Definitions).inForce("e")
	if u.Actors, err = unmappedActors(ctx, tx, s, inForce); err != nil {
		return nil, err
	}
	admitted, err := about(ctx, tx, s, inForce, within)
	if err != nil {
		return nil, err
	}
	// A statement has a row of evidence for each member of its Group: nothing here may
	// look at these for each of them.
	const taken = `EXISTS (SELECT 1 FROM competency_evidence e WHERE e.statement = s.statement AND `
	if u.Activities, err = uncovered(ctx, tx, s, `s.activity <> '' AND NOT `+taken+inForce+`)`, admitted); err != nil {
		return nil, err
	}
	u.Scores, err = uncovered(ctx, tx, s, taken+inForce+` AND e.score IS NULL) AND NOT `+taken+inForce+` AND e.score IS NOT NULL)`, admitted)
	return u, err
}

// Of statements and of parties of statements: those that are known at a time, which is a
// parameter twice, and not voided by then.
func (s Scene) fromStatements() string {
	return ` FROM competency_statements s LEFT JOIN competency_voidings v ON v.statement = s.statement AND v.t <= ?
		WHERE s.t <= ? AND v.t IS NULL` + s.withheld()
}

func (s Scene) fromParties() string {
	return ` FROM competency_parties p JOIN competency_statements s ON s.t = p.t
		LEFT JOIN competency_voidings v ON v.statement = s.statement AND v.t <= ? WHERE p.t <= ? AND v.t IS NULL` + s.withheld()
}

// withheld is a condition: a statement is no answer, if these are not to be told of.
func (s Scene) withheld() string {
	if !s.NoAnswers {
		return ""
	}
	return ` AND s.verb <> '` + verbResponded + `'`
}

// concerned is a condition: a party acts, or is the object of a statement that is
// evidence about the object under rules that are in force.
func concerned(inForce string) string {
	return ` AND (p.acts = 1 OR EXISTS (SELECT 1 FROM competency_evidence e WHERE e.subject = p.actor AND e.t = p.t AND ` + inForce + `))`
}

// unmappedActors gives the parties who are nobody, with the name that came last.
func unmappedActors(ctx context.Context, tx *readmodel.Tx, s Scene, inForce string) (all []UnmappedActor, err error) {
	owner, err := owners(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	from := s.fromParties() + concerned(inForce)
	err = tx.Each(ctx, `SELECT c.actor, a.identity,
			COALESCE((SELECT p.name`+from+` AND p.actor = c.actor AND p.name <> '' ORDER BY p.t DESC LIMIT 1), ''), c.n, c.first, c.last
		FROM (SELECT p.actor AS actor, count(*) AS n, min(p.t) AS first, max(p.t) AS last`+from+` GROUP BY p.actor) c
		JOIN competency_actors a ON a.actor = c.actor`, []any{s.AsOf, s.AsOf, s.AsOf, s.AsOf}, func(scan func(...any) error) error {
		var a UnmappedActor
		if err := scan(&a.Key, &a.Identity, &a.Name, &a.Statements, &a.First, &a.Last); err != nil {
			return err
		}
		if _, known := owner(a.Key); !known {
			all = append(all, a)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b UnmappedActor) int {
		return cmp.Or(cmp.Compare(b.Statements, a.Statements), cmp.Compare(a.Key, b.Key))
	})
	return all, err
}

// about gives the times of the statements about people whom within admits, nil for all.
func about(ctx context.Context, tx *readmodel.Tx, s Scene, inForce string, within func(person string) bool) (map[int64]bool, error) {
	if within == nil {
		return nil, nil
	}
	var keys []any
	for _, p := range s.People.People() {
		if within(p.ID) {
			for _, k := range s.People.Keys(p.ID) {
				keys = append(keys, keyText(k))
			}
		}
	}
	times := map[int64]bool{}
	for chunk := range slices.Chunk(keys, shelvesAtOnce) {
		query := `SELECT p.t` + s.fromParties() + concerned(inForce) + ` AND p.actor IN (` + marks(len(chunk)) + `)`
		err := tx.Each(ctx, query, append([]any{s.AsOf, s.AsOf}, chunk...), func(scan func(...any) error) error {
			var t int64
			err := scan(&t)
			times[t] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return times, nil
}

// owners finds the person of an actor by the key that the tables have.
func owners(ctx context.Context, tx *readmodel.Tx, s Scene) (func(key string) (person string, ok bool), error) {
	long := map[string]string{} // keys of identities by their hashes
	err := tx.Each(ctx, "SELECT actor, identity FROM competency_actors WHERE actor LIKE ?", []any{readmodel.Hashed + "%"}, func(scan func(...any) error) error {
		var actor, raw string
		var identity fact.Identity
		if err := scan(&actor, &raw); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(raw), &identity)
		long[actor] = identity.Key()
		return err
	})
	return func(key string) (string, bool) {
		if identity, ok := long[key]; ok {
			key = identity
		}
		return s.People.PersonOf(key)
	}, err
}

// uncovered adds up the statements for which a condition holds; those at admitted, unless
// that is nil.
func uncovered(ctx context.Context, tx *readmodel.Tx, s Scene, condition string, admitted map[int64]bool) (all []Uncovered, err error) {
	by := "s.activity, s.verb"
	if admitted != nil {
		by += ", s.t"
	}
	type group struct{ activity, verb string }
	sums := map[group]*Uncovered{}
	err = tx.Each(ctx, `SELECT s.activity, s.verb, min(s.t), count(*), sum(s.scored)`+s.fromStatements()+` AND `+condition+` GROUP BY `+by,
		[]any{s.AsOf, s.AsOf}, func(scan func(...any) error) error {
			var g Uncovered
			var t int64
			if err := scan(&g.Activity, &g.Verb, &t, &g.Statements, &g.Scored); err != nil {
				return err
			}
			if admitted != nil && !admitted[t] {
				return nil
			}
			key := group{g.Activity, g.Verb}
			if sum := sums[key]; sum != nil {
				sum.Statements, sum.Scored = sum.Statements+g.Statements, sum.Scored+g.Scored
			} else {
				sums[key] = &g
			}
			return nil
		})
	for _, sum := range sums {
		all = append(all, *sum)
	}
	slices.SortFunc(all, func(a, b Uncovered) int {
		return cmp.Or(cmp.Compare(b.Statements, a.Statements), cmp.Compare(a.Activity, b.Activity), cmp.Compare(a.Verb, b.Verb))
	})
	return all, err
}
