package event

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Identity is how statements name a person: exactly one IFI, in the form of xAPI. Who makes an event has checked it by
// the rules of xAPI.
type Identity struct {
	Mbox        string  `json:"mbox,omitzero"` // mailto IRI
	MboxSHA1Sum string  `json:"mbox_sha1sum,omitzero"`
	OpenID      string  `json:"openid,omitzero"`
	Account     Account `json:"account,omitzero"`
}

// Account is the IFI of that name.
type Account struct {
	HomePage string `json:"homePage"`
	Name     string `json:"name"`
}

// AssignmentKey identifies an assignment.
type AssignmentKey struct {
	Person string    `json:"person"`
	Role   string    `json:"role"`
	Unit   string    `json:"unit"`
	From   time.Time `json:"from"` // UTC
}

// UnitRegistered: a unit was added, or has another name or parent from now on.
type UnitRegistered struct {
	Unit   string `json:"unit"`
	Name   string `json:"name,omitzero"`
	Parent string `json:"parent,omitzero"` // "" for a top
}

// UnitRemoved: a unit is no more.
type UnitRemoved struct {
	Unit string `json:"unit"`
}

// PersonRegistered: a person was added, or has another name from now on.
type PersonRegistered struct {
	Person string `json:"person"`
	Name   string `json:"name,omitzero"`
}

// PersonRemoved: a person is no more, with all assignments and identities. A PersonRegistered with the same id is the same
// person come back: no id is used again for another.
type PersonRemoved struct {
	Person string `json:"person"`
}

// AssignmentMade: a person holds a role in a unit during [From, To). It replaces an assignment of the same key.
type AssignmentMade struct {
	AssignmentKey `json:",embed"`
	To            time.Time `json:"to,omitzero"` // UTC, exclusive; zero: no end is known
}

// AssignmentRemoved: an assignment never was.
type AssignmentRemoved struct{ AssignmentKey }

// IdentityLinked: what statements say of an identity they say of a person, the past included.
type IdentityLinked struct {
	Person   string   `json:"person"`
	Identity Identity `json:"identity"`
}

// IdentityUnlinked: an identity is not this person's, the past included.
type IdentityUnlinked struct {
	Person   string   `json:"person"`
	Identity Identity `json:"identity"`
}

// DefinitionRegistered: a definition is in force from now on, in place of an earlier one of its kind and id.
type DefinitionRegistered struct {
	Kind       string         `json:"kind"`
	ID         string         `json:"id"` // IRI
	Definition jsontext.Value `json:"definition"`
}

// Encode implements Event.
func (u UnitRegistered) Encode() (Encoded, error) { return encode(TypeUnitRegistered, &u) }

// Encode implements Event.
func (u UnitRemoved) Encode() (Encoded, error) { return encode(TypeUnitRemoved, &u) }

// Encode implements Event.
func (p PersonRegistered) Encode() (Encoded, error) { return encode(TypePersonRegistered, &p) }

// Encode implements Event.
func (p PersonRemoved) Encode() (Encoded, error) { return encode(TypePersonRemoved, &p) }

// Encode implements Event.
func (a AssignmentMade) Encode() (Encoded, error) { return encode(TypeAssignmentMade, &a) }

// Encode implements Event.
func (a AssignmentRemoved) Encode() (Encoded, error) { return encode(TypeAssignmentRemoved, &a) }

// Encode implements Event.
func (i IdentityLinked) Encode() (Encoded, error) { return encode(TypeIdentityLinked, &i) }

// Encode implements Event.
func (i IdentityUnlinked) Encode() (Encoded, error) { return encode(TypeIdentityUnlinked, &i) }

// Encode implements Event.
func (d DefinitionRegistered) Encode() (Encoded, error) { return encode(TypeDefinitionRegistered, &d) }

func (u *UnitRegistered) content() any       { return u }
func (u *UnitRemoved) content() any          { return u }
func (p *PersonRegistered) content() any     { return p }
func (p *PersonRemoved) content() any        { return p }
func (a *AssignmentMade) content() any       { return a }
func (a *AssignmentRemoved) content() any    { return &a.AssignmentKey }
func (i *IdentityLinked) content() any       { return i }
func (i *IdentityUnlinked) content() any     { return i }
func (d *DefinitionRegistered) content() any { return d }

func (u *UnitRegistered) check() error {
	if err := names(u.Unit, u.Name, u.Parent); err != nil {
		return err
	}
	if u.Unit == "" || u.Unit == u.Parent {
		return fmt.Errorf("unit %q with parent %q", u.Unit, u.Parent)
	}
	return nil
}

func (u *UnitRemoved) check() error { return required(u.Unit) }

func (p *PersonRegistered) check() error { return errors.Join(required(p.Person), names(p.Name)) }

func (p *PersonRemoved) check() error { return required(p.Person) }

func (a *AssignmentMade) check() error {
	if !a.To.IsZero() && (!a.From.Before(a.To) || a.To.Location() != time.UTC) {
		return fmt.Errorf("an assignment from %s to %s", a.From, a.To)
	}
	return a.AssignmentKey.check()
}

func (a *AssignmentRemoved) check() error { return a.AssignmentKey.check() }

func (a *AssignmentKey) check() error {
	if a.From.Location() != time.UTC || a.From.Year() < 0 || a.From.Year() > 9999 {
		return fmt.Errorf("an assignment from %s", a.From)
	}
	return required(a.Person, a.Role, a.Unit)
}

func (i *IdentityLinked) check() error {
	return errors.Join(required(i.Person), i.Identity.check())
}

func (i *IdentityUnlinked) check() error {
	return errors.Join(required(i.Person), i.Identity.check())
}

func (i Identity) check() error {
	n := 0
	for _, ifi := range []string{i.Mbox, i.MboxSHA1Sum, i.OpenID} {
		if ifi != "" {
			n++
		}
	}
	if i.Account != (Account{}) {
		n++
		if err := required(i.Account.HomePage, i.Account.Name); err != nil {
			return err
		}
	}
	if n != 1 {
		return fmt.Errorf("an identity with %d identifiers; it has exactly one of mbox, mbox_sha1sum, openid, account", n)
	}
	return names(i.Mbox, i.MboxSHA1Sum, i.OpenID)
}

func (d *DefinitionRegistered) check() error {
	if d.Definition.Kind() != jsontext.KindBeginObject || !d.Definition.IsValid() {
		return fmt.Errorf("the definition %s is no JSON object", d.ID)
	}
	return required(d.Kind, d.ID)
}

// maxName bounds ids and names, in bytes; an IRI or an e-mail address is shorter.
const maxName = 2048

func required(all ...string) error {
	for _, s := range all {
		if s == "" {
			return errors.New("an id is empty")
		}
	}
	return names(all...)
}

// names checks what is written into tables, paths and logs.
func names(all ...string) error {
	for _, s := range all {
		if len(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%.100q is longer than %d bytes, or has control characters", s, maxName)
		}
	}
	return nil
}
