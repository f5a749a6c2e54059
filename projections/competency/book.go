package competency

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unique"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/measure"
)

// book is what the definitions of one moment say of competencies.
type book struct {
	competencies map[text]*listed              // by keyText of the id
	ids          []string                      // of competencies, as they are, sorted
	revisions    []int64                       // of the rules in force
	rules        map[ruleKey]*measure.Evidence // what each piece under the rule has
	refs         map[string]RuleRef            // by measure.Evidence.Rule
	prior        measure.Prior
}

// ruleKey is how a row names a rule.
type ruleKey struct {
	rules int64
	rule  text // keyText of its id
}

// listed is a competency that a framework lists.
type listed struct {
	levels       []measure.Level
	requirements map[string][]measure.Requirement // by role
}

// keyOf is keyText as rows have it.
func keyOf(s string) text { return unique.Make(keyText(s)) }

// keptBooks bounds the moments whose books are kept.
const keptBooks = 64

// book gives the book of definitions.
func (r *Reader) book(d *catalog.Definitions) *book {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.books[d]; b != nil {
		return b
	}
	if r.books == nil || len(r.books) >= keptBooks {
		r.books = map[*catalog.Definitions]*book{}
	}
	b := newBook(d)
	r.books[d] = b
	return b
}

func newBook(d *catalog.Definitions) *book {
	b := &book{
		competencies: map[text]*listed{}, rules: map[ruleKey]*measure.Evidence{}, refs: map[string]RuleRef{},
		prior: measure.DefaultPrior,
	}
	for _, entry := range d.Of(definition.KindFramework) {
		b.framework(entry.Definition.(*definition.Framework))
	}
	slices.Sort(b.ids)
	for _, entry := range d.Of(definition.KindEvidenceRules) {
		rules := entry.Definition.(*definition.EvidenceRules)
		if rules.Prior != nil {
			b.prior = measure.Prior{Alpha: rules.Prior.Alpha, Beta: rules.Prior.Beta}
		}
		b.revisions = append(b.revisions, entry.T)
		for _, r := range rules.Rules {
			key := fmt.Sprintf("%s %s", rules.ID(), r.ID) // an IRI has no space
			b.refs[key] = RuleRef{Definition: rules.ID(), Revision: entry.Revision, Rule: r.ID}
			b.rules[ruleKey{entry.T, keyOf(r.ID)}] = &measure.Evidence{
				Rule: key, Kind: r.Kind, Weight: r.Weight, HalfLifeDays: r.HalfLifeDays, Attempts: measure.Attempts(r.Attempts),
			}
		}
	}
	return b
}

func (b *book) framework(f *definition.Framework) {
	levels := make([]measure.Level, len(f.Levels))
	for i, l := range f.Levels {
		levels[i] = measure.Level{ID: l.ID, From: l.From}
	}
	for _, c := range f.Competencies {
		b.ids = append(b.ids, c.ID)
		b.competencies[keyOf(c.ID)] = &listed{levels: levels, requirements: map[string][]measure.Requirement{}}
	}
	for _, r := range f.Requirements {
		c := b.competencies[keyOf(r.Competency)]
		if c == nil {
			continue // refused at registration
		}
		c.requirements[r.Role] = append(c.requirements[r.Role], measure.Requirement{
			Level: r.Level, MinEvidence: r.MinEvidence, MinWeight: r.MinWeight, Kinds: r.Kinds,
		})
	}
}

// of gives what roles require.
func (l *listed) of(roles []string) []measure.Requirement {
	var all []measure.Requirement
	for _, role := range roles {
		all = append(all, l.requirements[role]...)
	}
	return all
}

func (l *listed) required(roles []string) bool { return len(l.of(roles)) > 0 }

func (l *listed) assess(kept []measure.Evidence, s Scene, prior measure.Prior, roles []string) measure.Standing {
	return measure.Assess(kept, s.At, prior, l.levels, l.of(roles))
}

// inForce is a condition of SQL: the row of a table of evidence is under rules that
// are in force.
func (b *book) inForce(table string) string {
	if len(b.revisions) == 0 {
		return "1 = 0"
	}
	list := make([]string, len(b.revisions))
	for i, t := range b.revisions {
		list[i] = strconv.FormatInt(t, 10)
	}
	return table + ".rules IN (" + strings.Join(list, ", ") + ")"
}
