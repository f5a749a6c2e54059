package xapi

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// fail refuses the member or element just read.
func (c *cursor) fail(rule, format string, args ...any) { c.failAt("", rule, format, args...) }

// failAt refuses something inside the object just read; below is a JSON Pointer from there.
func (c *cursor) failAt(below, rule, format string, args ...any) {
	if c.err == nil {
		c.err = &Error{c.index, ancestor(c.inside(c.dec.StackPointer()) + below), rule, fmt.Sprintf(format, args...)}
	}
}

// inside gives the pointer within the Statement, without its index in the batch.
func (c *cursor) inside(p jsontext.Pointer) string {
	if !c.batch || p == "" {
		return string(p)
	}
	if _, after, ok := strings.Cut(string(p[1:]), "/"); ok {
		return "/" + after
	}
	return ""
}

// ancestor cuts a pointer that is longer than anybody reads, because the names in it are, to that of a containing value.
func ancestor(pointer string) string {
	const most = 1000
	if len(pointer) <= most {
		return pointer
	}
	return pointer[:strings.LastIndexByte(pointer[:most], '/')]
}

// syntax takes an error of jsontext over.
func (c *cursor) syntax(err error) {
	if c.err != nil {
		return
	}
	c.err = &Error{Statement: c.index, Rule: ruleSyntax, Message: "the input ends before the JSON does"}
	if err == io.EOF {
		return
	}
	if detail := new(jsontext.SyntacticError); errors.As(err, &detail) {
		c.err.Pointer = ancestor(c.inside(detail.JSONPointer))
		if err = detail.Err; err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			c.err.Message = fmt.Sprintf("not JSON at byte %d: %v", detail.ByteOffset, err)
		}
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		c.err.Rule, c.err.Message = ruleTwice, "the object has this name twice"
	case strings.Contains(c.err.Message, "invalid UTF-8"):
		c.err.Rule = ruleUTF8
	case strings.Contains(c.err.Message, "max depth"): // jsontext has its own limit inside of a single value
		c.err.Rule = ruleDepth
	}
}

// kinds name what jsontext found, for messages.
var kinds = map[jsontext.Kind]string{'n': "null", 't': "a boolean", 'f': "a boolean", '"': "a string", '0': "a number",
	'{': "an object", '[': "an array"}

func (c *cursor) wrongType(want string, got jsontext.Kind) {
	if got == 'n' {
		c.fail(ruleNull, "null is not allowed here, only inside of extension values")
		return
	}
	c.fail(ruleType, "must be %s, not %s", want, kinds[got])
}

// unknown refuses the member whose name was just read.
func (c *cursor) unknown(name, of string) {
	c.fail(ruleUnknown, "%s has no member %s", of, shorten(name))
}

// require refuses an object, just read, that lacks a member. of begins a sentence: "an Activity".
func (c *cursor) require(seen, required members, of string) {
	if missing := required &^ seen; missing != 0 {
		c.fail(ruleRequired, "%s must have the member %q", of, missing.first())
	}
}

// allow refuses an object, just read, that has a member which its kind has not.
func (c *cursor) allow(seen, allowed members, of string) {
	if extra := seen &^ allowed; extra != 0 {
		c.failAt("/"+extra.first(), ruleUnknown, "%s has no member %q", of, extra.first())
	}
}

// requireThat is require for members outside of the set.
func (c *cursor) requireThat(present bool, name, of string) {
	if !present {
		c.fail(ruleRequired, "%s must have the member %q", of, name)
	}
}

// unexpectedObjectType refuses the objectType of the object just read.
func (c *cursor) unexpectedObjectType(got, want string) {
	c.failAt("/objectType", ruleObjectType, "objectType is %s, must be %s", shorten(got), want)
}
