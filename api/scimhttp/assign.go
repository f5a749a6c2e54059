package scimhttp

import (
	"slices"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/people"
)

// everywhere picks all assignments.
func everywhere(people.Assignment) bool { return true }

// assign begins and ends assignments as a user changed. What did not change is left
// alone: others make assignments too.
func (w *write) assign(id string, before, u *user) error {
	switch {
	case !u.Active && u.told: // also what others have made meanwhile, and what is yet to begin
		return w.end(id, everywhere)
	case !u.Active:
		return nil
	case !before.Active: // created, or active again
	case u.Unit != before.Unit:
		if err := w.end(id, w.inForce(before.Unit, "")); err != nil {
			return err
		}
	case u.role() != before.role() && w.holds(id, w.inForce(u.Unit, before.role())):
		if err := w.end(id, w.inForce(u.Unit, before.role())); err != nil {
			return err
		}
	default:
		return nil
	}
	if u.Unit == "" {
		return nil
	}
	return w.begin(id, u.role(), u.Unit)
}

// firstSaid makes before what was so of the post that u, the first that a directory says of a person, is about: of those in
// force one in the unit and in the role that it names, as far as there is one, and the last begun of these. The person's other
// posts are others' to end. said tells what the request names.
func (w *write) firstSaid(id string, before, u *user, said struct{ department, title bool }) error {
	unit := ""
	if said.department && u.Department != "" {
		var err error
		if unit, err = unitOf(w.old.state, u.Department); err != nil {
			return err
		}
	}
	best := -1
	for _, a := range w.old.state.Assignments(id) { // by their begin
		fits := 0
		if unit == a.Unit {
			fits += 2
		}
		if (said.title || u.Role != "") && u.role() == a.Role {
			fits++
		}
		if a.InForce(w.old.now) && fits >= best {
			best = fits
			before.Unit, before.Department, before.Title = a.Unit, a.Unit, a.Role
		}
	}
	if !said.department {
		u.Department = before.Department
	}
	if !said.title {
		u.Title = before.Title
	}
	return nil
}

// inForce picks the assignments that are in force in a unit, in one role or, "", all.
func (w *write) inForce(unit, role string) func(people.Assignment) bool {
	return func(a people.Assignment) bool {
		return a.Unit == unit && (role == "" || a.Role == role) && a.InForce(w.old.now)
	}
}

// holds tells whether a person has such an assignment.
func (w *write) holds(id string, which func(people.Assignment) bool) bool {
	return slices.ContainsFunc(w.draft.Now().Assignments(id), which)
}

// end ends assignments now.
func (w *write) end(id string, which func(people.Assignment) bool) error {
	return w.draft.Do(w.draft.Now().EndAssignments(id, w.old.now, which))
}

// begin begins an assignment now, unless the like is in force.
func (w *write) begin(id, role, unit string) error {
	s := w.draft.Now()
	for _, a := range s.Assignments(id) {
		if w.inForce(unit, role)(a) {
			return nil
		}
	}
	return w.draft.Do(s.MakeAssignment(people.Assignment{
		AssignmentKey: event.AssignmentKey{Person: id, Role: role, Unit: unit, From: w.old.now},
	}))
}
