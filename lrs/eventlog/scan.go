package eventlog

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// scanner walks the fields of one message. It takes only what encode.go writes:
// fields in the order of their numbers, each once but for the repeated one.
type scanner struct {
	rest     []byte
	repeated byte // the tag of the field that may come again, or 0

	// The field that next found.
	tag   byte
	n     uint64 // a varint's or fixed32's value
	bytes []byte // of a sized field; part of the message, not a copy

	err error // why next returned false; nil at the message's end
}

// next goes on to the next field.
func (s *scanner) next() bool {
	if len(s.rest) == 0 || s.err != nil {
		return false
	}
	last := s.tag
	s.tag = s.rest[0] // of a field over 15, this is no tag that is known
	body := s.rest[1:]
	if s.tag>>3 <= last>>3 && (s.tag != last || s.tag != s.repeated) {
		s.err = damaged("field %d after field %d", s.tag>>3, last>>3)
		return false
	}
	var n int
	switch s.tag & 7 {
	case varint:
		s.n, n = protowire.ConsumeVarint(body)
	case sized:
		s.bytes, n = protowire.ConsumeBytes(body)
	case fixed32:
		var v uint32
		v, n = protowire.ConsumeFixed32(body)
		s.n = uint64(v)
	default:
		n = -1
	}
	if n < 0 {
		s.err = damaged("field %d is cut short, or not of a type that is in use", s.tag>>3)
		return false
	}
	s.rest = body[n:]
	return true
}

// unknown stops at a field that the message does not have.
func (s *scanner) unknown() {
	s.err = damaged("unknown field %d (tag %#02x)", s.tag>>3, s.tag)
}

// fixed copies a field that always has the same length.
func (s *scanner) fixed(dst []byte) {
	if len(s.bytes) != len(dst) {
		s.err = damaged("field %d has %d bytes, not %d", s.tag>>3, len(s.bytes), len(dst))
		return
	}
	copy(dst, s.bytes)
}

// upTo is a varint that must not be greater than limit.
func (s *scanner) upTo(limit uint64) uint64 {
	if s.n > limit {
		s.err = damaged("field %d is %d, over %d", s.tag>>3, s.n, limit)
		return 0
	}
	return s.n
}

// damaged is ErrLogDamaged and what was found.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrLogDamaged, fmt.Errorf(format, args...))
}
