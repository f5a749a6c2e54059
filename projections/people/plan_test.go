package people

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/event"
	"pgregory.net/rapid"
)

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open("testdata/hospital-1/" + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestHospital(t *testing.T) {
	units, err := ParseUnits(open(t, "units.csv"))
	if err != nil {
		t.Fatal(err)
	}
	events, err := PlanUnits(newState(), units)
	if err != nil || len(events) != 7 {
		t.Fatalf("%v, %v", events, err)
	}
	s := done(t, newState(), nil, events)
	people, err := ParsePeople(open(t, "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if events, err = PlanPeople(s, people); err != nil {
		t.Fatal(err)
	}
	s = done(t, s, func(s *State) ([]event.Event, error) { return PlanPeople(s, people) }, events)

	if got := fmt.Sprint(s.Children(""), s.Children("hospital"), s.Children("medicine"), s.Children("surgery")); got !=
		"[hospital] [medicine surgery] [ward-a ward-b] [clinic ward-c]" {
		t.Error(got)
	}
	if len(s.People()) != 20 || len(s.owners) != 27 {
		t.Errorf("%d people, %d identities; want 20 and 27", len(s.People()), len(s.owners))
	}
	at := day(2026, 4, 20)
	for _, test := range []struct{ got, want string }{
		{fmt.Sprint(s.InUnitAt("surgery", at)), "[p03 p04 p12 p15 p20]"},
		{fmt.Sprint(s.InUnitAt("surgery", at.Add(-1))), "[p04 p12 p15 p20]"},
		{fmt.Sprint(s.InUnitAt("medicine", day(2024, 12, 31))), "[]"},
		{fmt.Sprint(s.RolesAt("p14", at), s.RolesAt("p08", day(2026, 7, 1)), s.RolesAt("p19", day(2026, 4, 1))), "[clerk nurse] [clerk] []"},
		{fmt.Sprint(s.Assignments("p13")), "[{{p13 nurse ward-a 2025-01-01 00:00:00 +0000 UTC} 2026-02-10 00:00:00 +0000 UTC} {{p13 nurse ward-a 2026-02-10 00:00:00 +0000 UTC} 0001-01-01 00:00:00 +0000 UTC}]"},
	} {
		if test.got != test.want {
			t.Errorf("%s, want %s", test.got, test.want)
		}
	}

	old := event.Identity{Account: event.Account{HomePage: "https://hospital.example/old-lms", Name: "zz-p02"}}
	if got := NewFinder(s).Likely("", old); len(got) != 1 || got[0].Person.ID != "p02" {
		t.Errorf("likely: %v", got)
	}
	later, err := ParsePeople(open(t, "people-2.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if events, err = PlanPeople(s, later); err != nil || !reflect.DeepEqual(events, []event.Event{event.IdentityLinked{Person: "p02", Identity: old}}) {
		t.Errorf("%v, %v", events, err)
	}
}

func TestPlanOrder(t *testing.T) {
	s := ward(t)
	for name, test := range map[string]struct{ file, want string }{
		"a parent on a later line": {"c,,b\nb,,a\na,,\n", "[{a  } {b  a} {c  b}]"},
		"above becomes below":      {"medicine,,ward\nward,,hospital\n", "[{ward Ward hospital} {medicine Medicine ward}]"},
		"to the top":               {"ward,,\n", "[{ward Ward }]"},
		"the tree turned over":     {"hospital,,medicine\nmedicine,,ward\nward,,\n", "[{ward Ward } {medicine Medicine ward} {hospital Hospital medicine}]"},
		"an empty name":            {"ward,,medicine\n", "[]"},
		"a new name":               {"ward,W,medicine\n", "[{ward W medicine}]"},
	} {
		if events, err := importUnits(s, unitHeader+test.file); err != nil || fmt.Sprint(events) != test.want {
			t.Errorf("%s: %v, %v; want %s", name, events, err, test.want)
		}
	}
	for name, test := range map[string]struct{ rows, want string }{
		"a name on a later line":  {"eve,,,,,,,,\neve,Eve,,,,,,,\n", "[{eve Eve}]"},
		"no name on a later line": {"eve,Eve,,,,,,,\neve,,,,,,,,\n", "[{eve Eve}]"},
		"an empty name":           {"ann,,,,,,,,\n", "[]"},
		"a repeated assignment": {
			"bob,,nurse,ward,2026-01-01,2026-02-01,mailto:b@x.example,,\nbob,,nurse,ward,2026-01-01,2026-02-01,mailto:b@X.example,,\n",
			"[{{bob nurse ward 2026-01-01 00:00:00 +0000 UTC} 2026-02-01 00:00:00 +0000 UTC} {bob {mailto:b@x.example   { }}}]",
		},
		"an end that falls away": {"ann,,nurse,ward,2026-01-01,,,,\n", "[{{ann nurse ward 2026-01-01 00:00:00 +0000 UTC} 0001-01-01 00:00:00 +0000 UTC}]"},
	} {
		if events, err := importPeople(s, peopleHeader+test.rows); err != nil || fmt.Sprint(events) != test.want {
			t.Errorf("%s: %v, %v; want %s", name, events, err, test.want)
		}
	}
}

func drawUnitRows(t *rapid.T) []UnitRow {
	var rows []UnitRow
	for i := range rapid.IntRange(0, 6).Draw(t, "rows") {
		rows = append(rows, UnitRow{i + 2, Unit{
			rapid.SampledFrom(someUnits).Draw(t, "unit"), rapid.SampledFrom(someNames).Draw(t, "name"),
			rapid.SampledFrom(append([]string{"", "", ""}, someUnits...)).Draw(t, "parent"),
		}})
	}
	return rows
}

// drawPersonRows gives the rows of a file; one in a few is about to contradict the others.
func drawPersonRows(t *rapid.T) []PersonRow {
	var rows []PersonRow
	for i := range rapid.IntRange(0, 6).Draw(t, "rows") {
		a := drawAssignment(t)
		n := slices.Index(somePeople, a.Person)
		row := PersonRow{Line: i + 2, Person: Person{ID: a.Person, Name: someNames[n]}, Assignment: &a}
		if rapid.Bool().Draw(t, "unnamed") {
			row.Person.Name = ""
		}
		if rapid.Bool().Draw(t, "no unit") {
			row.Assignment = nil
		}
		if rapid.Bool().Draw(t, "identity") {
			row.Identities = []event.Identity{someIFIs[2*n], someIFIs[2*n+1]}
		}
		if rapid.IntRange(0, 9).Draw(t, "careless") == 0 {
			row.Person.Name = rapid.SampledFrom(someNames).Draw(t, "name")
			row.Identities = append(row.Identities, rapid.SampledFrom(someIFIs).Draw(t, "ifi"))
		}
		rows = append(rows, row)
	}
	return rows
}

// populated gives a State in which the units of a file are likely to be.
func populated(t *rapid.T) *State {
	s := drawState(t)
	if rapid.Bool().Draw(t, "all units") {
		for _, unit := range someUnits {
			if _, ok := s.units[unit]; !ok {
				s.units[unit] = Unit{ID: unit}
			}
		}
	}
	return s
}

// An import is all or nothing, makes its rows so and removes nothing; a part of it can be finished later, and all of it
// again is nothing.
func TestPlanUnitsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, rows := drawState(t), drawUnitRows(t)
		plan := func(s *State) ([]event.Event, error) { return PlanUnits(s, rows) }
		after, ok := planned(t, s, plan, len(rows))
		if !ok {
			// It is refused for a reason: the wanted tree is none.
			want := map[string]string{}
			for _, u := range s.Units() {
				want[u.ID] = u.Parent
			}
			seen := map[string]bool{}
			twice := false
			for _, row := range rows {
				twice = twice || seen[row.ID]
				seen[row.ID] = true
				want[row.ID] = row.Parent
			}
			if !twice && isForest(want) {
				t.Fatalf("refused %v", rows)
			}
			return
		}
		for _, row := range rows {
			u, _ := after.Unit(row.ID)
			if u.Parent != row.Parent || row.Name != "" && u.Name != row.Name {
				t.Fatalf("%v became %v", row, u)
			}
		}
		for _, u := range s.Units() {
			now, ok := after.Unit(u.ID)
			if inFile := slices.ContainsFunc(rows, func(r UnitRow) bool { return r.ID == u.ID }); !ok || !inFile && now != u || u.Name != "" && now.Name == "" {
				t.Fatalf("%v became %v", u, now)
			}
		}
	})
}

func isForest(parents map[string]string) bool {
	for unit := range parents {
		for steps := 0; unit != ""; steps++ {
			above, ok := parents[unit]
			if !ok || steps > len(parents) {
				return false
			}
			unit = above
		}
	}
	return true
}

func TestPlanPeopleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, rows := populated(t), drawPersonRows(t)
		plan := func(s *State) ([]event.Event, error) { return PlanPeople(s, rows) }
		after, ok := planned(t, s, plan, len(rows))
		if ok != consistent(s, rows) {
			t.Fatalf("let pass: %v; consistent: %v", ok, !ok)
		}
		if !ok {
			return
		}
		for _, row := range rows {
			p, _ := after.Person(row.Person.ID)
			if row.Person.Name != "" && p.Name != row.Person.Name {
				t.Fatalf("%v became %v", row, p)
			}
			if row.Assignment != nil && !slices.Contains(after.Assignments(p.ID), *row.Assignment) {
				t.Fatalf("%v is not among %v", row.Assignment, after.Assignments(p.ID))
			}
			for _, i := range row.Identities {
				if owner, _ := after.PersonOf(Key(i)); owner != p.ID {
					t.Fatalf("%v belongs to %q", i, owner)
				}
			}
		}
		for _, p := range s.People() {
			now, ok := after.Person(p.ID)
			if !ok || p.Name != "" && now.Name == "" {
				t.Fatalf("%v became %v", p, now)
			}
			for _, a := range s.Assignments(p.ID) {
				if after.holds(a.AssignmentKey) != nil {
					t.Fatalf("%v is gone", a)
				}
			}
			for _, i := range s.Identities(p.ID) {
				if _, linked, ok := after.Linked(Key(i)); !ok || linked != i {
					t.Fatalf("%v became %v", i, linked)
				}
			}
		}
	})
}

// consistent tells in a naive way whether nothing in a file speaks against anything.
func consistent(s *State, rows []PersonRow) bool {
	names, ends, owners := map[string]string{}, map[event.AssignmentKey]string{}, map[string]string{}
	for _, p := range s.People() {
		for _, i := range s.Identities(p.ID) {
			owners[modelKey(i)] = p.ID
		}
	}
	// once tells whether a key that had a value has it again
	once := func(had bool, a, b string) bool { return !had || a == b }
	for _, row := range rows {
		if name := row.Person.Name; name != "" {
			old, had := names[row.Person.ID]
			if names[row.Person.ID] = name; !once(had, old, name) {
				return false
			}
		}
		if a := row.Assignment; a != nil {
			old, had := ends[a.AssignmentKey]
			_, known := s.Unit(a.Unit)
			if ends[a.AssignmentKey] = a.To.String(); !known || !once(had, old, a.To.String()) {
				return false
			}
		}
		for _, i := range row.Identities {
			old, had := owners[modelKey(i)]
			if owners[modelKey(i)] = row.Person.ID; !once(had, old, row.Person.ID) {
				return false
			}
		}
	}
	return true
}

// planned checks what every plan promises, and gives the State after it.
func planned(t *rapid.T, s *State, plan func(*State) ([]event.Event, error), rows int) (after *State, ok bool) {
	before := dump(s)
	events, err := plan(s)
	if dump(s) != before {
		t.Fatalf("a plan changed the State")
	}
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) || r.Line < 2 || r.Line > rows+1 || events != nil {
			t.Fatalf("%v, %v does not name a line of the file", events, err)
		}
		return nil, false
	}
	after = done(t, s, plan, events)
	cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
	part, err := s.With(events[:cut]...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	rest, err := plan(part)
	if err != nil || len(rest) != len(events)-cut || dump(done(t, part, nil, rest)) != dump(after) {
		t.Fatalf("after %v\n%v remains, %v", events[:cut], rest, err)
	}
	return after, true
}

// What is written imports as what it was, but for what a directory said.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		for _, r := range s.people {
			r.attributes = nil
		}
		clear(s.named)
		clear(s.called)
		back := written(t, s)
		if got, want := dump(back), dump(s); got != want {
			t.Fatalf("came back as\n%s\nwas\n%s", got, want)
		}
		if back = written(t, back); dump(back) != dump(s) {
			t.Fatalf("the second time it is another")
		}
	})
}

// written writes a State and imports it where nothing is, and where it is.
func written(t interface{ Fatalf(string, ...any) }, s *State) *State {
	var units, people bytes.Buffer
	if err := errors.Join(WriteUnits(&units, s), WritePeople(&people, s)); err != nil {
		t.Fatalf("%v", err)
	}
	back := newState()
	for _, on := range []**State{&back, &s} {
		events, err := importUnits(*on, units.String())
		if err != nil {
			t.Fatalf("%v in\n%s", err, units.String())
		}
		*on = done(t, *on, nil, events)
		more, err := importPeople(*on, people.String())
		if err != nil {
			t.Fatalf("%v in\n%s", err, people.String())
		}
		*on = done(t, *on, nil, more)
		if on == &s && len(events)+len(more) > 0 {
			t.Fatalf("importing what is there gives %v and %v", events, more)
		}
	}
	return back
}

func TestWriteForm(t *testing.T) {
	s := done(t, ward(t), nil, []event.Event{
		event.AssignmentMade{AssignmentKey: event.AssignmentKey{Person: "ann", Role: "clerk", Unit: "empty", From: day(2026, 2, 1).Add(7 * 3600e9)}},
	})
	var b bytes.Buffer
	if err := errors.Join(WriteUnits(&b, s), WritePeople(&b, s)); err != nil {
		t.Fatal(err)
	}
	want := `unit,name,parent
empty,,hospital
hospital,Hospital,
medicine,Medicine,hospital
ward,Ward,medicine
person,name,role,unit,from,to,mbox,account_home,account_name
ann,Ann Bee,nurse,ward,2026-01-01,2026-02-01,mailto:ann@ward.example,,
ann,Ann Bee,clerk,empty,2026-02-01T07:00:00Z,,,,
bob,,,,,,,https://lms.example,7
`
	if got := b.String(); got != strings.ReplaceAll(want, "\n", "\r\n") {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	s = done(t, s, nil, []event.Event{event.IdentityLinked{Person: "ann", Identity: event.Identity{OpenID: "https://id.example/ann"}}})
	b.Reset()
	if err := WritePeople(&b, s); err != nil || !strings.HasPrefix(b.String(), strings.TrimSpace(peopleHeader)+",openid\r\n") {
		t.Errorf("%v, %s", err, b.String())
	}
	if err := WriteUnits(failing{}, s); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }
