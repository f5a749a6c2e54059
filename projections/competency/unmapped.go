package competency

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/fact"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// UnmappedActor is an identity that no person has.
type UnmappedActor struct {
	Key        string // keyText of the identity's
	Identity   string // JSON
	Name       string // as a statement gave it
	Statements int64
	First      int64 // stored of the first, µs
	Last       int64
}

// Uncovered is an activity, under one verb, with statements that are no evidence.
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
// scores are those of statements about people whom within admits, or about nobody.
func (r *Reader) Unmapped(ctx context.Context, tx *readmodel.Tx, s Scene, within func(person string) bool) (*Unmapped, error) {
	u := &Unmapped{}
	b := r.book(s.Definitions)
	owner, err := owners(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	// Statements that were voided by then are left out everywhere.
	const counted = ` FROM competency_statements s LEFT JOIN competency_voidings v ON v.statement = s.statement AND v.t <= ?
		WHERE s.t <= ? AND v.t IS NULL`
	err = tx.Each(ctx, `SELECT c.actor, a.identity, a.name, c.n, c.first, c.last FROM (
			SELECT s.actor AS actor, count(*) AS n, min(s.t) AS first, max(s.t) AS last`+counted+` GROUP BY s.actor
		) c JOIN competency_actors a ON a.actor = c.actor`, []any{s.AsOf, s.AsOf}, func(scan func(...any) error) error {
		var a UnmappedActor
		if err := scan(&a.Key, &a.Identity, &a.Name, &a.Statements, &a.First, &a.Last); err != nil {
			return err
		}
		if _, known := owner(a.Key); !known {
			u.Actors = append(u.Actors, a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(u.Actors, func(a, b UnmappedActor) int {
		return cmp.Or(cmp.Compare(b.Statements, a.Statements), cmp.Compare(a.Key, b.Key))
	})
	admits := func(key string) bool {
		person, known := owner(key)
		return within(person) || !known && within("")
	}
	if u.Activities, err = uncovered(ctx, tx, `SELECT s.activity, s.verb, s.actor, count(*), sum(s.scored)`+counted+
		` AND s.activity <> '' AND NOT EXISTS (SELECT 1 FROM competency_evidence e WHERE e.statement = s.statement AND `+b.inForce("e")+`)
		GROUP BY s.activity, s.verb, s.actor`, []any{s.AsOf, s.AsOf}, admits); err != nil {
		return nil, err
	}
	u.Scores, err = uncovered(ctx, tx, `SELECT s.activity, s.verb, s.actor, count(*), sum(s.scored)`+counted+
		` AND EXISTS (SELECT 1 FROM competency_evidence e WHERE e.statement = s.statement AND e.score IS NULL AND `+b.inForce("e")+`)
		AND NOT EXISTS (SELECT 1 FROM competency_evidence e WHERE e.statement = s.statement AND e.score IS NOT NULL AND `+b.inForce("e")+`)
		GROUP BY s.activity, s.verb, s.actor`, []any{s.AsOf, s.AsOf}, admits)
	return u, err
}

// owners finds the person of an actor by the key that the tables have.
func owners(ctx context.Context, tx *readmodel.Tx, s Scene) (func(key string) (person string, ok bool), error) {
	long := map[string]string{} // keys of identities by their hashes
	err := tx.Each(ctx, "SELECT actor, identity FROM competency_actors WHERE actor LIKE ?", []any{hashed + "%"}, func(scan func(...any) error) error {
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

// uncovered adds up a query's groups over the actors that admits lets through.
func uncovered(ctx context.Context, tx *readmodel.Tx, query string, args []any, admits func(key string) bool) ([]Uncovered, error) {
	type group struct{ activity, verb string }
	sums := map[group]*Uncovered{}
	err := tx.Each(ctx, query, args, func(scan func(...any) error) error {
		var g Uncovered
		var actor string
		if err := scan(&g.Activity, &g.Verb, &actor, &g.Statements, &g.Scored); err != nil {
			return err
		}
		if !admits(actor) {
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
	var all []Uncovered
	for _, sum := range sums {
		all = append(all, *sum)
	}
	slices.SortFunc(all, func(a, b Uncovered) int {
		return cmp.Or(cmp.Compare(b.Statements, a.Statements), cmp.Compare(a.Activity, b.Activity), cmp.Compare(a.Verb, b.Verb))
	})
	return all, err
}
