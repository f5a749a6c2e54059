package feedback

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// selves gives the times of the matched statements by which people rate themselves, as is known of their identities: these
// count nowhere (DOMAIN.md, "Competency").
func selves(ctx context.Context, tx *readmodel.Tx, s Scene, kpi catalog.Entry) (map[int64]bool, error) {
	ratings := map[int64][2][]string{} // who rates, and who is rated
	err := tx.Each(ctx, "SELECT t, parties FROM feedback_matches WHERE kpi = ? AND t <= ? AND parties <> ''", []any{kpi.T, s.AsOf},
		func(scan func(...any) error) error {
			var t int64
			var parties string
			var sides [2][]string
			if err := scan(&t, &parties); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(parties), &sides); err != nil {
				return fmt.Errorf("feedback_matches: %w", err)
			}
			ratings[t] = sides
			return nil
		})
	if err != nil || len(ratings) == 0 {
		return nil, err
	}
	state, err := s.Trees.State(ctx, tx, s.AsOf)
	if err != nil {
		return nil, err
	}
	who := func(key string) string {
		if p, ok := state.PersonOf(key); ok {
			return "person " + p
		}
		return key
	}
	found := map[int64]bool{}
	for t, sides := range ratings {
		rated := who(sides[1][0])
		self := len(sides[0]) > 0
		for _, key := range sides[0] {
			self = self && who(key) == rated
		}
		if self {
			found[t] = true
		}
	}
	return found, nil
}
