package xapi

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// cursor goes once through a JSON text. Its first error stays: after it, every method does nothing and gives the zero
// value, and every loop ends. So callers look at err once, at the end.
//
// jsontext refuses names that occur twice, bad UTF-8 and bad syntax, and knows where it is.
type cursor struct {
	err     *Error
	dec     jsontext.Decoder
	buf     bytes.Buffer // what dec reads; it hands out raw without copying
	raw     []byte       // the whole input
	text    string       // a copy of raw that the model's strings are parts of
	version Version
	batch   bool // the input is an array of Statements
	stored  bool // it was accepted by an earlier release, maybe
	index   int  // of the Statement in the batch, −1 if there is none
	deeper  int  // levels that the stored form will have more than the input has
	start   int  // of the Statement, in raw
	width   int  // of the scalar or name just read, in raw
	edits   []edit

	hold    func(int64) error // see Budget; nil: nothing is counted
	grown   int               // what the model has grown by since the last call of hold
	refused error             // the Budget's; then err is set too, to end the loops
}

var cursors = sync.Pool{New: func() any { return new(cursor) }}

// newCursor must be paired with release. The model shares memory with raw and with text, not with the cursor.
func newCursor(raw []byte, v Version) *cursor {
	c := newScanner(raw)
	c.text, c.version = string(raw), v
	return c
}

// newScanner gives a cursor that can do no more than skip.
func newScanner(raw []byte) *cursor {
	c := cursors.Get().(*cursor)
	c.raw, c.index = raw, -1
	c.buf = *bytes.NewBuffer(raw)
	c.dec.Reset(&c.buf)
	return c
}

func (c *cursor) release() {
	c.buf = bytes.Buffer{}
	c.hold, c.grown, c.refused = nil, 0, nil
	c.dec.Reset(&c.buf) // lets go of raw
	c.err, c.raw, c.text, c.batch, c.stored, c.deeper, c.start, c.edits = nil, nil, "", false, false, 0, 0, c.edits[:0]
	cursors.Put(c)
}

// offset is where the last token or value ends in raw.
func (c *cursor) offset() int { return int(c.dec.InputOffset()) }

// peek gives the kind of the next token without reading it; it is the invalid kind after an error.
func (c *cursor) peek() jsontext.Kind {
	if c.err != nil {
		return jsontext.KindInvalid
	}
	return c.dec.PeekKind()
}

// token reads one token; its kind is the invalid kind after an error.
func (c *cursor) token() jsontext.Kind {
	if c.err != nil {
		return jsontext.KindInvalid
	}
	token, err := c.dec.ReadToken()
	if err != nil {
		c.syntax(err)
		return jsontext.KindInvalid
	}
	return token.Kind()
}

// begin reads the "{" or "[" of a value that has to have it, and gives its offset in raw.
func (c *cursor) begin(open jsontext.Kind) (start int) {
	if kind := c.token(); kind != open && c.err == nil {
		c.wrongType(kinds[open], kind)
	}
	return c.offset() - 1
}

// members goes through the object that begin has opened, up to and including its end. The loop body must read or skip
// the value.
func (c *cursor) members() iter.Seq[string] {
	return func(yield func(string) bool) {
		for c.err == nil {
			switch c.dec.PeekKind() {
			case '"':
				value, err := c.dec.ReadValue()
				if c.width = len(value); err != nil {
					c.syntax(err)
				} else if !yield(c.unquote(value)) {
					return
				}
			default:
				c.token() // the end, or what is wrong
				return
			}
		}
	}
}

// elements goes through the array that begin has opened, up to and including its end. The loop body must read or skip
// the element.
func (c *cursor) elements() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; c.err == nil; i++ {
			if kind := c.dec.PeekKind(); kind == ']' || kind == jsontext.KindInvalid {
				c.token()
				return
			}
			if !yield(i) {
				return
			}
		}
	}
}

// skip reads a value of any form, null too.
func (c *cursor) skip() {
	depth := c.dec.StackDepth()
	for c.err == nil {
		kind := c.token()
		switch kind {
		case '{', '[':
			c.checkDepth()
		case '"':
			c.growName()
		}
		if c.dec.StackDepth() <= depth {
			return
		}
	}
}

// checkDepth refuses what is nested too deeply; the array around a batch does not count.
func (c *cursor) checkDepth() {
	depth := c.dec.StackDepth() + c.deeper
	if c.batch {
		depth--
	}
	if depth > MaxDepth {
		c.fail(ruleDepth, "objects and arrays are nested deeper than %d", MaxDepth)
	}
}

// end refuses anything but white space after the value.
func (c *cursor) end() {
	if c.err != nil {
		return
	}
	if _, err := c.dec.ReadToken(); err != io.EOF {
		c.err = &Error{Statement: -1, Rule: ruleTrailing, Message: fmt.Sprintf("something follows the JSON at byte %d", c.offset())}
	}
}
