package xapi

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// A jsonValue is one value of a JSON text that has been checked, as it was written. What is inside is looked for when it
// is asked for, in the text itself: a tree of a statement may take two hundred times the memory of the statement, and
// anybody can send one that does. Whoever walks into values that xAPI leaves open does it in one pass ([normalizer.any]),
// because asking level by level reads what is nested deep once for each level.
//
// The zero value is one that is absent; it is of no kind and has nothing inside.
type jsonValue struct {
	kind  jsontext.Kind // one of n f t " 0 { [
	start int           // offset of raw in the text
	raw   []byte        // aliases the text
}

// A jsonPart is a member of an object: its quoted name begins at start, its value ends at value.end().
type jsonPart struct {
	quoted []byte
	start  int
	value  jsonValue
}

// checkedValue reads one JSON value and nothing after it, by the rules of [CheckJSON].
func checkedValue(src []byte) (jsonValue, error) {
	if err := CheckJSON(src); err != nil {
		return jsonValue{}, fmt.Errorf("parsing JSON: %w", err)
	}
	return valueAt(src, 0, skipSpace(src, 0)), nil
}

// checkedObject is checkedValue for what must be an object.
func checkedObject(src []byte) (jsonValue, error) {
	n, err := checkedValue(src)
	if err == nil && n.kind != '{' {
		err = ErrNotObject
	}
	return n, err
}

// storedObject is checkedObject for what was accepted before: what is not JSON, or nested too deeply, is refused all the
// same, but no names are remembered to find one that is there twice. That takes fifteen times the memory of short ones.
func storedObject(src []byte) (jsonValue, error) {
	c := newScanner(src)
	defer c.release()
	c.dec.Reset(&c.buf, jsontext.AllowDuplicateNames(true))
	c.skip()
	c.end()
	if c.err != nil {
		return jsonValue{}, c.err
	}
	n := valueAt(src, 0, skipSpace(src, 0))
	if n.kind != '{' {
		return n, ErrNotObject
	}
	return n, nil
}

// valueAt is the value that begins at src[at], where src begins at offset base of the text.
func valueAt(src []byte, base, at int) jsonValue {
	if at >= len(src) {
		return jsonValue{}
	}
	end := skipValue(src, at)
	return jsonValue{kindOf(src[at]), base + at, src[at:end:end]}
}

func kindOf(first byte) jsontext.Kind {
	if first == '-' || isDigit(first) {
		return '0'
	}
	return jsontext.Kind(first)
}

func (n jsonValue) given() bool { return n.kind != 0 }
func (n jsonValue) end() int    { return n.start + len(n.raw) }

// members goes through an object's members in order. Other kinds have none.
func (n jsonValue) members() iter.Seq2[int, jsonPart] {
	return func(yield func(int, jsonPart) bool) {
		if n.kind != '{' {
			return
		}
		at := skipSpace(n.raw, 1)
		for i := 0; at < len(n.raw) && n.raw[at] == '"'; i++ {
			end := skipString(n.raw, at)
			part := jsonPart{n.raw[at:end], n.start + at, valueAt(n.raw, n.start, afterColon(n.raw, end))}
			if !part.value.given() || !yield(i, part) { // not given: it is no JSON
				return
			}
			at = afterComma(n.raw, part.value.end()-n.start)
		}
	}
}

// items goes through an array's values. Other kinds have none.
func (n jsonValue) items() iter.Seq2[int, jsonValue] {
	return func(yield func(int, jsonValue) bool) {
		if n.kind != '[' {
			return
		}
		at := skipSpace(n.raw, 1)
		for i := 0; at < len(n.raw) && n.raw[at] != ']'; i++ {
			item := valueAt(n.raw, n.start, at)
			if !yield(i, item) {
				return
			}
			at = afterComma(n.raw, item.end()-n.start)
		}
	}
}

// get is the value of the member with that name. It goes through the object: for a few names only.
func (n jsonValue) get(name string) jsonValue {
	for _, m := range n.members() {
		if string(m.name()) == name {
			return m.value
		}
	}
	return jsonValue{}
}

// text is a string's value; "" for other kinds.
func (n jsonValue) text() string {
	if n.kind != '"' {
		return ""
	}
	return unquote(n.raw)
}

// name is the member's name, unescaped. Most share memory with the text.
func (m *jsonPart) name() []byte {
	if bytes.IndexByte(m.quoted, '\\') < 0 {
		return m.quoted[1 : len(m.quoted)-1]
	}
	name, _ := jsontext.AppendUnquote(nil, m.quoted) // it has been checked
	return name
}

// The rest moves through JSON. Of a text that is none it makes no sense, but it does not go beyond the end either.

func skipSpace(src []byte, at int) int {
	for at < len(src) && (src[at] == ' ' || src[at] == '\n' || src[at] == '\r' || src[at] == '\t') {
		at++
	}
	return at
}

func afterColon(src []byte, at int) int {
	if at = skipSpace(src, at); at < len(src) && src[at] == ':' {
		at = skipSpace(src, at+1)
	}
	return at
}

func afterComma(src []byte, at int) int {
	if at = skipSpace(src, at); at < len(src) && src[at] == ',' {
		at = skipSpace(src, at+1)
	}
	return at
}

// skipString gives the end of the string whose opening quote is at src[at].
func skipString(src []byte, at int) int {
	for at++; at < len(src); at++ {
		switch src[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(src)
}

// skipValue gives the end of the value that begins at src[at]; it is never at.
func skipValue(src []byte, at int) int {
	switch src[at] {
	case '"':
		return skipString(src, at)
	case '{', '[':
		return skipNested(src, at)
	}
	for at++; at < len(src); at++ {
		switch src[at] {
		case ',', ']', '}', ' ', '\n', '\r', '\t':
			return at
		}
	}
	return at
}

func skipNested(src []byte, at int) int {
	for depth := 0; at < len(src); {
		switch src[at] {
		case '"':
			at = skipString(src, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
		at++
	}
	return len(src)
}
