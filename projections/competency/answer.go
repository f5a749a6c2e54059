package competency

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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
	Before      bool  // what happened at the very instant At does not count
	AsOf        int64 // µs

	// NoAnswers: somebody asks who may not see single answers. How many there are is then not told by what is unmapped.
	NoAnswers bool
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
	Timestamp time.Time
	Kind      string // the rule's
	RuleRef
	Reason Reason
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
	known known

	lastUnmapped atomic.Pointer[answeredUnmapped]
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
	all := make([][]Standing, len(persons))
	err := r.look(ctx, tx, s, b, persons, func(l *look) {
		var next atomic.Int64
		var workers sync.WaitGroup
		for range min(runtime.GOMAXPROCS(0), len(persons)) {
			workers.Go(func() {
				found := map[text]*findings{}
				for i := next.Add(1) - 1; i < int64(len(persons)); i = next.Add(1) - 1 {
					l.find(persons[i], found)
					all[i] = b.standings(s, persons[i], found)
				}
			})
		}
		workers.Wait()
	})
	return all, err
}

// Evidence gives what is behind a person's standing in one competency; false if no
// framework lists it.
func (r *Reader) Evidence(ctx context.Context, tx *readmodel.Tx, s Scene, person, competency string) (e *Evidence, known bool, err error) {
	b := r.book(s.Definitions)
	listed := b.competencies[keyOf(competency)]
	if listed == nil {
		return nil, false, nil
	}
	err = r.look(ctx, tx, s, b, []string{person}, func(l *look) {
		all := map[text]*findings{}
		l.find(person, all)
		found := all[keyOf(competency)]
		if found == nil {
			found = &findings{}
		}
		kept, superseded := measure.Supersede(found.evidence)
		e = &Evidence{
			Standing: Standing{competency, listed.assess(kept, s, b.prior, s.People.RolesAt(person, s.At))},
			Pieces:   measure.Weigh(kept, s.At), Rules: map[string]RuleRef{}, LeftOut: found.leftOut,
		}
		for _, p := range superseded {
			e.LeftOut = append(e.LeftOut, LeftOut{p.Statement, p.Timestamp, p.Kind, b.refs[p.Rule], Superseded})
		}
	})
	if err != nil {
		return nil, true, err
	}
	slices.SortFunc(e.LeftOut, func(a, b LeftOut) int {
		return cmp.Or(cmp.Compare(a.Statement, b.Statement), cmp.Compare(a.Definition, b.Definition), cmp.Compare(a.Rule, b.Rule))
	})
	for _, p := range e.Pieces {
		e.Rules[p.Rule] = b.refs[p.Rule]
	}
	return e, true, nil
}

// standings assesses what was found of one person, and uses it up.
func (b *book) standings(s Scene, person string, found map[text]*findings) []Standing {
	roles := s.People.RolesAt(person, s.At)
	var all []Standing
	for _, id := range b.ids {
		listed := b.competencies[keyOf(id)]
		var kept []measure.Evidence
		if f := found[keyOf(id)]; f != nil {
			kept = measure.Kept(f.evidence)
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

// look is a look at what there is of some people.
type look struct {
	Scene
	book   *book
	voided func(statement string, asOf int64) bool
	rows   map[shelf]stock
}

// look reads what there is of people, for do.
func (r *Reader) look(ctx context.Context, tx *readmodel.Tx, s Scene, b *book, persons []string, do func(*look)) error {
	voided, err := r.voids.load(ctx, tx)
	if err != nil {
		return err
	}
	var keys []string
	for _, p := range persons {
		for _, k := range s.People.Keys(p) {
			keys = append(keys, keyText(k))
		}
	}
	rows, err := r.known.load(ctx, tx, keys, b.revisions)
	if err != nil {
		return err
	}
	do(&look{s, b, voided, rows})
	return nil
}

// once names a row that counts once, whatever number of identities its statement names
// the person by.
type once struct {
	rules, t   int64
	rule, comp text
}

// find gives what is known of a person, by keyText of the competency, in the memory of
// what was found before.
func (l *look) find(person string, found map[text]*findings) {
	for _, f := range found {
		f.evidence, f.leftOut = f.evidence[:0], f.leftOut[:0]
	}
	keys := l.People.Keys(person)
	var seen map[once]bool
	if len(keys) > 1 {
		seen = map[once]bool{}
	}
	for _, key := range keys {
		for _, rules := range l.book.revisions {
			rows := l.rows[shelf{keyText(key), rules}].rows
			for i := range rows {
				l.take(found, &rows[i], rules, person, seen)
			}
		}
	}
}

// take adds a row to what was found, if it says something at this moment.
func (l *look) take(found map[text]*findings, r *row, rules int64, person string, seen map[once]bool) {
	if r.t > l.AsOf || l.Definitions.Asked(r.question.Value()) {
		return // an answer is no evidence, whatever a rule matches: evidence is shown to who may not see single answers
	}
	rule := l.book.rules[ruleKey{rules, r.rule}]
	if rule == nil || l.book.competencies[r.competency] == nil {
		return
	}
	if seen != nil {
		this := once{rules, r.t, r.rule, r.competency}
		if seen[this] {
			return
		}
		seen[this] = true
	}
	f := found[r.competency]
	if f == nil {
		f = &findings{}
		found[r.competency] = f
	}
	if why := l.reason(r, person); why != "" {
		f.leftOut = append(f.leftOut, LeftOut{r.statement, time.UnixMicro(r.happened).UTC(), rule.Kind, l.book.refs[rule.Rule], why})
		return
	}
	e := *rule
	e.Statement, e.Timestamp, e.Score, e.Activity = r.statement, time.UnixMicro(r.happened).UTC(), r.score, r.activity.Value()
	f.evidence = append(f.evidence, e)
}

// reason tells why a row does not count, "" if it does.
func (l *look) reason(r *row, person string) Reason {
	switch {
	case l.voided(r.statement, l.AsOf):
		return Voided
	case r.happened > l.At.UnixMicro(), l.Before && r.happened == l.At.UnixMicro():
		return OutsideWindow
	}
	for _, key := range r.others {
		if p, ok := l.People.PersonOf(key); ok && p == person {
			return Self
		}
	}
	if math.IsNaN(r.score) {
		return NoScore
	}
	return ""
}
