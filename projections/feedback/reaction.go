package feedback

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/measure"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Reaction is what those who took part say of a programme.
type Reaction struct {
	Suppressed bool // and then nothing else is to be shown
	Responses  int  // sheets
	Mean       *float64
	TopBox     *float64
}

// minSheets is how many sheets are published at least.
const minSheets = 5

// Reaction adds up the answers to a survey's questions with the programme as grouping, up to an instant. Who may not
// see single answers gets the same answer for ever, about a period that ends with the programme, and made of the answers
// that name it first: from its Final on, for every instant by which the period has ended.
func (r *Reader) Reaction(ctx context.Context, tx *readmodel.Tx, s Scene, survey *definition.Survey, p *definition.Programme, at time.Time) (*Reaction, error) {
	asOf, until := s.AsOf, at.UnixMicro()
	if s.Final {
		ends := time.UnixMicro(int64(p.Ends)).UTC()
		final := Period{To: ends}.Final().UnixMicro()
		if s.AsOf < final || at.Before(ends) {
			return &Reaction{Suppressed: true}, nil
		}
		asOf, until = final, final
	}
	sheets := map[string]bool{}
	var values measure.Histogram
	top := 0
	for _, q := range survey.Questions {
		err := tx.Each(ctx, `SELECT r.t, r.happened, r.raw, r.sheet, r.grouping_ids FROM feedback_answers r
			LEFT JOIN feedback_voidings v ON v.statement = r.statement AND v.t <= ?
			WHERE r.question = ? AND r.t <= ? AND r.happened <= ? AND r.grouping_ids <> '' AND v.t IS NULL`,
			[]any{asOf, keyText(q.ID), asOf, until}, func(scan func(...any) error) error {
				var t, happened int64
				var raw float64
				var sheet, raws string
				if err := scan(&t, &happened, &raw, &sheet, &raws); err != nil {
					return err
				}
				var grouping []string
				if err := json.Unmarshal([]byte(raws), &grouping); err != nil {
					return fmt.Errorf("feedback_answers: %w", err)
				}
				// Else an answer in two programmes would be told apart by subtracting one from the other.
				if !slices.Contains(grouping, p.ID()) || s.Final && grouping[0] != p.ID() {
					return nil
				}
				if sheet == "" {
					sheet = fmt.Sprint("t ", t) // of its own
				}
				sheets[sheet] = true
				values.Add(raw, 1)
				if slices.Contains(q.TopBox, raw) {
					top++
				}
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	if len(sheets) < minSheets {
		return &Reaction{Suppressed: true}, nil
	}
	return &Reaction{Responses: len(sheets), Mean: values.Mean(), TopBox: measure.TopBoxOf(top, values.N()).Value}, nil
}

// ReactionAnswers gives the answers behind a Reaction, voided ones included, by timestamp and id; who asks may see them.
func (r *Reader) ReactionAnswers(ctx context.Context, tx *readmodel.Tx, s Scene, survey *definition.Survey, p *definition.Programme, at time.Time) (all []Counted, err error) {
	for _, q := range survey.Questions {
		err := tx.Each(ctx, `SELECT r.happened, r.raw, r.unit, r.statement, r.grouping_ids, v.t FROM feedback_answers r
			LEFT JOIN feedback_voidings v ON v.statement = r.statement AND v.t <= ?
			WHERE r.question = ? AND r.t <= ? AND r.happened <= ? AND r.grouping_ids <> ''`,
			[]any{s.AsOf, keyText(q.ID), s.AsOf, at.UnixMicro()}, func(scan func(...any) error) error {
				var c Counted
				var happened int64
				var raw float64
				var grouping string
				var voided *int64
				if err := scan(&happened, &raw, &c.Unit, &c.Statement, &grouping, &voided); err != nil {
					return err
				}
				if in, err := names(grouping, p.ID()); err != nil || !in {
					return err
				}
				c.Timestamp, c.Raw, c.Voided = time.UnixMicro(happened).UTC(), &raw, voided != nil
				all = append(all, c)
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b Counted) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), strings.Compare(a.Statement, b.Statement))
	})
	return all, nil
}

// names tells whether a column grouping_ids has an activity.
func names(grouping, id string) (bool, error) {
	var ids []string
	if err := json.Unmarshal([]byte(grouping), &ids); err != nil {
		return false, fmt.Errorf("feedback_answers: %w", err)
	}
	return slices.Contains(ids, id), nil
}
