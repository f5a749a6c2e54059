package effectiveness

import (
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/shelf"
)

// Name is the projection's.
const Name = "effectiveness"

// Schema implements projections.Projection. Times are µs since 1970; t is that of the event, its `stored`.
//
//	effectiveness_activities  activities that programmes have named, and when first
//	effectiveness_statements  statements about them: subject is the key of an identity, done is 1 for a statement that
//	                          completes the activity, score is null without one, response is 1 for one that responds to the
//	                          activity: if a survey asks that, it is an answer and is behind no number of people
//	effectiveness_reactions   responses, which may be answers to a survey, and what they are grouped by, which may be a programme
//	effectiveness_voidings    statements and when they were first voided
//
// What is part of a key is there as readmodel.KeyText has it.
func (Projection) Schema() readmodel.Schema {
	return readmodel.Schema{
		Projection: Name,
		Version:    5,
		Tables: []readmodel.Table{
			{Name: "effectiveness_activities", Columns: "activity TEXT NOT NULL, t BIGINT NOT NULL", Key: "activity"},
			{
				Name: "effectiveness_statements",
				Columns: "activity TEXT NOT NULL, t BIGINT NOT NULL, subject TEXT NOT NULL, happened BIGINT NOT NULL, statement TEXT NOT NULL, " +
					"done BIGINT NOT NULL, score DOUBLE PRECISION, response BIGINT NOT NULL",
				Key:     "activity, t, subject",
				Lookups: []string{"statement"},
			},
			{
				Name:    "effectiveness_reactions",
				Columns: "statement TEXT NOT NULL, n BIGINT NOT NULL, programme TEXT NOT NULL, t BIGINT NOT NULL",
				Key:     "statement, n",
			},
			{Name: "effectiveness_voidings", Columns: "statement TEXT NOT NULL, t BIGINT NOT NULL", Key: "statement", Lookups: []string{"t"}},
		},
	}
}

var table = shelf.Table{
	Projection: Name, Rows: "effectiveness_statements", Voidings: "effectiveness_voidings",
	Key: "activity", Name: "r.subject", Value: "r.score", Marks: "r.done + 2 * r.response",
}

// The marks of a shelf's rows.
const (
	done uint8 = 1 << iota
	response
)
