package people

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
	"pgregory.net/rapid"
)

// Whatever is ended at a moment is not in force from then on, and what was before it stays as it was.
func TestEndAssignments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		person := rapid.SampledFrom(somePeople).Draw(t, "person")
		unit := rapid.SampledFrom(append([]string{"", "", "", "", ""}, someUnits...)).Draw(t, "unit") // "": in all
		at := rapid.SampledFrom(someTimes[1:]).Draw(t, "at")
		in := func(a Assignment) bool { return unit == "" || a.Unit == unit }
		events, err := s.EndAssignments(person, at, in)
		if _, known := s.Person(person); known != (err == nil) {
			t.Fatalf("%v of a person who is known: %v", err, known)
		}
		if err != nil {
			return
		}
		after := done(t, s, nil, events)
		moments := []time.Time{at.Add(-time.Millisecond), at, at.Add(time.Millisecond), at.AddDate(1, 0, 0)}
		for _, when := range append(moments, someTimes...) {
			held := func(s *State) (all []string) {
				for _, a := range s.Assignments(person) {
					if a.InForce(when) && (when.Before(at) || !in(a)) {
						all = append(all, fmt.Sprint(a.AssignmentKey))
					}
				}
				return all
			}
			if got, want := held(after), held(s); !slices.Equal(got, want) {
				t.Fatalf("at %s, ended at %s: %v, want %v", when, at, got, want)
			}
			for _, a := range after.Assignments(person) {
				if in(a) && a.InForce(when) && !when.Before(at) {
					t.Fatalf("in force at %s, ended at %s: %v", when, at, a)
				}
			}
		}
		if again, err := after.EndAssignments(person, at, in); err != nil || len(again) > 0 {
			t.Fatalf("again: %v, %v", again, err)
		}
	})
}

func TestSetAttributesRefusals(t *testing.T) {
	s := ward(t)
	s = done(t, s, nil, []event.Event{event.PersonAttributesSet{Person: "bob", Attributes: event.Attributes{UserName: "Bob@Ward.example"}}})
	for name, c := range map[string]struct {
		person string
		a      event.Attributes
		code   Code
		field  string
	}{
		"unknown person":      {"nobody", event.Attributes{}, NotFound, "person"},
		"taken":               {"ann", event.Attributes{UserName: "bob@ward.example"}, Conflict, "userName"},
		"a line break":        {"ann", event.Attributes{Title: "a\nb"}, Invalid, "title"},
		"not UTF-8":           {"ann", event.Attributes{Department: "\xff"}, Invalid, "department"},
		"too long":            {"ann", event.Attributes{ExternalID: strings.Repeat("x", maxText+1)}, Invalid, "externalId"},
		"an empty e-mail":     {"ann", event.Attributes{Emails: []string{""}}, Invalid, "emails"},
		"a control character": {"ann", event.Attributes{Manager: "\x7f"}, Invalid, "manager"},
	} {
		events, err := s.SetAttributes(c.person, c.a)
		var r *Refusal
		if !errors.As(err, &r) || r.Code != c.code || r.Field != c.field || events != nil {
			t.Errorf("%s: %v, %v", name, events, err)
		}
	}
	if _, err := s.SetAttributes("bob", event.Attributes{UserName: "BOB@ward.example"}); err != nil {
		t.Errorf("one's own userName in another case: %v", err)
	}
}

func TestSetExternalIDRefusals(t *testing.T) {
	s := ward(t)
	for name, c := range map[string]struct {
		unit, externalID string
		code             Code
		field            string
	}{
		"unknown unit": {"nowhere", "8f6c", NotFound, "unit"},
		"a line break": {s.Units()[0].ID, "a\nb", Invalid, "externalId"},
		"too long":     {s.Units()[0].ID, strings.Repeat("x", maxText+1), Invalid, "externalId"},
	} {
		events, err := s.SetExternalID(c.unit, c.externalID)
		var r *Refusal
		if !errors.As(err, &r) || r.Code != c.code || r.Field != c.field || events != nil {
			t.Errorf("%s: %v, %v", name, events, err)
		}
	}
}

// A Draft does what its steps do one after another, and leaves the State that it began on.
func TestDraft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		before, want := dump(s), s
		d := s.Draft()
		for range rapid.IntRange(0, 10).Draw(t, "steps") {
			ev := drawEvent(t)
			events, err := writeOf(ev)(d.Now())
			if d.Do(events, err) == nil {
				want = done(t, want, nil, events)
			}
			if got := dump(d.Now()); got != dump(want) {
				t.Fatalf("after %#v\n%s\nwant\n%s", ev, got, dump(want))
			}
		}
		if got := dump(done(t, s, nil, d.Events())); got != dump(want) || dump(s) != before {
			t.Fatalf("the events make\n%s\nwant\n%s", got, dump(want))
		}
	})
}
