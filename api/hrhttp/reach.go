package hrhttp

import (
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/projections/people"
)

// reach is what a credential may see: everything, or the people that were assigned in
// some units, and one person.
type reach struct {
	all    bool
	units  map[string]bool
	people map[string]bool
	self   string // the person it is bound to: all of their record
}

// unitAsked refuses a unit that a parameter names and that is unknown or beyond reach. Who sees all learns that there is
// none of that id; for others the two are the same.
func (r reach) unitAsked(state *people.State, unit string) error {
	switch {
	case r.unit(state, unit):
		return nil
	case r.all:
		return problem.BadRequest("parameter.unit", "The parameter unit is %q; there is no unit of that id.", unit)
	}
	return notFound()
}

// reach is the credential's, at the moment asked about: the people with an assignment
// in its units that is in force at `at`. The tree of units is that known at asOf.
func (c *call) reach(state *people.State, at time.Time) reach {
	if c.principal == nil {
		return reach{all: true}
	}
	units, person := c.principal.Bound()
	if len(units) == 0 && person == "" {
		return reach{all: true}
	}
	r := reach{units: map[string]bool{}, people: map[string]bool{}}
	for _, u := range units {
		for below := range state.Subtree(u) {
			r.units[below] = true
		}
		for _, p := range state.InUnitAt(u, at) {
			r.people[p] = true
		}
	}
	if person != "" {
		r.people[person], r.self = true, person
	}
	return r
}

// person tells whether a person is registered and within reach.
func (r reach) person(state *people.State, id string) bool {
	_, known := state.Person(id)
	return known && (r.all || r.people[id])
}

// unit tells whether a unit is registered and within reach.
func (r reach) unit(state *people.State, id string) bool {
	_, known := state.Unit(id)
	return known && (r.all || r.units[id])
}
