package competency

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Scene is the moment that a question is about (DOMAIN.md, "Two clocks"): what had
// happened at At, as it was known at AsOf.
type Scene struct {
	People      *people.State        // as of AsOf
	Definitions *catalog.Definitions // as of AsOf
	At          time.Time
	AsOf        int64 // µs
}

// Standing is how a person stands in a competency.
type Standing struct {
	Competency string
	measure.Standing
}

// Reason says why a statement that matches a rule is no evidence.
type Reason string

// The reasons.
const (
	Voided        Reason = "voided"
	OutsideWindow Reason = "outside_window" // it happened after the moment asked about
	NoScore       Reason = "no_score"
	Self          Reason = "self" // a rating of oneself
	Superseded    Reason = "superseded"
)

// LeftOut is a statement that does not count.
type LeftOut struct {
	Statement string
	Rule      string
	Reason    Reason
}

// Evidence is what is behind a Standing.
type Evidence struct {
	Standing
	Pieces  []measure.Piece // by timestamp and id
	Rules   map[string]RuleRef
	LeftOut []LeftOut
}

// RuleRef names the rule of a piece by the definition that has it.
type RuleRef struct {
	Definition string
	Revision   int64
	Rule       string
}

// Reader answers questions from the live tables. Its methods may be called
// concurrently.
type Reader struct {
	mu    sync.Mutex
	books map[*catalog.Definitions]*book

	voids voidings
}

// Person gives how a person stands in each competency for which there is evidence or
// a requirement, by id.
func (r *Reader) Person(ctx context.Context, tx *readmodel.Tx, s Scene, person string) ([]Standing, error) {
	all, err := r.People(ctx, tx, s, []string{person})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// People is Person for several, in their order.
func (r *Reader) People(ctx context.Context, tx *readmodel.Tx, s Scene, persons []string) ([][]Standing, error) {
	b := r.book(s.Definitions)
	gathered, err := r.gather(ctx, tx, s, b, persons, "")
	if err != nil {
		return nil, err
	}
	all := make([][]Standing, len(persons))
	for i, p := range persons {
		all[i] = b.standings(s, p, gathered[p])
	}
	return all, nil
}

// Evidence gives what is behind a person's standing in one competency; false if no
// framework lists it.
func (r *Reader) Evidence(ctx context.Context, tx *readmodel.Tx, s Scene, person, competency string) (*Evidence, bool, error) {
	b := r.book(s.Definitions)
	listed := b.competencies[keyText(competency)]
	if listed == nil {
		return nil, false, nil
	}
	gathered, err := r.gather(ctx, tx, s, b, []string{person}, keyText(competency))
	if err != nil {
		return nil, false, err
	}
	found := gathered[person][keyText(competency)]
	if found == nil {
		found = &findings{}
	}
	kept, superseded := measure.Supersede(found.evidence)
	e := &Evidence{
		Standing: Standing{competency, listed.assess(kept, s, b.prior, s.People.RolesAt(person, s.At))},
		Pieces:   measure.Weigh(kept, s.At), Rules: map[string]RuleRef{}, LeftOut: found.leftOut,
	}
	for _, p := range superseded {
		e.LeftOut = append(e.LeftOut, LeftOut{p.Statement, b.refs[p.Rule].Rule, Superseded})
	}
	slices.SortFunc(e.LeftOut, func(a, b LeftOut) int {
		return cmp.Or(cmp.Compare(a.Statement, b.Statement), cmp.Compare(a.Rule, b.Rule))
	})
	for _, p := range e.Pieces {
		e.Rules[p.Rule] = b.refs[p.Rule]
	}
	return e, true, nil
}

// standings assesses what was found of one person.
func (b *book) standings(s Scene, person string, found map[string]*findings) []Standing {
	roles := s.People.RolesAt(person, s.At)
	var all []Standing
	for _, id := range b.ids {
		listed := b.competencies[keyText(id)]
		var kept []measure.Evidence
		if f := found[keyText(id)]; f != nil {
			kept, _ = measure.Supersede(f.evidence)
		}
		if len(kept) > 0 || listed.required(roles) {
			all = append(all, Standing{id, listed.assess(kept, s, b.prior, roles)})
		}
	}
	return all
}

// findings is what statements say of one person and one competency.
type findings struct {
	evidence []measure.Evidence
	leftOut  []LeftOut
}

// gather reads what there is of people, by person and keyText of the competency: of one
// or, with "", of all.
func (reader *Reader) gather(ctx context.Context, tx *readmodel.Tx, s Scene, b *book, persons []string, competency string) (map[string]map[string]*findings, error) {
	voided, err := reader.voids.load(ctx, tx)
	if err != nil {
		return nil, err
	}
	owner := map[string]string{}
	several := map[string]bool{} // people with several identities
	var keys []string
	for _, p := range persons {
		theirs := s.People.Keys(p)
		several[p] = len(theirs) > 1
		for _, k := range theirs {
			owner[keyText(k)] = p
			keys = append(keys, keyText(k))
		}
	}
	type counted struct { // a statement counts once, whatever number of identities it names a person by
		person     string
		rules, t   int64
		rule, comp string
	}
	at := s.At.UnixMicro()
	seen := map[counted]bool{}
	all := map[string]map[string]*findings{}
	err = rows(ctx, tx, keys, b.revisions, s.AsOf, competency, func(r *row) error {
		rule := b.rules[ruleKey{r.rules, r.rule}]
		if b.competencies[r.competency] == nil || rule == nil {
			return nil
		}
		person := owner[r.subject]
		if several[person] {
			once := counted{person, r.rules, r.t, r.rule, r.competency}
			if seen[once] {
				return nil
			}
			seen[once] = true
		}
		of := all[person]
		if of == nil {
			of = map[string]*findings{}
			all[person] = of
		}
		f := of[r.competency]
		if f == nil {
			f = &findings{}
			of[r.competency] = f
		}
		if why := reason(s, r, person, at, voided); why != "" {
			f.leftOut = append(f.leftOut, LeftOut{r.statement, b.refs[rule.evidence.Rule].Rule, why})
			return nil
		}
		e := rule.evidence
		e.Statement, e.Timestamp, e.Score, e.Activity = r.statement, time.UnixMicro(r.happened).UTC(), *r.score, r.activity
		f.evidence = append(f.evidence, e)
		return nil
	})
	return all, err
}

// reason tells why a row does not count, "" if it does.
func reason(s Scene, r *row, person string, at int64, voided func(statement string, asOf int64) bool) Reason {
	switch {
	case voided(r.statement, s.AsOf):
		return Voided
	case r.happened > at:
		return OutsideWindow
	}
	for _, key := range r.others() {
		if p, ok := s.People.PersonOf(key); ok && p == person {
			return Self
		}
	}
	if r.score == nil {
		return NoScore
	}
	return ""
}
