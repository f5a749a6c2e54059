package people

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
	"pgregory.net/rapid"
)

// model is a History told again without maps, sharing or lists made ahead: everything is looked for from the start.
type model struct {
	units  []Unit
	people []Person
	posts  []Assignment
	links  []event.IdentityLinked
	said   []event.PersonAttributesSet
	called map[string]string // a directory's ids of units
}

// modelKey is what makes two identities the same.
func modelKey(i event.Identity) string {
	if i.Mbox != "" {
		at := strings.LastIndex(i.Mbox, "@")
		return fmt.Sprintf("mbox_sha1sum:%x", sha1.Sum([]byte(i.Mbox[:at]+strings.ToLower(i.Mbox[at:]))))
	}
	if i.MboxSHA1Sum != "" {
		return "mbox_sha1sum:" + strings.ToLower(i.MboxSHA1Sum)
	}
	if i.OpenID != "" {
		return "openid:" + i.OpenID
	}
	return "account:" + i.Account.HomePage + " " + i.Account.Name
}

func (m *model) unit(id string) int {
	return slices.IndexFunc(m.units, func(u Unit) bool { return u.ID == id })
}

func (m *model) person(id string) int {
	return slices.IndexFunc(m.people, func(p Person) bool { return p.ID == id })
}

func (m *model) post(k event.AssignmentKey) int {
	return slices.IndexFunc(m.posts, func(a Assignment) bool {
		return a.Person == k.Person && a.Role == k.Role && a.Unit == k.Unit && a.From.Equal(k.From)
	})
}

func (m *model) link(i event.Identity) int {
	return slices.IndexFunc(m.links, func(l event.IdentityLinked) bool { return modelKey(l.Identity) == modelKey(i) })
}

// below tells whether a unit is in the subtree of another.
func (m *model) below(unit, top string) bool {
	for unit != top {
		i := m.unit(unit)
		if i < 0 {
			return false
		}
		unit = m.units[i].Parent
	}
	return true
}

// apply tells whether the event makes sense.
func (m *model) apply(ev event.Event) bool {
	switch ev := ev.(type) {
	case event.UnitRegistered:
		if ev.Parent != "" && (m.unit(ev.Parent) < 0 || m.below(ev.Parent, ev.Unit)) {
			return false
		}
		m.units = slices.DeleteFunc(m.units, func(u Unit) bool { return u.ID == ev.Unit })
		m.units = append(m.units, Unit{ev.Unit, ev.Name, ev.Parent})
	case event.UnitRemoved:
		if m.unit(ev.Unit) < 0 ||
			slices.ContainsFunc(m.units, func(u Unit) bool { return u.Parent == ev.Unit }) ||
			slices.ContainsFunc(m.posts, func(a Assignment) bool { return a.Unit == ev.Unit }) {
			return false
		}
		m.units = slices.Delete(m.units, m.unit(ev.Unit), m.unit(ev.Unit)+1)
		delete(m.called, ev.Unit)
	case event.PersonRegistered:
		m.people = slices.DeleteFunc(m.people, func(p Person) bool { return p.ID == ev.Person })
		m.people = append(m.people, Person{ev.Person, ev.Name})
	case event.PersonRemoved:
		if m.person(ev.Person) < 0 {
			return false
		}
		m.people = slices.DeleteFunc(m.people, func(p Person) bool { return p.ID == ev.Person })
		m.posts = slices.DeleteFunc(m.posts, func(a Assignment) bool { return a.Person == ev.Person })
		m.links = slices.DeleteFunc(m.links, func(l event.IdentityLinked) bool { return l.Person == ev.Person })
		m.said = slices.DeleteFunc(m.said, func(s event.PersonAttributesSet) bool { return s.Person == ev.Person })
	case event.AssignmentMade:
		if m.person(ev.Person) < 0 || m.unit(ev.Unit) < 0 {
			return false
		}
		if i := m.post(ev.AssignmentKey); i >= 0 {
			m.posts = slices.Delete(m.posts, i, i+1)
		}
		m.posts = append(m.posts, Assignment(ev))
	case event.AssignmentRemoved:
		i := m.post(ev.AssignmentKey)
		if i < 0 {
			return false
		}
		m.posts = slices.Delete(m.posts, i, i+1)
	case event.IdentityLinked:
		i := m.link(ev.Identity)
		if m.person(ev.Person) < 0 || i >= 0 && m.links[i].Person != ev.Person {
			return false
		}
		if i < 0 {
			m.links = append(m.links, ev)
		}
	case event.IdentityUnlinked:
		i := m.link(ev.Identity)
		if i < 0 || m.links[i].Person != ev.Person {
			return false
		}
		m.links = slices.Delete(m.links, i, i+1)
	case event.PersonAttributesSet:
		taken := func(s event.PersonAttributesSet) bool {
			return s.Person != ev.Person && s.Attributes.UserName != "" && strings.EqualFold(s.Attributes.UserName, ev.Attributes.UserName) &&
				!s.Attributes.Deleted
		}
		if m.person(ev.Person) < 0 || !ev.Attributes.Deleted && slices.ContainsFunc(m.said, taken) {
			return false
		}
		m.said = slices.DeleteFunc(m.said, func(s event.PersonAttributesSet) bool { return s.Person == ev.Person })
		m.said = append(m.said, ev)
	case event.UnitAttributesSet:
		if m.unit(ev.Unit) < 0 {
			return false
		}
		if m.called == nil {
			m.called = map[string]string{}
		}
		m.called[ev.Unit] = ev.ExternalID
	}
	return true
}

// The small world of the properties: few enough of each that they meet.
var (
	someUnits  = []string{"u0", "u1", "u2", "u3", "u4"}
	somePeople = []string{"p0", "p1", "p2", "p3"}
	someRoles  = []string{"nurse", "clerk"}

	someUserNames = []string{"", "ann", "ANN", "zoë@ward.example"}

	someNames = []string{"", "Ann Bee", "Ann Cee", `"Quo,ted"`, " spaced ", "=1+1", "Zoë ß 漢"}
	someTimes = []time.Time{{}, day(2026, 1, 1), day(2026, 1, 2), day(2026, 1, 2).Add(7*time.Hour + 5*time.Millisecond), day(2026, 3, 1)}
	someIFIs  = []event.Identity{
		{Mbox: "mailto:ann@ward.example"}, {Mbox: "mailto:ann@WARD.example"}, {Mbox: "mailto:Ann@ward.example"},
		{MboxSHA1Sum: strings.ToUpper(modelKey(event.Identity{Mbox: "mailto:ann@ward.example"})[len("mbox_sha1sum:"):])},
		{MboxSHA1Sum: strings.Repeat("ab", 20)}, {OpenID: "https://id.example/ann"}, {OpenID: "https://id.example/Ann"},
		{Account: event.Account{HomePage: "https://lms.example", Name: "1 \"a\", b"}},
		{Account: event.Account{HomePage: "https://old.example", Name: "1"}},
	}
)

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func drawAssignment(t *rapid.T) Assignment {
	a := Assignment{AssignmentKey: event.AssignmentKey{
		Person: rapid.SampledFrom(somePeople).Draw(t, "person"), Role: rapid.SampledFrom(someRoles).Draw(t, "role"),
		Unit: rapid.SampledFrom(someUnits).Draw(t, "unit"), From: rapid.SampledFrom(someTimes).Draw(t, "from"),
	}}
	if to := rapid.SampledFrom(someTimes).Draw(t, "to"); a.From.Before(to) {
		a.To = to
	}
	return a
}

// drawEvent gives any event of this package's kinds, sensible or not.
func drawEvent(t *rapid.T) event.Event {
	unit := rapid.SampledFrom(someUnits)
	person := rapid.SampledFrom(somePeople).Draw(t, "person")
	ifi := rapid.SampledFrom(someIFIs)
	name := rapid.SampledFrom(someNames)
	switch rapid.IntRange(0, 19).Draw(t, "kind") {
	case 19:
		return event.UnitAttributesSet{Unit: unit.Draw(t, "unit"), ExternalID: rapid.SampledFrom([]string{"", "8f6c", "u0"}).Draw(t, "externalId")}
	case 0, 1, 2, 3:
		u := event.UnitRegistered{Unit: unit.Draw(t, "unit"), Name: name.Draw(t, "name")}
		if parent := rapid.SampledFrom(append([]string{""}, someUnits...)).Draw(t, "parent"); parent != u.Unit {
			u.Parent = parent
		}
		return u
	case 4:
		return event.UnitRemoved{Unit: unit.Draw(t, "unit")}
	case 5, 6, 7:
		return event.PersonRegistered{Person: person, Name: name.Draw(t, "name")}
	case 8:
		return event.PersonRemoved{Person: person}
	case 9, 10, 11:
		return event.AssignmentMade(drawAssignment(t))
	case 12:
		return event.AssignmentRemoved{AssignmentKey: drawAssignment(t).AssignmentKey}
	case 13, 14:
		return event.IdentityLinked{Person: person, Identity: ifi.Draw(t, "ifi")}
	case 15, 16, 17:
		a := event.Attributes{UserName: rapid.SampledFrom(someUserNames).Draw(t, "userName"), Title: name.Draw(t, "title")}
		switch rapid.IntRange(0, 3).Draw(t, "active") {
		case 0:
			a.Deleted = true
		case 1, 2:
			a.Active = true
			a.Emails = []string{"ann@ward.example"}
		}
		return event.PersonAttributesSet{Person: person, Attributes: a}
	}
	return event.IdentityUnlinked{Person: person, Identity: ifi.Draw(t, "ifi")}
}

// drawState gives a State that only sensible events made.
func drawState(t *rapid.T) *State {
	s := newState()
	for range rapid.IntRange(0, 40).Draw(t, "events") {
		s.apply(drawEvent(t))
	}
	return s
}

// dump writes down what a State answers to everything that can be asked of the small world.
func dump(s *State) string {
	var b strings.Builder
	fmt.Fprintln(&b, s.Units(), s.People(), s.Children(""))
	for _, id := range someUnits {
		u, ok := s.Unit(id)
		fmt.Fprintln(&b, id, u, ok, s.Children(id), s.Subtree(id), s.ExternalID(id))
		for _, at := range someTimes {
			fmt.Fprintln(&b, " ", at, s.InUnitAt(id, at), s.InUnitAt(id, at.Add(-1)))
		}
	}
	for _, id := range somePeople {
		p, ok := s.Person(id)
		fmt.Fprintln(&b, id, p, ok, s.Assignments(id), s.Identities(id), s.Keys(id), s.Spellings(id))
		a, said := s.Attributes(id)
		fmt.Fprintf(&b, "%+v %v\n", a, said)
		for _, at := range someTimes {
			fmt.Fprintln(&b, " ", at, s.RolesAt(id, at), s.RolesAt(id, at.Add(-1)))
		}
	}
	for _, i := range someIFIs {
		owner, ok := s.PersonOf(modelKey(i))
		again, linked, _ := s.Linked(modelKey(i))
		fmt.Fprintln(&b, i, owner, ok, again, linked)
	}
	for _, name := range someUserNames {
		owner, ok := s.PersonNamed(name)
		fmt.Fprintln(&b, name, owner, ok)
	}
	owner, ok := s.PersonOf("mbox:mailto:ann@ward.example")
	fmt.Fprintln(&b, owner, ok)
	return b.String()
}

// dump writes down what the model would answer.
func (m *model) dump() string {
	var b strings.Builder
	units, people := slices.Clone(m.units), slices.Clone(m.people)
	slices.SortFunc(units, func(a, b Unit) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(people, func(a, b Person) int { return strings.Compare(a.ID, b.ID) })
	children := func(id string) (all []string) {
		for _, u := range units {
			if u.Parent == id {
				all = append(all, u.ID)
			}
		}
		return all
	}
	held := func(at time.Time, which func(Assignment) string) (all []string) {
		for _, a := range m.posts {
			if text := which(a); text != "" && !a.From.After(at) && (a.To.IsZero() || a.To.After(at)) {
				all = append(all, text)
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	fmt.Fprintln(&b, units, people, children(""))
	for _, id := range someUnits {
		var u Unit
		i := m.unit(id)
		if i >= 0 {
			u = m.units[i]
		}
		tree := map[string]bool{}
		for _, other := range m.units {
			if m.below(other.ID, id) {
				tree[other.ID] = true
			}
		}
		external := m.called[id]
		if external == "" {
			external = id
		}
		fmt.Fprintln(&b, id, u, i >= 0, children(id), tree, external)
		there := func(a Assignment) string {
			if !m.below(a.Unit, id) {
				return ""
			}
			return a.Person
		}
		for _, at := range someTimes {
			fmt.Fprintln(&b, " ", at, held(at, there), held(at.Add(-1), there))
		}
	}
	for _, id := range somePeople {
		var p Person
		i := m.person(id)
		if i >= 0 {
			p = m.people[i]
		}
		var posts []Assignment
		for _, a := range m.posts {
			if a.Person == id {
				posts = append(posts, a)
			}
		}
		slices.SortFunc(posts, func(a, b Assignment) int {
			text := func(a Assignment) string { return fmt.Sprintf("%020d %s %s", a.From.UnixMilli()+1e14, a.Unit, a.Role) }
			return strings.Compare(text(a), text(b))
		})
		var links []event.IdentityLinked
		for _, l := range m.links {
			if l.Person == id {
				links = append(links, l)
			}
		}
		slices.SortFunc(links, func(a, b event.IdentityLinked) int {
			return strings.Compare(modelKey(a.Identity), modelKey(b.Identity))
		})
		var ifis []event.Identity
		var keys, names []string
		for _, l := range links {
			ifis, keys = append(ifis, l.Identity), append(keys, modelKey(l.Identity))
			if mbox := l.Identity.Mbox; mbox != "" {
				names = append(names, "mbox:"+strings.Replace(mbox, "WARD", "ward", 1))
			}
		}
		names = append(names, keys...)
		slices.Sort(names)
		fmt.Fprintln(&b, id, p, i >= 0, posts, ifis, keys, names)
		var a event.Attributes
		said := slices.IndexFunc(m.said, func(s event.PersonAttributesSet) bool { return s.Person == id })
		if said >= 0 {
			a = m.said[said].Attributes
		}
		fmt.Fprintf(&b, "%+v %v\n", a, said >= 0)
		mine := func(a Assignment) string {
			if a.Person != id {
				return ""
			}
			return a.Role
		}
		for _, at := range someTimes {
			fmt.Fprintln(&b, " ", at, held(at, mine), held(at.Add(-1), mine))
		}
	}
	owner := func(i event.Identity) event.IdentityLinked {
		if n := m.link(i); n >= 0 {
			return m.links[n]
		}
		return event.IdentityLinked{}
	}
	for _, i := range someIFIs {
		l := owner(i)
		fmt.Fprintln(&b, i, l.Person, l.Person != "", l.Person, l.Identity)
	}
	for _, name := range someUserNames {
		named := ""
		for _, s := range m.said {
			if name != "" && strings.EqualFold(s.Attributes.UserName, name) && !s.Attributes.Deleted {
				named = s.Person
			}
		}
		fmt.Fprintln(&b, name, named, named != "")
	}
	ann := owner(someIFIs[0]).Person
	fmt.Fprintln(&b, ann, ann != "")
	return b.String()
}
