package definition

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/schemas"
)

// The rules that a document breaks by itself. One that breaks a JSON Schema has the rule "definition.schema." and the
// keyword of the schema, such as "definition.schema.required".
const (
	ruleSize   = "definition.size"   // longer than MaxSize
	ruleJSON   = "definition.json"   // not JSON, a name twice, too deep
	ruleKind   = "definition.kind"   // no known kind
	ruleSchema = "definition.schema" // see above
	ruleValue  = "definition.value"  // a date that no calendar has, a number that is out of all bounds
)

// MaxSize is the length of the longest document, in bytes. A validator finds every fault before it tells the first.
const MaxSize = 512 << 10

// Parse reads a definition. The error is [Faults], all that its JSON Schema finds: at most
// [schemas.MaxDefinitionViolations]. What takes other definitions to judge, or two members, is for [Check].
//
// It keeps a copy of body. It takes about a millisecond.
func Parse(body []byte) (Definition, error) {
	if len(body) > MaxSize {
		return nil, Faults{{Rule: ruleSize, Message: fmt.Sprintf("it has %d bytes, more than %d; divide it into several definitions", len(body), MaxSize)}}
	}
	if err := xapi.CheckJSON(body); err != nil {
		refusal := new(xapi.Error)
		errors.As(err, &refusal)
		return nil, Faults{{Pointer: refusal.Pointer, Rule: ruleJSON, Message: refusal.Message}}
	}
	if jsontext.Value(body).Kind() != '{' {
		return nil, Faults{{Rule: ruleSchema + ".type", Message: "a definition is a JSON object"}}
	}
	kind, id := head(body)
	d := empty(kind)
	if d == nil {
		return nil, Faults{{ID: id, Pointer: "/kind", Rule: ruleKind,
			Message: "kind must be one of " + strings.Join(schemas.Kinds(), ", ")}}
	}
	violations, err := schemas.CheckDefinition(kind, body)
	if err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	if len(violations) > 0 {
		var faults Faults
		for _, v := range violations {
			keyword := v.Schema[strings.LastIndexByte(v.Schema, '/')+1:]
			faults = append(faults, Fault{kind, id, v.Pointer, ruleSchema + "." + keyword, v.Message})
		}
		return nil, faults
	}
	body = bytes.Clone(body)
	if err := json.Unmarshal(body, d, json.RejectUnknownMembers(true)); err != nil {
		return nil, Faults{valueFault(kind, id, err)}
	}
	d.setBody(body)
	return d, nil
}

// head reads the kind and the id of a JSON object; what is not a string is "".
func head(body []byte) (kind, id string) {
	var h struct {
		Kind jsontext.Value `json:"kind"`
		ID   jsontext.Value `json:"id"`
	}
	if json.Unmarshal(body, &h) != nil {
		return "", ""
	}
	text := func(value jsontext.Value) (s string) {
		if value.Kind() != '"' || json.Unmarshal(value, &s) != nil {
			return ""
		}
		return s
	}
	return text(h.Kind), text(h.ID)
}

// valueFault words what the schema let pass and the decoder did not.
func valueFault(kind, id string, err error) Fault {
	f := Fault{Kind: kind, ID: id, Rule: ruleValue, Message: err.Error()}
	if semantic := new(json.SemanticError); errors.As(err, &semantic) {
		f.Pointer = string(semantic.JSONPointer)
		if semantic.JSONKind == '0' {
			f.Message = "write a number within the bounds of a double, and a whole one without fraction and exponent"
		} else if semantic.Err != nil {
			f.Message = semantic.Err.Error()
		}
	}
	return f
}
