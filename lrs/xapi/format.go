package xapi

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// FormatIDs reduces a stored statement to what identifies things, for format=ids (Communication 2.1.3): a Verb and an
// Activity to their id; an Agent or identified Group to its IFI and its objectType, if it had one; an anonymous Group
// to its objectType and members, each reduced. It does so everywhere: context, authority and a SubStatement included.
// All other parts are kept byte for byte. What is not a JSON object comes back as it is, and so does a statement with
// nothing to take away, without a copy.
func FormatIDs(raw []byte) []byte {
	n, err := parseObject(raw)
	if err != nil {
		return raw
	}
	f := formatter{splicer: splicer{src: raw}}
	f.actor, f.verb, f.activity = f.idsActor, f.idsOnly, f.idsOnly
	f.statement(n)
	return f.bytes()
}

// FormatCanonical is a stored statement with the LRS's own descriptions, for format=canonical (Communication 2.1.3):
// each Activity's definition is the one that definition returns for its id, if that is not nil, and every language map
// in definitions and in a Verb's display has one language, chosen for each map alone. Agents and Groups are as they
// came, and all else is kept byte for byte. What is not a JSON object comes back as it is.
func FormatCanonical(raw []byte, definition func(id string) []byte, langs Languages) []byte {
	n, err := parseObject(raw)
	if err != nil {
		return raw
	}
	f := formatter{splicer: splicer{src: raw}}
	f.actor = func(*jsonNode) {}
	f.verb = func(verb *jsonNode) { f.oneLanguage(verb.get("display"), langs) }
	f.activity = func(activity *jsonNode) { f.canonicalActivity(activity, definition, langs) }
	f.statement(n)
	return f.bytes()
}

// CanonicalActivity is the Activity Object with everything known of the Activity, in all its languages, as the
// Activities Resource returns it (Communication 2.5). definition is a definition object, or nil if none is known.
func CanonicalActivity(id string, definition []byte) []byte {
	out := append([]byte(nil), `{"objectType":"Activity","id":`...)
	out = appendString(out, id)
	if definition != nil {
		out = append(append(out, `,"definition":`...), definition...)
	}
	return append(out, '}')
}

// A formatter finds the parts of a statement that a format changes. Its functions get objects only, never nil.
type formatter struct {
	splicer
	actor, verb, activity func(n *jsonNode)
}

func (f *formatter) statement(n *jsonNode) {
	visit(n.get("actor"), f.actor)
	visit(n.get("authority"), f.actor)
	visit(n.get("verb"), f.verb)
	visit(n.get("object"), f.object)
	context := n.get("context")
	visit(context.get("instructor"), f.actor)
	visit(context.get("team"), f.actor)
	each(context.get("contextAgents"), func(n *jsonNode) { visit(n.get("agent"), f.actor) })
	each(context.get("contextGroups"), func(n *jsonNode) { visit(n.get("group"), f.actor) })
	if activities := context.get("contextActivities"); activities != nil {
		for i := range activities.members {
			each(&activities.members[i].value, f.activity)
		}
	}
}

func (f *formatter) object(n *jsonNode) {
	switch n.get("objectType").text() {
	case "Agent", "Group":
		f.actor(n)
	case "SubStatement":
		f.statement(n)
	case "StatementRef":
	default:
		f.activity(n)
	}
}

func visit(n *jsonNode, do func(*jsonNode)) {
	if n != nil && n.kind == '{' {
		do(n)
	}
}

// each visits an array's objects; a single object counts as an array of one (Data 2.4.6.2).
func each(n *jsonNode, do func(*jsonNode)) {
	visit(n, do)
	if n != nil {
		for i := range n.items {
			visit(&n.items[i], do)
		}
	}
}

func (f *formatter) idsOnly(n *jsonNode) {
	f.keep(n, func(_ int, name string) bool { return name == "id" })
}

func (f *formatter) idsActor(n *jsonNode) {
	identified := false
	for i := range n.members {
		identified = identified || isIFI(n.members[i].name)
	}
	f.keep(n, func(_ int, name string) bool {
		return name == "objectType" || isIFI(name) || !identified && name == "member"
	})
	if !identified {
		each(n.get("member"), f.idsActor)
	}
}

// isIFI says whether an Agent's or Group's member of that name is an Inverse Functional Identifier (Data 2.4.2.3).
func isIFI(name string) bool {
	switch name {
	case "mbox", "mbox_sha1sum", "openid", "account":
		return true
	}
	return false
}

func (f *formatter) canonicalActivity(n *jsonNode, definition func(id string) []byte, langs Languages) {
	own := n.get("definition")
	known := definition(n.get("id").text())
	switch {
	case known == nil:
		visit(own, func(n *jsonNode) { f.oneLanguageEach(n, langs) })
	case own != nil:
		f.replace(own.start, own.end(), canonicalDefinition(known, langs))
	case len(n.members) > 0:
		end := n.members[len(n.members)-1].value.end()
		f.replace(end, end, append([]byte(`,"definition":`), canonicalDefinition(known, langs)...))
	}
}

func canonicalDefinition(definition []byte, langs Languages) []byte {
	n, err := parseObject(definition)
	if err != nil {
		return definition
	}
	f := formatter{splicer: splicer{src: definition}}
	f.oneLanguageEach(n, langs)
	return f.bytes()
}

// oneLanguageEach cuts every language map of a definition down to one language.
func (f *formatter) oneLanguageEach(definition *jsonNode, langs Languages) {
	f.oneLanguage(definition.get("name"), langs)
	f.oneLanguage(definition.get("description"), langs)
	for _, list := range componentLists {
		each(definition.get(list), func(n *jsonNode) { f.oneLanguage(n.get("description"), langs) })
	}
}

// componentLists are the members of a definition that list interaction components (Data 2.4.4.1).
var componentLists = [...]string{"choices", "scale", "source", "target", "steps"}

func (f *formatter) oneLanguage(languages *jsonNode, langs Languages) {
	visit(languages, func(n *jsonNode) {
		if len(n.members) > 1 {
			chosen := langs.choose(n.names())
			f.keep(n, func(i int, _ string) bool { return i == chosen })
		}
	})
}

// appendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst, string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD"))))
	}
	return out
}
