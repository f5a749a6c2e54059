package evaluation

import "github.com/bedside-lrs/bedside/projections/readmodel"

// Name is the projection's.
const Name = "evaluation"

// Schema implements projections.Projection. Times are µs since 1970; t is that of the event, its `stored`.
//
//	evaluation_definitions  the revisions of evaluations; a revision is named by its t
//	evaluation_statements   the statements that a metric of a revision counts: subject is the key of an identity, hours
//	                        the duration, parties the keys of those whom a rating must not come from (a JSON array, or
//	                        empty), question what it responds to: if a survey asks that, it is an answer and does
//	                        not count
//	evaluation_voidings     statements and when they were first voided
//	evaluation_remarks      decisions (kind is decision) and comments (comment) about the inputs of a person over
//	                        [since, until), as they were read at position
//
// What is part of a key is there as readmodel.KeyText has it.
func (Projection) Schema() readmodel.Schema {
	return readmodel.Schema{
		Projection: Name,
		Version:    4,
		Tables: []readmodel.Table{
			{Name: "evaluation_definitions", Columns: "id TEXT NOT NULL, t BIGINT NOT NULL, definition TEXT NOT NULL", Key: "id, t"},
			{
				Name: "evaluation_statements",
				Columns: "evaluation BIGINT NOT NULL, subject TEXT NOT NULL, t BIGINT NOT NULL, metric TEXT NOT NULL, happened BIGINT NOT NULL, " +
					"statement TEXT NOT NULL, hours DOUBLE PRECISION NOT NULL, parties TEXT NOT NULL, question TEXT NOT NULL",
				Key:     "evaluation, subject, t, metric",
				Lookups: []string{"statement"},
			},
			{Name: "evaluation_voidings", Columns: "statement TEXT NOT NULL, t BIGINT NOT NULL", Key: "statement", Lookups: []string{"t"}},
			{
				Name: "evaluation_remarks",
				Columns: "person TEXT NOT NULL, evaluation TEXT NOT NULL, t BIGINT NOT NULL, kind TEXT NOT NULL, since BIGINT NOT NULL, " +
					"until BIGINT NOT NULL, position TEXT NOT NULL, said_by TEXT NOT NULL, credential TEXT NOT NULL, remark TEXT NOT NULL",
				Key: "person, evaluation, t",
			},
		},
	}
}
