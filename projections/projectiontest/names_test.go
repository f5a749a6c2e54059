package projectiontest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/event"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// TestLongNames: names as long as events allow stop no projection, whatever the
// engine's indexes take, and are the same to both.
func TestLongNames(t *testing.T) {
	long := func(begin string) string { return (begin + Noise(2048))[:2048] }
	role, unit, person := long("role-"), long("unit-"), long("person-")
	var facts []Fact
	for _, ev := range []event.Event{
		event.UnitRegistered{Unit: unit, Name: long("name-")},
		event.PersonRegistered{Person: person, Name: long("name-")},
		event.PersonRegistered{Person: "p1"},
		event.AssignmentMade{AssignmentKey: event.AssignmentKey{Person: person, Role: role, Unit: unit, From: Begin}},
		event.AssignmentMade{AssignmentKey: event.AssignmentKey{Person: "p1", Role: "nurse", Unit: unit, From: Begin}},
		event.IdentityLinked{Person: person, Identity: event.Identity{OpenID: long("https://id.example/")}},
		event.IdentityLinked{Person: "p1", Identity: event.Identity{OpenID: long("https://id.example/")}},
		event.IdentityLinked{Person: "p1", Identity: event.Identity{Account: event.Account{HomePage: long("https://h.example/"), Name: long("n")}}},
		event.IdentityLinked{Person: "p1", Identity: event.Identity{Mbox: "mailto:" + strings.Repeat("x", 1900) + "@ward.example"}},
	} {
		raw, err := ev.Encode()
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, Fact{Raw: raw})
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var rows []string
	for engine, store := range readmodeltest.Stores(t) {
		log := NewLog()
		if err := Drive(ctx, log, all, CommitsOf(facts, 4), make([]Pace, 3), nil, store); err != nil {
			t.Fatalf("%s: %v", engine, err)
		}
		dump, err := Dump(ctx, store, all...)
		if err != nil {
			t.Fatal(err)
		}
		_, tables, _ := strings.Cut(dump, "people_events") // the logs differ
		tables, _, _ = strings.Cut(tables, "definitions:")
		rows = append(rows, tables)
	}
	if difference := Difference(rows[1], rows[0]); difference != "" {
		t.Fatal(difference)
	}
}
