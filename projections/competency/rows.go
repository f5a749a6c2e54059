package competency

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// row is a row of competency_evidence as known at some time.
type row struct {
	subject    string
	rules      int64
	t          int64
	rule       string
	competency string
	statement  string
	happened   int64
	activity   string
	score      *float64
	parties    string
}

// keysAtOnce are asked for with one query.
const keysAtOnce = 50

// rows reads what is known of identities at asOf under revisions of rules, for one
// competency or, with "", for all. They come by subject, t, rule and competency.
func rows(ctx context.Context, tx *readmodel.Tx, keys []string, revisions []int64, asOf int64, competency string, each func(*row) error) error {
	if len(revisions) == 0 {
		return nil
	}
	for chunk := range slices.Chunk(keys, keysAtOnce) {
		var args []any
		query := `SELECT e.subject, e.rules, e.t, e.rule, e.competency, e.statement, e.happened, e.activity, e.score, e.parties
			FROM competency_evidence e WHERE e.subject IN (` + marks(len(chunk)) + `) AND e.rules IN (` + marks(len(revisions)) + `) AND e.t <= ?`
		for _, k := range chunk {
			args = append(args, k)
		}
		for _, r := range revisions {
			args = append(args, r)
		}
		args = append(args, asOf)
		if competency != "" {
			query += " AND e.competency = ?"
			args = append(args, competency)
		}
		err := tx.Each(ctx, query+" ORDER BY e.subject, e.rules, e.t, e.rule, e.competency", args, func(scan func(...any) error) error {
			var r row
			if err := scan(&r.subject, &r.rules, &r.t, &r.rule, &r.competency, &r.statement, &r.happened, &r.activity,
				&r.score, &r.parties); err != nil {
				return err
			}
			return each(&r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// others are the keys of the other side of a rating.
func (r *row) others() (keys []string) {
	if r.parties == "" || json.Unmarshal([]byte(r.parties), &keys) != nil {
		return nil
	}
	return keys
}
