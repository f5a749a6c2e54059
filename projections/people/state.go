package people

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// Unit is a node of the tree of units. Parent is "" at a top.
type Unit struct{ ID, Name, Parent string }

// Person is someone who may have assignments and identities.
type Person struct{ ID, Name string }

// Assignment is a role that a person holds in a unit during [From, To), in UTC. To is zero if no end is known.
type Assignment struct {
	event.AssignmentKey
	To time.Time
}

// InForce tells whether the assignment holds at a moment.
func (a Assignment) InForce(at time.Time) bool {
	return !at.Before(a.From) && (a.To.IsZero() || at.Before(a.To))
}

// State is who worked where, as known at one time. It never changes and may be used from any goroutine; what it returns
// must not be changed, unless it says otherwise.
type State struct {
	tables

	// Made when they are first asked for: a State on which only writes are decided does not need them.
	listed   func() listings
	assigned func() map[string][]Assignment // by unit; each list by person
	clues    func() clues
}

type listings struct {
	units    []Unit
	people   []Person
	children map[string][]string
}

func newState() *State {
	s := &State{}
	s.tables.init()
	s.prepare()
	return s
}

// thaw gives a State that its maker may apply events to, until it is handed out.
func (s *State) thaw() *State {
	draft := &State{}
	draft.copyOf(&s.tables)
	draft.prepare()
	return draft
}

func (s *State) prepare() {
	s.listed = sync.OnceValue(s.list)
	s.assigned = sync.OnceValue(s.assign)
	s.clues = sync.OnceValue(s.findClues)
}

func (s *State) list() listings {
	l := listings{units: slices.Collect(maps.Values(s.units)), children: map[string][]string{}}
	slices.SortFunc(l.units, func(a, b Unit) int { return cmp.Compare(a.ID, b.ID) })
	for _, u := range l.units {
		l.children[u.Parent] = append(l.children[u.Parent], u.ID)
	}
	l.people = make([]Person, 0, len(s.people))
	for _, id := range slices.Sorted(maps.Keys(s.people)) {
		l.people = append(l.people, Person{id, s.people[id].name})
	}
	return l
}

func (s *State) assign() map[string][]Assignment {
	byUnit := map[string][]Assignment{}
	for _, p := range s.listed().people {
		for post, to := range s.people[p.ID].assignments {
			byUnit[post.unit] = append(byUnit[post.unit], post.of(p.ID, to))
		}
	}
	return byUnit
}

func (p post) of(person string, to time.Time) Assignment {
	return Assignment{event.AssignmentKey{Person: person, Role: p.role, Unit: p.unit, From: p.from}, to}
}

// With gives the State that follows when events are applied to s, in order. It serves writes of several steps, each of
// which is decided on what the ones before it made. The error is as that of History.Apply.
func (s *State) With(events ...event.Event) (*State, error) {
	next := s.thaw()
	for _, ev := range events {
		if err := next.apply(ev); err != nil {
			return nil, inapplicable(ev, err)
		}
	}
	return next, nil
}

// Unit finds a unit.
func (s *State) Unit(id string) (Unit, bool) {
	u, ok := s.units[id]
	return u, ok
}

// Units lists all units by id.
func (s *State) Units() []Unit { return s.listed().units }

// Children lists the units right below one, by id; those of "" are the tops.
func (s *State) Children(unit string) []string { return s.listed().children[unit] }

// Subtree is the set of a unit and all below it, nil if the unit is not registered. The caller may change the set.
func (s *State) Subtree(unit string) map[string]bool {
	if _, ok := s.units[unit]; !ok {
		return nil
	}
	set, todo := map[string]bool{}, []string{unit}
	for len(todo) > 0 {
		last := len(todo) - 1
		id := todo[last]
		set[id] = true
		todo = append(todo[:last], s.Children(id)...)
	}
	return set
}

// Person finds a person.
func (s *State) Person(id string) (Person, bool) {
	r, ok := s.people[id]
	if !ok {
		return Person{}, false
	}
	return Person{id, r.name}, true
}

// People lists all people by id.
func (s *State) People() []Person { return s.listed().people }

// Assignments lists a person's assignments, past and future ones included, by from, unit and role. The caller may
// change the list.
func (s *State) Assignments(person string) []Assignment {
	r := s.people[person]
	if r == nil {
		return nil
	}
	all := make([]Assignment, 0, len(r.assignments))
	for p, to := range r.assignments {
		all = append(all, p.of(person, to))
	}
	slices.SortFunc(all, func(a, b Assignment) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Role, b.Role))
	})
	return all
}

// RolesAt lists the roles that a person holds at a moment, in whatever units, each once and sorted.
func (s *State) RolesAt(person string, at time.Time) []string {
	var roles []string
	for _, a := range s.Assignments(person) {
		if a.InForce(at) {
			roles = append(roles, a.Role)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// InUnitAt lists the people with an assignment in force at a moment in a unit or below it, each once, by id.
func (s *State) InUnitAt(unit string, at time.Time) []string {
	var people []string
	for id := range s.Subtree(unit) {
		for _, a := range s.assigned()[id] {
			if a.InForce(at) {
				people = append(people, a.Person)
			}
		}
	}
	slices.Sort(people)
	return slices.Compact(people)
}

// Identities lists a person's identities, as they were linked, by canonical key. The caller may change the list.
func (s *State) Identities(person string) []event.Identity {
	r := s.people[person]
	if r == nil {
		return nil
	}
	all := make([]event.Identity, 0, len(r.identities))
	for _, key := range slices.Sorted(maps.Keys(r.identities)) {
		all = append(all, r.identities[key])
	}
	return all
}

// Keys lists the canonical keys of a person's identities, sorted. The caller may change the list.
func (s *State) Keys(person string) []string {
	r := s.people[person]
	if r == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(r.identities))
}

// Spellings lists all keys under which statements may name a person, sorted: the canonical ones, and for an mbox its
// own besides that of its mbox_sha1sum. The caller may change the list.
func (s *State) Spellings(person string) []string {
	var keys []string
	for _, i := range s.Identities(person) {
		keys = append(keys, spellings(i)...)
	}
	slices.Sort(keys)
	return keys
}

// PersonOf finds the person to whom an identity is linked, by its canonical key or by the key of an mbox itself.
func (s *State) PersonOf(key string) (person string, ok bool) {
	person, _, ok = s.Linked(key)
	return person, ok
}

// Linked finds what PersonOf does, and the identity in the form in which it was linked.
func (s *State) Linked(key string) (person string, i event.Identity, ok bool) {
	key = canonical(key)
	if person, ok = s.owners[key]; ok {
		i = s.people[person].identities[key]
	}
	return person, i, ok
}
