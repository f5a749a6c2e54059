package hrhttp

import (
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/fact"
	"github.com/bedside-lrs/bedside/projections/people"
)

// assignment is a role in a unit, in JSON.
type assignment struct {
	Role string `json:"role"`
	Unit string `json:"unit"`
	From string `json:"from"`
	To   string `json:"to,omitzero"`
}

// person is a person, in JSON.
type person struct {
	Person      string           `json:"person"`
	Name        string           `json:"name"`
	Assignments []assignment     `json:"assignments"`
	Identities  []event.Identity `json:"identities"`
}

// of shows what of a person is within reach.
func (r reach) of(state *people.State, p people.Person) person {
	out := person{Person: p.ID, Name: p.Name, Assignments: []assignment{}, Identities: state.Identities(p.ID)}
	if out.Identities == nil {
		out.Identities = []event.Identity{}
	}
	for _, a := range state.Assignments(p.ID) {
		if r.all || r.units[a.Unit] || r.self == p.ID {
			shown := assignment{Role: a.Role, Unit: a.Unit, From: a.From.Format(timeFormat)}
			if !a.To.IsZero() {
				shown.To = a.To.Format(timeFormat)
			}
			out.Assignments = append(out.Assignments, shown)
		}
	}
	return out
}

func (c *call) getPeople() error {
	if err := c.only("at", "asOf", "after", "format", "limit", "more"); err != nil {
		return err
	}
	limit, after, err := c.limit()
	if err != nil {
		return err
	}
	return c.answerFrom(registered, func(m *moment) error {
		r := c.reach(m.People, m.At)
		var within []people.Person
		for _, p := range m.People.People() {
			if r.person(m.People, p.ID) {
				within = append(within, p)
			}
		}
		part, more := page(within, limit, after, func(p people.Person) string { return p.ID })
		more = c.next(m, more)
		list := make([]person, len(part))
		for i, p := range part {
			list[i] = r.of(m.People, p)
		}
		return c.send(struct {
			head
			People []person `json:"people"`
			More   string   `json:"more,omitzero"`
		}{m.head(), list, more}, func() table { return peopleTable(list) })
	})
}

// peopleTable is people.csv: a person's n-th line has their n-th assignment and their
// n-th identity.
func peopleTable(list []person) table {
	rows := table{{"person", "name", "role", "unit", "from", "to", "mbox", "mbox_sha1sum", "openid", "account_home", "account_name"}}
	for _, p := range list {
		for i := range max(1, len(p.Assignments), len(p.Identities)) {
			var a assignment
			var ifi event.Identity
			if i < len(p.Assignments) {
				a = p.Assignments[i]
			}
			if i < len(p.Identities) {
				ifi = p.Identities[i]
			}
			rows = append(rows, []string{
				p.Person, p.Name, a.Role, a.Unit, a.From, a.To,
				ifi.Mbox, ifi.MboxSHA1Sum, ifi.OpenID, ifi.Account.HomePage, ifi.Account.Name,
			})
		}
	}
	return rows
}

func (c *call) getPerson() error {
	if err := c.only("at", "asOf", "after", "format"); err != nil {
		return err
	}
	return c.answerFrom(registered, func(m *moment) error {
		r := c.reach(m.People, m.At)
		p, _ := m.People.Person(c.vars["person"])
		if !r.person(m.People, p.ID) {
			return notFound()
		}
		shown := r.of(m.People, p)
		return c.send(struct {
			head
			person
		}{m.head(), shown}, func() table { return peopleTable([]person{shown}) })
	})
}

// input reads a JSON body strictly.
func (c *call) input(v any) error {
	if err := c.expect("application/json"); err != nil {
		return err
	}
	b, err := c.body()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v, json.RejectUnknownMembers(true)); err != nil {
		return problem.BadRequest("request.json", "The body is not what is taken here: %v.", err)
	}
	return nil
}

func (c *call) putPerson() error {
	if err := c.only(); err != nil {
		return err
	}
	var in struct {
		Name string `json:"name"`
	}
	if err := c.input(&in); err != nil {
		return err
	}
	return c.done(c.register(func(p present) ([]event.Event, error) {
		return p.people.RegisterPerson(people.Person{ID: c.vars["person"], Name: in.Name})
	}))
}

// deletePerson removes a person with all assignments and identities, those of the past too. Who only leaves is not removed:
// their assignments end. The id stays the person's: who is registered under it again is the same person, with the
// decisions and comments about them, and a credential that is bound to it sees them. So ids are not used again for others.
func (c *call) deletePerson() error {
	if err := c.only(); err != nil {
		return err
	}
	return c.done(c.register(func(p present) ([]event.Event, error) { return p.people.RemovePerson(c.vars["person"]) }))
}

func (c *call) postAssignment() error {
	if err := c.only(); err != nil {
		return err
	}
	var in assignment
	if err := c.input(&in); err != nil {
		return err
	}
	a := people.Assignment{AssignmentKey: event.AssignmentKey{Person: c.vars["person"], Role: in.Role, Unit: in.Unit}}
	var err error
	if a.From, err = memberTime("from", in.From); err != nil {
		return err
	}
	if in.To != "" {
		if a.To, err = memberTime("to", in.To); err != nil {
			return err
		}
		if a.To.IsZero() { // it would be read as none
			return refused(&people.Refusal{Code: people.Invalid, Field: "to", Message: "an assignment ends after it begins"})
		}
	}
	return c.done(c.register(func(p present) ([]event.Event, error) { return p.people.MakeAssignment(a) }))
}

func memberTime(name, text string) (time.Time, error) {
	t, err := parseTime(name, text)
	if err != nil {
		return t, problem.BadRequest("request.json", "The member %s is %q; it is a time such as 2026-07-01T00:00:00Z, or a date.", name, text)
	}
	return t, nil
}

// deleteAssignment takes the key as parameters: role, unit, from.
func (c *call) deleteAssignment() error {
	names := []string{"role", "unit", "from"}
	if err := c.only(names...); err != nil {
		return err
	}
	for _, name := range names {
		if c.params.Get(name) == "" {
			return problem.BadRequest("parameter."+name, "The parameter %s is missing; an assignment is named by %s.", name, strings.Join(names, ", "))
		}
	}
	from, err := parseTime("from", c.params.Get("from"))
	if err != nil {
		return err
	}
	key := event.AssignmentKey{Person: c.vars["person"], Role: c.params.Get("role"), Unit: c.params.Get("unit"), From: from}
	return c.done(c.register(func(p present) ([]event.Event, error) { return p.people.RemoveAssignment(key) }))
}

func (c *call) postIdentity() error {
	if err := c.only(); err != nil {
		return err
	}
	var in event.Identity
	if err := c.input(&in); err != nil {
		return err
	}
	return c.done(c.register(func(p present) ([]event.Event, error) { return p.people.LinkIdentity(c.vars["person"], in) }))
}

// deleteIdentity takes the IFI as JSON, such as {"mbox":"mailto:a@b.example"}, or an
// mbox, mbox_sha1sum or openid by its value alone.
func (c *call) deleteIdentity() error {
	if err := c.only(); err != nil {
		return err
	}
	ifi, err := parseIFI(c.vars["ifi"])
	if err != nil {
		return problem.BadRequest("request.path", "The identity %q is none: %v.", c.vars["ifi"], err)
	}
	return c.done(c.register(func(p present) ([]event.Event, error) { return p.people.UnlinkIdentity(c.vars["person"], ifi) }))
}

func parseIFI(text string) (event.Identity, error) {
	var candidates []string
	if len(text) > 0 && text[0] == '{' {
		candidates = []string{text}
	} else {
		for _, member := range []string{"mbox", "mbox_sha1sum", "openid"} {
			b, err := json.Marshal(map[string]string{member: text})
			if err != nil {
				return event.Identity{}, err
			}
			candidates = append(candidates, string(b))
		}
	}
	var errs []error
	for _, raw := range candidates {
		i, err := fact.ParseIdentity([]byte(raw))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out := event.Identity{Mbox: i.Mbox, MboxSHA1Sum: i.MboxSHA1Sum, OpenID: i.OpenID}
		if i.Account != nil {
			out.Account = event.Account{HomePage: i.Account.HomePage, Name: i.Account.Name}
		}
		return out, nil
	}
	return event.Identity{}, errors.Join(errs...)
}
