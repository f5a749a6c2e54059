package scimhttp

import (
	"cmp"
	"slices"
	"strings"

	"github.com/elimity-com/scim/schema"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/people"
)

// user is what a directory says of a person.
type user struct {
	event.Attributes
	DisplayName string // the person's name
	Formatted   string // of what is shown, the same
	told        bool   // of what is asserted: it says whether the user is active
	guessed     bool   // of what is known: no directory said it
}

// defaultRole is that of an assignment whose person has neither a role nor a title.
const defaultRole = "member"

// role is the role of the user's assignments.
func (u *user) role() string { return cmp.Or(u.Role, u.Title, defaultRole) }

// fullName is the name that follows from what is said and was said. Whoever never said a name but by its parts means them
// by it; one part is not the name of somebody whom others gave a whole one.
func (u *user) fullName(old *user) string {
	joined := func(u *user) string { return strings.TrimSpace(u.GivenName + " " + u.FamilyName) }
	switch name := joined(u); {
	case u.DisplayName != "" && (old.guessed || u.DisplayName != old.DisplayName):
		return u.DisplayName
	case u.Formatted != "" && (old.guessed || u.Formatted != old.Formatted):
		return u.Formatted
	case name != "" && name != joined(old) && (old.DisplayName == "" || old.DisplayName == joined(old)),
		old.guessed && u.GivenName != "" && u.FamilyName != "":
		return name
	}
	return old.DisplayName
}

// user gives what a directory says of a person or, where none spoke of them, what it
// could have said. Who is deleted is unknown.
func (v *view) user(id string) (*user, bool) {
	p, ok := v.state.Person(id)
	a, said := v.state.Attributes(id)
	if !ok || a.Deleted {
		return nil, false
	}
	if !said {
		a = v.unsaid(id)
	}
	return &user{Attributes: a, DisplayName: p.Name, Formatted: p.Name, guessed: !said}, true
}

// unsaid are the attributes of a person whom no directory spoke of: of several
// assignments in force the last begun counts, and where none is, of those that ended.
func (v *view) unsaid(id string) event.Attributes {
	a := event.Attributes{UserName: id, ExternalID: id}
	for _, i := range v.state.Identities(id) {
		if i.Mbox != "" {
			a.Emails = append(a.Emails, strings.TrimPrefix(i.Mbox, mailto))
		}
	}
	slices.Sort(a.Emails)
	held := false
	for _, post := range v.state.Assignments(id) { // by their begin
		if inForce := post.InForce(v.now); inForce || !held && post.From.Before(v.now) {
			a.Unit, a.Department, a.Title, held = post.Unit, post.Unit, post.Role, inForce
		}
		a.Active = a.Active || post.To.IsZero() || v.now.Before(post.To) // or yet to begin
	}
	return a
}

// mailto is what an mbox has before the address.
const mailto = "mailto:"

// render shows a user.
func (v *view) render(id string, u *user) object {
	r := object{"id": id, "userName": u.UserName, "active": u.Active}
	texts(r, "externalId", u.ExternalID, "displayName", u.DisplayName, "title", u.Title)
	name := object{}
	if texts(name, "formatted", u.Formatted, "givenName", u.GivenName, "familyName", u.FamilyName); len(name) > 0 {
		r["name"] = name
	}
	if u.Role != "" {
		r["roles"] = []any{object{"value": u.Role, "primary": true}}
	}
	var emails, groups []any
	for i, email := range u.Emails {
		emails = append(emails, object{"value": email, "type": "work", "primary": i == 0})
	}
	for _, unit := range v.units(id) {
		g, _ := v.state.Unit(unit)
		groups = append(groups, object{"value": unit, "display": cmp.Or(g.Name, unit), "$ref": location(groupKind, unit), "type": "direct"})
	}
	if emails != nil {
		r["emails"] = emails
	}
	if groups != nil {
		r["groups"] = groups
	}
	enterprise := object{}
	texts(enterprise, "department", u.Department)
	if boss, ok := v.user(u.Manager); ok {
		manager := object{"value": u.Manager, "$ref": location(userKind, u.Manager)}
		texts(manager, "displayName", boss.DisplayName)
		enterprise["manager"] = manager
	}
	if len(enterprise) > 0 {
		r[userKind.extension.ID] = enterprise
	}
	return r
}

// texts adds those texts that there are; pairs of name and text.
func texts(r object, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			r[pairs[i]] = pairs[i+1]
		}
	}
}

// units are those in which a person has an assignment in force, sorted.
func (v *view) units(person string) []string {
	var units []string
	for _, a := range v.state.Assignments(person) {
		if a.InForce(v.now) {
			units = append(units, a.Unit)
		}
	}
	slices.Sort(units)
	return slices.Compact(units)
}

// parseUser reads a resource that was tidied. Without active it is active.
func parseUser(r object) *user {
	name, enterprise := within(r, "name"), within(r, schema.ExtensionEnterpriseUser().ID)
	u := &user{DisplayName: text(r, "displayName"), Formatted: text(name, "formatted")}
	u.UserName, u.ExternalID, u.Title = text(r, "userName"), text(r, "externalId"), text(r, "title")
	u.GivenName, u.FamilyName = text(name, "givenName"), text(name, "familyName")
	u.Department, u.Manager = text(enterprise, "department"), text(within(enterprise, "manager"), "value")
	if u.Active, u.told = r["active"].(bool); !u.told {
		u.Active = true
	}
	for i, role := range list(r, "roles") {
		if i == 0 || role["primary"] == true {
			u.Role = text(role, "value")
		}
	}
	for _, email := range list(r, "emails") {
		address := text(email, "value")
		kind := text(email, "type")
		if address == "" || kind != "" && !strings.EqualFold(kind, "work") || slices.Contains(u.Emails, address) {
			continue
		}
		if email["primary"] == true {
			u.Emails = slices.Insert(u.Emails, 0, address)
		} else {
			u.Emails = append(u.Emails, address)
		}
	}
	return u
}

// identityOf is the identity of an e-mail address.
func identityOf(email string) event.Identity { return event.Identity{Mbox: mailto + email} }

// unitOf finds a unit by its id, or by a name that only one has.
func unitOf(s *people.State, department string) (string, error) {
	if u, ok := s.Unit(department); ok {
		return u.ID, nil
	}
	var named []string
	for _, u := range s.Units() {
		if u.Name == department {
			named = append(named, u.ID)
		}
	}
	switch len(named) {
	case 0:
		return "", refuse("invalidValue", "The department %q is neither the id nor the name of a unit.", department)
	case 1:
		return named[0], nil
	}
	return "", refuse("invalidValue", "The department %q is the name of several units; say the id of one: %q.", department, named)
}
