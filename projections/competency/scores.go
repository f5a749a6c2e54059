package competency

import (
	"context"
	"slices"

	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Rule gives the rule of a piece of evidence.
func (r *Reader) Rule(s Scene, e measure.Evidence) RuleRef { return r.book(s.Definitions).refs[e.Rule] }

// Scored gives, one after the other, all evidence that there is of people, superseded attempts included, by timestamp
// and id, and what is left out. found and what it returns are not to be kept: they are used again for the next.
func (r *Reader) Scored(ctx context.Context, tx *readmodel.Tx, s Scene, persons []string,
	each func(person string, found func(competency string) ([]measure.Evidence, []LeftOut)),
) error {
	return r.look(ctx, tx, s, r.book(s.Definitions), persons, func(l *look) {
		all := map[text]*findings{}
		for _, p := range persons {
			l.find(p, all)
			each(p, func(competency string) ([]measure.Evidence, []LeftOut) {
				f := all[keyOf(competency)]
				if f == nil {
					return nil, nil
				}
				slices.SortFunc(f.evidence, measure.InOrder)
				return f.evidence, f.leftOut
			})
		}
	})
}
