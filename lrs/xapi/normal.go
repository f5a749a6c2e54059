package xapi

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// A normalizer writes JSON in a normal form: members sorted, strings unescaped, and what is equal written the same. Beside
// the outcome it needs eight bytes for each member of the objects it is in, and once more the longest it has sorted.
type normalizer struct {
	out   []byte
	spans []outSpan // of the members of objects that have not ended, the innermost last
	moved []byte    // scratch
	twice bool      // an object has a name twice
}

// An outSpan is a part of out.
type outSpan struct{ start, end uint32 }

// A rule writes one value. As the rule of a member, nil leaves the member out.
type rule func(z *normalizer, n jsonValue)

// contentRule is for the members that a Statement and a SubStatement have in common.
func contentRule(name []byte) rule {
	switch string(name) {
	case "actor":
		return (*normalizer).actor
	case "verb":
		return (*normalizer).verb
	case "object":
		return (*normalizer).statementObject
	case "context":
		return (*normalizer).context
	case "result":
		return (*normalizer).result
	case "timestamp":
		return (*normalizer).instant
	}
	return (*normalizer).any
}

func (z *normalizer) actor(n jsonValue) {
	z.object(n, "Agent", func(name []byte, _ jsonValue) rule {
		switch string(name) {
		case "mbox":
			return (*normalizer).mbox
		case "mbox_sha1sum":
			return (*normalizer).caseless
		case "member":
			return (*normalizer).unorderedActors
		}
		return (*normalizer).any
	})
}

func (z *normalizer) verb(n jsonValue) {
	z.object(n, "", func(name []byte, _ jsonValue) rule {
		if string(name) == "display" {
			return nil
		}
		return (*normalizer).any
	})
}

func (z *normalizer) statementObject(n jsonValue) {
	switch n.get("objectType").text() {
	case "Agent", "Group":
		z.actor(n)
	case "SubStatement":
		z.object(n, "", func(name []byte, _ jsonValue) rule { return contentRule(name) })
	case "StatementRef":
		z.statementRef(n)
	default:
		z.activity(n)
	}
}

func (z *normalizer) activity(n jsonValue) {
	z.object(n, "Activity", func(name []byte, _ jsonValue) rule {
		if string(name) == "definition" {
			return nil
		}
		return (*normalizer).any
	})
}

func (z *normalizer) statementRef(n jsonValue) {
	z.object(n, "", func(name []byte, _ jsonValue) rule {
		if string(name) == "id" {
			return (*normalizer).caseless
		}
		return (*normalizer).any
	})
}

func (z *normalizer) context(n jsonValue) {
	z.object(n, "", func(name []byte, _ jsonValue) rule {
		switch string(name) {
		case "registration", "language":
			return (*normalizer).caseless
		case "instructor", "team":
			return (*normalizer).actor
		case "statement":
			return (*normalizer).statementRef
		case "contextActivities":
			return (*normalizer).contextActivities
		case "contextAgents", "contextGroups":
			return (*normalizer).contextActors
		}
		return (*normalizer).any
	})
}

func (z *normalizer) contextActivities(n jsonValue) {
	z.object(n, "", func([]byte, jsonValue) rule {
		return func(z *normalizer, n jsonValue) {
			if n.kind == '[' {
				z.array(n, nil, (*normalizer).activity)
				return
			}
			z.out = append(z.out, '[')
			z.activity(n)
			z.out = append(z.out, ",]"...)
		}
	})
}

func (z *normalizer) contextActors(n jsonValue) {
	if n.kind != '[' {
		z.any(n)
		return
	}
	z.array(n, nil, func(z *normalizer, n jsonValue) {
		z.object(n, "", func(name []byte, _ jsonValue) rule {
			if string(name) == "agent" || string(name) == "group" {
				return (*normalizer).actor
			}
			return (*normalizer).any
		})
	})
}

func (z *normalizer) result(n jsonValue) {
	z.object(n, "", func(name []byte, _ jsonValue) rule {
		if string(name) == "duration" {
			return func(z *normalizer, n jsonValue) { z.string(n, cutDuration) }
		}
		return (*normalizer).any
	})
}

// object writes the members, sorted by name, that have a rule. objectType, if not "", is what an absent one means.
func (z *normalizer) object(n jsonValue, objectType string, ruleOf func(name []byte, _ jsonValue) rule) {
	if n.kind != '{' {
		z.any(n)
		return
	}
	z.out = append(z.out, '{')
	if objectType != "" {
		z.out = append(z.out, `"objectType":`...)
		if given := n.get("objectType"); given.given() {
			z.any(given)
		} else {
			z.out = appendString(z.out, objectType)
		}
		z.out = append(z.out, ',')
	}
	from, outer := len(z.out), len(z.spans)
	for _, m := range n.members() {
		name := m.name()
		r := ruleOf(name, m.value)
		if r == nil || objectType != "" && string(name) == "objectType" {
			continue
		}
		start := len(z.out)
		z.quoted(m.quoted)
		z.out = append(z.out, ':')
		r(z, m.value)
		z.out = append(z.out, ',')
		z.span(start)
	}
	z.sortMembers(from, outer)
	z.out = append(z.out, '}')
}

// array writes those items, in their order, for which keep is true; nil keeps all.
func (z *normalizer) array(n jsonValue, keep func(jsonValue) bool, r rule) {
	z.out = append(z.out, '[')
	for _, item := range n.items() {
		if keep == nil || keep(item) {
			r(z, item)
			z.out = append(z.out, ',')
		}
	}
	z.out = append(z.out, ']')
}

// unorderedActors writes a Group's members sorted by their normal forms.
func (z *normalizer) unorderedActors(n jsonValue) {
	if n.kind != '[' {
		z.any(n)
		return
	}
	z.out = append(z.out, '[')
	from, outer := len(z.out), len(z.spans)
	for _, item := range n.items() {
		start := len(z.out)
		z.actor(item)
		z.out = append(z.out, ',')
		z.span(start)
	}
	z.sort(from, outer)
	z.out = append(z.out, ']')
}

// span notes what was written since start.
func (z *normalizer) span(start int) {
	z.spans = append(z.spans, outSpan{uint32(start), uint32(len(z.out))})
}

// sortMembers sorts by what was written of each, which begins with its name, and sees if one is there twice.
func (z *normalizer) sortMembers(from, outer int) {
	spans := z.sort(from, outer)
	for i := 1; i < len(spans) && !z.twice; i++ {
		previous, start := int(spans[i-1].start), int(spans[i].start)
		z.twice = bytes.HasPrefix(z.out[start:], z.out[previous:skipString(z.out, previous)])
	}
}

// sort puts what the spans beyond outer say in order, which is all that was written since from. It gives them as they are
// then.
func (z *normalizer) sort(from, outer int) []outSpan {
	spans := z.spans[outer:]
	z.spans = z.spans[:outer]
	compare := func(a, b outSpan) int { return bytes.Compare(z.out[a.start:a.end], z.out[b.start:b.end]) }
	if slices.IsSortedFunc(spans, compare) {
		return spans
	}
	slices.SortFunc(spans, compare)
	z.moved = append(z.moved[:0], z.out[from:]...)
	z.out = z.out[:from]
	for i, s := range spans {
		start := len(z.out)
		z.out = append(z.out, z.moved[int(s.start)-from:int(s.end)-from]...)
		spans[i] = outSpan{uint32(start), uint32(len(z.out))}
	}
	return spans
}

// any writes a value about which xAPI says nothing: all of it counts.
func (z *normalizer) any(n jsonValue) { z.anyAt(n.raw, 0) }

// anyAt writes the value that begins at src[at], and gives its end. It goes through the text once, however deep.
func (z *normalizer) anyAt(src []byte, at int) int {
	switch src[at] {
	case '{':
		z.out = append(z.out, '{')
		from, outer := len(z.out), len(z.spans)
		for at = skipSpace(src, at+1); src[at] != '}'; at = afterComma(src, at) {
			start, end := len(z.out), skipString(src, at)
			z.quoted(src[at:end])
			z.out = append(z.out, ':')
			at = z.anyAt(src, afterColon(src, end))
			z.out = append(z.out, ',')
			z.span(start)
		}
		z.sortMembers(from, outer)
		z.out = append(z.out, '}')
		return at + 1
	case '[':
		z.out = append(z.out, '[')
		for at = skipSpace(src, at+1); src[at] != ']'; at = afterComma(src, at) {
			at = z.anyAt(src, at)
			z.out = append(z.out, ',')
		}
		z.out = append(z.out, ']')
		return at + 1
	}
	end := skipValue(src, at)
	if src[at] == '"' {
		z.quoted(src[at:end])
	} else {
		z.out = append(z.out, src[at:end]...)
	}
	return end
}

// quoted writes a string literal; one without escapes is as it would be written.
func (z *normalizer) quoted(literal []byte) {
	if bytes.IndexByte(literal, '\\') < 0 {
		z.out = append(z.out, literal...)
		return
	}
	z.out = appendString(z.out, unquote(literal))
}

// string writes a string in its normal form, and any other kind as any does.
func (z *normalizer) string(n jsonValue, normal func(string) string) {
	if n.kind != '"' {
		z.any(n)
		return
	}
	z.out = appendString(z.out, normal(n.text()))
}

func (z *normalizer) caseless(n jsonValue) { z.string(n, lowerASCII) }
func (z *normalizer) mbox(n jsonValue)     { z.string(n, canonicalMbox) }
func (z *normalizer) instant(n jsonValue)  { z.string(n, utc) }

// utc is the same instant in UTC, without the zeros at its fraction's end. What is no timestamp stays as it is.
func utc(timestamp string) string {
	t, ok := parseTimestamp(timestamp)
	if !ok {
		return timestamp
	}
	return t.Format(time.RFC3339Nano)
}

// cutDuration cuts the seconds of an ISO 8601 duration after two decimals; it does not round (4.6).
func cutDuration(duration string) string {
	seconds, ok := strings.CutSuffix(duration, "S")
	if !ok {
		return duration
	}
	if point := strings.LastIndexAny(seconds, ".,"); point >= 0 && len(seconds)-point > 3 {
		seconds = seconds[:point+3]
	}
	return seconds + "S"
}
