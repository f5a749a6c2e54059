package people

import (
	"cmp"
	"slices"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// Import is units.csv and people.csv on their way into the store, in parts. It never changes.
type Import struct {
	Units    []UnitRow
	People   []PersonRow
	Together bool // the files came together: a refusal names its own

	sorted bool // the lines of a person are together
}

// Part is the first events of an Import, decided on one State.
type Part struct {
	Events []event.Event
	of     Import
	// For each line that was decided, how many events there are with those before it. The lines of a person are one.
	units, people []int
}

// Part gives the first most events that the import makes on s. The lines of one person are decided together, whatever is
// between them in the file, so that a person whom others changed or removed meanwhile is as the file says or as they left
// it, not half of each. Lines behind those that make the events are not looked at; they may be refused yet. The error is a
// *Refusal with the line.
func (f Import) Part(s *State, most int) (*Part, error) {
	sorted := f
	if !f.sorted {
		sorted.People, sorted.sorted = byPerson(f.People), true
	}
	part, err := sorted.part(s, most)
	if err != nil && !f.sorted {
		if _, first := Plan(s, f.Units, f.People); first != nil { // in the file's own order
			err = first
		}
	}
	if err != nil && !f.Together {
		err = Of("", err)
	}
	return part, err
}

func (f Import) part(s *State, most int) (_ *Part, err error) {
	p := planOn(s)
	part := &Part{of: f}
	if part.units, err = p.unitsUpTo(most, f.Units); err != nil {
		return nil, Of("units", err)
	}
	if part.people, err = p.peopleUpTo(most, f.People); err != nil {
		return nil, Of("people", err)
	}
	part.Events = p.events[:min(len(p.events), most)]
	return part, nil
}

// Rest is the import less the lines of which all is made by the first stored events; nil if no line is left. It knows
// nothing of those: what others change of them from now on stays.
func (p *Part) Rest(stored int) *Import {
	rest := p.of
	units, _ := slices.BinarySearch(p.units, stored+1)
	people, _ := slices.BinarySearch(p.people, stored+1)
	rest.Units, rest.People = rest.Units[units:], rest.People[people:]
	if len(rest.Units)+len(rest.People) == 0 {
		return nil
	}
	return &rest
}

// byPerson brings the lines of each person together, where the first is. rows stay as they are.
func byPerson(rows []PersonRow) []PersonRow {
	first := map[string]int{}
	for _, row := range rows {
		if _, ok := first[row.Person.ID]; !ok {
			first[row.Person.ID] = len(first)
		}
	}
	order := func(a, b PersonRow) int { return cmp.Compare(first[a.Person.ID], first[b.Person.ID]) }
	if slices.IsSortedFunc(rows, order) {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, order)
	return rows
}

// unitsUpTo plans units until there are so many events, or more. made says for each row that was planned how many there
// are with it.
func (p *plan) unitsUpTo(most int, rows []UnitRow) (made []int, err error) {
	u, err := unitsOn(p, rows)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(rows) && len(p.events) < most; i++ {
		if err := u.place(rows[i].ID); err != nil {
			return nil, err
		}
		made = append(made, len(p.events))
	}
	return made, nil
}

// peopleUpTo does for people what unitsUpTo does for units.
func (p *plan) peopleUpTo(most int, rows []PersonRow) (made []int, err error) {
	for len(made) < len(rows) && len(p.events) < most {
		own := rows[len(made):]
		if n := slices.IndexFunc(own, func(r PersonRow) bool { return r.Person.ID != own[0].Person.ID }); n > 0 {
			own = own[:n]
		}
		if err := p.people(own); err != nil {
			return nil, err
		}
		for range own {
			made = append(made, len(p.events))
		}
	}
	return made, nil
}
