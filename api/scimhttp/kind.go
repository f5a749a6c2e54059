package scimhttp

import (
	"slices"
	"strings"

	"github.com/elimity-com/scim/optional"
	"github.com/elimity-com/scim/schema"
	"github.com/scim2/filter-parser/v2"
)

// object is a JSON object: a resource, or a complex value in one.
type object = map[string]any

// kind is a type of resources.
type kind struct {
	name, endpoint, description string

	core      schema.Schema // what is kept of the type's core schema
	extension schema.Schema // and of its extension; without an ID there is none

	// What SCIM itself has in these schemas. What is in here and not kept is let pass
	// and dropped: directories send it whether it is wanted or not.
	known, knownExtension schema.Attributes

	resources
}

// resources are the resources of a kind. An id is one that the kind gave.
type resources interface {
	// ids lists resources that there are, by id, and among them all that pass a filter.
	ids(v *view, filter filter.Expression) []string
	// of shows a resource, without schemas and meta; false if there is none.
	of(v *view, id string) (object, bool)
	// create makes a resource and gives its id.
	create(w *write, in object) (id string, err error)
	// unsay takes out of what is shown of a resource what counts only if a request says it.
	unsay(v *view, id string, r object)
	// change makes a resource, which is shown as old, as in says.
	change(w *write, id string, old, in object) error
	// remove makes that there is no such resource any more.
	remove(w *write, id string) error
}

// kinds are all there are.
var kinds = []*kind{userKind, groupKind}

var userKind = &kind{
	name: "User", endpoint: "/Users", description: "A person",
	core:      keep(schema.CoreUserSchema(), "userName", "name", "displayName", "title", "active", "emails", "roles", "groups"),
	extension: keep(schema.ExtensionEnterpriseUser(), "department", "manager"),
	known:     schema.CoreUserSchema().Attributes, knownExtension: schema.ExtensionEnterpriseUser().Attributes,
	resources: users{},
}

var groupKind = &kind{
	name: "Group", endpoint: "/Groups", description: "A unit",
	core: schema.CoreGroupSchema(), known: schema.CoreGroupSchema().Attributes,
	resources: groups{},
}

// keep cuts a schema to some attributes.
func keep(s schema.Schema, names ...string) schema.Schema {
	var kept schema.Attributes
	for _, a := range s.Attributes {
		if slices.Contains(names, a.Name()) {
			kept = append(kept, a)
		}
	}
	s.Attributes = kept
	return s
}

// common are the attributes that every resource has.
var common = schema.Attributes(schema.CommonAttributes())

// attribute finds an attribute that SCIM has, by its name in any case, in the core
// schema or in the extension.
func (k *kind) attribute(extension bool, name string) (schema.CoreAttribute, bool) {
	if extension {
		return k.knownExtension.ContainsAttribute(name)
	}
	if a, ok := k.known.ContainsAttribute(name); ok {
		return a, true
	}
	return common.ContainsAttribute(name)
}

// find finds, among the attributes of the core schema, those that every resource has and those of the extension, the one that
// a path leads to. Of a name without a schema that only the extension has, that is meant: directories leave its URI out.
func (k *kind) find(p filter.AttributePath, core, extension schema.Attributes) (a schema.CoreAttribute, extended, ok bool) {
	uri := p.URI()
	if uri == "" || strings.EqualFold(uri, k.core.ID) {
		for _, attributes := range []schema.Attributes{core, common} {
			if a, ok = attributes.ContainsAttribute(p.AttributeName); ok {
				return a, false, true
			}
		}
	}
	if uri == "" || k.isExtension(uri) {
		a, ok = extension.ContainsAttribute(p.AttributeName)
	}
	return a, ok, ok
}

// isExtension tells whether a URI is that of the extension.
func (k *kind) isExtension(uri string) bool {
	return k.extension.ID != "" && strings.EqualFold(uri, k.extension.ID)
}

// show completes a resource by what it has of its kind.
func (k *kind) show(r object) object {
	id := text(r, "id")
	schemas := []any{k.core.ID}
	if k.extension.ID != "" {
		schemas = append(schemas, k.extension.ID)
	}
	r["schemas"] = schemas
	r["meta"] = object{"resourceType": k.name, "location": location(k, id), "version": version(r)}
	return r
}

// optionalText is the library's form of a text.
func optionalText(s string) optional.String { return optional.NewString(s) }

// text is an attribute that is a text, "" if there is none.
func text(r object, name string) string {
	s, _ := r[name].(string)
	return s
}

// list is an attribute that is a list of complex values.
func list(r object, name string) []object {
	all, _ := r[name].([]any)
	var objects []object
	for _, v := range all {
		if o, ok := v.(object); ok {
			objects = append(objects, o)
		}
	}
	return objects
}

// within is a complex attribute, or an extension; nil if there is none.
func within(r object, name string) object {
	o, _ := r[name].(object)
	return o
}
