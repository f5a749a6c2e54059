package competency

import (
	"crypto/sha256"
	"encoding/hex"
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
//	                       parties has the keys of those whom a rating must not come from
//	competency_voidings    statements and when they were first voided
//	competency_statements  whom a statement counts for, and what it is about
//	competency_actors      the identities that statements name as actors
//
// What is part of a key is there as keyText has it.
func (Projection) Schema() readmodel.Schema {
	return readmodel.Schema{
		Projection: Name,
		Version:    1,
		Tables: []readmodel.Table{
			{Name: "competency_rules", Columns: "id TEXT NOT NULL, t BIGINT NOT NULL, definition TEXT NOT NULL", Key: "id, t"},
			{
				Name: "competency_evidence",
				Columns: "subject TEXT NOT NULL, rules BIGINT NOT NULL, t BIGINT NOT NULL, rule TEXT NOT NULL, competency TEXT NOT NULL, " +
					"statement TEXT NOT NULL, happened BIGINT NOT NULL, activity TEXT NOT NULL, score DOUBLE PRECISION, parties TEXT NOT NULL",
				Key:     "subject, rules, t, rule, competency",
				Indexes: []string{"statement"},
			},
			{Name: "competency_voidings", Columns: "statement TEXT NOT NULL, t BIGINT NOT NULL", Key: "statement", Indexes: []string{"t"}},
			{
				Name: "competency_statements",
				Columns: "t BIGINT NOT NULL, actor TEXT NOT NULL, statement TEXT NOT NULL, verb TEXT NOT NULL, activity TEXT NOT NULL, " +
					"scored BIGINT NOT NULL",
				Key: "t, actor",
			},
			{
				Name:    "competency_actors",
				Columns: "actor TEXT NOT NULL, identity TEXT NOT NULL, name TEXT NOT NULL, t BIGINT NOT NULL",
				Key:     "actor",
			},
		},
	}
}

// maxKeyText bounds a text that is part of a key, bytes. The index of a PostgreSQL table
// takes no row beyond 2.7 kB, and a statement must not stop the projection.
const maxKeyText = 600

// hashed begins the keys of texts that are too long; neither an IRI nor the key of an
// identity begins so.
const hashed = "sha256 "

// PersonOf finds the person of a key that a change names: an identity's, or what the
// tables have in its place.
func PersonOf(s *people.State, key string) (person string, ok bool) {
	if !strings.HasPrefix(key, hashed) {
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

// keyText is a text as it is in the keys of the tables: itself, or its hash if the
// index could not hold it.
func keyText(text string) string {
	if len(text) <= maxKeyText && strings.IndexByte(text, 0) < 0 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return hashed + hex.EncodeToString(sum[:])
}
