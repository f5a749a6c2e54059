package people

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// The methods of this file decide writes. Each gives the events that make the write so, to be appended in order, or a
// *Refusal. A write that changes nothing gives no events.

// RegisterUnit adds a unit, or gives it another name or parent.
func (s *State) RegisterUnit(u Unit) ([]event.Event, error) {
	if err := firstOf(checkID("unit", u.ID), checkText("name", u.Name, false), s.fits(u)); err != nil {
		return nil, err
	}
	if old, ok := s.units[u.ID]; ok && old == u {
		return nil, nil
	}
	return []event.Event{event.UnitRegistered{Unit: u.ID, Name: u.Name, Parent: u.Parent}}, nil
}

// RemoveUnit removes a unit that has no units below it and never had an assignment, unless that was removed.
func (s *State) RemoveUnit(id string) ([]event.Event, error) {
	if err := s.unused(id); err != nil {
		return nil, err
	}
	return []event.Event{event.UnitRemoved{Unit: id}}, nil
}

// RegisterPerson adds a person, or gives them another name.
func (s *State) RegisterPerson(p Person) ([]event.Event, error) {
	if err := firstOf(checkID("person", p.ID), checkText("name", p.Name, false)); err != nil {
		return nil, err
	}
	if r, ok := s.people[p.ID]; ok && r.name == p.Name {
		return nil, nil
	}
	return []event.Event{event.PersonRegistered{Person: p.ID, Name: p.Name}}, nil
}

// RemovePerson removes a person with all assignments and identities.
func (s *State) RemovePerson(id string) ([]event.Event, error) {
	if err := s.knows(id); err != nil {
		return nil, err
	}
	return []event.Event{event.PersonRemoved{Person: id}}, nil
}

// MakeAssignment adds an assignment, or gives the one of the same key another end.
func (s *State) MakeAssignment(a Assignment) ([]event.Event, error) {
	a.From, a.To = instant(a.From), instant(a.To)
	if err := firstOf(
		s.knows(a.Person), checkID("role", a.Role), checkTime("from", a.From), checkTime("to", a.To), s.possible(a),
	); err != nil {
		return nil, err
	}
	if to, ok := s.people[a.Person].assignments[postOf(a.AssignmentKey)]; ok && to.Equal(a.To) {
		return nil, nil
	}
	return []event.Event{event.AssignmentMade(a)}, nil
}

// RemoveAssignment removes an assignment, as if it never was. One that ended is not removed but made with its end.
func (s *State) RemoveAssignment(k event.AssignmentKey) ([]event.Event, error) {
	k.From = instant(k.From)
	if err := s.holds(k); err != nil {
		return nil, err
	}
	return []event.Event{event.AssignmentRemoved{AssignmentKey: k}}, nil
}

// LinkIdentity makes an identity a person's. An mbox and its mbox_sha1sum are one identity.
func (s *State) LinkIdentity(person string, i event.Identity) ([]event.Event, error) {
	if err := firstOf(s.knows(person), checkIdentity(i)); err != nil {
		return nil, err
	}
	if err := s.linkable(person, i); err != nil {
		return nil, err
	}
	if _, ok := s.owners[Key(i)]; ok {
		return nil, nil
	}
	return []event.Event{event.IdentityLinked{Person: person, Identity: i}}, nil
}

// UnlinkIdentity takes an identity, in any spelling, from its person; the event has the one that was linked.
func (s *State) UnlinkIdentity(person string, i event.Identity) ([]event.Event, error) {
	if err := s.linked(person, i); err != nil {
		return nil, err
	}
	return []event.Event{event.IdentityUnlinked{Person: person, Identity: s.people[person].identities[Key(i)]}}, nil
}

// firstOf gives the first error there is.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// maxText bounds ids, names and IFIs, in bytes; it is what package event allows.
const maxText = 2048

// checkText refuses what an event cannot hold.
func checkText(field, text string, required bool) error {
	switch {
	case text == "" && required:
		return refuse(Invalid, field, "it is required")
	case len(text) > maxText:
		return refuse(Invalid, field, "it is longer than %d bytes", maxText)
	case !utf8.ValidString(text):
		return refuse(Invalid, field, "it is not UTF-8")
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return refuse(Invalid, field, "it has a control character, such as a line break")
	}
	return nil
}

// checkID also refuses an id that looks like another one, and what is no segment of a path: a link with "." or ".." leads
// elsewhere, however it is encoded.
func checkID(field, id string) error {
	if err := checkText(field, id, true); err != nil {
		return err
	}
	if strings.TrimFunc(id, unicode.IsSpace) != id {
		return refuse(Invalid, field, "%q begins or ends with a space", id)
	}
	if id == "." || id == ".." {
		return refuse(Invalid, field, "%q is no id, because a link to it could not be followed", id)
	}
	// Notices of changes have such keys, beside the ids of people.
	if field == "person" && (id == "*" || strings.HasPrefix(id, UnitKey) || strings.HasSuffix(id, "unmapped:")) {
		return refuse(Invalid, field, "%q is no id of a person, because change notices use it for something else", id)
	}
	return nil
}

// checkTime refuses times that an answer, which has milliseconds, could not name, and years that RFC 3339 cannot write.
func checkTime(field string, t time.Time) error {
	if t.Year() < 1 || t.Year() > 9999 {
		return refuse(Invalid, field, "the year is not one of 1 to 9999")
	}
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		return refuse(Invalid, field, "it is finer than a millisecond")
	}
	return nil
}
