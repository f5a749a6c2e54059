package xapi

import (
	"bytes"
	"errors"
	"slices"
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
