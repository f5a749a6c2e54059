package competency

import (
	"context"
	"slices"

	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Scored gives, one after the other, all evidence that there is of people, superseded attempts included, by timestamp
// and id. found and what it returns are not to be kept: they are used again for the next.
func (r *Reader) Scored(ctx context.Context, tx *readmodel.Tx, s Scene, persons []string,
	each func(person string, found func(competency string) []measure.Evidence),
) error {
	return r.look(ctx, tx, s, r.book(s.Definitions), persons, func(l *look) {
		all := map[text]*findings{}
		for _, p := range persons {
			l.find(p, all)
			each(p, func(competency string) []measure.Evidence {
				f := all[keyOf(competency)]
				if f == nil {
					return nil
				}
				slices.SortFunc(f.evidence, measure.InOrder)
				return f.evidence
			})
		}
	})
}
