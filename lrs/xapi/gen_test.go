package xapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// text is JSON as it is sent, and as it has to be stored: single contextActivities as arrays, under 2.0 times in UTC.
type text struct{ sent, stored string }

type member struct {
	name  string // quoted
	value text
}

// generator draws valid Statements: any member in any order, any white space, names and strings with escapes.
type generator struct {
	t       *rapid.T
	version Version
}

func (g generator) choose(n int) int { return rapid.IntRange(0, n-1).Draw(g.t, "choice") }
func (g generator) maybe() bool      { return rapid.Bool().Draw(g.t, "maybe") }
func (g generator) space() string    { return []string{"", "", "", " ", "\n\t"}[g.choose(5)] }
func same(s string) text             { return text{s, s} }
func quoted(s string) text           { return same(fmt.Sprintf("%q", s)) }
func named(name string, value text) member {
	return member{fmt.Sprintf("%q", name), value}
}

// statement draws the members of a Statement, and the Statement.
func (g generator) statement() (members []member, raw string) {
	members = g.content(false)
	if g.maybe() {
		members = append(members, named("id", g.uuid()))
	}
	if g.maybe() {
		members = append(members, named("stored", same(`"2011-07-15T00:00:00.000Z"`)))
	}
	if g.maybe() {
		members = append(members, named("authority", []text{g.agent(""), g.object(named("objectType", quoted("Group")),
			named("member", same("["+g.agent("").sent+","+g.agent("").sent+"]")))}[g.choose(2)]))
	}
	if g.maybe() {
		members = append(members, named("version", quoted([]string{"1.0", "1.0.0", "1.0.3", "2.0.0"}[g.choose(2+int(g.version))])))
	}
	members = rapid.Permutation(members).Draw(g.t, "order")
	return members, g.space() + g.join(members).sent + g.space()
}

func (g generator) content(sub bool) []member {
	object, isActivity := g.statementObject(sub)
	members := []member{named("actor", g.actor()), named("object", object)}
	verb := []member{named("id", g.iri())}
	if g.maybe() {
		verb = append(verb, named("display", g.languageMap()))
	}
	members = append(members, named("verb", g.object(verb...)))
	if g.maybe() {
		members = append(members, named("result", g.result()))
	}
	if g.maybe() {
		members = append(members, named("context", g.context(isActivity)))
	}
	if g.maybe() {
		members = append(members, named("timestamp", g.timestamp()))
	}
	if g.maybe() {
		members = append(members, named("attachments", g.list(g.attachment)))
	}
	return members
}

func (g generator) statementObject(sub bool) (object text, isActivity bool) {
	switch n := g.choose(6); {
	case n == 0:
		return g.agent("Agent"), false
	case n == 1:
		return g.group(), false
	case n == 2:
		return g.object(named("objectType", quoted("StatementRef")), named("id", g.uuid())), false
	case n == 3 && !sub:
		return g.object(append(g.content(true), named("objectType", quoted("SubStatement")))...), false
	}
	return g.activity(), true
}

func (g generator) actor() text {
	return []func() text{g.group, func() text { return g.agent("") }, func() text { return g.agent("Agent") }}[g.choose(3)]()
}

func (g generator) agent(objectType string) text {
	members := []member{g.ifi()}
	if objectType != "" {
		members = append(members, named("objectType", quoted(objectType)))
	}
	if g.maybe() {
		members = append(members, named("name", g.string()))
	}
	return g.object(members...)
}

func (g generator) group() text {
	members := []member{named("objectType", quoted("Group"))}
	identified := g.maybe()
	if identified {
		members = append(members, g.ifi())
	}
	if !identified || g.maybe() {
		members = append(members, named("member", g.list(func() text { return g.agent("") })))
	}
	return g.object(members...)
}

func (g generator) ifi() member {
	switch g.choose(4) {
	case 0:
		return named("mbox", quoted(rapid.SampledFrom([]string{"mailto:ana@hospital.example", "mailto:Ana@Hospital.Example", "mailto:x@y"}).Draw(g.t, "mbox")))
	case 1:
		return named("mbox_sha1sum", quoted(rapid.StringMatching(`[0-9a-fA-F]{40}`).Draw(g.t, "sha1")))
	case 2:
		return named("openid", g.iri())
	}
	return named("account", g.object(named("homePage", g.iri()), named("name", g.string())))
}

func (g generator) activity() text {
	members := []member{named("id", g.iri())}
	if g.maybe() {
		members = append(members, named("objectType", quoted("Activity")))
	}
	if g.maybe() {
		members = append(members, named("definition", g.definition()))
	}
	return g.object(members...)
}

func (g generator) definition() text {
	var members []member
	for name, draw := range sorted(map[string]func() text{"name": g.languageMap, "description": g.languageMap, "type": g.iri, "moreInfo": g.iri, "extensions": g.extensions}) {
		if g.maybe() {
			members = append(members, named(name, draw()))
		}
	}
	if g.maybe() {
		members = append(members, named("interactionType", quoted("choice")), named("choices", same(`[{"id":"a","description":{"en":"A"}}, {"id":"b"}]`)),
			named("correctResponsesPattern", g.list(g.string)))
	}
	return g.object(members...)
}

func (g generator) result() text {
	var members []member
	duration := func() text { return quoted([]string{"PT4H35M59.14S", "P4W", "P1DT12H36M0.12567S"}[g.choose(3)]) }
	boolean := func() text { return same([]string{"true", "false"}[g.choose(2)]) }
	score := func() text {
		return same([]string{"{}", `{"scaled":0.850}`, `{"min":-1e2, "raw": 99.99,"max":1E+2}`, `{"scaled":-1,"raw":123456789012345678901234567890}`}[g.choose(4)])
	}
	for name, draw := range sorted(map[string]func() text{"score": score, "success": boolean, "completion": boolean, "response": g.string, "duration": duration,
		"extensions": g.extensions}) {
		if g.maybe() {
			members = append(members, named(name, draw()))
		}
	}
	return g.object(members...)
}

func (g generator) context(isActivity bool) text {
	draws := map[string]func() text{"registration": g.uuid, "instructor": g.actor, "team": g.group, "contextActivities": g.contextActivities, "language": g.language,
		"extensions": g.extensions, "statement": func() text {
			return g.object(named("objectType", quoted("StatementRef")), named("id", g.uuid()))
		}}
	if isActivity {
		draws["revision"], draws["platform"] = g.string, g.string
	}
	if g.version == V2 {
		draws["contextAgents"] = func() text {
			return g.list(func() text { return g.role("contextAgent", "agent", g.agent("Agent")) })
		}
		draws["contextGroups"] = func() text { return g.list(func() text { return g.role("contextGroup", "group", g.group()) }) }
	}
	var members []member
	for name, draw := range sorted(draws) {
		if g.maybe() {
			members = append(members, named(name, draw()))
		}
	}
	return g.object(members...)
}

func (g generator) role(objectType, name string, actor text) text {
	return g.object(named("objectType", quoted(objectType)), named(name, actor), named("relevantTypes", same("["+g.iri().sent+"]")))
}

func (g generator) contextActivities() text {
	var members []member
	for _, name := range []string{"parent", "grouping", "category", "other"} {
		switch g.choose(3) {
		case 0:
			single := g.activity()
			members = append(members, named(name, text{single.sent, "[" + single.stored + "]"}))
		case 1:
			members = append(members, named(name, g.list(g.activity)))
		}
	}
	return g.object(members...)
}

func (g generator) attachment() text {
	return g.object(named("usageType", g.iri()), named("display", g.languageMap()), named("contentType", quoted("text/plain")), named("length", same("27")),
		named("sha2", quoted(rapid.StringMatching(`[0-9a-f]{64}`).Draw(g.t, "sha2"))))
}

func (g generator) timestamp() text {
	at := time.Unix(rapid.Int64Range(-62_000_000_000, 253_000_000_000).Draw(g.t, "seconds"), 0)
	fraction := rapid.StringMatching(`(\.[0-9]{1,12})?`).Draw(g.t, "fraction")
	zone := rapid.IntRange(-1439, 1439).Draw(g.t, "zone")
	local := at.In(time.FixedZone("", zone*60))
	sent := local.Format("2006-01-02T15:04:05") + fraction + local.Format("Z07:00")
	if zone == 0 || g.version == V1 {
		return quoted(sent)
	}
	padded := fraction
	if padded == "" {
		padded = "."
	}
	padded += strings.Repeat("0", max(0, 4-len(padded)))
	return text{`"` + sent + `"`, `"` + at.UTC().Format("2006-01-02T15:04:05") + padded + `Z"`}
}

func (g generator) uuid() text {
	id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(g.t, "uuid")).String()
	if g.maybe() {
		id = strings.ToUpper(id)
	}
	return quoted(id)
}

func (g generator) iri() text {
	return same([]string{`"http://example.com/a"`, `"http:\/\/example.com\/b"`, `"urn:x:y"`, `"http://example.com/فعل/خواندن"`, `"tag:a,2001:\u00e9"`}[g.choose(5)])
}

func (g generator) language() text {
	return quoted([]string{"en", "de-CH", "zh-Hans-CN", "cmn", "x-ward"}[g.choose(5)])
}

func (g generator) languageMap() text {
	var members []member
	for _, tag := range []string{"en-US", "fr"} {
		if g.maybe() {
			members = append(members, named(tag, g.string()))
		}
	}
	return g.object(members...)
}

// string draws any string, written by encoding/json or with nothing escaped that need not be.
func (g generator) string() text {
	s := rapid.StringN(0, 10, -1).Draw(g.t, "string")
	encoded, err := json.Marshal(s)
	if err != nil {
		g.t.Fatal(err)
	}
	return same(string(encoded))
}

func (g generator) extensions() text {
	var members []member
	for _, key := range []string{"http://example.com/x", "urn:y"} {
		if g.maybe() {
			members = append(members, named(key, g.anything(3)))
		}
	}
	return g.object(members...)
}

func (g generator) anything(depth int) text {
	switch n := g.choose(6); {
	case n == 0 && depth > 0:
		return g.list(func() text { return g.anything(depth - 1) })
	case n == 1 && depth > 0:
		return g.object(named("", g.anything(depth-1)), named("null", g.anything(depth-1)))
	case n == 2:
		return g.string()
	}
	return same([]string{"null", "true", "-0.0", "1e400", `"2023-05-04T12:00:00-05:00"`}[g.choose(5)])
}

func (g generator) list(draw func() text) text {
	list := text{"[", "["}
	for i := range g.choose(3) {
		comma := []string{"", ", "}[min(i, 1)]
		element := draw()
		list = text{list.sent + comma + element.sent, list.stored + comma + element.stored}
	}
	return text{list.sent + "]", list.stored + "]"}
}

// object joins members in any order.
func (g generator) object(members ...member) text {
	if len(members) > 1 {
		members = rapid.Permutation(members).Draw(g.t, "order")
	}
	return g.join(members)
}

func (g generator) join(members []member) text {
	all := text{"{", "{"}
	for i, m := range members {
		comma, before, after := "", g.space(), g.space()
		if i > 0 {
			comma = ","
		}
		all.sent += comma + before + m.name + after + ":" + m.value.sent + after
		all.stored += comma + before + m.name + after + ":" + m.value.stored + after
	}
	return text{all.sent + "}", all.stored + "}"}
}

// sorted goes through a map in the order of its keys: rapid needs the same draws in the same order.
func sorted(draws map[string]func() text) func(func(string, func() text) bool) {
	return func(yield func(string, func() text) bool) {
		names := make([]string, 0, len(draws))
		for name := range draws {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if !yield(name, draws[name]) {
				return
			}
		}
	}
}
