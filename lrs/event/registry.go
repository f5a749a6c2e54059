package event

import (
	"errors"
	"fmt"
)

// upcaster lifts an event from one version of its type to the next. It is a pure function: the same event always
// becomes the same event, without clock, configuration or other events, because every replay must give one result. It
// does not change the slices that it is given. An event without payload never gets here; the registry counts Version.
type upcaster func(Encoded) (Encoded, error)

// codec is what is known about a type.
type codec struct {
	decode    func(Encoded) (Event, error) // of the current version
	upcasters []upcaster                   // upcasters[i] lifts version i+1 to i+2
}

// version is the current version.
func (c codec) version() uint32 { return uint32(len(c.upcasters)) + 1 }

// registry has the types by name.
type registry map[string]codec

// current is what this release knows. To change a payload's form: keep the golden files, add an upcaster here, and let
// Encode and decode speak the new form only.
var current = registry{
	TypeStatementStored:   {decode: decodeStatementStored, upcasters: []upcaster{sameForm}},
	TypeDocumentStored:    {decode: decodePlain[DocumentStored]},
	TypeDocumentDeleted:   {decode: decodePlain[DocumentDeleted]},
	TypeDocumentsDeleted:  {decode: decodePlain[DocumentsDeleted]},
	TypeCredentialAdded:   {decode: decodePlain[CredentialAdded], upcasters: []upcaster{sameForm, sameForm}},
	TypeCredentialRevoked: {decode: decodePlain[CredentialRevoked]},
	TypeLogCreated:        {decode: decodePlain[LogCreated]},
	TypeTick:              {decode: decodePlain[Tick]},

	TypeUnitRegistered:       {decode: decodePlain[UnitRegistered]},
	TypeUnitRemoved:          {decode: decodePlain[UnitRemoved]},
	TypePersonRegistered:     {decode: decodePlain[PersonRegistered]},
	TypePersonRemoved:        {decode: decodePlain[PersonRemoved]},
	TypeAssignmentMade:       {decode: decodePlain[AssignmentMade]},
	TypeAssignmentRemoved:    {decode: decodePlain[AssignmentRemoved]},
	TypeIdentityLinked:       {decode: decodePlain[IdentityLinked]},
	TypeIdentityUnlinked:     {decode: decodePlain[IdentityUnlinked]},
	TypePersonAttributesSet:  {decode: decodePlain[PersonAttributesSet]},
	TypeUnitAttributesSet:    {decode: decodePlain[UnitAttributesSet]},
	TypeDefinitionRegistered: {decode: decodePlain[DefinitionRegistered]},

	TypeMeasureRecorded:     {decode: decodePlain[MeasureRecorded]},
	TypeEvaluationDecided:   {decode: decodePlain[EvaluationDecided]},
	TypeEvaluationCommented: {decode: decodePlain[EvaluationCommented]},
}

// sameForm lifts to a version that may hold more, while what the older one held means the same.
func sameForm(e Encoded) (Encoded, error) { return e, nil }

// Decode upcasts an event to the current version of its type and decodes it. The result may alias e's slices. Decoding
// is strict: an unknown member is an error. Errors, wrapped: ErrUnknownType, ErrErased, ErrInvalid.
func Decode(e Encoded) (Event, error) { return current.decode(e) }

// Known checks that this release can decode events of a type and version. Error: ErrUnknownType, wrapped. It serves
// readers that pass an event on, or skip an erased one, without decoding it.
func Known(typ string, version uint32) error {
	_, err := current.codec(typ, version)
	return err
}

func (r registry) codec(typ string, version uint32) (codec, error) {
	c, ok := r[typ]
	switch {
	case !ok:
		return codec{}, fmt.Errorf("%w: %q version %d; this release knows none: upgrade to a newer one", ErrUnknownType, typ, version)
	case version == 0 || version > c.version():
		return codec{}, fmt.Errorf("%w: %q version %d; this release knows versions 1 to %d: upgrade to a newer one", ErrUnknownType, typ, version, c.version())
	}
	return c, nil
}

func (r registry) decode(e Encoded) (Event, error) {
	c, err := r.codec(e.Type, e.Version)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	wrap := func(err error) error { return fmt.Errorf("event: decode %s version %d: %w", e.Type, e.Version, err) }
	if len(e.Payload) == 0 {
		return nil, wrap(ErrErased)
	}
	lifted := e
	for version := e.Version; version < c.version(); version++ {
		if lifted, err = c.upcasters[version-1](lifted); err != nil {
			return nil, wrap(invalid(fmt.Errorf("upcast from version %d: %w", version, err)))
		}
		lifted.Version = version + 1
	}
	ev, err := c.decode(lifted)
	if err != nil {
		return nil, wrap(invalid(err))
	}
	return ev, nil
}

// invalid makes err match ErrInvalid.
func invalid(err error) error {
	if errors.Is(err, ErrInvalid) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}
