package fact

import (
	"fmt"
	"strings"
)

// Features is what rules and calculations may look at in a statement (DOMAIN.md, "Statement patterns" and "Definitions
// and answers"). Its strings are parts of one copy of the statement: clone what outlives it.
type Features struct {
	ID        string // the statement's UUID, in lower case
	Timestamp int64  // µs since 1970, rounded down: when it happened; that of Stored if the statement has none
	Stored    int64  // µs since 1970; 0 if the statement has none, because it was not stored yet

	// Actors are those whom the statement counts for: the Agent that acted, or the members that a Group lists, as often
	// as it lists them. The identifier of a Group itself stands for nobody.
	Actors []Agent
	Verb   string // IRI

	ObjectType   string // "Activity", "Agent", "Group", "StatementRef" or "SubStatement"; never ""
	ObjectID     string // of an Activity the IRI, of a StatementRef the target's UUID in lower case, else ""
	ActivityType string // IRI: definition.type of the object as this statement gives it, "" if absent
	ObjectAgent  Agent  // when ObjectType is "Agent"

	Score               Score
	Success, Completion *bool  // nil if absent
	Duration            string // ISO 8601 as sent, "" if absent; see Seconds
	Response            string

	Registration                      string   // UUID in lower case, "" if absent
	Team                              string   // name of the team's account: the unit; "" if there is none
	Instructor                        Agent    // zero if absent or without an identifier
	Parent, Grouping, Category, Other []string // IRIs of contextActivities, in their order

	contextExtensions, resultExtensions, definitionExtensions string // JSON objects, "" if absent
}

// Agent is an identity with the name that the statement gives it.
type Agent struct {
	Identity
	Name string // "" if absent
}

// Score has result.score as sent; what is absent is nil, and so is what is beyond all doubles.
type Score struct {
	Scaled, Raw, Min, Max *float64
}

// verbVoided makes of a statement about a StatementRef a voiding (xAPI Data 2.3.2).
const verbVoided = "http://adlnet.gov/expapi/verbs/voided"

// VerbResponded is that of an answer to a question of a survey (DOMAIN.md, "Statement patterns"), and of a response to
// whatever else.
const VerbResponded = "http://adlnet.gov/expapi/verbs/responded"

// IsResponse tells whether the statement responds to something. If a survey asks that, it is an answer, and what is made
// of it is under the rules for small numbers.
func (f *Features) IsResponse() bool { return f.Verb == VerbResponded }

// Voids gives the id of the statement that this one voids, and false if it voids none.
func (f *Features) Voids() (id string, ok bool) {
	if f.Verb != verbVoided || f.ObjectType != "StatementRef" {
		return "", false
	}
	return f.ObjectID, true
}

// Extensions gives the values, as JSON, that the context, the result and the object's definition have for an extension:
// none to three.
func (f *Features) Extensions(iri string) []string {
	var values []string
	for _, object := range [...]string{f.contextExtensions, f.resultExtensions, f.definitionExtensions} {
		if object == "" {
			continue
		}
		s := scanner{text: object}
		for name := range s.members() {
			if value := s.skip(); name == iri && s.err == nil {
				values = append(values, value)
			}
		}
	}
	return values
}

// FeaturesOf reads a statement as it was stored, or one that would have been accepted. It is an error if that is not
// what raw is; only what it needs is checked. It keeps a copy of raw, not raw.
func FeaturesOf(raw []byte) (Features, error) {
	r := reader{scanner: scanner{text: string(raw)}}
	r.statement()
	r.end()
	switch {
	case r.err != nil:
	case r.ID == "":
		r.fail("the statement has no id")
	case !r.timed:
		r.fail("the statement has neither timestamp nor stored")
	case r.Verb == "":
		r.fail("the statement has no verb")
	}
	if r.err != nil {
		return Features{}, fmt.Errorf("reading a statement: %w", r.err)
	}
	return r.Features, nil
}

// lower is for UUIDs, which are equal whatever their case.
func lower(text string) string { return strings.ToLower(text) }
