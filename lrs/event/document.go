package event

import (
	"encoding/hex"
	"fmt"
)

// DocumentKind says which resource a document belongs to; the value is the name in payloads.
type DocumentKind string

// The kinds of documents (xAPI 1.0.3, Communication 2.3, 2.6, 2.7).
const (
	State           DocumentKind = "state"
	AgentProfile    DocumentKind = "agentProfile"
	ActivityProfile DocumentKind = "activityProfile"
)

// DocumentKey identifies a document; without ID it names all State documents of the rest. It is comparable.
type DocumentKey struct {
	Kind         DocumentKind `json:"kind"`
	Activity     string       `json:"activity,omitzero"`     // IRI; State and Activity Profile
	Agent        string       `json:"agent,omitzero"`        // key string of the Agent's IFI (xapi.IFI.Key); State and Agent Profile
	Registration string       `json:"registration,omitzero"` // lower-case UUID; State, optional
	ID           string       `json:"id,omitzero"`           // stateId or profileId
}

// Document is a document as stored, after any merge.
type Document struct {
	Key         DocumentKey `json:",embed"`
	ContentType string      `json:"contentType"`
	ETag        string      `json:"etag"` // SHA-1 of the content, 40 lower-case hex digits, without quotes
	Size        int64       `json:"size"` // of the content, in bytes
	// The content is here, or, if Blob is not empty, in the blob store under that SHA-256 (64 lower-case hex digits).
	Body []byte `json:"body,omitempty"`
	Blob string `json:"blob,omitzero"`
}

// Validate checks that a key has exactly the parts of its kind. Error: ErrInvalid, wrapped.
func (k DocumentKey) Validate() error {
	if k.ID == "" {
		return fmt.Errorf("%w: a %s document without an id", ErrInvalid, k.Kind)
	}
	return k.validateScope()
}

// validateSet checks that k names all State documents of a scope.
func (k DocumentKey) validateSet() error {
	if k.Kind != State || k.ID != "" {
		return fmt.Errorf("%w: only state documents are deleted together, and without an id", ErrInvalid)
	}
	return k.validateScope()
}

// validateScope checks all but ID.
func (k DocumentKey) validateScope() error {
	activity, agent := k.Kind != AgentProfile, k.Kind != ActivityProfile
	switch {
	case k.Kind != State && k.Kind != AgentProfile && k.Kind != ActivityProfile:
		return fmt.Errorf("%w: document kind %q", ErrInvalid, k.Kind)
	case activity != (k.Activity != ""), agent != (k.Agent != ""), k.Registration != "" && k.Kind != State:
		return fmt.Errorf("%w: %s document with activity %q, agent %q, registration %q",
			ErrInvalid, k.Kind, k.Activity, k.Agent, k.Registration)
	}
	return nil
}

// Validate checks the key and that content, size and hashes fit together in form. Error: ErrInvalid, wrapped.
func (d *Document) Validate() error {
	if err := d.Key.Validate(); err != nil {
		return err
	}
	switch {
	case !isHex(d.ETag, 40):
		return fmt.Errorf("%w: document %q: etag %q", ErrInvalid, d.Key.ID, d.ETag)
	case d.Blob == "" && int64(len(d.Body)) != d.Size:
		return fmt.Errorf("%w: document %q: size %d, but a body of %d bytes", ErrInvalid, d.Key.ID, d.Size, len(d.Body))
	case d.Blob != "" && (!isHex(d.Blob, 64) || len(d.Body) > 0 || d.Size < 0):
		return fmt.Errorf("%w: document %q: blob %q of %d bytes, with a body of %d bytes",
			ErrInvalid, d.Key.ID, d.Blob, d.Size, len(d.Body))
	}
	return nil
}

func isHex(s string, digits int) bool {
	_, err := hex.DecodeString(s)
	if err != nil || len(s) != digits {
		return false
	}
	for _, c := range []byte(s) {
		if 'A' <= c && c <= 'F' {
			return false
		}
	}
	return true
}
