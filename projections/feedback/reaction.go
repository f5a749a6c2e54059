package feedback

import (
	"context"
	"fmt"
	"slices"
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
// see single answers gets the same answer for ever, as of a period that ends with the programme.
func (r *Reader) Reaction(ctx context.Context, tx *readmodel.Tx, s Scene, survey *definition.Survey, p *definition.Programme, at time.Time) (*Reaction, error) {
	asOf, until := s.AsOf, at.UnixMicro()
	if s.Final {
		final := Period{To: time.UnixMicro(int64(p.Ends)).UTC()}.Final().UnixMicro()
		if s.AsOf < final || until < final {
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
				if !slices.Contains(grouping, p.ID()) {
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
