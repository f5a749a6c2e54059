package xapi

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// A normalizer writes JSON in a normal form: members sorted, strings unescaped, and what is equal written the same.
type normalizer struct{ out []byte }

// A rule writes one value. As the rule of a member, nil leaves the member out.
type rule func(z *normalizer, n *jsonNode)

// contentRule is for the members that a Statement and a SubStatement have in common.
func contentRule(name string) rule {
	switch name {
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

func (z *normalizer) actor(n *jsonNode) {
	z.object(n, "Agent", func(name string) rule {
		switch name {
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

func (z *normalizer) verb(n *jsonNode) {
	z.object(n, "", func(name string) rule {
		if name == "display" {
			return nil
		}
		return (*normalizer).any
	})
}

func (z *normalizer) statementObject(n *jsonNode) {
	switch n.get("objectType").text() {
	case "Agent", "Group":
		z.actor(n)
	case "SubStatement":
		z.object(n, "", contentRule)
	case "StatementRef":
		z.statementRef(n)
	default:
		z.activity(n)
	}
}

func (z *normalizer) activity(n *jsonNode) {
	z.object(n, "Activity", func(name string) rule {
		if name == "definition" {
			return nil
		}
		return (*normalizer).any
	})
}

func (z *normalizer) statementRef(n *jsonNode) {
	z.object(n, "", func(name string) rule {
		if name == "id" {
			return (*normalizer).caseless
		}
		return (*normalizer).any
	})
}

func (z *normalizer) context(n *jsonNode) {
	z.object(n, "", func(name string) rule {
		switch name {
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

func (z *normalizer) contextActivities(n *jsonNode) {
	z.object(n, "", func(string) rule {
		return func(z *normalizer, n *jsonNode) {
			if n.kind == '[' {
				z.array(n.items, (*normalizer).activity)
			} else {
				z.array([]jsonNode{*n}, (*normalizer).activity)
			}
		}
	})
}

func (z *normalizer) contextActors(n *jsonNode) {
	if n.kind != '[' {
		z.any(n)
		return
	}
	z.array(n.items, func(z *normalizer, n *jsonNode) {
		z.object(n, "", func(name string) rule {
			if name == "agent" || name == "group" {
				return (*normalizer).actor
			}
			return (*normalizer).any
		})
	})
}

func (z *normalizer) result(n *jsonNode) {
	z.object(n, "", func(name string) rule {
		if name == "duration" {
			return func(z *normalizer, n *jsonNode) { z.string(n, cutDuration) }
		}
		return (*normalizer).any
	})
}

// object writes the members, sorted by name, that have a rule. objectType, if not "", is what an absent one means.
func (z *normalizer) object(n *jsonNode, objectType string, ruleOf func(name string) rule) {
	if n.kind != '{' {
		z.any(n)
		return
	}
	order := make([]*jsonMember, len(n.members))
	for i := range n.members {
		order[i] = &n.members[i]
	}
	slices.SortFunc(order, func(a, b *jsonMember) int { return strings.Compare(a.name, b.name) })
	z.out = append(z.out, '{')
	if objectType != "" {
		z.name("objectType")
		if given := n.get("objectType"); given != nil {
			z.any(given)
		} else {
			z.out = appendString(z.out, objectType)
		}
		z.out = append(z.out, ',')
	}
	for _, m := range order {
		r := ruleOf(m.name)
		if r == nil || objectType != "" && m.name == "objectType" {
			continue
		}
		z.name(m.name)
		r(z, &m.value)
		z.out = append(z.out, ',')
	}
	z.out = append(z.out, '}')
}

func (z *normalizer) name(name string) { z.out = append(appendString(z.out, name), ':') }

func (z *normalizer) array(items []jsonNode, r rule) {
	z.out = append(z.out, '[')
	for i := range items {
		r(z, &items[i])
		z.out = append(z.out, ',')
	}
	z.out = append(z.out, ']')
}

// unorderedActors writes a Group's members sorted by their normal forms.
func (z *normalizer) unorderedActors(n *jsonNode) {
	if n.kind != '[' {
		z.any(n)
		return
	}
	forms := make([][]byte, len(n.items))
	for i := range n.items {
		var item normalizer
		item.actor(&n.items[i])
		forms[i] = item.out
	}
	slices.SortFunc(forms, bytes.Compare)
	z.out = append(z.out, enclose('[', forms, ']')...)
}

// any writes a value about which xAPI says nothing: all of it counts.
func (z *normalizer) any(n *jsonNode) {
	switch n.kind {
	case '{':
		z.object(n, "", func(string) rule { return (*normalizer).any })
	case '[':
		z.array(n.items, (*normalizer).any)
	case '"':
		z.string(n, func(s string) string { return s })
	default:
		z.out = append(z.out, n.raw...)
	}
}

// string writes a string in its normal form, and any other kind as any does.
func (z *normalizer) string(n *jsonNode, normal func(string) string) {
	if n.kind != '"' {
		z.any(n)
		return
	}
	z.out = appendString(z.out, normal(n.text()))
}

func (z *normalizer) caseless(n *jsonNode) { z.string(n, lowerASCII) }
func (z *normalizer) mbox(n *jsonNode)     { z.string(n, canonicalMbox) }
func (z *normalizer) instant(n *jsonNode)  { z.string(n, utc) }

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
