package people

import (
	"maps"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// tables is what is registered at one moment. Whatever events are applied, parents and the units of assignments are
// registered, the units are a forest, and owners has exactly the keys of the people's identities.
type tables struct {
	units  map[string]Unit
	people map[string]*record
	owners map[string]string // the person, by canonical key
	named  map[string]string // the person, by the userName a directory gave them, folded; not those deleted there
	called map[string]string // a directory's own id of a unit, by the unit
}

// record is a person. Tables made from one another share records; only the one that made a record may change it.
type record struct {
	madeBy      *tables
	name        string
	assignments map[post]time.Time        // the end of each, zero if none is known
	identities  map[string]event.Identity // by canonical key
	attributes  *event.Attributes         // never changed in place; nil if no directory spoke of the person
}

// post is the key of an assignment, less its person.
type post struct {
	role, unit string
	from       time.Time
}

func postOf(k event.AssignmentKey) post { return post{k.Role, k.Unit, instant(k.From)} }

// instant makes equal times equal under ==, as keys of a map must be.
func instant(t time.Time) time.Time { return t.Round(0).UTC() }

func (t *tables) init() {
	t.units, t.people = map[string]Unit{}, map[string]*record{}
	t.owners, t.named, t.called = map[string]string{}, map[string]string{}, map[string]string{}
}

// copyOf makes t like from, which must not change any more.
func (t *tables) copyOf(from *tables) {
	t.units, t.people = maps.Clone(from.units), maps.Clone(from.people)
	t.owners, t.named, t.called = maps.Clone(from.owners), maps.Clone(from.named), maps.Clone(from.called)
}

// own gives the record of a registered person for changing.
func (t *tables) own(person string) *record {
	r := t.people[person]
	if r.madeBy != t {
		r = &record{t, r.name, maps.Clone(r.assignments), maps.Clone(r.identities), r.attributes}
		t.people[person] = r
	}
	return r
}

// apply makes what ev says so. An event of another kind than people and units is none of its business. An error is a
// *Refusal, and nothing has changed.
func (t *tables) apply(ev event.Event) error {
	switch ev := ev.(type) {
	case event.UnitRegistered:
		u := Unit{ev.Unit, ev.Name, ev.Parent}
		if err := t.fits(u); err != nil {
			return err
		}
		t.units[u.ID] = u
	case event.UnitRemoved:
		if err := t.unused(ev.Unit); err != nil {
			return err
		}
		delete(t.units, ev.Unit)
		delete(t.called, ev.Unit)
	case event.PersonRegistered:
		if t.people[ev.Person] == nil {
			t.people[ev.Person] = &record{madeBy: t, assignments: map[post]time.Time{}, identities: map[string]event.Identity{}}
		}
		t.own(ev.Person).name = ev.Name
	case event.PersonRemoved:
		if err := t.knows(ev.Person); err != nil {
			return err
		}
		for key := range t.people[ev.Person].identities {
			delete(t.owners, key)
		}
		t.unname(ev.Person)
		delete(t.people, ev.Person)
	case event.AssignmentMade:
		if err := t.possible(Assignment(ev)); err != nil {
			return err
		}
		t.own(ev.Person).assignments[postOf(ev.AssignmentKey)] = instant(ev.To)
	case event.AssignmentRemoved:
		if err := t.holds(ev.AssignmentKey); err != nil {
			return err
		}
		delete(t.own(ev.Person).assignments, postOf(ev.AssignmentKey))
	case event.IdentityLinked:
		return t.link(ev.Person, ev.Identity)
	case event.IdentityUnlinked:
		if err := t.linked(ev.Person, ev.Identity); err != nil {
			return err
		}
		key := Key(ev.Identity)
		delete(t.own(ev.Person).identities, key)
		delete(t.owners, key)
	case event.PersonAttributesSet:
		if err := t.describable(ev.Person, &ev.Attributes); err != nil {
			return err
		}
		t.describe(ev.Person, &ev.Attributes)
	case event.UnitAttributesSet:
		if err := t.callable(ev.Unit); err != nil {
			return err
		}
		t.called[ev.Unit] = ev.ExternalID
		if ev.ExternalID == "" {
			delete(t.called, ev.Unit)
		}
	}
	return nil
}

// link keeps the identity as it was linked first: linking another spelling of it changes nothing.
func (t *tables) link(person string, i event.Identity) error {
	if err := t.linkable(person, i); err != nil {
		return err
	}
	key := Key(i)
	if _, ok := t.owners[key]; !ok {
		t.owners[key] = person
		t.own(person).identities[key] = i
	}
	return nil
}

// The rules follow, one for each kind of event; each is asked before a write and again when its event is applied.

func (t *tables) fits(u Unit) error {
	if _, ok := t.units[u.Parent]; u.Parent != "" && u.Parent != u.ID && !ok {
		return refuse(Invalid, "parent", "no unit %q is registered", u.Parent)
	}
	for above := u.Parent; above != ""; above = t.units[above].Parent {
		if above == u.ID {
			return refuse(Conflict, "parent", "%q cannot be above itself; %q is in its subtree", u.ID, u.Parent)
		}
	}
	return nil
}

func (t *tables) unused(unit string) error {
	if _, ok := t.units[unit]; !ok {
		return refuse(NotFound, "unit", "no unit %q is registered", unit)
	}
	for _, u := range t.units {
		if u.Parent == unit {
			return refuse(Conflict, "unit", "%q has units below it; move or remove them first", unit)
		}
	}
	n := 0
	for _, r := range t.people {
		for p := range r.assignments {
			if p.unit == unit {
				n++
			}
		}
	}
	if n > 0 {
		return refuse(Conflict, "unit", "%q has %d assignments, ended ones included; remove them first", unit, n)
	}
	return nil
}

func (t *tables) knows(person string) error {
	if t.people[person] == nil {
		return refuse(NotFound, "person", "no person %q is registered", person)
	}
	return nil
}

// maxKey bounds the texts that a row is found by, together, in bytes: PostgreSQL's indexes take no row beyond 2.7 kB.
const maxKey = 2400

func (t *tables) possible(a Assignment) error {
	if err := t.knows(a.Person); err != nil {
		return err
	}
	if _, ok := t.units[a.Unit]; !ok {
		return refuse(Invalid, "unit", "no unit %q is registered", a.Unit)
	}
	if len(a.Person)+len(a.Role)+len(a.Unit) > maxKey {
		return refuse(Invalid, "role", "person, role and unit have more than %d bytes together", maxKey)
	}
	if !a.To.IsZero() && !a.From.Before(a.To) {
		return refuse(Invalid, "to", "an assignment ends after it begins; it lasts from its begin until just before its end")
	}
	return nil
}

func (t *tables) holds(k event.AssignmentKey) error {
	if err := t.knows(k.Person); err != nil {
		return err
	}
	if _, ok := t.people[k.Person].assignments[postOf(k)]; !ok {
		return refuse(NotFound, "", "%q has no assignment as %q in %q from %s", k.Person, k.Role, k.Unit, formatTime(k.From))
	}
	return nil
}

func (t *tables) linkable(person string, i event.Identity) error {
	if err := t.knows(person); err != nil {
		return err
	}
	key := Key(i)
	if len(person)+len(key) > maxKey {
		return refuse(Invalid, fieldOf(i), "person and identity have more than %d bytes together", maxKey)
	}
	if owner, ok := t.owners[key]; ok && owner != person {
		r := refuse(Conflict, fieldOf(i), "this identity belongs to another person already; unlink it there first")
		r.Owner = owner
		return r
	}
	return nil
}

func (t *tables) linked(person string, i event.Identity) error {
	if err := t.knows(person); err != nil {
		return err
	}
	if owner, ok := t.owners[Key(i)]; !ok || owner != person {
		return refuse(NotFound, fieldOf(i), "%q has no such identity", person)
	}
	return nil
}

// formatTime writes 00:00 UTC as a date, and every other time as RFC 3339.
func formatTime(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339Nano)
}
