package feedback

import "github.com/bedside-lrs/bedside/projections/readmodel"

// Name is the projection's.
const Name = "feedback"

// Schema implements projections.Projection. Times are µs since 1970; t is that of the event, its `stored`.
//
//	feedback_answers   answers with a raw score to questions: unit is the name of the team's account, sheet the
//	                   registration, grouping a JSON array of activities; each is empty if there is none
//	feedback_matches   statements that a revision of a KPI matches; the revision is named by its t; parties has, of a
//	                   rating of a person, the keys of who rates and of who is rated, two JSON arrays in one
//	feedback_kpis      these revisions
//	feedback_voidings  statements and when they were first voided
//	feedback_measures  what the hospital recorded: value for a measure, a unit and [since, until); n is null if it
//	                   was not said
//
// What is part of a key or an index is there as keyText has it.
func (Projection) Schema() readmodel.Schema {
	return readmodel.Schema{
		Projection: Name,
		Version:    2,
		Tables: []readmodel.Table{
			{
				Name: "feedback_answers",
				Columns: "question TEXT NOT NULL, t BIGINT NOT NULL, happened BIGINT NOT NULL, unit TEXT NOT NULL, raw DOUBLE PRECISION NOT NULL, " +
					"statement TEXT NOT NULL, sheet TEXT NOT NULL, grouping_ids TEXT NOT NULL",
				Key:     "question, t",
				Lookups: []string{"statement"},
			},
			{
				Name: "feedback_matches",
				Columns: "kpi BIGINT NOT NULL, t BIGINT NOT NULL, happened BIGINT NOT NULL, unit TEXT NOT NULL, " +
					"statement TEXT NOT NULL, parties TEXT NOT NULL",
				Key:     "kpi, t",
				Lookups: []string{"statement"},
			},
			{Name: "feedback_kpis", Columns: "id TEXT NOT NULL, t BIGINT NOT NULL, definition TEXT NOT NULL", Key: "id, t"},
			{Name: "feedback_voidings", Columns: "statement TEXT NOT NULL, t BIGINT NOT NULL", Key: "statement", Lookups: []string{"t"}},
			{
				Name: "feedback_measures",
				Columns: "measure TEXT NOT NULL, t BIGINT NOT NULL, unit TEXT NOT NULL, since BIGINT NOT NULL, until BIGINT NOT NULL, " +
					"value DOUBLE PRECISION NOT NULL, n BIGINT",
				Key: "measure, t",
			},
		},
	}
}

// keyText is a text as it is in the keys of the tables.
func keyText(text string) string { return readmodel.KeyText(text) }
