package scimhttp

import (
	"maps"
	"slices"
	"strings"

	"github.com/elimity-com/scim/schema"
	"github.com/scim2/filter-parser/v2"
)

// operation is one of a PATCH (RFC 7644, 3.5.2).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// maxOperations bounds a PATCH.
const maxOperations = 1000

// What an operation does.
const (
	opAdd     = "add"
	opReplace = "replace"
	opRemove  = "remove"
)

// operate does an operation on a resource as it is shown.
func (k *kind) operate(r object, op operation) error {
	op.Op = strings.ToLower(op.Op) // Microsoft Entra ID writes "Replace"
	switch {
	case op.Op != opAdd && op.Op != opReplace && op.Op != opRemove:
		return refuse("invalidSyntax", "The operation %q is none of add, replace and remove.", op.Op)
	case op.Op == opRemove && op.Path == "":
		return refuse("noTarget", "An operation remove has a path.")
	case op.Path == "":
		return k.operateEach(r, op, "")
	case k.isExtension(op.Path) && (op.Op == opRemove || op.Value == nil):
		r[k.extension.ID] = k.nothing()
		return nil
	case k.isExtension(op.Path):
		return k.operateEach(r, op, k.extension.ID+":")
	}
	return k.operateAt(r, op)
}

// operateEach does an operation for each member of its value, whose names are paths
// below a prefix. What SCIM does not know is dropped there, as in a POST.
func (k *kind) operateEach(r object, op operation, prefix string) error {
	values, ok := op.Value.(object)
	if !ok {
		return refuse("invalidValue", "The value of an operation without a path is an object.")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		next := operation{op.Op, prefix + name, values[name]}
		if k.isExtension(name) {
			if err := k.operate(r, next); err != nil {
				return err
			}
			continue
		}
		p, err := parsePath(next.Path)
		if err != nil {
			return err
		}
		if a, _, ok := k.find(p.AttributePath, k.known, k.knownExtension); !ok || readOnly(a) {
			continue // Okta sends the id
		}
		if err := k.operateAt(r, next); err != nil {
			return err
		}
	}
	return nil
}

func parsePath(text string) (p filter.Path, err error) {
	if len(text) > maxExpression {
		return p, refuse("invalidPath", "A path is longer than %d bytes.", maxExpression)
	}
	if p, err = filter.ParsePath([]byte(legible(text))); err != nil {
		return p, refuse("invalidPath", "The path %q cannot be read: %v.", text, err)
	}
	return p, nil
}

// operateAt does an operation at its path.
func (k *kind) operateAt(r object, op operation) error {
	p, err := parsePath(op.Path)
	if err != nil {
		return err
	}
	a, extension, ok := k.find(p.AttributePath, k.known, k.knownExtension)
	switch {
	case !ok:
		return refuse("invalidPath", "A %s has no attribute %q.", k.name, op.Path)
	case readOnly(a):
		return refuse("mutability", "The attribute %q is read-only.", op.Path)
	}
	t := target{k, a, nil, p.ValueExpression, op}
	sub := p.SubAttributeName()
	if sub == "" {
		sub = p.AttributePath.SubAttributeName()
	}
	if sub != "" {
		s, ok := a.SubAttributes().ContainsAttribute(sub)
		if !ok {
			return refuse("invalidPath", "%s has no attribute %q.", a.Name(), sub)
		}
		t.sub = &s
	}
	if t.filter != nil {
		if err := checkWithin(a, t.filter); err != nil {
			return err
		}
	}
	if extension {
		if within(r, k.extension.ID) == nil {
			r[k.extension.ID] = object{}
		}
		r = within(r, k.extension.ID)
	}
	return t.operate(r)
}

// target is where an operation is done: an attribute, or a part of it.
type target struct {
	kind   *kind
	attr   schema.CoreAttribute
	sub    *schema.CoreAttribute // nil: all of attr, or of its values
	filter filter.Expression     // of its values; nil: all
	op     operation
}

// operate does the operation on what holds the attribute.
func (t *target) operate(holder object) error {
	name := t.attr.Name()
	if t.op.Op != opRemove && t.op.Value == nil { // null is no value (RFC 7643, 2.5)
		t.op.Op = opRemove
	}
	if t.attr.MultiValued() && (t.sub != nil || t.filter != nil) {
		return t.operateValues(holder)
	}
	value, err := t.value()
	if err != nil {
		return err
	}
	switch {
	case t.sub != nil:
		inner := object{}
		for n, v := range within(holder, name) {
			inner[n] = v
		}
		set(inner, t.sub.Name(), value)
		holder[name] = inner
	case t.attr.MultiValued():
		old, _ := holder[name].([]any)
		holder[name] = t.combined(old, value)
	case t.op.Op == opAdd && within(holder, name) != nil:
		given, _ := value.(object)
		for n, v := range given {
			within(holder, name)[n] = v
		}
	default:
		holder[name] = value
	}
	return nil
}

// value is the operation's, tidied; nil for remove, but of a list.
func (t *target) value() (any, error) {
	switch {
	case t.sub != nil && t.op.Op != opRemove:
		return tidyValue(*t.sub, t.op.Value)
	case t.op.Op != opRemove, t.attr.MultiValued() && t.sub == nil && t.op.Value != nil:
		return tidyValue(t.attr, t.op.Value)
	}
	return nil, nil
}

func set(o object, name string, value any) {
	if value == nil {
		delete(o, name)
		return
	}
	o[name] = value
}

// combined is a list after the operation. Values are the same by their value.
func (t *target) combined(old []any, value any) []any {
	given, _ := value.([]any)
	keys := map[any]bool{}
	for _, v := range given {
		keys[valueOf(v)] = true
	}
	out := []any{}
	switch {
	case t.op.Op == opReplace, t.op.Op == opRemove && value == nil:
		old = nil
	}
	for _, v := range old {
		if !keys[valueOf(v)] {
			out = append(out, v)
		}
	}
	if t.op.Op == opRemove {
		return out
	}
	return append(out, given...)
}

// valueOf is what a value of a list is known by.
func valueOf(v any) string {
	o, _ := v.(object)
	return text(o, "value")
}

// operateValues does the operation on those values of a list that pass the filter.
// Where none does, one that would is added, as directories expect of
// emails[type eq "work"].value.
func (t *target) operateValues(holder object) error {
	old, _ := holder[t.attr.Name()].([]any)
	value, err := t.part()
	if err != nil {
		return err
	}
	out, met := []any{}, false
	for _, v := range old {
		o, _ := v.(object)
		if !t.kind.matches(t.filter, o) {
			out = append(out, v)
			continue
		}
		met = true
		if o = t.applied(o, value); o != nil {
			out = append(out, o)
		}
	}
	if !met && t.op.Op != opRemove {
		fresh := object{}
		implied(t.filter, fresh)
		made := t.applied(fresh, value)
		if !t.kind.matches(t.filter, made) { // (RFC 7644, 3.5.2.3)
			return refuse("noTarget", "No value passes the filter of %q, and one that has what is given would not either.", t.op.Path)
		}
		tidied, err := tidyValue(t.attr, made)
		if err != nil {
			return err
		}
		out = append(out, tidied.([]any)...)
	}
	holder[t.attr.Name()] = out
	return nil
}

// part is the value for one value of the list, or for its part.
func (t *target) part() (any, error) {
	switch {
	case t.op.Op == opRemove:
		return nil, nil
	case t.sub != nil:
		return tidyValue(*t.sub, t.op.Value)
	}
	tidied, err := tidyValue(t.attr, t.op.Value)
	if err != nil {
		return nil, err
	}
	all, _ := tidied.([]any)
	if len(all) != 1 {
		return nil, refuse("invalidValue", "The path %q takes one value.", t.op.Path)
	}
	return all[0], nil
}

// applied is a value of the list after the operation; nil: it is removed.
func (t *target) applied(o object, value any) object {
	if t.sub == nil && t.op.Op == opRemove {
		return nil
	}
	out := object{}
	for n, v := range o {
		out[n] = v
	}
	if t.sub != nil {
		set(out, t.sub.Name(), value)
		return out
	}
	given, _ := value.(object)
	for n, v := range given {
		out[n] = v
	}
	return out
}

// implied gives a value what a filter of eq and and says of it.
func implied(e filter.Expression, o object) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		if e.Operator == filter.AND {
			implied(e.Left, o)
			implied(e.Right, o)
		}
	case *filter.AttributeExpression:
		if e.Operator == filter.EQ && e.CompareValue != nil {
			o[e.AttributePath.AttributeName] = e.CompareValue
		}
	}
}
