package people

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// WriteUnits writes units.csv, by id. Imported where there are none, it gives the same units. Errors: w's.
func WriteUnits(w io.Writer, s *State) error {
	rows := [][]string{unitColumns}
	for _, u := range s.Units() {
		rows = append(rows, []string{u.ID, u.Name, u.Parent})
	}
	return writeCSV(w, rows)
}

// WritePeople writes people.csv, by id: a person's n-th line has their n-th assignment and their n-th identity. The
// columns mbox_sha1sum and openid are there if anyone has such an identity. Imported where the units are and no people,
// it gives the same people. Errors: w's.
func WritePeople(w io.Writer, s *State) error {
	columns := slices.Clone(peopleColumns)
	for _, other := range otherIFIs {
		if s.anyHas(other) {
			columns = append(columns, other)
		}
	}
	rows := [][]string{columns}
	for _, p := range s.People() {
		assignments, identities := s.Assignments(p.ID), s.Identities(p.ID)
		for n := range max(1, len(assignments), len(identities)) {
			values := map[string]string{"person": p.ID, "name": p.Name}
			if n < len(assignments) {
				putAssignment(values, assignments[n])
			}
			if n < len(identities) {
				putIdentity(values, identities[n])
			}
			line := make([]string, len(columns))
			for i, column := range columns {
				line[i] = values[column]
			}
			rows = append(rows, line)
		}
	}
	return writeCSV(w, rows)
}

func (s *State) anyHas(ifi string) bool {
	for _, r := range s.people {
		for _, i := range r.identities {
			if fieldOf(i) == ifi {
				return true
			}
		}
	}
	return false
}

func putAssignment(values map[string]string, a Assignment) {
	values["role"], values["unit"], values["from"] = a.Role, a.Unit, formatTime(a.From)
	if !a.To.IsZero() {
		values["to"] = formatTime(a.To)
	}
}

func putIdentity(values map[string]string, i event.Identity) {
	values["mbox"], values["mbox_sha1sum"], values["openid"] = i.Mbox, i.MboxSHA1Sum, i.OpenID
	values["account_home"], values["account_name"] = i.Account.HomePage, i.Account.Name
}

func writeCSV(w io.Writer, rows [][]string) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("people: write a file: %w", err)
	}
	return nil
}
