package fact

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner goes once through JSON that was validated before. It looks at the structure only, because a decoder that
// checks everything costs more than all the rest of a projection's reading. On what is not JSON it gives an error or
// nonsense, but it ends.
//
// Its first error stays: after it every method gives the zero value and every loop ends.
type scanner struct {
	text string
	pos  int
	err  error
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("byte %d: %s", s.pos, fmt.Sprintf(format, args...))
	}
	s.pos = len(s.text)
}

// peek gives the first byte of the next token, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) {
	if s.peek() != c {
		s.fail("there is no %q", c)
		return
	}
	s.pos++
}

// members goes through an object. The loop body must read or skip the value.
func (s *scanner) members() iter.Seq[string] {
	return func(yield func(string) bool) {
		s.expect('{')
		for first := true; s.more('}', first); first = false {
			name := s.string()
			s.expect(':')
			if s.err != nil || !yield(name) {
				return
			}
		}
	}
}

// elements goes through an array. The loop body must read or skip the element.
func (s *scanner) elements() iter.Seq[int] {
	return func(yield func(int) bool) {
		s.expect('[')
		for i := 0; s.more(']', i == 0); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// more reads the comma before the next item, or the end.
func (s *scanner) more(end byte, first bool) bool {
	if s.err != nil {
		return false
	}
	switch c := s.peek(); {
	case c == end:
		s.pos++
		return false
	case first:
		return true
	case c == ',':
		s.pos++
		return true
	}
	s.fail("there is neither a comma nor %q", end)
	return false
}

// skip reads a value of any form and gives it as it is written.
func (s *scanner) skip() string {
	switch s.peek() {
	case '"':
		return s.quoted()
	case '{', '[':
		return s.nested()
	}
	return s.literal()
}

// nested reads an object or an array of whatever depth.
func (s *scanner) nested() string {
	start, depth := s.pos, 0
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case '"':
			s.quoted()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.pos++
		if depth == 0 {
			return s.text[start:s.pos]
		}
	}
	s.fail("an object or array has no end")
	return ""
}

// literal reads a number, true, false or null.
func (s *scanner) literal() string {
	s.peek()
	start := s.pos
	for s.pos < len(s.text) && strings.IndexByte(",]}: \t\r\n\"", s.text[s.pos]) < 0 {
		s.pos++
	}
	if s.pos == start {
		s.fail("there is no value")
	}
	return s.text[start:s.pos]
}

// quoted reads a string and gives it with its quotes and escapes.
func (s *scanner) quoted() string {
	start := s.pos
	for end := start + 1; ; {
		n := strings.IndexByte(s.text[end:], '"')
		if n < 0 {
			s.fail("a string has no end")
			return ""
		}
		end += n
		backslashes := 0
		for s.text[end-1-backslashes] == '\\' { // the opening quote is before them all
			backslashes++
		}
		end++
		if backslashes%2 == 0 {
			s.pos = end
			return s.text[start:end]
		}
	}
}

// string reads a string; one without escapes is a part of the text.
func (s *scanner) string() string {
	if c := s.peek(); c != '"' {
		s.fail("there is no string")
		return ""
	}
	raw := s.quoted()
	if s.err != nil {
		return ""
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		s.fail("%v", err)
		return ""
	}
	return string(text)
}

// number reads a number as the nearest double; nil if it is beyond all of them: that is no number to calculate with, and
// the greatest double in its place would outweigh all others.
func (s *scanner) number() *float64 {
	text := s.literal()
	if s.err != nil {
		return nil
	}
	value, err := strconv.ParseFloat(text, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return nil
	case err != nil || math.IsInf(value, 0) || math.IsNaN(value): // ParseFloat knows words that JSON does not
		s.fail("%.40q is no number", text)
		return nil
	}
	return &value
}

func (s *scanner) bool() *bool {
	yes := false
	switch text := s.literal(); {
	case s.err != nil:
		return nil
	case text == "true":
		yes = true
	case text != "false":
		s.fail("%.40q is neither true nor false", text)
		return nil
	}
	return &yes
}

// end refuses anything but white space after the value.
func (s *scanner) end() {
	if s.err == nil && s.peek() != 0 {
		s.fail("something follows the value")
	}
}
