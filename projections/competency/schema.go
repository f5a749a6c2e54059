package competency

import (
	"strings"

	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Name is the projection's.
const Name = "competency"

// Schema implements projections.Projection. Times are µs since 1970; t is that of the
// event, its `stored`.
//
//	competency_rules       the revisions of evidence rules; a revision is named by its t
//	competency_evidence    what a statement is under one rule for one competency and one
//	                       identity: subject is the key of the identity, activity is
//	                       empty where each statement is its own, score is null without one,
//	                       parties has the keys of those whom a rating must not come from, question
//	                       what it responds to: if a survey asks that, it is an answer and no evidence
//	competency_voidings    statements and when they were first voided
//	competency_statements  what a statement is about; scored is 1 if it has a result.score
//	competency_responses   which statements respond to something; to look for among all of them would cost every
//	                       statement an index
//	competency_parties     whom a statement names: as its actor or a member of it (acts is
//	                       1), else as the Agent that is its object; name is as it says
//	competency_actors      the identities of those, as the first statement has them
//
// What is part of a key is there as keyText has it.
func (Projection) Schema() readmodel.Schema {
	return readmodel.Schema{
		Projection: Name,
		Version:    6,
		Tables: []readmodel.Table{
			{Name: "competency_rules", Columns: "id TEXT NOT NULL, t BIGINT NOT NULL, definition TEXT NOT NULL", Key: "id, t"},
			{
				Name: "competency_evidence",
				Columns: "subject TEXT NOT NULL, rules BIGINT NOT NULL, t BIGINT NOT NULL, rule TEXT NOT NULL, competency TEXT NOT NULL, " +
					"statement TEXT NOT NULL, happened BIGINT NOT NULL, activity TEXT NOT NULL, score DOUBLE PRECISION, parties TEXT NOT NULL, question TEXT NOT NULL",
				Key:     "subject, rules, t, rule, competency",
				Lookups: []string{"statement"},
			},
			{Name: "competency_voidings", Columns: "statement TEXT NOT NULL, t BIGINT NOT NULL", Key: "statement", Lookups: []string{"t"}},
			{
				Name:    "competency_statements",
				Columns: "t BIGINT NOT NULL, statement TEXT NOT NULL, verb TEXT NOT NULL, activity TEXT NOT NULL, scored BIGINT NOT NULL",
				Key:     "t",
			},
			{Name: "competency_responses", Columns: "t BIGINT NOT NULL, statement TEXT NOT NULL", Key: "t", Lookups: []string{"statement"}},
			{
				Name:    "competency_parties",
				Columns: "actor TEXT NOT NULL, t BIGINT NOT NULL, acts BIGINT NOT NULL, name TEXT NOT NULL",
				Key:     "actor, t",
			},
			{Name: "competency_actors", Columns: "actor TEXT NOT NULL, identity TEXT NOT NULL, t BIGINT NOT NULL", Key: "actor"},
		},
	}
}

// PersonOf finds the person of a key that a change names: an identity's, or what the
// tables have in its place.
func PersonOf(s *people.State, key string) (person string, ok bool) {
	if !strings.HasPrefix(key, readmodel.Hashed) {
		return s.PersonOf(key)
	}
	for _, p := range s.People() {
		for _, k := range s.Keys(p.ID) {
			if keyText(k) == key {
				return p.ID, true
			}
		}
	}
	return "", false
}

// keyText is a text as it is in the keys of the tables.
func keyText(text string) string { return readmodel.KeyText(text) }
