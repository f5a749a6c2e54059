package xapi

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// FormatIDs reduces a stored statement to what identifies things, for format=ids (Communication 2.1.3): a Verb and an
// Activity to their id; an Agent or identified Group to its IFI and its objectType, if it had one; an anonymous Group
// to its objectType and members, each reduced. It does so everywhere: context, authority and a SubStatement included.
// All other parts are kept byte for byte. What is not a JSON object comes back as it is, and so does a statement with
// nothing to take away, without a copy.
func FormatIDs(raw []byte) []byte {
	n, err := storedObject(raw)
	if err != nil {
		return raw
	}
	f := formatter{splicer: splicer{src: raw}}
	f.actor, f.verb, f.activity = f.idsActor, f.idsOnly, f.idsOnly
	f.statement(n)
	return f.bytes()
}

// FormatCanonical is a stored statement with the LRS's own descriptions, for format=canonical (Communication 2.1.3):
// each Activity's definition is the one that definition returns for its id, if that is not nil: a [CanonicalDefinition],
// which the caller makes so that it need not be made again for an Activity that is named again. Every language map in the
// statement's own definitions and in a Verb's display has one language, chosen for each map alone. Agents and Groups are
// as they came, and all else is kept byte for byte. What is not a JSON object comes back as it is.
func FormatCanonical(raw []byte, definition func(id string) []byte, langs Languages) []byte {
	n, err := storedObject(raw)
	if err != nil {
		return raw
	}
	f := formatter{splicer: splicer{src: raw}}
	f.actor = func(jsonValue) {}
	f.verb = func(verb jsonValue) { f.oneLanguage(verb.get("display"), langs) }
	f.activity = func(activity jsonValue) { f.canonicalActivity(activity, definition, langs) }
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

// A formatter finds the parts of a statement that a format changes, in the order in which they are written. Its functions
// get objects only. No object is looked into but those that xAPI describes, so that the statement is gone through a few
// times at most, however deep its extensions are.
type formatter struct {
	splicer
	actor, verb, activity func(n jsonValue)
}

func (f *formatter) statement(n jsonValue) {
	for _, m := range n.members() {
		switch string(m.name()) {
		case "actor", "authority":
			visit(m.value, f.actor)
		case "verb":
			visit(m.value, f.verb)
		case "object":
			visit(m.value, f.object)
		case "context":
			f.context(m.value)
		}
	}
}

func (f *formatter) context(n jsonValue) {
	for _, m := range n.members() {
		switch string(m.name()) {
		case "instructor", "team":
			visit(m.value, f.actor)
		case "contextAgents":
			each(m.value, func(n jsonValue) { visit(n.get("agent"), f.actor) })
		case "contextGroups":
			each(m.value, func(n jsonValue) { visit(n.get("group"), f.actor) })
		case "contextActivities":
			for _, list := range m.value.members() {
				each(list.value, f.activity)
			}
		}
	}
}

func (f *formatter) object(n jsonValue) {
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

func visit(n jsonValue, do func(jsonValue)) {
	if n.kind == '{' {
		do(n)
	}
}

// each visits an array's objects; a single object counts as an array of one (Data 2.4.6.2).
func each(n jsonValue, do func(jsonValue)) {
	visit(n, do)
	for _, item := range n.items() {
		visit(item, do)
	}
}

func (f *formatter) idsOnly(n jsonValue) {
	f.keep(n, func(_ int, name []byte) bool { return string(name) == "id" }, nil)
}

func (f *formatter) idsActor(n jsonValue) {
	identified := false
	for _, m := range n.members() {
		identified = identified || isIFI(m.name())
	}
	f.keep(n, func(_ int, name []byte) bool {
		return string(name) == "objectType" || isIFI(name) || !identified && string(name) == "member"
	}, func(name []byte, value jsonValue) {
		if string(name) == "member" {
			each(value, f.idsActor)
		}
	})
}

// isIFI says whether an Agent's or Group's member of that name is an Inverse Functional Identifier (Data 2.4.2.3).
func isIFI(name []byte) bool {
	switch string(name) {
	case "mbox", "mbox_sha1sum", "openid", "account":
		return true
	}
	return false
}

func (f *formatter) canonicalActivity(n jsonValue, definition func(id string) []byte, langs Languages) {
	own, last := jsonValue{}, 0 // last: the end of the last member
	for _, m := range n.members() {
		if last = m.value.end(); string(m.name()) == "definition" {
			own = m.value
		}
	}
	known := definition(n.get("id").text())
	switch {
	case known == nil:
		f.oneLanguageEach(own, langs)
	case own.given():
		f.replace(own.start, own.end(), known)
	case last > 0:
		f.replace(last, last, []byte(`,"definition":`))
		f.replace(last, last, known)
	}
}

// CanonicalDefinition is a definition object with every language map cut to one language, chosen for each map alone. What
// is not a JSON object comes back as it is, and so does one with nothing to cut, without a copy.
func CanonicalDefinition(definition []byte, langs Languages) []byte {
	n, err := storedObject(definition)
	if err != nil {
		return definition
	}
	f := formatter{splicer: splicer{src: definition}}
	f.oneLanguageEach(n, langs)
	return f.bytes()
}

// oneLanguageEach cuts every language map of a definition down to one language.
func (f *formatter) oneLanguageEach(definition jsonValue, langs Languages) {
	for _, m := range definition.members() {
		switch name := string(m.name()); {
		case name == "name" || name == "description":
			f.oneLanguage(m.value, langs)
		case slices.Contains(componentLists[:], name):
			each(m.value, func(n jsonValue) { f.oneLanguage(n.get("description"), langs) })
		}
	}
}

// componentLists are the members of a definition that list interaction components (Data 2.4.4.1).
var componentLists = [...]string{"choices", "scale", "source", "target", "steps"}

func (f *formatter) oneLanguage(languages jsonValue, langs Languages) {
	count := 0
	chosen := langs.choose(func(yield func(string) bool) {
		for _, m := range languages.members() {
			if count++; !yield(string(m.name())) {
				return
			}
		}
	})
	if count > 1 {
		f.keep(languages, func(i int, _ []byte) bool { return i == chosen }, nil)
	}
}

// appendString appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst, string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD"))))
	}
	return out
}
