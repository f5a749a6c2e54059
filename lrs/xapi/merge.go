package xapi

import (
	"bytes"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrNotObject says that a document is no JSON object where only an object will do.
var ErrNotObject = errors.New("xapi: not a JSON object")

// MergeDefinition adds what a Statement says of an Activity to what was known of it before; both are JSON of a
// definition object (Data 2.4.4.1), and either may be nil. The result is new JSON, or old byte for byte if nothing changes.
//
//   - name and description are merged per language: a language that new lacks stays (Communication 2.5, "all available
//     information"). So are the descriptions of interaction components with the same id; components that only new has
//     are appended. Extensions are merged per key.
//   - interactionType and correctResponsesPattern are kept once known: the LRS SHOULD NOT make significant changes,
//     "e.g. changes to correct responses" (2.4.4.1, "LRS Requirements").
//   - Otherwise the later word counts.
//
// What is not a JSON object is passed over in favour of the other.
func MergeDefinition(old, new []byte) []byte {
	o, noOld := parseObject(old)
	n, noNew := parseObject(new)
	switch {
	case noOld != nil && noNew != nil:
		return old
	case noOld != nil:
		return n.raw
	case noNew != nil:
		return o.raw
	}
	return mergeMembers(o, n, mergeDefinitionMember)
}

// A merger gives the value of a member that both objects have.
type merger func(name string, old, new *jsonNode) []byte

func mergeDefinitionMember(name string, old, new *jsonNode) []byte {
	switch {
	case name == "name" || name == "description" || name == "extensions":
		return mergeMembers(old, new, latest)
	case name == "interactionType" || name == "correctResponsesPattern":
		return old.raw
	case slices.Contains(componentLists[:], name):
		return mergeComponents(old, new)
	}
	return new.raw
}

func latest(_ string, _, new *jsonNode) []byte { return new.raw }

// mergeMembers writes old's members in old's order, then those that only new has. If one is no object, new counts.
func mergeMembers(old, new *jsonNode, both merger) []byte {
	if old.kind != '{' || new.kind != '{' {
		return new.raw
	}
	changed, inOld, inNew := false, old.finder(), new.finder()
	parts := make([][]byte, 0, len(old.members)+len(new.members))
	for i := range old.members {
		m := &old.members[i]
		part := m.value.raw
		if other := inNew(m.name); other != nil {
			part = both(m.name, &m.value, other)
			changed = changed || !bytes.Equal(part, m.value.raw)
		}
		parts = append(parts, concat(appendString(nil, m.name), ':', part))
	}
	for i := range new.members {
		if m := &new.members[i]; inOld(m.name) == nil {
			parts = append(parts, concat(appendString(nil, m.name), ':', m.value.raw))
			changed = true
		}
	}
	if !changed {
		return old.raw
	}
	return enclose('{', parts, '}')
}

// mergeComponents merges two lists of interaction components by id.
func mergeComponents(old, new *jsonNode) []byte {
	if old.kind != '[' || new.kind != '[' {
		return new.raw
	}
	added := make(map[string]*jsonNode, len(new.items)) // by id, without those that old has
	for i := range new.items {
		added[new.items[i].get("id").text()] = &new.items[i]
	}
	changed := false
	parts := make([][]byte, 0, len(old.items)+len(new.items))
	for i := range old.items {
		item := &old.items[i]
		part, id := item.raw, item.get("id").text()
		if other := added[id]; other != nil {
			part = mergeMembers(item, other, mergeDefinitionMember)
			changed = changed || !bytes.Equal(part, item.raw)
			delete(added, id)
		}
		parts = append(parts, part)
	}
	for i := range new.items {
		item := &new.items[i]
		if id := item.get("id").text(); added[id] == item {
			parts = append(parts, item.raw)
			changed = true
		}
	}
	if !changed {
		return old.raw
	}
	return enclose('[', parts, ']')
}

func concat(a []byte, sep byte, b []byte) []byte { return append(append(a, sep), b...) }

func enclose(open byte, parts [][]byte, end byte) []byte {
	return append(append([]byte{open}, bytes.Join(parts, []byte{','})...), end)
}

// MergeDocument is the document that a POST leaves behind (Communication 2.2): the top-level members of new replace
// those of old or are added after them; values are kept as they were written, however deep. It returns ErrNotObject if
// either is no JSON object. Of a name that a document has twice the last value counts, as clients' parsers do it:
// documents are not held to the rules of Statements.
func MergeDocument(old, new []byte) ([]byte, error) {
	var d document
	for _, raw := range [][]byte{old, new} {
		if err := d.add(raw); err != nil {
			return nil, err
		}
	}
	parts := make([][]byte, len(d.values))
	for i, name := range d.names {
		parts[i] = concat(name, ':', d.values[i])
	}
	return enclose('{', parts, '}'), nil
}

// A document is the top-level members of one or more documents, each name once.
type document struct {
	names  [][]byte // quoted
	values [][]byte
	places map[string]int
}

func (d *document) add(raw []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '{' {
		return ErrNotObject
	}
	if d.places == nil {
		d.places = make(map[string]int)
	}
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		err = d.addMember(dec)
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	if err != nil || len(bytes.TrimLeft(raw[dec.InputOffset():], " \t\r\n")) > 0 {
		return ErrNotObject
	}
	return nil
}

func (d *document) addMember(dec *jsontext.Decoder) error {
	quoted, err := dec.ReadValue()
	if err != nil {
		return err
	}
	quoted = bytes.Clone(quoted)
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	value = bytes.Clone(value)
	name := unquote(quoted)
	if i, known := d.places[name]; known {
		d.values[i] = value
		return nil
	}
	d.places[name] = len(d.names)
	d.names, d.values = append(d.names, quoted), append(d.values, value)
	return nil
}
