package schemas

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// MaxViolations bounds what Explain returns.
const MaxViolations = 10

// MaxExplained is the size of a document, in bytes, beyond which Explain says nothing: a validator finds every
// violation before it says the first, and in megabytes there may be a million.
const MaxExplained = 16 << 10

// A Violation is one rule of a schema that a document breaks.
type Violation struct {
	Pointer string `json:"pointer"` // JSON Pointer to the value in the document; "" is the whole document
	Schema  string `json:"schema"`  // file in FS, "#", JSON Pointer to the rule: "xapi/common.json#/$defs/iri/pattern"
	Message string `json:"message"` // a sentence for a person
}

// Explain says what the Statement schema of an xAPI version ("1.0.3", "2.0.0" …) finds wrong with a statement: at most
// [MaxViolations], the deepest first, for they say most. It returns nil if the schema finds nothing, which does not
// mean that the statement is valid: some rules JSON Schema cannot express. It returns nil as well for what is not JSON,
// for what is larger than [MaxExplained] and for an unknown version. It never finds fault with a valid statement.
//
// It costs about a tenth of a millisecond for a usual statement and is meant for refused statements only.
func Explain(version string, statement []byte) []Violation {
	load := forVersion(version)
	if load == nil || len(statement) > MaxExplained {
		return nil
	}
	c, err := load()
	if err != nil {
		return nil // the schemas are part of the program: TestSchemasCompile
	}
	found := c.explain(statement)
	slices.SortFunc(found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(strings.Count(b.Pointer, "/"), strings.Count(a.Pointer, "/")), compareViolations(a, b))
	})
	found = slices.CompactFunc(found, sameViolation)
	return found[:min(len(found), MaxViolations)]
}

// explain gives all that the schema finds wrong, in no order. It finds nothing wrong with what is not JSON.
func (c *compiled) explain(raw []byte) []Violation {
	document, err := decode(raw)
	if err != nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(c.schema.Validate(document), &invalid) {
		return nil
	}
	var found []Violation
	collect(invalid, func(leaf *jsonschema.ValidationError) {
		found = append(found, c.violation(leaf))
	})
	return found
}

func compareViolations(a, b Violation) int {
	return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Schema, b.Schema))
}

func sameViolation(a, b Violation) bool { return a.Pointer == b.Pointer && a.Message == b.Message }

// decode reads one JSON value, with numbers that are safe to calculate with.
func decode(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("data after the value")
	}
	return tame(v), nil
}

// collect visits the errors that name a rule. Those below a oneOf or not are alternatives, not errors of their own.
func collect(e *jsonschema.ValidationError, visit func(*jsonschema.ValidationError)) {
	switch keyword(e.AbsoluteKeywordLocation) {
	case "oneOf", "anyOf", "not":
		visit(e)
		return
	}
	if len(e.Causes) == 0 {
		visit(e)
	}
	for _, cause := range e.Causes {
		collect(cause, visit)
	}
}

func keyword(location string) string { return location[strings.LastIndexByte(location, '/')+1:] }

// violation words an error. Its texts are bounded: both the pointer and the message may quote what was sent.
func (c *compiled) violation(e *jsonschema.ValidationError) Violation {
	const longest = 300
	rule := strings.TrimPrefix(e.AbsoluteKeywordLocation, base)
	v := Violation{Pointer: pointer(e.InstanceLocation), Schema: rule, Message: e.Message}
	if len(v.Message) > longest {
		v.Message = strings.ToValidUTF8(v.Message[:longest], "") + "…"
	}
	for len(v.Pointer) > longest {
		v.Pointer = v.Pointer[:strings.LastIndexByte(v.Pointer, '/')]
	}
	switch description := c.descriptions.of(rule); keyword(rule) {
	case "pattern":
		v.Message = "must be " + description
	case "oneOf", "anyOf", "const", "enum", "not":
		v.Message = description
	default:
		v.Message += ": " + description
	}
	return v
}

// pointer undoes the validator's escapes for a URL's fragment.
func pointer(location string) string {
	if p, err := url.PathUnescape(location); err == nil {
		return p
	}
	return location
}
