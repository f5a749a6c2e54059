package xapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

var errTreeDepth = errors.New("JSON is nested too deeply")

// A jsonNode is one JSON value with the bytes it was written in, and all that is in it. Merging works on these instead of
// the typed model, because what it does not touch must come out byte for byte (Data 2.2, 2.3.1). A tree takes up to two
// hundred times the memory of what it is of: it is for what is small, as definitions are that are kept. For what clients
// send, of any size, there is [jsonValue].
type jsonNode struct {
	kind    jsontext.Kind // one of n f t " 0 { [
	start   int           // offset of raw in the document
	raw     []byte        // aliases the document
	members []jsonMember  // of an object, in the document's order
	items   []jsonNode    // of an array
}

// A jsonMember is a name and its value. It reaches from start, the name's opening quote, to value.end().
type jsonMember struct {
	name  string // unescaped
	start int
	value jsonNode
}

// parseTree reads one JSON value and nothing after it. Duplicate names, bad UTF-8 and depth beyond [MaxDepth] are errors.
func parseTree(src []byte) (*jsonNode, error) {
	p := treeParser{src: src, text: string(src), dec: jsontext.NewDecoder(bytes.NewBuffer(src))}
	root, err := p.value(1)
	if err != nil {
		return nil, fmt.Errorf("parsing JSON: %w", err)
	}
	switch _, err := p.dec.ReadToken(); {
	case err == nil:
		return nil, errors.New("parsing JSON: data after the value")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("parsing JSON: %w", err)
	}
	return &root, nil
}

// parseObject is parseTree for a document that must be an object.
func parseObject(src []byte) (*jsonNode, error) {
	n, err := parseTree(src)
	if err != nil {
		return nil, err
	}
	if n.kind != '{' {
		return nil, ErrNotObject
	}
	return n, nil
}

type treeParser struct {
	src     []byte
	text    string // a copy of src that names are parts of
	dec     *jsontext.Decoder
	members []jsonMember // of all objects not yet ended, the innermost last
	items   []jsonNode   // of all arrays not yet ended
}

func (p *treeParser) value(depth int) (jsonNode, error) {
	n := jsonNode{kind: p.dec.PeekKind()}
	if n.kind != '{' && n.kind != '[' {
		start, end, err := p.scalar()
		n.start, n.raw = start, p.src[start:end]
		return n, err
	}
	if depth > MaxDepth {
		return n, errTreeDepth
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return n, err
	}
	n.start = int(p.dec.InputOffset()) - 1
	if err := p.children(&n, depth); err != nil {
		return n, err
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return n, err
	}
	n.raw = p.src[n.start:p.dec.InputOffset()]
	return n, nil
}

// children reads up to, not including, the closing brace or bracket.
func (p *treeParser) children(n *jsonNode, depth int) error {
	members, items := len(p.members), len(p.items)
	for {
		if next := p.dec.PeekKind(); next == '}' || next == ']' {
			n.members, n.items = slices.Clone(p.members[members:]), slices.Clone(p.items[items:])
			p.members, p.items = p.members[:members], p.items[:items]
			return nil
		}
		var m jsonMember
		if n.kind == '{' {
			start, end, err := p.scalar()
			if err != nil {
				return err
			}
			m.start, m.name = start, p.name(start, end)
		}
		child, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		if n.kind == '{' {
			m.value = child
			p.members = append(p.members, m)
		} else {
			p.items = append(p.items, child)
		}
	}
}

func (p *treeParser) name(start, end int) string {
	if bytes.IndexByte(p.src[start:end], '\\') < 0 {
		return p.text[start+1 : end-1]
	}
	return unquote(p.src[start:end])
}

// scalar reads a value that is no object and no array, or a member's name.
func (p *treeParser) scalar() (start, end int, err error) {
	v, err := p.dec.ReadValue()
	if err != nil {
		return 0, 0, err
	}
	end = int(p.dec.InputOffset())
	return end - len(v), end, nil
}

// unquote is the string a valid JSON string literal stands for.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	s, _ := jsontext.AppendUnquote(nil, quoted)
	return string(s)
}

func (n *jsonNode) end() int { return n.start + len(n.raw) }

// index is the place of the member with that name, or -1. Nil nodes and other kinds have none.
func (n *jsonNode) index(name string) int {
	if n == nil {
		return -1
	}
	return slices.IndexFunc(n.members, func(m jsonMember) bool { return m.name == name })
}

// get returns the member's value or nil.
func (n *jsonNode) get(name string) *jsonNode {
	if i := n.index(name); i >= 0 {
		return &n.members[i].value
	}
	return nil
}

// finder is get for many names of one object, which may have very many members: a client chooses how many.
func (n *jsonNode) finder() func(name string) *jsonNode {
	if len(n.members) <= 16 {
		return n.get
	}
	places := make(map[string]*jsonNode, len(n.members))
	for i := range n.members {
		places[n.members[i].name] = &n.members[i].value
	}
	return func(name string) *jsonNode { return places[name] }
}

// text returns a string's value; "" for nil and for other kinds.
func (n *jsonNode) text() string {
	if n == nil || n.kind != '"' {
		return ""
	}
	return unquote(n.raw)
}
