package people

import (
	"fmt"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// hospital gives the events of a hospital of 1,000 units and 10,000 people with an assignment and two identities each.
func hospital() (events []event.Event) {
	unit := func(i int) string { return fmt.Sprintf("unit-%04d", i) }
	events = append(events, event.UnitRegistered{Unit: unit(0)})
	for i := range 999 {
		events = append(events, event.UnitRegistered{Unit: unit(i + 1), Name: "Unit", Parent: unit(i / 10)})
	}
	for i := range 10_000 {
		id := fmt.Sprintf("emp-%05d", i)
		events = append(events,
			event.PersonRegistered{Person: id, Name: fmt.Sprintf("Given%d Family%d", i%300, i/300)},
			event.AssignmentMade{AssignmentKey: nurse(id, unit(i%1000))},
			event.IdentityLinked{Person: id, Identity: event.Identity{Mbox: "mailto:" + id + "@hospital.example"}},
			event.IdentityLinked{Person: id, Identity: event.Identity{Account: event.Account{HomePage: "https://lms.example", Name: fmt.Sprint(i)}}},
		)
	}
	return events
}

func BenchmarkHistory(b *testing.B) {
	events := hospital()
	h := NewHistory()
	for i, ev := range events {
		if err := h.Apply(int64(i), ev); err != nil {
			b.Fatal(err)
		}
	}
	now := int64(len(events))
	s := h.At(now)
	at := day(2026, 6, 1)
	s.InUnitAt("unit-0000", at)
	b.Run("rebuild a past State", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			replay(events)
		}
	})
	b.Run("a change and the newest State", func(b *testing.B) {
		for b.Loop() {
			now++
			if err := h.Apply(now, event.PersonRegistered{Person: "emp-00000", Name: fmt.Sprint(now)}); err != nil {
				b.Fatal(err)
			}
			h.At(now)
		}
	})
	b.Run("its lists", func(b *testing.B) {
		for b.Loop() {
			s.assign()
			s.list()
		}
	})
	b.Run("InUnitAt the top", func(b *testing.B) {
		for b.Loop() {
			s.InUnitAt("unit-0000", at)
		}
	})
	b.Run("InUnitAt 11 units", func(b *testing.B) {
		for b.Loop() {
			s.InUnitAt("unit-0050", at)
		}
	})
	b.Run("RolesAt", func(b *testing.B) {
		for b.Loop() {
			s.RolesAt("emp-05000", at)
		}
	})
	b.Run("PersonOf", func(b *testing.B) {
		for b.Loop() {
			s.PersonOf("account:https://lms.example 5000")
		}
	})
	b.Run("clues", func(b *testing.B) {
		for b.Loop() {
			s.findClues()
		}
	})
	b.Run("Likely", func(b *testing.B) {
		for b.Loop() {
			NewFinder(s).Likely("Family7 Given7", event.Identity{Mbox: "mailto:emp-05000@x.example"})
		}
	})
}
