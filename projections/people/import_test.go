package people

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/event"
	"pgregory.net/rapid"
)

// In parts an import makes what it makes as a whole, in as many events, no part larger than wanted, and wherever a part is
// cut off; and it is refused as a whole.
func TestPartsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := populated(t)
		f := Import{Units: drawUnitRows(t), People: drawPersonRows(t), Together: true}
		events, want := Plan(s, f.Units, f.People)
		whole, err := f.Part(s, math.MaxInt)
		if fmt.Sprint(err) != fmt.Sprint(want) {
			t.Fatalf("%v, want %v", err, want)
		}
		if err != nil {
			return
		}
		if len(whole.Events) != len(events) || whole.Rest(len(events)) != nil {
			t.Fatalf("%v, want %v", whole.Events, events)
		}
		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		now, n, rest := must(s.With(whole.Events[:cut]...)), cut, whole.Rest(cut)
		for rest != nil {
			most := rapid.IntRange(1, 5).Draw(t, "most")
			part, err := rest.Part(now, most)
			if err != nil || len(part.Events) > most || len(part.Events) < most && part.Rest(len(part.Events)) != nil {
				t.Fatalf("%v of at most %d: %v", part, most, err)
			}
			stored := rapid.IntRange(0, len(part.Events)).Draw(t, "stored")
			now, n, rest = must(now.With(part.Events[:stored]...)), n+stored, part.Rest(stored)
		}
		if made := must(s.With(events...)); n != len(events) || dump(now) != dump(made) {
			t.Fatalf("%d events make\n%s\nwant %d and\n%s", n, dump(now), len(events), dump(made))
		}
	})
}

func must(s *State, err error) *State {
	if err != nil {
		panic(err)
	}
	return s
}

// Whatever others register between the parts, each part makes sense where it is stored, or is refused with its line; and
// after the last part in which a person's lines are, the person is as these say.
func TestPartsAmongOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := populated(t)
		f := Import{Units: drawUnitRows(t), People: drawPersonRows(t)}
		if _, err := f.Part(now, math.MaxInt); err != nil {
			return
		}
		for rest := &f; rest != nil; {
			for range rapid.IntRange(0, 3).Draw(t, "others") {
				if next, err := now.With(drawEvent(t)); err == nil {
					now = next
				}
			}
			part, err := rest.Part(now, rapid.IntRange(1, 5).Draw(t, "most"))
			var r *Refusal
			if errors.As(err, &r) && r.Line > 1 {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if now, err = now.With(part.Events...); err != nil {
				t.Fatalf("%v makes no sense: %v", part.Events, err)
			}
			next := part.Rest(len(part.Events))
			for _, row := range f.People {
				left := func(other PersonRow) bool { return other.Person.ID == row.Person.ID }
				if was := slices.ContainsFunc(rest.People, left); was && (next == nil || !slices.ContainsFunc(next.People, left)) && !says(now, row) {
					t.Fatalf("after its part %+v is not so:\n%s", row, dump(now))
				}
			}
			rest = next
		}
	})
}

// says tells whether a State has all that a line says.
func says(s *State, row PersonRow) bool {
	p, ok := s.Person(row.Person.ID)
	ok = ok && (row.Person.Name == "" || row.Person.Name == p.Name)
	ok = ok && (row.Assignment == nil || slices.Contains(s.Assignments(p.ID), *row.Assignment))
	for _, i := range row.Identities {
		owner, _ := s.PersonOf(Key(i))
		ok = ok && owner == p.ID
	}
	return ok
}

// TestPartLooksNoFurther: a part decides the lines that it is made of; a line behind them is refused when its turn comes,
// and one that is stored is not looked at again.
func TestPartLooksNoFurther(t *testing.T) {
	s := ward(t)
	var file strings.Builder
	for i := range 10 {
		fmt.Fprintf(&file, "p%d,P %d,nurse,ward,2026-01-01,,mailto:p%d@ward.example,,\n", i, i, i)
	}
	rows, err := ParsePeople(strings.NewReader(peopleHeader + file.String()))
	if err != nil {
		t.Fatal(err)
	}
	f := Import{People: rows}
	whole, err := f.Part(s, math.MaxInt)
	if err != nil || len(whole.Events) != 30 {
		t.Fatalf("%v, %v", whole, err)
	}
	s = done(t, s, nil, whole.Events[:7])
	for _, taken := range []event.Identity{rows[0].Identities[0], rows[9].Identities[0]} {
		if owner, ok := s.PersonOf(Key(taken)); ok {
			s = done(t, s, nil, []event.Event{event.IdentityUnlinked{Person: owner, Identity: taken}})
		}
		s = done(t, s, nil, []event.Event{event.IdentityLinked{Person: "bob", Identity: taken}})
	}
	rest := whole.Rest(7)
	part, err := rest.Part(s, 20)
	if err != nil || len(part.Events) != 20 || len(rest.People) != 8 || len(part.people) != 7 {
		t.Fatalf("%v, %v", part, err)
	}
	s = done(t, s, nil, part.Events)
	var r *Refusal
	if part, err = part.Rest(20).Part(s, 20); !errors.As(err, &r) || r.Code != Conflict || r.Line != 11 || r.Owner != "bob" || r.File != "" {
		t.Errorf("%v, %v", part, err)
	}
	if _, err = f.Part(s, math.MaxInt); !errors.As(err, &r) || r.Line != 2 {
		t.Errorf("as a whole: %v", err)
	}
	f.Together = true
	if _, err = f.Part(s, 1); !errors.As(err, &r) || r.Line != 2 || r.File != "people" {
		t.Errorf("of two files: %v", err)
	}
}

// TestPartByPerson: the lines of a person who was removed between two of them are stored again together.
func TestPartByPerson(t *testing.T) {
	s := ward(t)
	rows, err := ParsePeople(strings.NewReader(peopleHeader + "eve,Eve,nurse,ward,2026-01-01,,,,\nfay,Fay,,,,,,,\neve,,,,,,mailto:eve@ward.example,,\n"))
	if err != nil {
		t.Fatal(err)
	}
	part, err := Import{People: rows}.Part(s, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	s = done(t, s, nil, append(part.Events[:2:2], event.PersonRemoved{Person: "eve"}))
	if part, err = part.Rest(2).Part(s, 10); err != nil || len(part.Events) != 4 || part.Rest(4) != nil {
		t.Fatalf("%v, %v", part, err)
	}
	if s = done(t, s, nil, part.Events); !says(s, rows[0]) || !says(s, rows[2]) {
		t.Errorf("%v", dump(s))
	}
	if rows[1].Person.ID != "fay" {
		t.Error("the caller's lines were moved")
	}
}
