// Package event has the types of Bedside's events and their payloads. An event's type and version name the form of its
// payload for ever: a changed form is a new version, and an upcaster lifts the older ones.
package event

import (
	"errors"

	"github.com/bedside-lrs/bedside/lrs/auth"
)

// The types of events, as written to the log.
const (
	TypeStatementStored   = "StatementStored"
	TypeDocumentStored    = "DocumentStored"
	TypeDocumentDeleted   = "DocumentDeleted"
	TypeDocumentsDeleted  = "DocumentsDeleted"
	TypeCredentialAdded   = "CredentialAdded"
	TypeCredentialRevoked = "CredentialRevoked"
	TypeLogCreated        = "LogCreated"
	TypeTick              = "Tick"

	TypeUnitRegistered       = "UnitRegistered"
	TypeUnitRemoved          = "UnitRemoved"
	TypePersonRegistered     = "PersonRegistered"
	TypePersonRemoved        = "PersonRemoved"
	TypeAssignmentMade       = "AssignmentMade"
	TypeAssignmentRemoved    = "AssignmentRemoved"
	TypeIdentityLinked       = "IdentityLinked"
	TypeIdentityUnlinked     = "IdentityUnlinked"
	TypePersonAttributesSet  = "PersonAttributesSet"
	TypeUnitAttributesSet    = "UnitAttributesSet"
	TypeDefinitionRegistered = "DefinitionRegistered"

	TypeMeasureRecorded     = "MeasureRecorded"
	TypeEvaluationDecided   = "EvaluationDecided"
	TypeEvaluationCommented = "EvaluationCommented"
)

// Encoded is an event as the log holds it: the fields of the same names of an eventlog.Event.
type Encoded struct {
	Type    string
	Version uint32 // from 1
	Meta    []byte // what the server adds beside the payload: a JSON object, or nil
	Payload []byte // never empty; nil once erased
}

// Event is one of this package's event structs.
type Event interface {
	// Encode gives the event's current form. The result may alias the event's byte slices and must not be changed.
	// Errors: ErrInvalid, wrapped, for an event that Decode would refuse.
	Encode() (Encoded, error)
}

// The errors that callers tell apart.
var (
	// ErrUnknownType is wrapped by an error that names a type, or a version of it, which this release does not know.
	// Whoever meets it stops applying: a newer release wrote the log.
	ErrUnknownType = errors.New("unknown event type")
	// ErrInvalid is wrapped by an error that names what is wrong with an event's content.
	ErrInvalid = errors.New("invalid event")
	// ErrErased is wrapped by Decode's error for an event whose payload was erased.
	ErrErased = errors.New("the event's payload is erased")
)

// StatementStored: a Statement was stored. The payload is its JSON as stored, with id, version, timestamp, stored and
// authority; meta has "define":false if the credential may not define, and is nil if it has nothing to say. Version 2 may
// also say in meta what Sent does; an event without that is still written as version 1, which earlier releases know.
type StatementStored struct {
	// Statement is the JSON. It is not looked into here; package xapi checked it before it was stored.
	Statement []byte
	// NoDefine: its definitions of Activities and names of Agents must not become what the LRS answers with.
	NoDefine bool
	// Sent are the attachments whose data came with the Statement although they have a fileUrl, so that the store has
	// acknowledged it: their indices, growing, counted over those of the Statement and then of its SubStatement. (An
	// index and no hash, since an erasure keeps meta, and a hash would tell who guesses that the guess is right.)
	Sent []int
}

// DocumentStored: a State, Agent Profile or Activity Profile document was created or replaced.
type DocumentStored struct{ Document }

// DocumentDeleted: one document was deleted.
type DocumentDeleted struct{ Key DocumentKey }

// DocumentsDeleted: all State documents of an Activity, an Agent and a registration (or those without one) were
// deleted. Scope has no ID.
type DocumentsDeleted struct{ Scope DocumentKey }

// CredentialAdded: a credential came into force, in place of an earlier one of the same key. Ephemeral credentials
// are not events. Version 2 may also bind it to units and a person, and knows the scopes of people, definitions and
// competencies; version 3 those of evaluations, KPIs, measures and answers.
type CredentialAdded struct{ Credential auth.Credential }

// CredentialRevoked: a credential ended.
type CredentialRevoked struct {
	Key string `json:"key"`
}

// LogCreated is the first event of a log.
type LogCreated struct{}

// Tick: time has passed. It moves the watermark of a log that several nodes append to, none of which can know alone that
// nothing was appended.
type Tick struct{}
