package xapi

import (
	"bytes"
	"hash/maphash"
	"math"
	"math/bits"

	"github.com/go-json-experiment/json/jsontext"
)

// MergeDocument is the document that a POST leaves behind (Communication 2.2): the top-level members of new replace
// those of old or are added after them; values are kept as they were written, however deep. It returns ErrNotObject if
// either is no JSON object. Of a name that a document has twice the last value counts, as clients' parsers do it:
// documents are not held to the rules of Statements.
func MergeDocument(old, new []byte) ([]byte, error) { return Budget{}.MergeDocument(old, new) }

// MergeDocument is the function of that name within the Budget, whose Hold is told what is taken beside old and new.
func (b Budget) MergeDocument(old, new []byte) ([]byte, error) {
	if len(old)+len(new) > math.MaxUint32 {
		return nil, ErrNotObject
	}
	d := document{hold: b.Hold, texts: [2][]byte{old, new}}
	for i := range d.texts {
		if err := d.read(i); err != nil {
			return nil, err
		}
	}
	d.unite()
	return d.write()
}

// A document is the top-level members of two texts. A member is as small as it can be: there may be millions.
type document struct {
	hold    func(int64) error // may be nil
	texts   [2][]byte
	members []documentMember
	second  int // the first member that is in the second text
	scratch [2][]byte
}

// A documentMember says where its name and its value are in their text. One that has no value any more is left out.
type documentMember struct {
	name, nameSize   uint32 // with its quotes
	value, valueSize uint32
	later            bool // the value is in the second text, though the name is in the first
}

const (
	// documentStep is after how many members memory is counted, for what they and their place in the table take.
	documentStep       = 1 << 10
	documentMemberSize = 64
)

func (d *document) count(n int) error {
	if d.hold == nil {
		return nil
	}
	return d.hold(int64(n))
}

func (d *document) read(text int) error {
	raw := d.texts[text]
	d.second = len(d.members) * text
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '{' {
		return ErrNotObject
	}
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		if len(d.members)%documentStep == documentStep-1 {
			if err := d.count(documentStep * documentMemberSize); err != nil {
				return err
			}
		}
		err = d.readMember(dec)
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	if err != nil || len(bytes.TrimLeft(raw[dec.InputOffset():], " \t\r\n")) > 0 {
		return ErrNotObject
	}
	return nil
}

func (d *document) readMember(dec *jsontext.Decoder) error {
	name, err := dec.ReadValue()
	if err != nil {
		return err
	}
	m := documentMember{name: uint32(int(dec.InputOffset()) - len(name)), nameSize: uint32(len(name))}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	m.value, m.valueSize = uint32(int(dec.InputOffset())-len(value)), uint32(len(value))
	d.members = append(d.members, m)
	return nil
}

// unite leaves of each name the first member, with the last one's value. It looks them up in a table with open
// addressing: a map of names would take several times the memory of the documents.
func (d *document) unite() {
	seed := maphash.MakeSeed()
	table := make([]uint32, 1<<bits.Len(uint(2*len(d.members)))) // places in members, plus 1
	mask := uint64(len(table) - 1)
	for i := range d.members {
		name := d.nameOf(i, 0)
		at := maphash.Bytes(seed, name) & mask
		for ; table[at] != 0; at = (at + 1) & mask {
			if first := int(table[at] - 1); bytes.Equal(d.nameOf(first, 1), name) {
				m, last := &d.members[first], &d.members[i]
				m.value, m.valueSize, m.later = last.value, last.valueSize, i >= d.second && first < d.second
				last.valueSize = 0
				break
			}
		}
		if table[at] == 0 {
			table[at] = uint32(i + 1)
		}
	}
}

func (d *document) text(i int) []byte {
	if i < d.second {
		return d.texts[0]
	}
	return d.texts[1]
}

// nameOf is a member's name, unescaped; which of two buffers it may use is up to the caller.
func (d *document) nameOf(i, buffer int) []byte {
	m := &d.members[i]
	quoted := d.text(i)[m.name : m.name+m.nameSize]
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	d.scratch[buffer], _ = jsontext.AppendUnquote(d.scratch[buffer][:0], quoted) // it has been checked
	return d.scratch[buffer]
}

func (d *document) write() ([]byte, error) {
	size := 2
	for i := range d.members {
		if m := &d.members[i]; m.valueSize > 0 {
			size += int(m.nameSize+m.valueSize) + 2
		}
	}
	if err := d.count(size); err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, size), '{')
	for i := range d.members {
		m := &d.members[i]
		if m.valueSize == 0 {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		text := d.text(i)
		out = append(append(out, text[m.name:m.name+m.nameSize]...), ':')
		if m.later {
			text = d.texts[1]
		}
		out = append(out, text[m.value:m.value+m.valueSize]...)
	}
	return append(out, '}'), nil
}
