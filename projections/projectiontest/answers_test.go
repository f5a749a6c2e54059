package projectiontest_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// all are the projections under test.
var all = []projections.Projection{
	people.Projection{}, catalog.Projection{}, competency.Projection{}, feedback.Projection{}, effectiveness.Projection{}, evaluation.Projection{},
}

// moment is what answers are asked for.
type moment struct{ at, asOf int64 }

func (m moment) String() string {
	return fmt.Sprintf("at %s, as of %s (%d)", time.UnixMicro(m.at).UTC().Format(time.RFC3339Nano),
		time.UnixMicro(m.asOf).UTC().Format(time.RFC3339Nano), m.asOf)
}

// answers are all answers for one moment.
type answers struct {
	Standings map[string][]competency.Standing           // by person
	Evidence  map[string]map[string]*competency.Evidence // by person and competency
	Roles     map[string][]string                        // by person
	Unmapped  map[string]*competency.Unmapped            // as those see it who may see one person, and all
	Revisions map[string]int64                           // of definitions
	Position  projections.Position
}

// everybody is the key of Unmapped for those who may see all.
const everybody = "everybody"

// readers are kept from one question to the next, as a server does.
type readers struct {
	people     people.Reader
	catalog    catalog.Reader
	competency competency.Reader
}

// ask asks for everything that is to know at a moment.
func (r *readers) ask(ctx context.Context, store *readmodel.Store, m moment, persons, competencies []string) (*answers, error) {
	return r.askFor(ctx, store, m, persons, competencies, true)
}

// askFor leaves out what is unmapped, unless it is wanted, too.
func (r *readers) askFor(ctx context.Context, store *readmodel.Store, m moment, persons, competencies []string, unmapped bool) (*answers, error) {
	a := &answers{
		Standings: map[string][]competency.Standing{}, Evidence: map[string]map[string]*competency.Evidence{},
		Roles: map[string][]string{}, Unmapped: map[string]*competency.Unmapped{}, Revisions: map[string]int64{},
	}
	return a, store.View(ctx, func(tx *readmodel.Tx) (err error) {
		s := competency.Scene{At: time.UnixMicro(m.at).UTC(), AsOf: m.asOf}
		if s.People, err = r.people.State(ctx, tx, m.asOf); err != nil {
			return err
		}
		if s.Definitions, err = r.catalog.At(ctx, tx, m.asOf); err != nil {
			return err
		}
		for kind := range kinds {
			for _, e := range s.Definitions.Of(kind) {
				a.Revisions[e.ID()] = e.Revision
			}
		}
		if a.Position, _, _, err = projections.PositionAt(ctx, tx, competency.Name, m.asOf); err != nil {
			return err
		}
		together, err := r.competency.People(ctx, tx, s, persons)
		if err != nil {
			return err
		}
		for i, p := range persons {
			a.Roles[p] = s.People.RolesAt(p, s.At)
			if a.Standings[p], err = r.competency.Person(ctx, tx, s, p); err != nil {
				return err
			}
			if alone := text(a.Standings[p]); alone != text(together[i]) {
				return fmt.Errorf("%s, %s: %s alone, %s among others", p, m, alone, text(together[i]))
			}
			a.Evidence[p] = map[string]*competency.Evidence{}
			for _, c := range competencies {
				e, found, err := r.competency.Evidence(ctx, tx, s, p, c)
				if err != nil {
					return err
				}
				if found {
					a.Evidence[p][c] = e
				}
			}
		}
		if !unmapped {
			return nil
		}
		one := persons[0]
		if a.Unmapped[one], err = r.competency.Unmapped(ctx, tx, s, func(person string) bool { return person == one }); err != nil {
			return err
		}
		a.Unmapped[everybody], err = r.competency.Unmapped(ctx, tx, s, nil)
		return err
	})
}

var kinds = map[string]bool{"framework": true, "evidence-rules": true}

// text is JSON: two floats with different bits have different texts.
func text(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent(" "))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// compare holds answers against the model's.
func (a *answers) compare(w *world, m moment, persons, competencies []string) error {
	if !mapsEqual(a.Revisions, w.revisions) {
		return fmt.Errorf("revisions of definitions %v, not %v", a.Revisions, w.revisions)
	}
	for _, p := range persons {
		roles := w.roles(p, m.at)
		if len(a.Roles[p]) != len(roles) {
			return fmt.Errorf("%s has the roles %v, not %v", p, a.Roles[p], roles)
		}
		for _, c := range competencies {
			i := slices.IndexFunc(a.Standings[p], func(s competency.Standing) bool { return s.Competency == c })
			kept, left := w.evidence(p, c, m.at)
			e := a.Evidence[p][c]
			if w.listed(c) == nil {
				if i >= 0 || e != nil {
					return fmt.Errorf("%s: an answer for %s, which no framework lists", p, c)
				}
				continue
			}
			if e == nil {
				return fmt.Errorf("%s: no answer for %s", p, c)
			}
			want := w.stand(p, c, kept, m.at)
			if (i >= 0) != (len(kept) > 0 || want.required != "") {
				return fmt.Errorf("%s, %s: listed: %t, but there are %d pieces and the requirement is %q", p, c, i >= 0, len(kept), want.required)
			}
			if i >= 0 && text(a.Standings[p][i]) != text(e.Standing) {
				return fmt.Errorf("%s, %s: %s, but with the evidence %s", p, c, text(a.Standings[p][i]), text(e.Standing))
			}
			if err := want.compare(e.Standing, len(kept)); err != nil {
				return fmt.Errorf("%s, %s: %w; the model has %+v from %+v", p, c, err, want, kept)
			}
			if err := compareEvidence(e, kept, left, m.at, want.weight); err != nil {
				return fmt.Errorf("%s, %s: %w", p, c, err)
			}
		}
	}
	for who, u := range a.Unmapped {
		admit := func(person string) bool { return person == who }
		if who == everybody {
			admit = nil
		}
		if err := w.compareUnmapped(u, admit); err != nil {
			return fmt.Errorf("unmapped, as %s sees it: %w", who, err)
		}
	}
	return nil
}

func (w *standing) compare(got competency.Standing, pieces int) error {
	number := func(v *float64) float64 {
		if v == nil {
			return math.NaN()
		}
		return *v
	}
	str := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b)) }
	null := got.Value == nil && got.Mean == nil && got.Lower == nil && got.Upper == nil && got.Level == nil
	lower, upper := number(got.Lower), number(got.Upper)
	switch {
	case got.Evidence != pieces:
		return fmt.Errorf("%d pieces, not %d", got.Evidence, pieces)
	case !near(got.Weight, w.weight):
		return fmt.Errorf("weight %v", got.Weight)
	case str(got.Required) != w.required:
		return fmt.Errorf("required %q", str(got.Required))
	case !w.close && string(got.State) != w.state:
		return fmt.Errorf("state %s", got.State)
	case !(w.weight > 0):
		if !null {
			return fmt.Errorf("%s from nothing", text(got))
		}
		return nil
	case !near(number(got.Mean), w.mean), !near(number(got.Value), w.estimate):
		return fmt.Errorf("mean %v, estimate %v", number(got.Mean), number(got.Value))
	case !w.close && str(got.Level) != w.level:
		return fmt.Errorf("level %q", str(got.Level))
	case lower < number(got.Value) && !w.quantile(0.05, lower), lower > number(got.Value),
		lower == number(got.Value) && w.quantile(0.05, lower-2e-8) && lower > 2e-8:
		return fmt.Errorf("lower bound %v", lower)
	case !w.quantile(0.95, upper):
		return fmt.Errorf("upper bound %v", upper)
	}
	return nil
}

func compareEvidence(e *competency.Evidence, kept []piece, left []leftOut, at int64, total float64) error {
	if len(e.Pieces) != len(kept) {
		return fmt.Errorf("pieces %s, not %+v", text(e.Pieces), kept)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }
	for i, k := range kept {
		p := e.Pieces[i]
		decay := k.decay(at)
		share := 0.0
		if total > 0 {
			share = k.weight * decay / total
		}
		if p.Statement != k.statement || p.Kind != k.kind || p.Weight != k.weight || !near(p.Score, k.score) ||
			!near(p.Decay, decay) || !near(p.Share, share) || p.Timestamp.UnixMicro() != k.happened ||
			e.Rules[p.Rule] != (competency.RuleRef{Definition: k.rules, Revision: k.revision, Rule: k.rule}) {
			return fmt.Errorf("piece %s under %+v, not %+v", text(p), e.Rules[p.Rule], k)
		}
	}
	var got []leftOut
	for _, l := range e.LeftOut {
		got = append(got, leftOut{l.Statement, l.Definition, l.Rule, string(l.Reason)})
	}
	slices.SortFunc(got, func(a, b leftOut) int {
		return cmp.Or(cmp.Compare(a.statement, b.statement), cmp.Compare(a.rules, b.rules), cmp.Compare(a.rule, b.rule), cmp.Compare(a.reason, b.reason))
	})
	if !slices.Equal(got, left) {
		return fmt.Errorf("left out %v, not %v", got, left)
	}
	return nil
}

func (w *world) compareUnmapped(u *competency.Unmapped, admit func(person string) bool) error {
	actors, activities, scores := w.uncovered(admit)
	if len(u.Actors) != len(actors) {
		return fmt.Errorf("actors %s, not %v", text(u.Actors), actors)
	}
	for _, a := range u.Actors {
		var i event.Identity
		if err := json.Unmarshal([]byte(a.Identity), &i); err != nil {
			return err
		}
		if (stranger{a.Statements, a.First, a.Last, a.Name}) != actors[who(i)] {
			return fmt.Errorf("actor %s, not %v", text(a), actors)
		}
	}
	for what, list := range map[string]struct {
		got  []competency.Uncovered
		want map[string][2]int64
	}{"activities": {u.Activities, activities}, "scores": {u.Scores, scores}} {
		got := map[string][2]int64{}
		for _, g := range list.got {
			got[g.Activity+" "+g.Verb] = [2]int64{g.Statements, g.Scored}
		}
		if !mapsEqual(got, list.want) || len(got) != len(list.got) {
			return fmt.Errorf("%s %s, not %v", what, text(list.got), list.want)
		}
	}
	return nil
}

func mapsEqual[V comparable](a, b map[string]V) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

// keysOf gives the keys of notices by which an identity may be named.
func keysOf(i event.Identity) []string {
	key := people.Key(i)
	sum := sha256.Sum256([]byte(key))
	return []string{key, "sha256 " + hex.EncodeToString(sum[:])}
}
