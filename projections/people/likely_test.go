package people

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/event"
)

func TestLikely(t *testing.T) {
	account := func(name string) event.Identity {
		return event.Identity{Account: event.Account{HomePage: "https://new.example", Name: name}}
	}
	mbox := func(address string) event.Identity { return event.Identity{Mbox: "mailto:" + address} }
	s, err := newState().With(
		event.PersonRegistered{Person: "emp-17", Name: "Zoë Müller"},
		event.IdentityLinked{Person: "emp-17", Identity: mbox("zmueller@ward.example")},
		event.IdentityLinked{Person: "emp-17", Identity: event.Identity{Account: event.Account{HomePage: "https://lms.example", Name: "1000"}}},
		event.PersonRegistered{Person: "emp-18", Name: "Jan Łoś"},
		event.IdentityLinked{Person: "emp-18", Identity: event.Identity{OpenID: "https://id.example/people/jlos/"}},
		event.PersonRegistered{Person: "twin-1", Name: "Max Moe"},
		event.PersonRegistered{Person: "twin-2", Name: "Max Moe"},
		event.PersonRegistered{Person: "twin-3", Name: "Moe, Max"},
		event.PersonRegistered{Person: "twin-4", Name: "MAX MOE"},
		event.PersonRegistered{Person: "abe"},
		event.IdentityLinked{Person: "abe", Identity: account("mary.poe")},
		event.PersonRegistered{Person: "zed", Name: "Poe Mary"},
		event.PersonRegistered{Person: "bo"},
		event.IdentityLinked{Person: "bo", Identity: mbox("bosun@a.example")},
		event.IdentityLinked{Person: "bo", Identity: mbox("bosun@b.example")},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name     string
		called   string
		identity event.Identity
		want     string
	}{
		{"nobody", "Someone Else", account("x"), ""},
		{"nothing to go by", "", event.Identity{MboxSHA1Sum: strings.Repeat("ab", 20)}, ""},
		{"empty words", " - ", account("@"), ""},
		{"a sum and a name", "zoe muller", event.Identity{MboxSHA1Sum: strings.Repeat("ab", 20)}, "emp-17: the name is that of the person"},
		{"the same mail name", "", mbox("ZMueller@other.example"), "emp-17: the mail name is that of another identity"},
		{"the id as mail name", "", mbox("EMP-17@other.example"), "emp-17: the mail name is the person's id"},
		{"the id as account", "", account("emp-17"), "emp-17: the account name is the person's id"},
		{"the same account name", "", account("1000"), "emp-17: the account name is that of another identity"},
		{"a mail address as account", "", account("zmueller@ward.example"), "emp-17: the account name is the mail name"},
		{"the id in an OpenID", "", event.Identity{OpenID: "https://x.example/emp-18"}, "emp-18: the end of the OpenID is the person's id"},
		{"the end of an OpenID", "", mbox("jlos@x.example"), "emp-18: the mail name is the end of the OpenID"},
		{"an id inside an account name", "", account("old abe"), "abe: a part of the account name is the person's id"},
		{"a short id inside an account name", "", account("old bo"), ""},
		{"one reason from two identities", "", mbox("bosun@c.example"), "bo: the mail name is that of another identity"},
		{"a letter of its own", "LOS, JAN", account("x"), "emp-18: the name is that of the person"},
		{"a mark after its letter", "Zoe\u0308 Mu\u0308ller", account("x"), "emp-17: the name is that of the person"},
		{"a name as mail name", "", mbox("mueller-zoe@x.example"), ""},
		{"a name as account name", "", account("muller_zoe"), "emp-17: the account name is the name"},
		{"two reasons first", "Max Moe", account("twin-3"),
			"twin-3: the name is that of the person; the account name is the person's id | twin-1: the name is that of the person | twin-2: the name is that of the person"},
		{"handle and name", "", account("mary.poe"), "abe: the account name is that of another identity | zed: the account name is the name"},
		{"the name of someone else's account", "Mary Poe", account("x"), "zed: the name is that of the person | abe: the name is the account name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, m := range NewFinder(s).Likely(test.called, test.identity) {
				if p, ok := s.Person(m.Person.ID); !ok || p != m.Person {
					t.Errorf("%v is not %v", m.Person, p)
				}
				got = append(got, fmt.Sprintf("%s: %s", m.Person.ID, m.Reason))
			}
			if text := strings.Join(got, " | "); text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}

func TestLikelyIsTheSameAgain(t *testing.T) {
	var events []event.Event
	for i := range 50 {
		events = append(events, event.PersonRegistered{Person: fmt.Sprintf("p%02d", i), Name: "Ann Bee"})
	}
	for range 20 {
		s, err := newState().With(events...)
		if err != nil {
			t.Fatal(err)
		}
		got := NewFinder(s).Likely("bee ANN", event.Identity{})
		if len(got) != 3 || got[0].Person.ID != "p00" || got[1].Person.ID != "p01" || got[2].Person.ID != "p02" {
			t.Fatal(got)
		}
	}
}

// TestLikelyAmongNamesakes: who is named as thousands are, and more than that, is found among them; and thousands of such
// actors have these looked at once.
func TestLikelyAmongNamesakes(t *testing.T) {
	const many = 3000
	var events []event.Event
	for i := range many {
		person := fmt.Sprintf("p%04d", i)
		events = append(events, event.PersonRegistered{Person: person, Name: "Ann Bee"},
			event.IdentityLinked{Person: person, Identity: event.Identity{Account: event.Account{HomePage: "https://x.example/" + person, Name: "info"}}})
	}
	s, err := newState().With(events...)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, account, want string }{
		{"Ann Bee", "x", "p0000 p0001 p0002"},
		{"Ann Bee", "p2999", "p2999 p0000 p0001"},
		{"Someone Else", "p2999", "p2999"},
		{"Ann Bee", "old p2998 p2999", "p2998 p2999 p0000"},
		{"Ann Bee", "info", "p0000 p0001 p0002"},
		{"", "bee.ann", "p0000 p0001 p0002"},
	} {
		var got []string
		for _, m := range NewFinder(s).Likely(test.name, event.Identity{Account: event.Account{HomePage: "https://y.example", Name: test.account}}) {
			got = append(got, m.Person.ID)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s, %s: %s, want %s", test.name, test.account, got, test.want)
		}
	}
	f := NewFinder(s)
	for i := range 20_000 { // a minute, if each were looked for among all
		f.Likely("Bee, Ann", event.Identity{Mbox: fmt.Sprintf("mailto:ann.bee.%d@x.example", i)})
	}
	if len(f.best) != 1 {
		t.Errorf("all who have the name were looked at %d times", len(f.best))
	}
}

// TestLikelyAmongThousands: thousands of actors who have several texts in common with thousands of people each cost a look
// at a few; and who shares a text with few is found by all that is shared.
func TestLikelyAmongThousands(t *testing.T) {
	const many = 3000
	account := func(home int, name string) event.Identity {
		return event.Identity{Account: event.Account{HomePage: fmt.Sprint("https://x.example/", home), Name: name}}
	}
	var events []event.Event
	for i := range many {
		person := fmt.Sprintf("p%04d", i)
		events = append(events, event.PersonRegistered{Person: person, Name: "Ann Bee"})
		for j, name := range []string{"info", "desk", "ward"} {
			events = append(events, event.IdentityLinked{Person: person, Identity: account(i*3+j, name)})
		}
	}
	s, err := newState().With(append(events, event.IdentityLinked{Person: "p2000", Identity: account(-1, "rare")})...)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFinder(s)
	for _, test := range []struct{ name, account, want string }{
		{"Ann Bee", "info", "p0000 p0001 p0002"},
		{"Ann Bee", "info desk ward", "p0000 p0001 p0002"},
		{"Ann Bee", "rare", "p2000 p0000 p0001"},
		{"Someone Else", "desk p2998", "p2998 p0000 p0001"},
	} {
		for home := range 1000 {
			var got []string
			for _, m := range f.Likely(test.name, account(-2-home, test.account)) {
				got = append(got, m.Person.ID)
			}
			if strings.Join(got, " ") != test.want {
				t.Fatalf("%s, %s: %s, want %s", test.name, test.account, got, test.want)
			}
			theirs := cluesOf(test.name, account(-2-home, test.account))
			if n := len(f.worthwhile(theirs)); n > maxMatches*len(theirs) {
				t.Fatalf("%s, %s: %d are looked at", test.name, test.account, n)
			}
		}
	}
	if len(f.best) > 6 { // the name, and each account's name as a whole and as a part
		t.Errorf("those who share a text were looked at %d times", len(f.best))
	}
}

// TestFinderIsTheSameAgain: what a Finder has kept changes no answer.
func TestFinderIsTheSameAgain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	words := []string{"ann", "bee", "cid", "dot"}
	word := func() string { return words[rnd.IntN(len(words))] }
	identity := func(home int) event.Identity {
		return event.Identity{Account: event.Account{HomePage: fmt.Sprint("https://x.example/", home), Name: word() + []string{"", ".", "_"}[rnd.IntN(3)] + word()}}
	}
	var events []event.Event
	for i := range 60 {
		person := fmt.Sprint(word(), i)
		if i < len(words) {
			person = words[i]
		}
		events = append(events, event.PersonRegistered{Person: person, Name: word() + " " + word()},
			event.IdentityLinked{Person: person, Identity: identity(i)})
	}
	s, err := newState().With(events...)
	if err != nil {
		t.Fatal(err)
	}
	everybody := map[string]bool{}
	for _, p := range s.People() {
		everybody[p.ID] = true
	}
	kept := NewFinder(s)
	for range 2000 {
		name, who := word()+" "+word(), identity(-1)
		var want []string
		for _, c := range best(kept.scored(everybody, cluesOf(name, who))) {
			want = append(want, c.person+": "+strings.Join(c.reasons, "; "))
		}
		var got []string
		for _, m := range kept.Likely(name, who) {
			got = append(got, m.Person.ID+": "+m.Reason)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s, %v: %q, want %q", name, who, got, want)
		}
	}
}
