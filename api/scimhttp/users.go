package scimhttp

import (
	"cmp"
	"reflect"
	"strings"

	"github.com/scim2/filter-parser/v2"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/people"
)

// users are people.
type users struct{}

// ids implements resources.
func (users) ids(v *view, e filter.Expression) []string {
	pass := func(*user) bool { return true }
	if name, value, ok := required(e, "userName", "externalId"); ok {
		pass = func(u *user) bool {
			if name == "userName" {
				return strings.EqualFold(u.UserName, value)
			}
			return u.ExternalID == value
		}
	}
	var ids []string
	for _, p := range v.state.People() {
		a, said := v.state.Attributes(p.ID)
		if !said {
			a.UserName, a.ExternalID = p.ID, p.ID
		}
		if !a.Deleted && pass(&user{Attributes: a}) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// of implements resources.
func (users) of(v *view, id string) (object, bool) {
	u, ok := v.user(id)
	if !ok {
		return nil, false
	}
	return v.render(id, u), true
}

// create implements resources. Who was deleted comes back.
func (users) create(w *write, in object) (string, error) {
	u := parseUser(in)
	id := cmp.Or(u.ExternalID, u.UserName)
	back, ok := w.old.deleted(u)
	if ok {
		id = back
	}
	if _, exists := w.old.user(id); exists {
		return "", refuse("uniqueness", "There is a User %q already.", id)
	}
	// A stranger does not become a person who was.
	if a, _ := w.old.state.Attributes(id); a.Deleted && id != back {
		return "", refuse("uniqueness", "The id %q was another User's, who was deleted; create this one with another externalId.", id)
	}
	before := &user{}
	if p, ok := w.old.state.Person(id); ok {
		before.DisplayName = p.Name
	}
	return id, w.user(id, before, u)
}

// deleted finds the person that a user was before the directory deleted them.
func (v *view) deleted(u *user) (string, bool) {
	// The directory's id is the person's, whatever their name is now.
	if u.ExternalID != "" {
		for _, p := range v.state.People() {
			if a, _ := v.state.Attributes(p.ID); a.Deleted && cmp.Or(a.ExternalID, p.ID) == u.ExternalID {
				return p.ID, true
			}
		}
	}
	// A name may be given to somebody else: two ids of the directory are two people.
	same := func(a event.Attributes) bool { return a.Deleted && (a.ExternalID == "" || u.ExternalID == "") }
	if a, _ := v.state.Attributes(u.UserName); same(a) {
		return u.UserName, true
	}
	for _, p := range v.state.People() {
		if a, _ := v.state.Attributes(p.ID); same(a) && strings.EqualFold(a.UserName, u.UserName) {
			return p.ID, true
		}
	}
	return "", false
}

// unsay implements resources. That a User is not active, said again, ends what others have them do; and what is shown of one
// whom no directory spoke of, a name and one of several posts, is not what the directory means by silence.
func (users) unsay(v *view, id string, r object) {
	delete(r, "active")
	if u, _ := v.user(id); u.guessed {
		delete(r, "title")
		delete(r, "displayName")
		delete(within(r, "name"), "formatted")
		delete(within(r, userKind.extension.ID), "department")
	}
}

// change implements resources.
func (users) change(w *write, id string, old, in object) error {
	before, _ := w.old.user(id)
	u := parseUser(in)
	if !u.told {
		u.Active = before.Active
	}
	if u.Manager == parseUser(old).Manager { // who is no User now is not shown, and not forgotten
		u.Manager = before.Manager
	}
	if before.guessed {
		var said struct{ department, title bool }
		_, said.department = within(in, userKind.extension.ID)["department"]
		_, said.title = in["title"]
		if err := w.firstSaid(id, before, u, said); err != nil {
			return err
		}
	}
	return w.user(id, before, u)
}

// remove implements resources. The person and all that was stays.
func (users) remove(w *write, id string) error {
	u, _ := w.old.user(id)
	u.Active, u.Deleted = false, true
	if err := w.end(id, everywhere); err != nil {
		return err
	}
	return w.draft.Do(w.draft.Now().SetAttributes(id, u.Attributes))
}

// user makes a person what a directory says, where it says something else than before.
func (w *write) user(id string, before, u *user) error {
	if u.UserName == "" {
		return refuse("invalidValue", "A User has a userName.")
	}
	if u.ExternalID != before.ExternalID {
		if err := w.freeUser(u.ExternalID, id); err != nil {
			return err
		}
	}
	if err := w.resolve(id, before, u); err != nil {
		return err
	}
	d := w.draft
	if err := d.Do(d.Now().RegisterPerson(people.Person{ID: id, Name: u.fullName(before)})); err != nil {
		return err
	}
	for _, email := range u.Emails {
		if err := d.Do(d.Now().LinkIdentity(id, identityOf(email))); err != nil {
			return err
		}
	}
	if shown, known := w.old.user(id); !known || !reflect.DeepEqual(u.Attributes, shown.Attributes) {
		if err := d.Do(d.Now().SetAttributes(id, u.Attributes)); err != nil {
			return err
		}
	}
	return w.assign(id, before, u)
}

// freeUser refuses an externalId that another User has: the directory would find two.
func (w *write) freeUser(externalID, id string) error {
	if externalID == "" {
		return nil
	}
	for _, p := range w.old.state.People() {
		a, said := w.old.state.Attributes(p.ID)
		if !said {
			a.ExternalID = p.ID // as it is shown
		}
		if p.ID != id && !a.Deleted && a.ExternalID == externalID {
			return refuse("uniqueness", "There is a User %q already, which has the externalId %q.", p.ID, externalID)
		}
	}
	return nil
}

// resolve finds what the texts of a user stand for.
func (w *write) resolve(id string, before, u *user) (err error) {
	s := w.old.state
	if u.Unit = before.Unit; u.Department != before.Department {
		if u.Unit = ""; u.Department != "" {
			if u.Unit, err = unitOf(s, u.Department); err != nil {
				return err
			}
		}
	}
	if u.Manager != before.Manager && u.Manager != "" {
		if _, known := w.old.user(u.Manager); !known {
			named, ok := s.PersonNamed(u.Manager)
			if !ok {
				return refuse("invalidValue", "The manager %q is no User here; provision them first.", u.Manager)
			}
			u.Manager = named
		}
	}
	// A person whom no directory spoke of has the userName that is their id.
	if _, said := s.Attributes(u.UserName); !said && u.UserName != id && u.UserName != before.UserName {
		if _, ok := s.Person(u.UserName); ok {
			return refuse("uniqueness", "The userName %q is another User's.", u.UserName)
		}
	}
	return nil
}
