package people

import (
	"errors"
	"io"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// UnitRow is a line of units.csv.
type UnitRow struct {
	Line int // of the file, from 1
	Unit
}

// PersonRow is a line of people.csv.
type PersonRow struct {
	Line       int // of the file, from 1
	Person     Person
	Assignment *Assignment // nil without a unit
	Identities []event.Identity
}

// ParseUnits reads units.csv: unit, name, parent, in any order. The error is a *Refusal that names line and column, or
// wraps r's.
func ParseUnits(r io.Reader) ([]UnitRow, error) {
	var rows []UnitRow
	err := readCSV(r, maxUnits, unitColumns, nil, func(r *row) error {
		u := Unit{ID: r.get("unit"), Name: r.get("name"), Parent: r.get("parent")}
		rows = append(rows, UnitRow{r.line, u})
		return checkID("unit", u.ID)
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// ParsePeople reads people.csv: person, name, role, unit, from, to, mbox, account_home, account_name, in any order, and
// where a hospital has such identities also mbox_sha1sum and openid. Times are RFC 3339, or dates: 00:00 UTC. Errors are
// as those of ParseUnits.
func ParsePeople(r io.Reader) ([]PersonRow, error) {
	var rows []PersonRow
	err := readCSV(r, maxPeople, peopleColumns, otherIFIs, func(r *row) error {
		p, err := parsePerson(r)
		rows = append(rows, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func parsePerson(r *row) (p PersonRow, err error) {
	p = PersonRow{Line: r.line, Person: Person{r.get("person"), r.get("name")}}
	if err := checkID("person", p.Person.ID); err != nil {
		return p, err
	}
	if p.Assignment, err = parseAssignment(r); err != nil {
		return p, err
	}
	for _, i := range []event.Identity{
		{Mbox: r.get("mbox")}, {MboxSHA1Sum: r.get("mbox_sha1sum")}, {OpenID: r.get("openid")},
		{Account: event.Account{HomePage: r.get("account_home"), Name: r.get("account_name")}},
	} {
		if i == (event.Identity{}) {
			continue
		}
		if err := checkIdentity(i); err != nil {
			return p, inColumn(err)
		}
		p.Identities = append(p.Identities, i)
	}
	return p, nil
}

func parseAssignment(r *row) (*Assignment, error) {
	a := Assignment{AssignmentKey: event.AssignmentKey{Person: r.get("person"), Role: r.get("role"), Unit: r.get("unit")}}
	if a.Unit == "" {
		for _, column := range []string{"role", "from", "to"} {
			if r.get(column) != "" {
				return nil, refuse(Invalid, column, "the row has no unit; without one it only adds an identity")
			}
		}
		return nil, nil
	}
	var err error
	if a.From, err = parseTime("from", r.get("from")); err != nil {
		return nil, err
	}
	if r.get("to") == "" {
		return &a, nil
	}
	if a.To, err = parseTime("to", r.get("to")); err != nil {
		return nil, err
	}
	if !a.From.Before(a.To) { // here, because a zero To would be read as none
		return nil, refuse(Invalid, "to", "%s is not after %s", r.get("to"), r.get("from"))
	}
	return &a, nil
}

func parseTime(column, text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t, err = xapi.ParseTimestamp(text)
	}
	if err != nil {
		return t, refuse(Invalid, column,
			"%.100q is neither a date such as 2026-01-31 nor a time such as 2026-01-31T07:00:00Z", text)
	}
	return t, nil
}

// inColumn takes the name of a part of an identity to that of its column.
func inColumn(err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		switch r.Field {
		case "account", "account.name":
			r.Field = "account_name"
		case "account.homePage":
			r.Field = "account_home"
		}
	}
	return err
}
