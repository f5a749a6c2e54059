package scimhttp

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/scim2/filter-parser/v2"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/projections/people"
)

// groups are units.
type groups struct{}

// ids implements resources.
func (groups) ids(v *view, e filter.Expression) []string {
	name, value, narrow := required(e, "displayName", "externalId")
	var ids []string
	for _, u := range v.state.Units() {
		if !narrow || name == "displayName" && strings.EqualFold(displayName(u), value) || name == "externalId" && v.state.ExternalID(u.ID) == value {
			ids = append(ids, u.ID)
		}
	}
	return ids
}

func displayName(u people.Unit) string { return cmp.Or(u.Name, u.ID) }

// of implements resources.
func (groups) of(v *view, id string) (object, bool) {
	u, ok := v.state.Unit(id)
	if !ok {
		return nil, false
	}
	r := object{"id": id, "externalId": v.state.ExternalID(id), "displayName": displayName(u)}
	var members []any
	member := func(k *kind, id, name string) {
		members = append(members, object{"value": id, "type": k.name, "display": cmp.Or(name, id), "$ref": location(k, id)})
	}
	for _, person := range v.state.HeldIn(id, v.now) {
		if u, ok := v.user(person); ok {
			member(userKind, person, u.DisplayName)
		}
	}
	for _, child := range v.state.Children(id) {
		u, _ := v.state.Unit(child)
		member(groupKind, child, u.Name)
	}
	if members != nil {
		r["members"] = members
	}
	return r, true
}

// create implements resources.
func (groups) create(w *write, in object) (string, error) {
	id := cmp.Or(text(in, "externalId"), text(in, "displayName"))
	if err := w.free(id, ""); err != nil {
		return "", err
	}
	in["externalId"] = id
	return id, w.group(id, object{}, in)
}

// free refuses what a Group, but for one, has as its id or externalId already.
func (w *write) free(externalID, but string) error {
	for _, u := range w.old.state.Units() {
		if u.ID != but && (u.ID == externalID || w.old.state.ExternalID(u.ID) == externalID) {
			return refuse("uniqueness", "There is a Group %q already, which has the id or externalId %q.", u.ID, externalID)
		}
	}
	return nil
}

// unsay implements resources.
func (groups) unsay(*view, string, object) {}

// change implements resources.
func (groups) change(w *write, id string, old, in object) error { return w.group(id, old, in) }

// remove implements resources. A unit in which somebody ever worked is part of what
// was, and stays.
func (groups) remove(w *write, id string) error { return w.draft.Do(w.draft.Now().RemoveUnit(id)) }

// group makes a unit as in says, where it says something else than old.
func (w *write) group(id string, old, in object) error {
	name := text(in, "displayName")
	if name == "" {
		return refuse("invalidValue", "A Group has a displayName.")
	}
	if name != text(old, "displayName") {
		u, _ := w.old.state.Unit(id)
		if err := w.draft.Do(w.draft.Now().RegisterUnit(people.Unit{ID: id, Name: name, Parent: u.Parent})); err != nil {
			return err
		}
	}
	if external := text(in, "externalId"); external != text(old, "externalId") {
		if err := w.free(external, id); err != nil {
			return err
		}
		if err := w.draft.Do(w.draft.Now().SetExternalID(id, external)); err != nil {
			return err
		}
	}
	before, err := w.members(old)
	if err != nil {
		return err
	}
	after, err := w.members(in)
	if err != nil {
		return err
	}
	if err := each(before, after, func(m membership) error { return w.leave(id, m) }); err != nil {
		return err
	}
	return each(after, before, func(m membership) error { return w.join(id, m) })
}

// each does something for those members that are not others.
func each(members, others []membership, do func(membership) error) error {
	is := map[membership]bool{}
	for _, m := range others {
		is[m] = true
	}
	for _, m := range members {
		if !is[m] {
			if err := do(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// membership is a member of a Group.
type membership struct {
	kind *kind
	id   string
}

// members reads those of a Group. A member without a type is a User, if there is one
// of this id.
func (w *write) members(r object) ([]membership, error) {
	var all []membership
	seen := map[membership]bool{}
	for _, m := range list(r, "members") {
		id, typ := text(m, "value"), text(m, "type")
		_, isUser := w.old.user(id)
		_, isGroup := w.old.state.Unit(id)
		var k *kind
		switch {
		case isUser && (typ == "" || strings.EqualFold(typ, userKind.name)):
			k = userKind
		case isGroup && (typ == "" || strings.EqualFold(typ, groupKind.name)):
			k = groupKind
		default:
			return nil, refuse("invalidValue", "The member %q is no User and no Group here.", id)
		}
		if member := (membership{k, id}); !seen[member] {
			seen[member] = true
			all = append(all, member)
		}
	}
	return all, nil
}

// join makes a User or a Group a member of a Group. Who is not active holds nothing.
func (w *write) join(id string, m membership) error {
	if m.kind == groupKind {
		return w.move(m.id, id)
	}
	u, _ := w.old.user(m.id)
	if _, said := w.old.state.Attributes(m.id); said && !u.Active {
		return nil
	}
	return w.begin(m.id, u.role(), id)
}

// leave ends a membership.
func (w *write) leave(id string, m membership) error {
	if m.kind == groupKind {
		return w.move(m.id, "")
	}
	return w.end(m.id, w.inForce(id, ""))
}

// move puts a unit below another, or to the top.
func (w *write) move(id, parent string) error {
	u, ok := w.draft.Now().Unit(id)
	if !ok {
		return problem.New(http.StatusNotFound, "not_found", "There is no Group %q.", id)
	}
	u.Parent = parent
	return w.draft.Do(w.draft.Now().RegisterUnit(u))
}
