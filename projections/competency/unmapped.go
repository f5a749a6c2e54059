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
//
// It reads everything once, in the order of the tables: at a million statements some seconds. The last answer about
// everybody is kept for its next page. The caller must not change what the lists have.
func (r *Reader) Unmapped(ctx context.Context, tx *readmodel.Tx, s Scene, within func(person string) bool) (*Unmapped, error) {
	if within != nil {
		return r.unmapped(ctx, tx, s, within)
	}
	last := r.lastUnmapped.Load()
	if last == nil || last.asOf != s.AsOf || last.noAnswers != s.NoAnswers {
		u, err := r.unmapped(ctx, tx, s, nil)
		if err != nil {
			return nil, err
		}
		last = &answeredUnmapped{s.AsOf, s.NoAnswers, *u}
		r.lastUnmapped.Store(last)
	}
	u := last.answer
	return &u, nil
}

// answeredUnmapped is an answer about everybody, and its question. What is known at a time is the same for ever.
type answeredUnmapped struct {
	asOf      int64
	noAnswers bool
	answer    Unmapped
}

func (r *Reader) unmapped(ctx context.Context, tx *readmodel.Tx, s Scene, within func(person string) bool) (*Unmapped, error) {
	inForce := r.book(s.Definitions).inForce("e")
	admitted, err := about(ctx, tx, s, inForce, within)
	if err != nil {
		return nil, err
	}
	taken, scored, err := evidenceTimes(ctx, tx, inForce)
	if err != nil {
		return nil, err
	}
	voided := map[string]bool{}
	if err := tx.Each(ctx, "SELECT statement FROM competency_voidings WHERE t <= ?", []any{s.AsOf}, func(scan func(...any) error) error {
		var statement string
		err := scan(&statement)
		voided[statement] = true
		return err
	}); err != nil {
		return nil, err
	}
	u := &Unmapped{}
	activities, scores := sums{}, sums{}
	var out []int64 // times of the statements that do not count, in order
	if err := tx.Each(ctx, "SELECT t, statement, verb, activity, scored FROM competency_statements WHERE t <= ? ORDER BY t", []any{s.AsOf},
		func(scan func(...any) error) error {
			var t, score int64
			var statement, verb, activity string
			if err := scan(&t, &statement, &verb, &activity, &score); err != nil {
				return err
			}
			switch {
			case voided[statement] || s.NoAnswers && verb == fact.VerbResponded:
				out = append(out, t)
			case admitted != nil && !admitted[t]:
			case !taken.has(t) && activity != "":
				activities.add(activity, verb, score)
			case taken.has(t) && !scored.has(t):
				scores.add(activity, verb, score)
			}
			return nil
		}); err != nil {
		return nil, err
	}
	u.Activities, u.Scores = activities.sorted(), scores.sorted()
	u.Actors, err = unmappedActors(ctx, tx, s, inForce, out)
	return u, err
}

// times are sorted, and asked about in order.
type times struct {
	all  []int64
	next int
}

func (x *times) has(t int64) bool {
	for x.next < len(x.all) && x.all[x.next] < t {
		x.next++
	}
	return x.next < len(x.all) && x.all[x.next] == t
}

// evidenceTimes gives the times of the statements that are evidence under the rules in force, and of those among them with
// a score. A statement has a row for each member of its Group.
func evidenceTimes(ctx context.Context, tx *readmodel.Tx, inForce string) (taken, scored *times, err error) {
	taken, scored = &times{}, &times{}
	err = tx.Each(ctx, "SELECT e.t, CASE WHEN e.score IS NULL THEN 0 ELSE 1 END FROM competency_evidence e WHERE "+inForce, nil,
		func(scan func(...any) error) error {
			var t, has int64
			if err := scan(&t, &has); err != nil {
				return err
			}
			taken.all = append(taken.all, t)
			if has == 1 {
				scored.all = append(scored.all, t)
			}
			return nil
		})
	for _, list := range []*times{taken, scored} {
		slices.Sort(list.all)
		list.all = slices.Compact(list.all)
	}
	return taken, scored, err
}

// sums add statements up by activity and verb.
type sums map[[2]string]*Uncovered

func (s sums) add(activity, verb string, scored int64) {
	key := [2]string{activity, verb}
	if s[key] == nil {
		s[key] = &Uncovered{Activity: activity, Verb: verb}
	}
	s[key].Statements++
	s[key].Scored += scored
}

func (s sums) sorted() (all []Uncovered) {
	for _, u := range s {
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b Uncovered) int {
		return cmp.Or(cmp.Compare(b.Statements, a.Statements), cmp.Compare(a.Activity, b.Activity), cmp.Compare(a.Verb, b.Verb))
	})
	return all
}

// fromParties is of parties of statements that are known at a time, which is a parameter twice, and not voided by then.
func (s Scene) fromParties() string {
	return ` FROM competency_parties p JOIN competency_statements s ON s.t = p.t
		LEFT JOIN competency_voidings v ON v.statement = s.statement AND v.t <= ? WHERE p.t <= ? AND v.t IS NULL` + s.withheld()
}

// withheld is a condition: a statement is no answer, if these are not to be told of.
func (s Scene) withheld() string {
	if !s.NoAnswers {
		return ""
	}
	return ` AND s.verb <> '` + fact.VerbResponded + `'`
}

// concerned is a condition: a party acts, or is the object of a statement that is
// evidence about the object under rules that are in force.
func concerned(inForce string) string {
	return ` AND (p.acts = 1 OR EXISTS (SELECT 1 FROM competency_evidence e WHERE e.subject = p.actor AND e.t = p.t AND ` + inForce + `))`
}

// unmappedActors gives the parties who are nobody, with the name that came last, but for statements at the times out,
// which are in order.
func unmappedActors(ctx context.Context, tx *readmodel.Tx, s Scene, inForce string, out []int64) (all []UnmappedActor, err error) {
	owner, err := owners(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	var now UnmappedActor // whose rows are being read
	nobody := false
	end := func() {
		if nobody && now.Statements > 0 {
			all = append(all, now)
		}
	}
	if err := tx.Each(ctx, `SELECT p.actor, p.t, p.name FROM competency_parties p WHERE p.t <= ?`+concerned(inForce)+` ORDER BY p.actor, p.t`,
		[]any{s.AsOf}, func(scan func(...any) error) error {
			var actor, name string
			var t int64
			if err := scan(&actor, &t, &name); err != nil {
				return err
			}
			if actor != now.Key {
				end()
				_, known := owner(actor)
				now, nobody = UnmappedActor{Key: actor, First: t}, !known
			}
			if !nobody {
				return nil
			}
			if _, found := slices.BinarySearch(out, t); found {
				return nil
			}
			if now.Statements++; now.Statements == 1 {
				now.First = t
			}
			if now.Last = t; name != "" {
				now.Name = name
			}
			return nil
		}); err != nil {
		return nil, err
	}
	end()
	at := make(map[string]int, len(all))
	for i := range all {
		at[all[i].Key] = i
	}
	if err := tx.Each(ctx, "SELECT actor, identity FROM competency_actors", nil, func(scan func(...any) error) error {
		var actor, identity string
		err := scan(&actor, &identity)
		if i, ok := at[actor]; ok {
			all[i].Identity = identity
		}
		return err
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b UnmappedActor) int {
		return cmp.Or(cmp.Compare(b.Statements, a.Statements), cmp.Compare(a.Key, b.Key))
	})
	return all, nil
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
