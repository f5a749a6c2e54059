package competency

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"unique"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// text is a text of which many rows have the same.
type text = unique.Handle[string]

// row is a row of competency_evidence, but for its shelf.
type row struct {
	t          int64
	rule       text // as keyText has it, like the next
	competency text
	statement  string
	happened   int64
	activity   text
	score      float64  // NaN without one
	others     []string // keys of the other side of a rating
	question   text     // what it responds to, "" for nothing
}

// shelf is where rows are found: an identity, as keyText has it, and a revision of rules.
type shelf struct {
	subject string
	rules   int64
}

// inOrder is the order in which rows are kept: that in which package measure adds evidence up.
func inOrder(a, b *row) int {
	return cmp.Or(
		cmp.Compare(a.happened, b.happened),
		strings.Compare(a.statement, b.statement),
		strings.Compare(a.rule.Value(), b.rule.Value()),
		strings.Compare(a.competency.Value(), b.competency.Value()),
	)
}

// shelvesAtOnce are read with one query.
const shelvesAtOnce = 50

// readRows reads the rows of identities under revisions of rules with a t after since.
func readRows(ctx context.Context, tx *readmodel.Tx, keys []string, revisions []int64, since int64, each func(shelf, row)) error {
	for chunk := range slices.Chunk(keys, shelvesAtOnce) {
		query := `SELECT e.subject, e.rules, e.t, e.rule, e.competency, e.statement, e.happened, e.activity, e.score, e.parties, e.question
			FROM competency_evidence e WHERE e.subject IN (` + marks(len(chunk)) + `) AND e.rules IN (` + marks(len(revisions)) + `) AND e.t > ?`
		var args []any
		for _, k := range chunk {
			args = append(args, k)
		}
		for _, r := range revisions {
			args = append(args, r)
		}
		err := tx.Each(ctx, query, append(args, since), func(scan func(...any) error) error {
			var of shelf
			var r row
			var rule, competency, activity, parties, question string
			var score *float64
			if err := scan(&of.subject, &of.rules, &r.t, &rule, &competency, &r.statement, &r.happened, &activity, &score, &parties, &question); err != nil {
				return err
			}
			r.rule, r.competency, r.activity = unique.Make(rule), unique.Make(competency), unique.Make(activity)
			r.question = unique.Make(question)
			if r.score = math.NaN(); score != nil {
				r.score = *score
			}
			r.others = others(parties)
			each(of, r)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// others reads the column parties.
func others(parties string) (keys []string) {
	if parties == "" || json.Unmarshal([]byte(parties), &keys) != nil {
		return nil
	}
	return keys
}
