package event

import (
	"fmt"

	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// noDefine is the meta of a Statement stored by a credential that may not define.
var noDefine = []byte(`{"define":false}`)

// statementMeta is the meta of a Statement of which there is something to say.
type statementMeta struct {
	Define *bool `json:"define,omitzero"`
	Sent   []int `json:"sent,omitempty"`
}

// strict refuses unknown members; duplicate names, bad UTF-8 and trailing data are refused anyway.
var strict = json.JoinOptions(json.RejectUnknownMembers(true), json.Deterministic(true))

// Encode implements Event without a copy of the Statement.
func (s StatementStored) Encode() (Encoded, error) {
	if len(s.Statement) == 0 {
		return Encoded{}, fmt.Errorf("event: encode %s: %w: no statement", TypeStatementStored, ErrInvalid)
	}
	e := Encoded{Type: TypeStatementStored, Version: 1, Payload: s.Statement}
	if s.NoDefine {
		e.Meta = noDefine
	}
	if len(s.Sent) == 0 {
		return e, nil
	}
	if err := checkSent(s.Sent); err != nil {
		return Encoded{}, fmt.Errorf("event: encode %s: %w", TypeStatementStored, invalid(err))
	}
	meta := statementMeta{Sent: s.Sent}
	if s.NoDefine {
		meta.Define = new(false)
	}
	var err error
	if e.Meta, err = json.Marshal(meta, strict); err != nil {
		return Encoded{}, fmt.Errorf("event: encode %s: %w", TypeStatementStored, invalid(err))
	}
	e.Version = 2
	return e, nil
}

// checkSent checks that indices grow from 0 or more.
func checkSent(sent []int) error {
	least := 0
	for _, i := range sent {
		if i < least {
			return fmt.Errorf("the attachment %d was sent, where at least %d comes", i, least)
		}
		least = i + 1
	}
	return nil
}

// Encode implements Event.
func (d DocumentStored) Encode() (Encoded, error) { return encode(TypeDocumentStored, &d) }

// Encode implements Event.
func (d DocumentDeleted) Encode() (Encoded, error) { return encode(TypeDocumentDeleted, &d) }

// Encode implements Event.
func (d DocumentsDeleted) Encode() (Encoded, error) { return encode(TypeDocumentsDeleted, &d) }

// Encode implements Event. An ephemeral credential is ErrInvalid.
func (c CredentialAdded) Encode() (Encoded, error) { return encode(TypeCredentialAdded, &c) }

// Encode implements Event.
func (c CredentialRevoked) Encode() (Encoded, error) { return encode(TypeCredentialRevoked, &c) }

// Encode implements Event.
func (l LogCreated) Encode() (Encoded, error) { return encode(TypeLogCreated, &l) }

// Encode implements Event.
func (t Tick) Encode() (Encoded, error) { return encode(TypeTick, &t) }

// plain is an event whose payload is the JSON of one value and which has no meta.
type plain interface {
	content() any // a pointer to what the payload holds
	check() error // is the content what the event's type promises?
}

func (d *DocumentStored) content() any    { return &d.Document }
func (d *DocumentStored) check() error    { return d.Validate() }
func (d *DocumentDeleted) content() any   { return &d.Key }
func (d *DocumentDeleted) check() error   { return d.Key.Validate() }
func (d *DocumentsDeleted) content() any  { return &d.Scope }
func (d *DocumentsDeleted) check() error  { return d.Scope.validateSet() }
func (c *CredentialAdded) content() any   { return &c.Credential }
func (c *CredentialRevoked) content() any { return c }
func (c *CredentialRevoked) check() error { return auth.ValidateKey(c.Key) }
func (l *LogCreated) content() any        { return l }
func (l *LogCreated) check() error        { return nil }
func (t *Tick) content() any              { return t }
func (t *Tick) check() error              { return nil }

func (c *CredentialAdded) check() error {
	if c.Credential.Ephemeral {
		return fmt.Errorf("credential %q is ephemeral", c.Credential.Key)
	}
	return c.Credential.Validate()
}

// encode makes the current form of a plain event.
func encode(typ string, p plain) (Encoded, error) {
	if err := p.check(); err != nil {
		return Encoded{}, fmt.Errorf("event: encode %s: %w", typ, invalid(err))
	}
	payload, err := json.Marshal(p.content(), strict)
	if err != nil {
		return Encoded{}, fmt.Errorf("event: encode %s: %w", typ, invalid(err))
	}
	return Encoded{Type: typ, Version: current[typ].version(), Payload: payload}, nil
}

// decodePlain decodes the plain event T.
func decodePlain[T Event, P interface {
	*T
	plain
}](e Encoded) (Event, error) {
	if len(e.Meta) != 0 {
		return nil, fmt.Errorf("it has meta %.100q, but none is known", e.Meta)
	}
	var ev T
	if err := unmarshal(e.Payload, P(&ev).content()); err != nil {
		return nil, err
	}
	return ev, P(&ev).check()
}

func decodeStatementStored(e Encoded) (Event, error) {
	s := StatementStored{Statement: e.Payload}
	if len(e.Meta) == 0 {
		return s, nil
	}
	var meta statementMeta
	err := unmarshal(e.Meta, &meta)
	if err == nil {
		err = checkSent(meta.Sent)
	}
	if err != nil {
		return nil, fmt.Errorf("meta: %w", err)
	}
	s.NoDefine = meta.Define != nil && !*meta.Define
	if len(meta.Sent) > 0 {
		s.Sent = meta.Sent
	}
	return s, nil
}

// unmarshal is strict, and takes only an object: json itself reads null as a value that changes nothing.
func unmarshal(data []byte, v any) error {
	if jsontext.Value(data).Kind() != jsontext.KindBeginObject {
		return fmt.Errorf("not a JSON object: %.100q", data)
	}
	return json.Unmarshal(data, v, strict)
}
