package scimhttp

import (
	"strings"

	"github.com/elimity-com/scim/schema"
)

// tidy reads a resource as a client sent it: attributes by their proper names, values
// of their proper types, null where the client says null. What SCIM does not know is
// dropped, as is what only the server may say.
func (k *kind) tidy(in object) (object, error) {
	out := object{}
	for name, value := range in {
		if k.isExtension(name) {
			if value == nil {
				out[k.extension.ID] = k.nothing()
				continue
			}
			inner, ok := value.(object)
			if !ok {
				return nil, refuse("invalidValue", "%s is an object.", k.extension.ID)
			}
			tidied := object{}
			for name, value := range inner {
				if err := k.put(tidied, true, name, value); err != nil {
					return nil, err
				}
			}
			out[k.extension.ID] = tidied
			continue
		}
		if err := k.put(out, false, name, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nothing is an extension that says null of all that is kept of it.
func (k *kind) nothing() object {
	all := object{}
	for _, a := range k.extension.Attributes {
		all[a.Name()] = nil
	}
	return all
}

// put adds an attribute to what was tidied so far.
func (k *kind) put(out object, extension bool, name string, value any) error {
	a, ok := k.attribute(extension, name)
	if !ok || readOnly(a) {
		return nil
	}
	if _, twice := out[a.Name()]; twice {
		return refuse("invalidSyntax", "The attribute %q is there twice.", a.Name())
	}
	tidied, err := tidyValue(a, value)
	out[a.Name()] = tidied
	return err
}

// readOnly tells whether a client has no say in an attribute. What schemas a resource
// has follows from its kind.
func readOnly(a schema.CoreAttribute) bool {
	return a.Mutability() == "readOnly" || a.Name() == "schemas"
}

// tidyValue makes a value one of an attribute. It is lenient where directories are
// known to be: "False" for false, one value for a list of one, a text for a complex
// value that has it as its value.
func tidyValue(a schema.CoreAttribute, v any) (any, error) {
	all, isList := v.([]any)
	switch {
	case v == nil:
		return nil, nil
	case !a.MultiValued() && isList && len(all) == 0:
		return nil, nil
	case !a.MultiValued() && isList && len(all) == 1:
		return tidyValue(a, all[0])
	case !a.MultiValued():
		return tidySingle(a, v)
	case !isList:
		all = []any{v}
	}
	tidied := []any{}
	for _, v := range all {
		one, err := tidySingle(a, v)
		if err != nil {
			return nil, err
		}
		tidied = append(tidied, one)
	}
	return tidied, nil
}

func tidySingle(a schema.CoreAttribute, v any) (any, error) {
	if a.AttributeType() == "boolean" {
		v = tidyBool(v)
	}
	if a.HasSubAttributes() {
		if _, byValue := a.SubAttributes().ContainsAttribute("value"); byValue {
			if s, ok := v.(string); ok {
				v = object{"value": s}
			}
		}
		if o, ok := v.(object); ok {
			var err error
			if v, err = tidyComplex(a, o); err != nil {
				return nil, err
			}
		}
	}
	checked, err := a.ValidateSingular(v)
	if err != nil {
		return nil, refuse(string(err.ScimType), "The attribute %q cannot have this value; it is of the type %s.", a.Name(), a.AttributeType())
	}
	return checked, nil
}

func tidyComplex(a schema.CoreAttribute, o object) (object, error) {
	tidied := object{}
	for name, value := range o {
		sub, ok := a.SubAttributes().ContainsAttribute(name)
		if !ok {
			continue
		}
		if _, twice := tidied[sub.Name()]; twice {
			return nil, refuse("invalidSyntax", "The attribute %q is there twice.", a.Name()+"."+sub.Name())
		}
		v, err := tidyValue(sub, value)
		if err != nil {
			return nil, err
		}
		if v != nil {
			tidied[sub.Name()] = v
		}
	}
	return tidied, nil
}

// tidyBool reads "True" and "False", which Microsoft Entra ID sends.
func tidyBool(v any) any {
	s, ok := v.(string)
	switch {
	case ok && strings.EqualFold(s, "true"):
		return true
	case ok && strings.EqualFold(s, "false"):
		return false
	}
	return v
}
