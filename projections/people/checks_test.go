package people

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
	"pgregory.net/rapid"
)

// ward is a small State for the tables: a tree of three, two people.
func ward(t testing.TB) *State {
	t.Helper()
	s, err := newState().With(
		event.UnitRegistered{Unit: "hospital", Name: "Hospital"},
		event.UnitRegistered{Unit: "medicine", Name: "Medicine", Parent: "hospital"},
		event.UnitRegistered{Unit: "ward", Name: "Ward", Parent: "medicine"},
		event.UnitRegistered{Unit: "empty", Parent: "hospital"},
		event.PersonRegistered{Person: "ann", Name: "Ann Bee"},
		event.PersonRegistered{Person: "bob"},
		event.AssignmentMade{AssignmentKey: nurse("ann", "ward"), To: day(2026, 2, 1)},
		event.IdentityLinked{Person: "ann", Identity: event.Identity{Mbox: "mailto:ann@ward.example"}},
		event.IdentityLinked{Person: "bob", Identity: event.Identity{Account: event.Account{HomePage: "https://lms.example", Name: "7"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nurse(person, unit string) event.AssignmentKey {
	return event.AssignmentKey{Person: person, Role: "nurse", Unit: unit, From: day(2026, 1, 1)}
}

func TestRefusals(t *testing.T) {
	s := ward(t)
	long := strings.Repeat("x", maxText+1)
	make := func(change func(*Assignment)) func() ([]event.Event, error) {
		a := Assignment{AssignmentKey: nurse("ann", "ward")}
		change(&a)
		return func() ([]event.Event, error) { return s.MakeAssignment(a) }
	}
	unit := func(u Unit) func() ([]event.Event, error) {
		return func() ([]event.Event, error) { return s.RegisterUnit(u) }
	}
	link := func(person string, i event.Identity) func() ([]event.Event, error) {
		return func() ([]event.Event, error) { return s.LinkIdentity(person, i) }
	}
	unlink := func(person string, i event.Identity) func() ([]event.Event, error) {
		return func() ([]event.Event, error) { return s.UnlinkIdentity(person, i) }
	}
	account := func(home, name string) event.Identity {
		return event.Identity{Account: event.Account{HomePage: home, Name: name}}
	}
	annsMbox := event.Identity{Mbox: "mailto:ann@ward.example"}
	annsSum := event.Identity{MboxSHA1Sum: strings.TrimPrefix(Key(annsMbox), "mbox_sha1sum:")}
	for _, test := range []struct {
		name  string
		write func() ([]event.Event, error)
		code  Code
		field string
		says  string
	}{
		{"unit without id", unit(Unit{}), Invalid, "unit", "required"},
		{"unit with a space", unit(Unit{ID: "ward "}), Invalid, "unit", "space"},
		{"unit with a no-break space", unit(Unit{ID: "\u00a0ward"}), Invalid, "unit", "space"},
		{"unit with a tab", unit(Unit{ID: "wa\trd"}), Invalid, "unit", "control"},
		{"unit with a DEL", unit(Unit{ID: "ward\x7f1"}), Invalid, "unit", "control"},
		{"unit too long", unit(Unit{ID: long}), Invalid, "unit", "2048"},
		{"person like a unit's key", func() ([]event.Event, error) { return s.RegisterPerson(Person{ID: "unit:a"}) }, Invalid, "person", "notices"},
		{"person like all", func() ([]event.Event, error) { return s.RegisterPerson(Person{ID: "*"}) }, Invalid, "person", "notices"},
		{"person like what is unmapped", func() ([]event.Event, error) { return s.RegisterPerson(Person{ID: "answers:unmapped:"}) }, Invalid, "person", "notices"},
		{"unit of two dots", unit(Unit{ID: ".."}), Invalid, "unit", "link"},
		{"unit not UTF-8", unit(Unit{ID: "\xff"}), Invalid, "unit", "UTF-8"},
		{"unit's name", unit(Unit{ID: "u", Name: "a\nb"}), Invalid, "name", "control"},
		{"unknown parent", unit(Unit{ID: "u", Parent: "nowhere"}), Invalid, "parent", "nowhere"},
		{"its own parent", unit(Unit{ID: "new", Parent: "new"}), Conflict, "parent", "above itself"},
		{"moved into itself", unit(Unit{ID: "ward", Parent: "ward"}), Conflict, "parent", "above itself"},
		{"moved below its subtree", unit(Unit{ID: "hospital", Parent: "ward"}), Conflict, "parent", "above itself"},
		{"remove an unknown unit", func() ([]event.Event, error) { return s.RemoveUnit("nowhere") }, NotFound, "unit", "nowhere"},
		{"remove a unit with a child", func() ([]event.Event, error) { return s.RemoveUnit("medicine") }, Conflict, "unit", "below it"},
		{"remove a unit with an ended assignment", func() ([]event.Event, error) { return s.RemoveUnit("ward") }, Conflict, "unit", "1 assignments"},
		{"person without id", func() ([]event.Event, error) { return s.RegisterPerson(Person{}) }, Invalid, "person", "required"},
		{"person of a dot", func() ([]event.Event, error) { return s.RegisterPerson(Person{ID: "."}) }, Invalid, "person", "link"},
		{"person's name", func() ([]event.Event, error) { return s.RegisterPerson(Person{"p", "\x00"}) }, Invalid, "name", "control"},
		{"remove an unknown person", func() ([]event.Event, error) { return s.RemovePerson("eve") }, NotFound, "person", "eve"},
		{"assign an unknown person", make(func(a *Assignment) { a.Person, a.Role = "eve", "" }), NotFound, "person", "eve"},
		{"assign to an unknown unit", make(func(a *Assignment) { a.Unit = "nowhere" }), Invalid, "unit", "nowhere"},
		{"assign to no unit", make(func(a *Assignment) { a.Unit = "" }), Invalid, "unit", ""},
		{"assign without a role", make(func(a *Assignment) { a.Role = "" }), Invalid, "role", "required"},
		{"an end at the begin", make(func(a *Assignment) { a.To = a.From }), Invalid, "to", "after"},
		{"an end before the begin", make(func(a *Assignment) { a.To = a.From.Add(-time.Hour) }), Invalid, "to", "after"},
		{"from too fine", make(func(a *Assignment) { a.From = a.From.Add(time.Microsecond) }), Invalid, "from", "millisecond"},
		{"to too fine", make(func(a *Assignment) { a.To = a.From.Add(time.Microsecond) }), Invalid, "to", "millisecond"},
		{"year 0", make(func(a *Assignment) { a.From = day(0, 1, 1) }), Invalid, "from", "year"},
		{"year 10000", make(func(a *Assignment) { a.To = day(10000, 1, 1) }), Invalid, "to", "year"},
		{"remove the assignment of an unknown person", func() ([]event.Event, error) { return s.RemoveAssignment(nurse("eve", "ward")) }, NotFound, "person", "eve"},
		{"remove an unknown assignment", func() ([]event.Event, error) { return s.RemoveAssignment(nurse("bob", "ward")) }, NotFound, "", "2026-01-01"},
		{"link to an unknown person", link("eve", event.Identity{}), NotFound, "person", "eve"},
		{"link nothing", link("bob", event.Identity{}), Invalid, "", "exactly one"},
		{"link two", link("bob", event.Identity{Mbox: "mailto:b@x.example", OpenID: "https://b.example"}), Invalid, "", "2"},
		{"link an mbox without mailto", link("bob", event.Identity{Mbox: "b@x.example"}), Invalid, "mbox", "mailto"},
		{"link half a sum", link("bob", event.Identity{MboxSHA1Sum: "ab"}), Invalid, "mbox_sha1sum", "40"},
		{"link an OpenID that is none", link("bob", event.Identity{OpenID: "bob"}), Invalid, "openid", "IRI"},
		{"link an account without a home", link("bob", account("", "7")), Invalid, "account.homePage", "required"},
		{"link an account without a name", link("bob", account("https://lms.example", "")), Invalid, "account.name", "required"},
		{"link an account on no IRI", link("bob", account("lms", "7")), Invalid, "account.homePage", "IRI"},
		{"link an account with a line break", link("bob", account("https://lms.example", "7\n")), Invalid, "account.name", "control"},
		{"link another's mbox", link("bob", event.Identity{Mbox: "mailto:ann@WARD.example"}), Conflict, "mbox", "another person"},
		{"link another's mbox by its sum", link("bob", annsSum), Conflict, "mbox_sha1sum", "another person"},
		{"link another's account", link("ann", account("https://lms.example", "7")), Conflict, "account", "another person"},
		{"unlink from an unknown person", unlink("eve", annsMbox), NotFound, "person", "eve"},
		{"unlink what nobody has", unlink("ann", account("https://lms.example", "8")), NotFound, "account", "no such"},
		{"unlink another's", unlink("bob", annsMbox), NotFound, "mbox", "no such"},
	} {
		t.Run(test.name, func(t *testing.T) {
			events, err := test.write()
			var r *Refusal
			if !errors.As(err, &r) || r.Code != test.code || r.Field != test.field || !strings.Contains(r.Message, test.says) || events != nil {
				t.Fatalf("%v, %#v; want %s of %q that says %q", events, err, test.code, test.field, test.says)
			}
			if (r.Owner != "") != (test.says == "another person") || strings.Contains(r.Message, `"ann"`) && test.code == Conflict {
				t.Errorf("owner %q in %q", r.Owner, r.Message)
			}
			text := r.Message
			if r.Field != "" {
				text = r.Field + ": " + text
			}
			if r.Text() != text || !strings.HasPrefix(err.Error(), text) || !strings.Contains(err.Error(), r.Owner) {
				t.Errorf("Text() is %q, Error() is %q", r.Text(), err)
			}
		})
	}
}

// A write that is allowed gives events that apply and that the log can hold; after them the same write gives none.
func TestWrites(t *testing.T) {
	s := ward(t)
	sum := strings.TrimPrefix(Key(event.Identity{Mbox: "mailto:ann@ward.example"}), "mbox_sha1sum:")
	offset := time.FixedZone("", 3600)
	for _, test := range []struct {
		name  string
		write func(*State) ([]event.Event, error)
		want  event.Event // nil: none
	}{
		{"new unit", func(s *State) ([]event.Event, error) { return s.RegisterUnit(Unit{"u", "", "ward"}) }, event.UnitRegistered{Unit: "u", Parent: "ward"}},
		{"rename", func(s *State) ([]event.Event, error) { return s.RegisterUnit(Unit{"ward", "W", "medicine"}) }, event.UnitRegistered{Unit: "ward", Name: "W", Parent: "medicine"}},
		{"move", func(s *State) ([]event.Event, error) { return s.RegisterUnit(Unit{"medicine", "Medicine", "empty"}) }, event.UnitRegistered{Unit: "medicine", Name: "Medicine", Parent: "empty"}},
		{"same unit", func(s *State) ([]event.Event, error) { return s.RegisterUnit(Unit{"ward", "Ward", "medicine"}) }, nil},
		{"new person", func(s *State) ([]event.Event, error) { return s.RegisterPerson(Person{"eve", ""}) }, event.PersonRegistered{Person: "eve"}},
		{"name taken away", func(s *State) ([]event.Event, error) { return s.RegisterPerson(Person{"ann", ""}) }, event.PersonRegistered{Person: "ann"}},
		{"same person", func(s *State) ([]event.Event, error) { return s.RegisterPerson(Person{"ann", "Ann Bee"}) }, nil},
		{"new assignment", func(s *State) ([]event.Event, error) {
			return s.MakeAssignment(Assignment{nurse("bob", "ward"), time.Time{}})
		}, event.AssignmentMade{AssignmentKey: nurse("bob", "ward")}},
		{"another end", func(s *State) ([]event.Event, error) {
			return s.MakeAssignment(Assignment{nurse("ann", "ward"), day(2026, 2, 2)})
		}, event.AssignmentMade{AssignmentKey: nurse("ann", "ward"), To: day(2026, 2, 2)}},
		{"no end", func(s *State) ([]event.Event, error) {
			return s.MakeAssignment(Assignment{nurse("ann", "ward"), time.Time{}})
		}, event.AssignmentMade{AssignmentKey: nurse("ann", "ward")}},
		{"new assignment in another zone", func(s *State) ([]event.Event, error) {
			a := Assignment{nurse("bob", "ward"), day(2026, 2, 1).In(offset)}
			a.From = a.From.In(offset)
			return s.MakeAssignment(a)
		}, event.AssignmentMade{AssignmentKey: nurse("bob", "ward"), To: day(2026, 2, 1)}},
		{"same assignment in another zone", func(s *State) ([]event.Event, error) {
			a := Assignment{nurse("ann", "ward"), day(2026, 2, 1).In(offset)}
			a.From = a.From.In(offset)
			return s.MakeAssignment(a)
		}, nil},
		{"another person's mbox in other letters", func(s *State) ([]event.Event, error) {
			return s.LinkIdentity("bob", event.Identity{Mbox: "mailto:Ann@ward.example"})
		}, event.IdentityLinked{Person: "bob", Identity: event.Identity{Mbox: "mailto:Ann@ward.example"}}},
		{"same mbox by its sum", func(s *State) ([]event.Event, error) {
			return s.LinkIdentity("ann", event.Identity{MboxSHA1Sum: strings.ToUpper(sum)})
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			events, err := test.write(s)
			var want []event.Event
			if test.want != nil {
				want = []event.Event{test.want}
			}
			if err != nil || !reflect.DeepEqual(events, want) {
				t.Fatalf("%#v, %v; want %#v", events, err, want)
			}
			done(t, s, test.write, events)
		})
	}
}

// done checks what follows from a write that was allowed.
func done(t interface{ Fatalf(string, ...any) }, s *State, write func(*State) ([]event.Event, error), events []event.Event) *State {
	for _, ev := range events {
		encoded, err := ev.Encode()
		if err != nil {
			t.Fatalf("the log cannot hold %#v: %v", ev, err)
		}
		if back, err := event.Decode(encoded); err != nil || !reflect.DeepEqual(back, ev) {
			t.Fatalf("%#v comes back as %#v, %v", ev, back, err)
		}
	}
	next, err := s.With(events...)
	if err != nil {
		t.Fatalf("%#v: %v", events, err)
	}
	if write == nil {
		return next
	}
	if again, err := write(next); err != nil || again != nil {
		t.Fatalf("again: %v, %v", again, err)
	}
	return next
}

func TestRemovals(t *testing.T) {
	s := ward(t)
	events, err := s.RemoveUnit("empty")
	if err != nil || fmt.Sprint(events) != "[{empty}]" {
		t.Fatalf("%v, %v", events, err)
	}
	s = done(t, s, nil, events)
	if _, ok := s.Unit("empty"); ok || s.Subtree("empty") != nil || s.Subtree("hospital")["empty"] {
		t.Error("the unit is there still")
	}

	sum := event.Identity{MboxSHA1Sum: strings.TrimPrefix(Key(event.Identity{Mbox: "mailto:ann@ward.example"}), "mbox_sha1sum:")}
	if events, err = s.UnlinkIdentity("ann", sum); err != nil || !reflect.DeepEqual(events, []event.Event{
		event.IdentityUnlinked{Person: "ann", Identity: event.Identity{Mbox: "mailto:ann@ward.example"}},
	}) {
		t.Fatalf("%v, %v", events, err)
	}
	if without := done(t, s, nil, events); len(without.Identities("ann")) != 0 {
		t.Errorf("%v", without.Identities("ann"))
	} else if _, err := without.LinkIdentity("bob", sum); err != nil {
		t.Errorf("what was unlinked cannot be linked to another: %v", err)
	}

	if events, err = s.RemoveAssignment(nurse("ann", "ward")); err != nil || len(events) != 1 {
		t.Fatalf("%v, %v", events, err)
	}
	if without := done(t, s, nil, events); len(without.Assignments("ann")) != 0 {
		t.Errorf("%v", without.Assignments("ann"))
	} else if _, err := without.RemoveUnit("ward"); err != nil {
		t.Errorf("the unit that is empty now cannot be removed: %v", err)
	}

	if events, err = s.RemovePerson("ann"); err != nil || len(events) != 1 {
		t.Fatalf("%v, %v", events, err)
	}
	without := done(t, s, nil, events)
	if owner, ok := without.PersonOf(Key(sum)); ok || without.InUnitAt("hospital", day(2026, 1, 1)) != nil {
		t.Errorf("the person left behind identity %q, people %v", owner, without.InUnitAt("hospital", day(2026, 1, 1)))
	}
	if back := done(t, without, nil, []event.Event{event.PersonRegistered{Person: "ann"}}); len(back.Assignments("ann"))+len(back.Keys("ann")) != 0 {
		t.Error("who comes back has what was removed")
	}
}

// writeOf is the write that asks for an event.
func writeOf(ev event.Event) func(*State) ([]event.Event, error) {
	return func(s *State) ([]event.Event, error) {
		switch ev := ev.(type) {
		case event.UnitRegistered:
			return s.RegisterUnit(Unit{ev.Unit, ev.Name, ev.Parent})
		case event.UnitRemoved:
			return s.RemoveUnit(ev.Unit)
		case event.PersonRegistered:
			return s.RegisterPerson(Person{ev.Person, ev.Name})
		case event.PersonRemoved:
			return s.RemovePerson(ev.Person)
		case event.AssignmentMade:
			return s.MakeAssignment(Assignment(ev))
		case event.AssignmentRemoved:
			return s.RemoveAssignment(ev.AssignmentKey)
		case event.IdentityLinked:
			return s.LinkIdentity(ev.Person, ev.Identity)
		case event.IdentityUnlinked:
			return s.UnlinkIdentity(ev.Person, ev.Identity)
		case event.PersonAttributesSet:
			return s.SetAttributes(ev.Person, ev.Attributes)
		case event.UnitAttributesSet:
			return s.SetExternalID(ev.Unit, ev.ExternalID)
		}
		panic("unknown")
	}
}

// A write is allowed where its event makes sense, and then what it asked for is so.
func TestAnyWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		before := dump(s)
		ev := drawEvent(t)
		events, err := writeOf(ev)(s)
		want, senseless := s.With(ev)
		if (err == nil) != (senseless == nil) {
			t.Fatalf("%#v: the write says %v, the event %v", ev, err, senseless)
		}
		if err == nil {
			if got := dump(done(t, s, nil, events)); got != dump(want) {
				t.Fatalf("%#v made\n%s\nwant\n%s", events, got, dump(want))
			}
			if got, want := len(events) == 0, dump(want) == before; got != want {
				t.Fatalf("%d events; nothing changes: %v", len(events), want)
			}
		}
		if dump(s) != before {
			t.Fatalf("a check changed the State")
		}
	})
}

func TestIdentityText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := event.Identity{
			Mbox: rapid.SampledFrom([]string{"", "mailto:a@b.example"}).Draw(t, "mbox"), OpenID: rapid.String().Draw(t, "openid"),
			Account: event.Account{HomePage: rapid.String().Draw(t, "home"), Name: rapid.String().Draw(t, "name")},
		}
		if err := checkIdentity(i); err != nil {
			return
		}
		if _, err := (event.IdentityLinked{Person: "p", Identity: i}).Encode(); err != nil {
			t.Fatalf("%#v is let pass: %v", i, err)
		}
	})
}
