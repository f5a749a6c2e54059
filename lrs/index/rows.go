package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// errRow is a row whose value is not what this package writes.
func errRow(kind string, key []byte) error {
	return fmt.Errorf("%w: %s row %x", ErrDamaged, kind, key)
}

// reader takes values apart. After the first thing that is not there, bad is set
// and everything is zero.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest, r.bad = nil, true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest, r.bad = nil, true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// text is a length and as many bytes.
func (r *reader) text() string { return string(r.take(r.uvarint())) }

func (r *reader) number() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) fill(dst []byte) { copy(dst, r.take(uint64(len(dst)))) }

// done is whether the value was read to its end.
func (r *reader) done() bool { return !r.bad && len(r.rest) == 0 }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// encode makes the value of the position row. The format comes first, for ever.
func (p Position) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, format)
	b = append(b, p.Head.Log[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Head.Revision))
	b = append(b, p.Head.Hash[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.LastStored))
	b = binary.BigEndian.AppendUint64(b, p.Next)
	b = binary.BigEndian.AppendUint64(b, p.Events)
	b = binary.BigEndian.AppendUint64(b, p.Late)
	return binary.BigEndian.AppendUint64(b, uint64(p.LateStored))
}

func decodePosition(value []byte) (Position, error) {
	r := reader{rest: value}
	var p Position
	if f := r.take(4); r.bad {
		return p, errRow("position", value)
	} else if f := binary.BigEndian.Uint32(f); f != format {
		return p, fmt.Errorf("%w: the directory has format %d, this release writes %d", ErrStale, f, format)
	}
	r.fill(p.Head.Log[:])
	p.Head.Revision = eventlog.Revision(r.number())
	r.fill(p.Head.Hash[:])
	p.LastStored = int64(r.number())
	p.Next = r.number()
	p.Events = r.number()
	p.Late, p.LateStored = r.number(), int64(r.number())
	if !r.done() || p.Next == 0 {
		return p, errRow("position", value)
	}
	return p, nil
}

// flags of a statement.
type flags byte

const (
	flagVoided   flags = 1 << iota
	flagVoiding        // cannot be voided
	flagReferrer       // may have an inherited row
)

// statementRow is the value of a number row: where the statement is.
type statementRow struct {
	flags    flags
	revision eventlog.Revision
	frame    int   // in the commit
	event    int   // in the frame
	stored   int64 // µs
}

func (s statementRow) append(b []byte) []byte {
	b = append(b, byte(s.flags))
	b = binary.AppendUvarint(b, uint64(s.revision))
	b = binary.AppendUvarint(b, uint64(s.frame))
	b = binary.AppendUvarint(b, uint64(s.event))
	return binary.AppendUvarint(b, uint64(s.stored))
}

func decodeStatementRow(key, value []byte) (statementRow, error) {
	r := reader{rest: value}
	var f [1]byte
	r.fill(f[:])
	revision, frame, event, stored := r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	if !r.done() || frame > math.MaxUint16 || event > math.MaxUint16 {
		return statementRow{}, errRow("number", key)
	}
	return statementRow{
		flags: flags(f[0]), revision: eventlog.Revision(revision), frame: int(frame), event: int(event), stored: int64(stored),
	}, nil
}

// inheritedTerm is a term that a referrer has from a target.
type inheritedTerm struct {
	xapi.Term
	hops byte // how far the nearest target with that term is; 1 is the referrer's Object
}

const inheritedSize = 1 + len(hash{}) + 1

func encodeInherited(terms []inheritedTerm) []byte {
	b := make([]byte, 0, len(terms)*inheritedSize)
	for _, t := range terms {
		b = append(append(append(b, byte(t.Facet)), t.Hash[:]...), t.hops)
	}
	return b
}

func decodeInherited(key, value []byte) ([]inheritedTerm, error) {
	if len(value)%inheritedSize != 0 {
		return nil, errRow("inherited", key)
	}
	terms := make([]inheritedTerm, 0, len(value)/inheritedSize)
	for ; len(value) > 0; value = value[inheritedSize:] {
		t := inheritedTerm{hops: value[inheritedSize-1]}
		t.Facet, t.Hash = xapi.Facet(value[0]), hash(value[1:])
		terms = append(terms, t)
	}
	return terms, nil
}

// decodeNamed reads how many names an Agent has.
func decodeNamed(key, value []byte) (int, error) {
	r := reader{rest: value}
	n := r.uvarint()
	if !r.done() || n > math.MaxInt32 {
		return 0, errRow("named", key)
	}
	return int(n), nil
}

// encodeDocument makes the values of a document's two rows: one for lists, and
// one for what only a read of the document needs.
func encodeDocument(d *event.Document, updated int64) (listed, content []byte) {
	listed = append(binary.AppendUvarint(nil, uint64(updated)), d.Key.ID...)
	content = appendText(nil, d.ContentType)
	content = appendText(content, d.ETag)
	content = binary.AppendUvarint(content, uint64(d.Size))
	content = appendText(content, d.Blob)
	return listed, append(content, d.Body...)
}

func decodeListed(key, value []byte) (id string, updated int64, err error) {
	r := reader{rest: value}
	updated = int64(r.uvarint())
	if r.bad {
		return "", 0, errRow("document", key)
	}
	return string(r.rest), updated, nil
}

// decodeContent copies what it takes from value.
func decodeContent(key, value []byte, d *event.Document) error {
	r := reader{rest: value}
	d.ContentType, d.ETag, d.Size, d.Blob = r.text(), r.text(), int64(r.uvarint()), r.text()
	if r.bad {
		return errRow("content", key)
	}
	if len(r.rest) > 0 {
		d.Body = append([]byte(nil), r.rest...)
	}
	return nil
}

// queueItem is a statement whose referrers are to be visited.
type queueItem struct {
	n    uint64
	id   uuid.UUID
	done uint64 // referrers up to this number need no visit
}

func (q queueItem) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, q.done), q.id[:]...)
}

func decodeQueueItem(key, value []byte) (queueItem, error) {
	r := reader{rest: value}
	q := queueItem{n: lastNumber(key), done: r.number()}
	r.fill(q.id[:])
	if !r.done() {
		return q, errRow("queue", key)
	}
	return q, nil
}

// encode makes the value of the row of an edge that is late.
func (e edge) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, e.target), e.from.id[:]...)
}

func decodeLate(key, value []byte) (edge, error) {
	r := reader{rest: value}
	e := edge{target: r.number(), from: referrer{n: lastNumber(key)}}
	r.fill(e.from.id[:])
	if !r.done() {
		return e, errRow("late", key)
	}
	return e, nil
}

// encodeCredential makes a row that outlives the form of the event that it came
// with.
func encodeCredential(c event.CredentialAdded) ([]byte, error) {
	e, err := c.Encode()
	return append(binary.AppendUvarint(nil, uint64(e.Version)), e.Payload...), err
}

func decodeCredential(key, value []byte) (event.CredentialAdded, error) {
	r := reader{rest: value}
	version := uint32(r.uvarint())
	ev, err := event.Decode(event.Encoded{Type: event.TypeCredentialAdded, Version: version, Payload: bytes.Clone(r.rest)})
	c, ok := ev.(event.CredentialAdded)
	if err != nil || !ok {
		return c, errors.Join(errRow("credential", key), err)
	}
	return c, nil
}
