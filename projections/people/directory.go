package people

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// What follows serves a directory (SCIM 2.0) that says who people are and where they work. It knows nothing of history:
// whatever it takes back ends now, and what was stays as it was.

// Attributes gives what a directory says of a person; said is false if none ever spoke of them. The caller must not
// change the list in it.
func (s *State) Attributes(person string) (a event.Attributes, said bool) {
	if r := s.people[person]; r != nil && r.attributes != nil {
		return *r.attributes, true
	}
	return event.Attributes{}, false
}

// PersonNamed finds the person to whom a directory gave a userName, in whatever case; none that it deleted.
func (s *State) PersonNamed(userName string) (person string, ok bool) {
	person, ok = s.named[foldName(userName)]
	return person, ok
}

// SetAttributes keeps what a directory says of a person. A userName that another person has is a Conflict.
func (s *State) SetAttributes(person string, a event.Attributes) ([]event.Event, error) {
	for _, text := range []struct{ field, text string }{
		{"userName", a.UserName}, {"externalId", a.ExternalID}, {"name.givenName", a.GivenName}, {"name.familyName", a.FamilyName},
		{"title", a.Title}, {"roles", a.Role}, {"department", a.Department}, {"department", a.Unit}, {"manager", a.Manager},
	} {
		if err := checkText(text.field, text.text, false); err != nil {
			return nil, err
		}
	}
	for _, email := range a.Emails {
		if err := checkText("emails", email, true); err != nil {
			return nil, err
		}
	}
	if err := s.describable(person, &a); err != nil {
		return nil, err
	}
	if old := s.people[person].attributes; old != nil && reflect.DeepEqual(*old, a) {
		return nil, nil
	}
	return []event.Event{event.PersonAttributesSet{Person: person, Attributes: a}}, nil
}

// ExternalID gives a directory's own id of a unit; that of the unit, where none said another.
func (s *State) ExternalID(unit string) string { return cmp.Or(s.called[unit], unit) }

// SetExternalID keeps a directory's own id of a unit, in place of another; "" for none.
func (s *State) SetExternalID(unit, externalID string) ([]event.Event, error) {
	if err := firstOf(s.callable(unit), checkText("externalId", externalID, false)); err != nil {
		return nil, err
	}
	if externalID == unit {
		externalID = ""
	}
	if s.ExternalID(unit) == cmp.Or(externalID, unit) {
		return nil, nil
	}
	return []event.Event{event.UnitAttributesSet{Unit: unit, ExternalID: externalID}}, nil
}

// EndAssignments ends those of a person's assignments that which picks, at a moment: one that is in force has its end
// there, one that has not begun by then is removed, one that has ended stays as it is.
func (s *State) EndAssignments(person string, at time.Time, which func(Assignment) bool) ([]event.Event, error) {
	at = instant(at)
	if err := firstOf(s.knows(person), checkTime("to", at)); err != nil {
		return nil, err
	}
	var events []event.Event
	for _, a := range s.Assignments(person) {
		switch {
		case !which(a) || !a.To.IsZero() && !at.Before(a.To):
		case a.From.Before(at):
			a.To = at
			events = append(events, event.AssignmentMade(a))
		default:
			events = append(events, event.AssignmentRemoved{AssignmentKey: a.AssignmentKey})
		}
	}
	return events, nil
}

// HeldIn lists the people with an assignment in force at a moment in a unit itself, not below it, each once, by id.
func (s *State) HeldIn(unit string, at time.Time) []string {
	var people []string
	for _, a := range s.assigned()[unit] {
		if a.InForce(at) {
			people = append(people, a.Person)
		}
	}
	slices.Sort(people)
	return slices.Compact(people)
}

func foldName(userName string) string { return strings.ToLower(userName) }

func (t *tables) describable(person string, a *event.Attributes) error {
	if err := t.knows(person); err != nil {
		return err
	}
	if owner, ok := t.named[foldName(a.UserName)]; ok && owner != person && !a.Deleted {
		return refuse(Conflict, "userName", "%q has it already", owner)
	}
	return nil
}

func (t *tables) callable(unit string) error {
	if _, ok := t.units[unit]; !ok {
		return refuse(NotFound, "unit", "no unit %q is registered", unit)
	}
	return nil
}

// describe keeps attributes that are describable.
func (t *tables) describe(person string, a *event.Attributes) {
	t.unname(person)
	if a.UserName != "" && !a.Deleted {
		t.named[foldName(a.UserName)] = person
	}
	t.own(person).attributes = a
}

// unname lets the person's userName go.
func (t *tables) unname(person string) {
	if a := t.people[person].attributes; a != nil && !a.Deleted && a.UserName != "" {
		delete(t.named, foldName(a.UserName))
	}
}
