package event

import (
	"errors"
	"fmt"
)

// Attributes is what a directory (SCIM 2.0) says of a person and no other event has a place for: the names that the
// directory knows them by, and its words for what became assignments and identities.
type Attributes struct {
	UserName   string   `json:"userName,omitzero"`
	ExternalID string   `json:"externalId,omitzero"`
	GivenName  string   `json:"givenName,omitzero"`
	FamilyName string   `json:"familyName,omitzero"`
	Title      string   `json:"title,omitzero"`
	Role       string   `json:"role,omitzero"`
	Department string   `json:"department,omitzero"` // as it was said
	Unit       string   `json:"unit,omitzero"`       // the id of the unit that Department meant then
	Manager    string   `json:"manager,omitzero"`    // a person's id
	Emails     []string `json:"emails,omitzero"`     // the primary one first
	Active     bool     `json:"active"`
	Deleted    bool     `json:"deleted,omitzero"` // there is no such person any more, to the directory
}

// PersonAttributesSet: a directory says this of a person from now on, in place of what it said before.
type PersonAttributesSet struct {
	Person     string     `json:"person"`
	Attributes Attributes `json:"attributes"`
}

// Encode implements Event.
func (p PersonAttributesSet) Encode() (Encoded, error) { return encode(TypePersonAttributesSet, &p) }

func (p *PersonAttributesSet) content() any { return p }

// maxEmails bounds Attributes.Emails.
const maxEmails = 100

func (p *PersonAttributesSet) check() error {
	a := &p.Attributes
	if len(a.Emails) > maxEmails {
		return fmt.Errorf("a person with %d e-mail addresses; at most %d are kept", len(a.Emails), maxEmails)
	}
	if a.Active && a.Deleted {
		return errors.New("a person who is active and deleted")
	}
	return errors.Join(
		required(p.Person), required(a.Emails...),
		names(a.UserName, a.ExternalID, a.GivenName, a.FamilyName, a.Title, a.Role, a.Department, a.Unit, a.Manager),
	)
}

// UnitAttributesSet: a directory says this of a unit from now on, in place of what it said before.
type UnitAttributesSet struct {
	Unit       string `json:"unit"`
	ExternalID string `json:"externalId,omitzero"` // the directory's own id of the unit, where it is another than Unit
}

// Encode implements Event.
func (u UnitAttributesSet) Encode() (Encoded, error) { return encode(TypeUnitAttributesSet, &u) }

func (u *UnitAttributesSet) content() any { return u }

func (u *UnitAttributesSet) check() error { return errors.Join(required(u.Unit), names(u.ExternalID)) }
