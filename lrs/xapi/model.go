package xapi

import (
	"time"

	"github.com/google/uuid"
)

// Content is what a Statement and a SubStatement have in common (D 2.4).
type Content struct {
	Actor       Actor
	Verb        Verb
	Object      Object
	Result      *Result
	Context     *Context
	Timestamp   Timestamp // zero if absent
	Attachments []Attachment
}

// Statement is a parsed, valid Statement. Its strings and byte slices share memory with the input, which must not be
// changed while the Statement lives.
type Statement struct {
	Content
	Raw       []byte    // the Statement as it came, without surrounding white space
	ID        uuid.UUID // zero unless HasID, or given by SetID
	HasID     bool      // the Statement came with an id
	given     bool      // SetID gave it one
	Version   string    // as sent, "" if absent
	Stored    Timestamp // as sent; only that of a Statement read from the store means anything
	Authority *Actor    // as sent; that of a Statement read from the store is the credential's

	layout layout // where things are in Raw: what NewDraft needs
}

// SubStatement is a Statement as the Object of another (D 2.4.4.3). It has no id and voids nothing.
type SubStatement struct{ Content }

// Timestamp is a point in time and the way it was spelled (D 4.5). The zero value stands for an absent member.
type Timestamp struct {
	Time time.Time
	Text string // as sent: RFC 3339, any offset, any number of fraction digits
}

// Actor is an Agent or a Group (D 2.4.2).
type Actor struct {
	ObjectType string // "Agent", "Group", or "" (then it is an Agent)
	Name       string
	Member     []Actor // of a Group; Agents only
	ifi        IFI     // Kind is NoIFI in an anonymous Group
}

// IsGroup reports whether the Actor is a Group, anonymous or identified.
func (a Actor) IsGroup() bool { return a.ObjectType == "Group" }

// IFI gives the Inverse Functional Identifier; false for an anonymous Group, which has none.
func (a Actor) IFI() (IFI, bool) { return a.ifi, a.ifi.Kind != NoIFI }

// Verb says what was done (D 2.4.3).
type Verb struct {
	ID      string // IRI
	Display LanguageMap
}

// LanguageMap has one text for each language (D 4.2), in the order sent.
type LanguageMap []LanguageText

// LanguageText is one member of a LanguageMap.
type LanguageText struct {
	Tag  string // RFC 5646
	Text string
}

// ObjectKind tells which of the five things an Object is.
type ObjectKind uint8

// The kinds of Object (D 2.4.4).
const (
	ActivityObject ObjectKind = iota + 1
	AgentObject
	GroupObject
	StatementRefObject
	SubStatementObject
)

// Object is what was acted on (D 2.4.4): one of the fields beside Kind is set, by Kind.
type Object struct {
	Kind         ObjectKind
	Activity     *Activity     // ActivityObject
	Actor        *Actor        // AgentObject, GroupObject
	StatementRef uuid.UUID     // StatementRefObject: id of the other Statement, which need not exist
	SubStatement *SubStatement // SubStatementObject
}

// Activity is something that was or can be done (D 2.4.4.1).
type Activity struct {
	ID         string              // IRI
	Definition *ActivityDefinition // nil if absent
}

// ActivityDefinition is the metadata of an Activity as one Statement gives it.
type ActivityDefinition struct {
	Raw         []byte // the whole object as it came
	Name        LanguageMap
	Description LanguageMap
	Type        string // IRI, "" if absent
	MoreInfo    string // IRL, "" if absent
	Interaction *Interaction
	Extensions  []byte // JSON object as it came, nil if absent
}

// Interaction is the part of an ActivityDefinition that describes a question (D 2.4.4.1, "Interaction Activities").
type Interaction struct {
	Type                    string   // "choice", "likert" …
	CorrectResponsesPattern []string // nil if absent; empty means that no answer is right
	Choices                 []Component
	Scale                   []Component
	Source                  []Component
	Target                  []Component
	Steps                   []Component
}

// Component is one choice, step, source, target or point of a scale.
type Component struct {
	ID          string
	Description LanguageMap
}

// Result is a measured outcome (D 2.4.5).
type Result struct {
	Score      *Score
	Success    *bool // nil if absent
	Completion *bool // nil if absent
	Response   string
	Duration   string // ISO 8601, as sent
	Extensions []byte // JSON object as it came, nil if absent
}

// Score is the outcome of a graded Activity (D 2.4.5.1). Scaled is within [-1, 1], Min < Max, Raw within both.
type Score struct {
	Scaled, Raw, Min, Max Number // "" if absent
}

// Context is what gives a Statement more meaning (D 2.4.6).
type Context struct {
	Registration      uuid.UUID // if HasRegistration
	HasRegistration   bool
	Instructor        *Actor
	Team              *Actor // a Group
	ContextActivities ContextActivities
	ContextAgents     []ContextAgent // 2.0 only
	ContextGroups     []ContextGroup // 2.0 only
	Revision          string
	Platform          string
	Language          string     // RFC 5646
	Statement         *uuid.UUID // of the StatementRef
	Extensions        []byte     // JSON object as it came, nil if absent

	hasRevision, hasPlatform bool // they may be present and empty
}

// ContextActivities are Activities that the Statement is related to (D 2.4.6.2).
type ContextActivities struct {
	Parent, Grouping, Category, Other []Activity
}

// ContextAgent is an Agent in a role (IEEE 9274.1.1, 2.0 only).
type ContextAgent struct {
	Agent         Actor
	RelevantTypes []string // IRIs
}

// ContextGroup is a Group in a role (IEEE 9274.1.1, 2.0 only).
type ContextGroup struct {
	Group         Actor
	RelevantTypes []string // IRIs
}

// Attachment describes data that goes with a Statement (D 2.4.11); the data itself is found by SHA2.
type Attachment struct {
	UsageType   string // IRI
	Display     LanguageMap
	Description LanguageMap
	ContentType string
	Length      int64  // octets, as declared: not to be relied on
	SHA2        string // hex of SHA-224, -256, -384 or -512, as sent
	FileURL     string // "" if absent
}

// SignatureUsage is the usageType of the attachment that holds a Statement's signature (D 2.6).
const SignatureUsage = "http://adlnet.gov/expapi/attachments/signature"

// IsSignature reports whether the attachment is a signature of the Statement.
func (a Attachment) IsSignature() bool { return a.UsageType == SignatureUsage }

// Voided is the id of the reserved Verb that voids another Statement (D 2.3.2).
const Voided = "http://adlnet.gov/expapi/verbs/voided"

// SetID gives the Statement an id if it came without one (PUT's statementId, or a new one); a Statement that came with
// an id keeps it.
func (s *Statement) SetID(id uuid.UUID) {
	if !s.HasID {
		s.ID, s.given = id, true
	}
}

// Identified reports whether the Statement has an id, its own or one that SetID gave it.
func (s *Statement) Identified() bool { return s.HasID || s.given }

// IsVoiding reports whether the Statement voids another, which then is its Target (D 2.3.2).
func (s *Statement) IsVoiding() bool {
	return s.Verb.ID == Voided && s.Object.Kind == StatementRefObject
}

// Target gives the Statement that this one's Object refers to; false if the Object is no StatementRef.
func (s *Statement) Target() (uuid.UUID, bool) {
	return s.Object.StatementRef, s.Object.Kind == StatementRefObject
}
