package people

import (
	"math"
	"slices"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// An import adds and changes, and never removes: an empty name leaves the one there is. A plan has all events of a file,
// in an order in which each makes sense after those before it, so that an import which was cut off between two events
// goes on where it stopped when the file is imported again. Importing the same file again gives no events.

// plan collects events and the State that they make.
type plan struct {
	draft  *State
	events []event.Event
}

func planOn(s *State) *plan { return &plan{draft: s.thaw()} }

// add takes the outcome of a check; a refusal gets the line.
func (p *plan) add(line int, events []event.Event, err error) error {
	if err != nil {
		return inFile(line, inColumn(err))
	}
	for _, ev := range events {
		if err := p.draft.apply(ev); err != nil {
			return inFile(line, err)
		}
	}
	p.events = append(p.events, events...)
	return nil
}

// PlanUnits gives the events that make the units as units.csv has them. A parent may be on a later line. The error is
// a *Refusal with the line.
func PlanUnits(s *State, rows []UnitRow) ([]event.Event, error) {
	p := planOn(s)
	if _, err := p.unitsUpTo(math.MaxInt, rows); err != nil {
		return nil, err
	}
	return p.events, nil
}

// unitPlan registers units from the tops down: what is above a unit is then as the file wants it before the unit is
// moved there, and no order of lines makes a cycle on the way.
type unitPlan struct {
	*plan
	rows   map[string]*UnitRow
	placed map[string]bool
	path   []string // the units being placed, each below the next
}

func unitsOn(p *plan, rows []UnitRow) (*unitPlan, error) {
	u := &unitPlan{plan: p, rows: map[string]*UnitRow{}, placed: map[string]bool{}}
	for i := range rows {
		row := &rows[i]
		if first := u.rows[row.ID]; first != nil {
			return nil, inFile(row.Line, refuse(Conflict, "unit", "line %d has this unit already", first.Line))
		}
		u.rows[row.ID] = row
	}
	return u, nil
}

func (p *unitPlan) place(id string) error {
	if p.placed[id] {
		return nil
	}
	if i := slices.Index(p.path, id); i >= 0 {
		return p.cycle(p.path[i:])
	}
	row := p.rows[id]
	u := p.draft.units[id]
	if row != nil {
		u = Unit{id, orElse(row.Name, u.Name), row.Parent}
	}
	if u.Parent != "" {
		p.path = append(p.path, id)
		if err := p.place(u.Parent); err != nil {
			return err
		}
		p.path = p.path[:len(p.path)-1]
	}
	p.placed[id] = true
	if row == nil {
		return nil // it stays as it is, or is unknown and the unit below it refused
	}
	events, err := p.draft.RegisterUnit(u)
	return p.add(row.Line, events, err)
}

// cycle refuses the first line that takes part. There is one: the registered units have no cycle.
func (p *unitPlan) cycle(units []string) error {
	var first *UnitRow
	for _, id := range units {
		if row := p.rows[id]; row != nil && (first == nil || row.Line < first.Line) {
			first = row
		}
	}
	return inFile(first.Line, refuse(Conflict, "parent", "%q would be above itself: it is above %q", first.ID, first.Parent))
}

// PlanPeople gives the events that make people, assignments and identities as people.csv has them. The units are those
// of s. The error is a *Refusal with the line.
func PlanPeople(s *State, rows []PersonRow) ([]event.Event, error) {
	p := planOn(s)
	if err := p.people(rows); err != nil {
		return nil, err
	}
	return p.events, nil
}

// people plans lines of people: all that the file has of each.
func (p *plan) people(rows []PersonRow) error {
	names, err := namesIn(rows)
	if err != nil {
		return err
	}
	of := &peoplePlan{p, names, map[event.AssignmentKey]lineAndEnd{}}
	for i := range rows {
		if err := of.put(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// Plan gives the events that make units and then people as the two files have them together. The error is a *Refusal
// with file and line.
func Plan(s *State, units []UnitRow, people []PersonRow) ([]event.Event, error) {
	first, err := PlanUnits(s, units)
	if err != nil {
		return nil, Of("units", err)
	}
	if s, err = s.With(first...); err != nil {
		return nil, err
	}
	then, err := PlanPeople(s, people)
	if err != nil {
		return nil, Of("people", err)
	}
	return append(first, then...), nil
}

// namesIn gives the name of each person that the file names, on whichever line.
func namesIn(rows []PersonRow) (map[string]string, error) {
	names := map[string]string{}
	for _, row := range rows {
		id, name := row.Person.ID, row.Person.Name
		if other := names[id]; other != "" && name != "" && name != other {
			return nil, inFile(row.Line, refuse(Conflict, "name", "the same person is %q on a line before", other))
		}
		names[id] = orElse(name, names[id])
	}
	return names, nil
}

type peoplePlan struct {
	*plan
	names       map[string]string
	assignments map[event.AssignmentKey]lineAndEnd // those of the lines before
}

type lineAndEnd struct {
	line int
	to   time.Time
}

func (p *peoplePlan) put(row *PersonRow) error {
	id := row.Person.ID
	old, _ := p.draft.Person(id)
	events, err := p.draft.RegisterPerson(Person{id, orElse(p.names[id], old.Name)})
	if err := p.add(row.Line, events, err); err != nil {
		return err
	}
	if row.Assignment != nil {
		if err := p.assign(row.Line, *row.Assignment); err != nil {
			return err
		}
	}
	for _, i := range row.Identities {
		events, err := p.draft.LinkIdentity(id, i)
		if err := p.add(row.Line, events, err); err != nil {
			return err
		}
	}
	return nil
}

// assign lets a file repeat an assignment, as files with a line for each identity do, but not with two ends.
func (p *peoplePlan) assign(line int, a Assignment) error {
	a.From, a.To = instant(a.From), instant(a.To)
	if first, ok := p.assignments[a.AssignmentKey]; ok && first.to != a.To {
		return inFile(line, refuse(Conflict, "to", "line %d has the same assignment with another end", first.line))
	}
	p.assignments[a.AssignmentKey] = lineAndEnd{line, a.To}
	events, err := p.draft.MakeAssignment(a)
	return p.add(line, events, err)
}

func orElse(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
