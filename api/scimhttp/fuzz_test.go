package scimhttp

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/scim2/filter-parser/v2"

	"github.com/bedside-lrs/bedside/api/problem"
)

// shown is a User as it is shown.
func shown() object {
	return object{
		"id": "emp-17", "userName": "rosa@ward.example", "active": true, "title": "nurse", "name": object{"givenName": "Rosa"},
		"emails":              []any{object{"value": "rosa@ward.example", "type": "work", "primary": true}},
		userKind.extension.ID: object{"department": "Ward A", "manager": object{"value": "emp-9"}},
	}
}

// refusedWell wants an error that is a refusal, and no panic on the way to it.
func refusedWell(t *testing.T, err error) {
	t.Helper()
	var p *problem.Problem
	if err != nil && (!errors.As(err, &p) || p.Status >= 500) {
		t.Fatalf("%v", err)
	}
}

// FuzzFilter: a filter is refused, or tells for every resource whether it passes, and
// what is looked at because of it includes what passes.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`userName eq "rosa@ward.example"`, `emails[type eq "work" and not (primary eq false)]`, `active eq "True" or title pr`, `name.givenName co "\u0052"`,
		enterprisePath + `:manager.value ne "x" and (externalId eq null)`, `members eq 3.5e1`, `id gt "a" and id le "z"`, `emails.primary ew "e"`,
		`emails[type eq "work"].value eq "rosa@ward.example" and not (emails[primary eq true].type pr)`, ` userName eq "\u00fc]\\" `,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range kinds {
			e, err := k.parseFilter(text)
			if refusedWell(t, err); err != nil || e == nil {
				continue
			}
			for _, r := range []object{shown(), {}, {"emails": []any{object{}}, "name": object{}}} {
				passes := k.matches(e, r)
				if name, value, ok := required(e, "title"); ok && passes && !k.compare(equals(name, value), r[name]) {
					t.Fatalf("%q passes without %s %q", text, name, value)
				}
			}
		}
	})
}

// FuzzOperation: an operation is refused, or leaves a resource that can be read.
func FuzzOperation(f *testing.F) {
	for _, seed := range []string{
		`{"op":"Replace","path":"active","value":"False"}`, `{"op":"add","path":"emails[type eq \"work\"].value","value":"x"}`,
		`{"op":"remove","path":"emails","value":[{"value":"x"}]}`, `{"op":"replace","value":{"name.givenName":"x","` + enterprisePath + `":{"manager":null}}}`,
		`{"op":"add","path":"name","value":[]}`, `{"op":"add","path":"emails","value":[null,{},"x"]}`, `{"op":"add","path":"roles[primary eq true]","value":[{}]}`,
		`{"op":"remove","path":"` + enterprisePath + `"}`, `{"op":"add","path":"` + enterprisePath + `:manager","value":[{"value":"a"}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var op operation
		if json.Unmarshal([]byte(text), &op) != nil {
			return
		}
		for _, k := range kinds {
			r := shown()
			err := k.operate(r, op)
			refusedWell(t, err)
			if err == nil {
				parseUser(r)
				k.show(r)
			}
		}
		tidied, err := userKind.tidy(object{"name": op.Value, "emails": op.Value, "active": op.Value, userKind.extension.ID: op.Value})
		if refusedWell(t, err); err == nil {
			parseUser(tidied)
		}
	})
}

const enterprisePath = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// equals is the comparison of an attribute with a text.
func equals(name, value string) *filter.AttributeExpression {
	return &filter.AttributeExpression{AttributePath: filter.AttributePath{AttributeName: name}, Operator: filter.EQ, CompareValue: value}
}
