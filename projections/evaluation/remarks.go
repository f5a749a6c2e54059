package evaluation

import (
	"context"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// storable is a text without what PostgreSQL cannot store.
func storable(text string) string { return strings.ReplaceAll(text, "\x00", "\uFFFD") }

// Remark is a decision or a comment.
type Remark struct {
	Kind       string
	T          int64 // when it was said, µs
	From, To   time.Time
	Position   string
	By         string
	Credential string
	Text       string
}

// Remarks gives what was said by asOf, µs, about a person's evaluation over a window, in order.
func Remarks(ctx context.Context, tx *readmodel.Tx, person, evaluation string, from, to time.Time, asOf int64) (all []Remark, err error) {
	err = tx.Each(ctx, `SELECT kind, t, position, said_by, credential, remark FROM evaluation_remarks
		WHERE person = ? AND evaluation = ? AND t <= ? AND since = ? AND until = ? ORDER BY t`,
		[]any{readmodel.KeyText(person), readmodel.KeyText(evaluation), asOf, from.UnixMicro(), to.UnixMicro()},
		func(scan func(...any) error) error {
			r := Remark{From: from, To: to}
			err := scan(&r.Kind, &r.T, &r.Position, &r.By, &r.Credential, &r.Text)
			all = append(all, r)
			return err
		})
	return all, err
}
