package xapihttp_test

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/auth"
)

// What the statements of TestModel are made of: few of everything, so that they
// meet.

var modelAgents = []string{
	`"mbox":"mailto:ana@x.example"`,
	`"mbox":"mailto:ana@X.Example"`, // the same
	`"mbox":"mailto:Ana@x.example"`, // another
	`"mbox_sha1sum":"` + fmt.Sprintf("%x", sha1.Sum([]byte("mailto:ana@x.example"))) + `"`,
	`"openid":"https://x.example/ana"`,
	`"account":{"homePage":"https://x.example","name":"ana"}`,
	`"account":{"name":"ana","homePage":"https://y.example"}`,
	`"account":{"homePage":"https://lrs.example","name":"mine"}`, // an authority
}

var modelGroups = []string{`"mbox":"mailto:team@x.example"`, `"account":{"homePage":"https://x.example","name":"ana"}`}

var modelVerbs = []string{"https://v.example/done", "https://v.example/Done", "https://v.example/read"}

var modelActivities = []string{"https://a.example/1", "https://a.example/2", "https://a.example/2?x=ä&y=%20", "urn:a:3"}

// modelIDs are the ids of statements, and of what StatementRefs refer to.
var modelIDs = func() (ids []string) {
	for n := range 32 {
		ids = append(ids, fmt.Sprintf("0000000a-0000-4000-8000-%012d", n))
	}
	return ids
}()

var modelRegistrations = []string{"0000000b-0000-4000-8000-000000000000", "0000000b-0000-4000-8000-000000000001"}

// draw is rapid.T with the few things that are drawn again and again.
type draw struct{ *rapid.T }

func (d draw) one(label string, of []string) string { return rapid.SampledFrom(of).Draw(d.T, label) }
func (d draw) upTo(label string, n int) int         { return rapid.IntRange(0, n).Draw(d.T, label) }

// in says yes once in n times.
func (d draw) in(n int, label string) bool { return d.upTo(label, n-1) == n-1 }

// object joins members, leaving out those that are "".
func object(members ...string) string {
	return "{" + strings.Join(slices.DeleteFunc(members, func(m string) bool { return m == "" }), ",") + "}"
}

// perhaps is a member that is there once in n times.
func (d draw) perhaps(n int, name string, value func() string) string {
	if !d.in(n, name) {
		return ""
	}
	return `"` + name + `":` + value()
}

func (d draw) agent() string {
	kind := d.perhaps(2, "objectType", func() string { return `"Agent"` })
	name := d.perhaps(3, "name", func() string { return d.one("agent name", []string{`"Ana"`, `"Änne \"A\""`, `"ana"`}) })
	return object(kind, d.one("agent", modelAgents), name)
}

// group is an identified or an anonymous Group.
func (d draw) group() string {
	identity := d.perhaps(2, "identity", func() string { return "" })
	if identity != "" {
		identity = d.one("group", modelGroups)
	}
	members := ""
	if identity == "" || d.in(2, "member") {
		var list []string
		for range 1 + d.upTo("members", 2) {
			list = append(list, d.agent())
		}
		members = `"member":[` + strings.Join(list, ",") + `]`
	}
	return object(members, `"objectType":"Group"`, identity, d.perhaps(3, "name", func() string { return `"The team"` }))
}

func (d draw) actor() string {
	if d.in(4, "a group") {
		return d.group()
	}
	return d.agent()
}

func (d draw) languages(label string) string {
	var members []string
	for _, tag := range []string{"en-US", "en", "de", "fr-CA", "zh-Hans-CN"} {
		if d.in(3, label) {
			members = append(members, fmt.Sprintf(`"%s":"%s %d"`, tag, label, d.upTo("text", 2)))
		}
	}
	return object(members...)
}

func (d draw) verb(id string) string {
	return object(`"id":"`+id+`"`, d.perhaps(2, "display", func() string { return d.languages("display") }))
}

func (d draw) activity() string {
	return object(
		d.perhaps(3, "objectType", func() string { return `"Activity"` }),
		`"id":"`+d.one("activity", modelActivities)+`"`,
		d.perhaps(2, "definition", d.definition),
	)
}

func (d draw) definition() string {
	interaction := ""
	if d.in(3, "interaction") {
		var choices []string
		for _, id := range []string{"a", "b"} {
			if d.in(2, "choice") {
				choices = append(choices, object(`"id":"`+id+`"`, d.perhaps(2, "description", func() string { return d.languages("choice") })))
			}
		}
		interaction = d.one("interactionType", []string{`"interactionType":"choice"`, `"interactionType":"sequencing"`}) +
			`,"correctResponsesPattern":` + d.one("pattern", []string{`[]`, `["a"]`, `["b","a[,]b"]`}) + `,"choices":[` + strings.Join(choices, ",") + `]`
	}
	return object(
		d.perhaps(2, "name", func() string { return d.languages("name") }),
		d.perhaps(2, "description", func() string { return d.languages("description") }),
		d.perhaps(3, "type", func() string { return d.one("activity type", []string{`"urn:t:1"`, `"urn:t:2"`}) }),
		d.perhaps(4, "moreInfo", func() string { return `"https://a.example/more"` }),
		interaction,
		d.perhaps(3, "extensions", func() string {
			return object(`"urn:e:1":`+d.one("extension", []string{`1`, `1.0`, `null`, `{"name":{"en":"a","de":"b"}}`}), d.perhaps(2, "urn:e:2", func() string { return `[]` }))
		}),
	)
}

// statementObject is any Object but a StatementRef.
func (d draw) statementObject(version string, sub bool) string {
	switch d.upTo("object", 5) {
	case 0:
		agent := d.agent()
		if !strings.Contains(agent, "objectType") {
			agent = `{"objectType":"Agent",` + agent[1:]
		}
		return agent
	case 1:
		return d.group()
	case 2:
		if sub {
			return d.reference()
		}
		return object(`"objectType":"SubStatement"`, d.content(version, d.one("sub verb", append(modelVerbs, voided)), true),
			d.perhaps(3, "timestamp", d.timestamp))
	}
	return d.activity()
}

func (d draw) reference() string {
	target := d.one("target", modelIDs)
	if d.in(4, "upper") {
		target = strings.ToUpper(target)
	}
	return `{"objectType":"StatementRef","id":"` + target + `"}`
}

// content is actor, verb, object and context.
func (d draw) content(version, verb string, sub bool) string {
	about := ""
	switch {
	case verb == voided:
		about = d.reference()
	case d.in(3, "refers"):
		about = d.reference()
	default:
		about = d.statementObject(version, sub)
	}
	parts := []string{`"actor":` + d.actor(), `"object":` + about, `"verb":` + d.verb(verb)}
	if context := d.context(version); context != "{}" {
		parts = append(parts, `"context":`+context)
	}
	parts = append(parts, d.perhaps(4, "result", func() string {
		return `{"score":{"scaled":1.0,"raw":7e1},"extensions":{"https://e.example/x":{"objectType":"Agent","mbox":"mailto:ana@x.example","display":{"en":"a","de":"b"}}}}`
	}))
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ",")
}

func (d draw) context(version string) string {
	lists := func() string {
		var members []string
		for _, kind := range []string{"other", "parent", "category", "grouping"} {
			switch d.upTo(kind, 4) {
			case 0:
				members = append(members, `"`+kind+`":`+d.activity())
			case 1:
				members = append(members, `"`+kind+`":[`+d.activity()+`,`+d.activity()+`]`)
			}
		}
		return object(members...)
	}
	if d.in(3, "no context") {
		return "{}"
	}
	members := []string{
		d.perhaps(3, "registration", func() string {
			return `"` + d.one("registration", append(modelRegistrations, strings.ToUpper(modelRegistrations[0]))) + `"`
		}),
		d.perhaps(3, "instructor", d.actor),
		d.perhaps(4, "team", d.group),
		d.perhaps(2, "contextActivities", lists),
		d.perhaps(5, "statement", d.reference), // it does not count
		d.perhaps(5, "extensions", func() string { return `{"urn:c":[{"id":"https://a.example/1"},-0.0]}` }),
	}
	if version == v2 {
		members = append(members,
			d.perhaps(3, "contextAgents", func() string {
				return `[{"objectType":"contextAgent","agent":` + d.agent() + `,"relevantTypes":["urn:r"]}]`
			}),
			d.perhaps(3, "contextGroups", func() string { return `[{"objectType":"contextGroup","group":` + d.group() + `}]` }))
	}
	return object(members...)
}

func (d draw) timestamp() string {
	return `"` + d.one("timestamp", []string{"2026-02-28T23:59:59.5Z", "2012-03-01T01:00:00+02:30", "2030-01-01T00:00:00.123456789-05:00"}) + `"`
}

// statement is a whole statement, by its id, or without one if that is "".
func (d draw) statement(version, id string) string {
	verb := d.one("verb", append(modelVerbs, voided))
	var name string
	if id != "" {
		name = `"id":"` + id + `"`
	}
	return object(
		d.perhaps(4, "version", func() string { return `"1.0.3"` }),
		d.content(version, verb, false), name,
		d.perhaps(3, "timestamp", d.timestamp),
		d.perhaps(6, "stored", func() string { return `"2001-01-01T00:00:00Z"` }),
		d.perhaps(6, "authority", func() string { return `{"mbox":"mailto:ana@x.example"}` }),
		d.perhaps(6, "attachments", func() string {
			return `[{"usageType":"urn:u","display":{"en":"a","de":"b"},"contentType":"text/plain","length":1,` +
				`"sha2":"` + strings.Repeat("ab", 32) + `","fileUrl":"https://f.example/1"}]`
		}),
	)
}

// modelReader is a credential, and who its statements are from.
type modelReader struct {
	auth.Credential
	authority tree
	defines   bool
	mine      bool // may read its own statements only
}

// GoString is how rapid shows it.
func (r *modelReader) GoString() string { return r.Key }

// modelReaders are who writes and reads: the first may do everything.
var modelReaders = sync.OnceValue(func() []*modelReader {
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	reader := func(key, scopes, authority string) *modelReader {
		c, err := auth.Environment(key, "secret", made)
		if err == nil {
			c.Ephemeral = false // it is in the log
			c.Authority = []byte(authority)
			c.Scopes, err = auth.ParseScopes(scopes)
		}
		if err != nil {
			panic(err)
		}
		parsed, err := parseNaive(authority)
		if err != nil {
			panic(err)
		}
		return &modelReader{Credential: c, authority: parsed.(tree), defines: strings.Contains(scopes, "define") || scopes == "all", mine: strings.Contains(scopes, "mine")}
	}
	const app, user = `{"account":{"homePage":"https://lrs.example","name":"app"}}`, `{"mbox":"mailto:ana@x.example"}`
	return []*modelReader{
		reader("all", "all", `{"objectType":"Agent","name":"The LRS","mbox":"mailto:lrs@x.example"}`),
		reader("mine", "statements/write statements/read/mine define", `{"account":{"homePage":"https://lrs.example","name":"mine"}}`),
		reader("group", "statements/write statements/read/mine", `{"objectType":"Group","member":[`+app+`,`+user+`]}`),
		reader("same group", "statements/read/mine statements/write", `{"member":[`+user+`,`+app+`],"objectType":"Group"}`),
		reader("reader", "statements/write statements/read", `{"account":{"homePage":"https://lrs.example","name":"reader"}}`),
	}
})
