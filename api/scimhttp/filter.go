package scimhttp

import (
	"regexp"
	"slices"
	"strings"

	"github.com/elimity-com/scim/schema"
	"github.com/go-json-experiment/json"
	"github.com/scim2/filter-parser/v2"
)

// maxExpression bounds a filter and a path, bytes.
const maxExpression = 2 << 10

// parseFilter reads a filter (RFC 7644, 3.4.2.2) and checks it, so that matching cannot
// fail; "" is none.
func (k *kind) parseFilter(text string) (filter.Expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxExpression {
		return nil, refuse("invalidFilter", "The filter is longer than %d bytes.", maxExpression)
	}
	e, err := parse(text)
	if err != nil {
		return nil, refuse("invalidFilter", "The filter %q cannot be read: %v.", text, err)
	}
	return e, k.checkFilter(e)
}

// token finds texts, so that what is in them is left alone, and the end of each value path, with the comparison of a
// sub-attribute that may follow it.
var token = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\](?:\.(\$?[A-Za-z][\w-]* +(?i:pr|[a-z]{2} +(?:"(?:[^"\\]|\\.)*"|[^ ")\]]+))))?`)

// parse reads an expression. Microsoft Entra ID writes emails[type eq "work"].value eq "x" for what the grammar of RFC
// 7644 has as emails[type eq "work" and value eq "x"].
func parse(text string) (filter.Expression, error) {
	var tails []string // by value path, in their order; "" where there is none
	text = token.ReplaceAllStringFunc(legible(text), func(found string) string {
		if found[0] != ']' {
			return found
		}
		tails = append(tails, strings.TrimPrefix(found[1:], "."))
		return "]"
	})
	e, err := filter.ParseFilter([]byte(text))
	if err != nil {
		return nil, err
	}
	_, err = narrow(e, tails)
	return e, err
}

// narrow takes into each value path the comparison that followed it, and gives those of later ones.
func narrow(e filter.Expression, tails []string) (rest []string, err error) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		if tails, err = narrow(e.Left, tails); err != nil {
			return nil, err
		}
		return narrow(e.Right, tails)
	case *filter.NotExpression:
		return narrow(e.Expression, tails)
	case *filter.ValuePath:
		if tails[0] != "" {
			tail, err := filter.ParseFilter([]byte(tails[0]))
			if err != nil {
				return nil, err
			}
			e.ValueFilter = &filter.LogicalExpression{Left: e.ValueFilter, Operator: filter.AND, Right: tail}
		}
		return tails[1:], nil
	}
	return tails, nil
}

var escape = regexp.MustCompile(`\\(?:u[0-9A-Fa-f]{4}|.)`)

// legible is a filter or a path as the parser reads it: without space around it, and with the digits of escapes in
// upper case, the only ones that it knows.
func legible(text string) string {
	return escape.ReplaceAllStringFunc(strings.TrimSpace(text), func(e string) string {
		if len(e) < len(`\u0000`) {
			return e
		}
		return `\u` + strings.ToUpper(e[2:])
	})
}

// checkFilter refuses attributes that are not kept and comparisons that have no
// meaning, and takes the escapes out of texts, which the parser leaves in.
func (k *kind) checkFilter(e filter.Expression) error {
	return walk(e, func(p filter.AttributePath) (schema.CoreAttribute, error) {
		a, _, ok := k.find(p, k.core.Attributes, k.extension.Attributes)
		if !ok {
			return a, refuse("invalidFilter", "A %s has no attribute %q to filter by.", k.name, p.String())
		}
		return subOf(a, p.SubAttributeName())
	})
}

// checkWithin is checkFilter for the filter of a value path, whose attributes are those
// of the values.
func checkWithin(a schema.CoreAttribute, e filter.Expression) error {
	return walk(e, func(p filter.AttributePath) (schema.CoreAttribute, error) { return subOf(a, p.AttributeName) })
}

// subOf finds a sub-attribute; that of no name is the attribute itself.
func subOf(a schema.CoreAttribute, name string) (schema.CoreAttribute, error) {
	if name == "" {
		return a, nil
	}
	sub, ok := a.SubAttributes().ContainsAttribute(name)
	if !ok {
		return a, refuse("invalidFilter", "%s has no attribute %q to filter by.", a.Name(), name)
	}
	return sub, nil
}

// walk checks an expression whose attributes find names.
func walk(e filter.Expression, find func(filter.AttributePath) (schema.CoreAttribute, error)) error {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		if err := walk(e.Left, find); err != nil {
			return err
		}
		return walk(e.Right, find)
	case *filter.NotExpression:
		return walk(e.Expression, find)
	case *filter.ValuePath:
		a, err := find(e.AttributePath)
		if err != nil {
			return err
		}
		return checkWithin(a, e.ValueFilter)
	case *filter.AttributeExpression:
		a, err := find(e.AttributePath)
		if err != nil {
			return err
		}
		return checkComparison(e, a)
	}
	return refuse("invalidFilter", "The filter has an expression of no known kind.")
}

func checkComparison(e *filter.AttributeExpression, a schema.CoreAttribute) error {
	if s, ok := e.CompareValue.(string); ok {
		var plain string
		if err := json.Unmarshal([]byte(`"`+s+`"`), &plain); err != nil {
			return refuse("invalidFilter", "The text %q is no JSON string.", s)
		}
		e.CompareValue = plain
	}
	if e.Operator == filter.PR || e.CompareValue == nil {
		return nil
	}
	if a.AttributeType() == "boolean" {
		if e.CompareValue = tidyBool(e.CompareValue); e.Operator != filter.EQ && e.Operator != filter.NE {
			return refuse("invalidFilter", "%s is true or false, which is compared by eq or ne.", a.Name())
		}
		if _, ok := e.CompareValue.(bool); !ok {
			return refuse("invalidFilter", "%s is true or false.", a.Name())
		}
		return nil
	}
	if _, ok := e.CompareValue.(string); !ok {
		return refuse("invalidFilter", "%s is compared with a text.", a.Name())
	}
	return nil
}

// matches tells whether a resource, or a value of one, passes a filter that was
// checked. Without a filter everything passes.
func (k *kind) matches(e filter.Expression, r object) bool {
	switch e := e.(type) {
	case nil:
		return true
	case *filter.LogicalExpression:
		if e.Operator == filter.AND {
			return k.matches(e.Left, r) && k.matches(e.Right, r)
		}
		return k.matches(e.Left, r) || k.matches(e.Right, r)
	case *filter.NotExpression:
		return !k.matches(e.Expression, r)
	case *filter.ValuePath:
		for _, v := range k.values(e.AttributePath, r) {
			if o, ok := v.(object); ok && k.matches(e.ValueFilter, o) {
				return true
			}
		}
		return false
	case *filter.AttributeExpression:
		return k.compareAll(e, k.values(e.AttributePath, r))
	}
	return false
}

// values are those that a path leads to, of lists each.
func (k *kind) values(p filter.AttributePath, r object) []any {
	if _, extended, _ := k.find(p, k.core.Attributes, k.extension.Attributes); extended {
		r = within(r, k.extension.ID)
	}
	found := flat(member(r, p.AttributeName))
	if sub := p.SubAttributeName(); sub != "" {
		var inner []any
		for _, v := range found {
			o, _ := v.(object)
			inner = append(inner, flat(member(o, sub))...)
		}
		found = inner
	}
	return found
}

// member finds a member by its name in any case.
func member(o object, name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	for n, v := range o {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return nil
}

func flat(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// compareAll tells whether one of the values passes; for ne, whether none equals. A
// complex value is compared by its value.
func (k *kind) compareAll(e *filter.AttributeExpression, values []any) bool {
	if e.Operator == filter.NE {
		equal := *e
		equal.Operator = filter.EQ
		return !k.compareAll(&equal, values)
	}
	if e.CompareValue == nil && e.Operator == filter.EQ {
		return len(values) == 0
	}
	for _, v := range values {
		if o, ok := v.(object); ok && e.Operator != filter.PR {
			v = o["value"]
		}
		if k.compare(e, v) {
			return true
		}
	}
	return false
}

// exact tells whether texts of an attribute differ when their case does: ids do.
func (k *kind) exact(name string) bool {
	return slices.Contains([]string{"id", "externalId", "$ref", "meta"}, name) || k.name == "Group" && (name == "members" || name == "value")
}

func (k *kind) compare(e *filter.AttributeExpression, v any) bool {
	if e.Operator == filter.PR {
		return v != nil && v != ""
	}
	if want, ok := e.CompareValue.(bool); ok {
		return v == want
	}
	got, isText := v.(string)
	want, ok := e.CompareValue.(string)
	if !isText || !ok {
		return false
	}
	if !k.exact(e.AttributePath.AttributeName) {
		got, want = strings.ToLower(got), strings.ToLower(want)
	}
	switch e.Operator {
	case filter.EQ:
		return got == want
	case filter.CO:
		return strings.Contains(got, want)
	case filter.SW:
		return strings.HasPrefix(got, want)
	case filter.EW:
		return strings.HasSuffix(got, want)
	case filter.GT:
		return got > want
	case filter.GE:
		return got >= want
	case filter.LT:
		return got < want
	case filter.LE:
		return got <= want
	}
	return false
}

// required finds, in a filter, a text that an attribute must equal for anything to
// pass: an index by which most resources need not be looked at.
func required(e filter.Expression, names ...string) (name, value string, ok bool) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		if e.Operator != filter.AND {
			return "", "", false
		}
		if name, value, ok = required(e.Left, names...); ok {
			return name, value, true
		}
		return required(e.Right, names...)
	case *filter.AttributeExpression:
		value, isText := e.CompareValue.(string)
		for _, name := range names {
			if isText && e.Operator == filter.EQ && strings.EqualFold(e.AttributePath.AttributeName, name) && e.AttributePath.SubAttribute == nil {
				return name, value, true
			}
		}
	}
	return "", "", false
}
