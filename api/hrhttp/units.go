package hrhttp

import (
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/people"
)

// unit is a unit, in JSON.
type unit struct {
	Unit   string `json:"unit"`
	Name   string `json:"name"`
	Parent string `json:"parent,omitzero"`
}

// unitOf shows a unit; a parent beyond reach is left out.
func (r reach) unitOf(u people.Unit) unit {
	out := unit{u.ID, u.Name, u.Parent}
	if !r.all && !r.units[u.Parent] {
		out.Parent = ""
	}
	return out
}

func unitsTable(list []unit) table {
	rows := table{{"unit", "name", "parent"}}
	for _, u := range list {
		rows = append(rows, []string{u.Unit, u.Name, u.Parent})
	}
	return rows
}

func (c *call) getUnits() error {
	if err := c.only("at", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	limit, after, err := c.limit()
	if err != nil {
		return err
	}
	return c.answerFrom(registered, func(m *moment) error {
		r := c.reach(m.People, m.At)
		list := []unit{}
		for _, u := range m.People.Units() {
			if r.unit(m.People, u.ID) {
				list = append(list, r.unitOf(u))
			}
		}
		list, more := page(list, limit, after, func(u unit) string { return u.Unit })
		more = c.next(m, more)
		return c.send(struct {
			head
			Units []unit `json:"units"`
			More  string `json:"more,omitzero"`
		}{m.head(), list, more}, func() table { return unitsTable(list) })
	})
}

func (c *call) getUnit() error {
	if err := c.only("at", "asOf", "after", "format"); err != nil {
		return err
	}
	return c.answerFrom(registered, func(m *moment) error {
		r := c.reach(m.People, m.At)
		u, _ := m.People.Unit(c.vars["unit"])
		if !r.unit(m.People, u.ID) {
			return notFound()
		}
		shown := r.unitOf(u)
		return c.send(struct {
			head
			unit
		}{m.head(), shown}, func() table { return unitsTable([]unit{shown}) })
	})
}

func (c *call) putUnit() error {
	if err := c.only(); err != nil {
		return err
	}
	var in struct {
		Name   string `json:"name"`
		Parent string `json:"parent,omitzero"`
	}
	if err := c.input(&in); err != nil {
		return err
	}
	return c.done(c.register(func(p present) ([]event.Event, error) {
		return p.people.RegisterUnit(people.Unit{ID: c.vars["unit"], Name: in.Name, Parent: in.Parent})
	}))
}

func (c *call) deleteUnit() error {
	if err := c.only(); err != nil {
		return err
	}
	return c.done(c.register(func(p present) ([]event.Event, error) { return p.people.RemoveUnit(c.vars["unit"]) }))
}
