package index

import (
	"fmt"
	"maps"
	"strings"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

func verbIRI(n int) string {
	if n == 1 {
		return xapi.Voided
	}
	return fmt.Sprintf("https://verbs.example/%d", n)
}

func activityIRI(n int) string { return fmt.Sprintf("https://activities.example/%d", n) }

func agentJSON(n int, name string) string {
	return fmt.Sprintf(`{"objectType":"Agent","account":{"homePage":"https://hr.example","name":"%d"}%s}`, n, name)
}

var authorities = []*xapi.Authority{
	1: must(xapi.ParseAuthority([]byte(agentJSON(1, "")))), // who is also an Agent of statements
	2: must(xapi.ParseAuthority([]byte(agentJSON(9, "")))),
}

// drawStatement makes a statement with an id that is not used yet.
func drawStatement(t *rapid.T, m *model, free []uuid.UUID) *modelStatement {
	s := &modelStatement{id: rapid.SampledFrom(free).Draw(t, "id")}
	some := func(label string, upTo int) int { return rapid.IntRange(0, upTo).Draw(t, label) }
	actor, name := 1+some("actor", 2), ""
	if n := some("name", 2); n > 0 {
		name = fmt.Sprintf(`,"name":"Name %d"`, n)
	}
	s.agents = []int{actor}
	s.verb = 2 + some("verb", 2)
	s.authority = 1 + some("authority", 1)
	var object string
	activity := func(n int) string {
		language := rapid.SampledFrom([]string{"", "en", "de"}).Draw(t, "language")
		if language == "" {
			return fmt.Sprintf(`{"id":"%s"}`, activityIRI(n))
		}
		return fmt.Sprintf(`{"id":"%s","definition":{"name":{"%s":"%d"}}}`, activityIRI(n), language, some("text", 2))
	}
	switch kind := rapid.SampledFrom([]string{"activity", "ref", "ref", "void", "agent", "sub", "sub that would void"}).Draw(t, "object"); kind {
	case "activity":
		s.activity = 1 + some("activity", 2)
		s.activities = []int{s.activity}
		object = activity(s.activity)
	case "agent":
		agent := 1 + some("object agent", 2)
		s.agents = append(s.agents, agent)
		object = agentJSON(agent, "")
	case "sub":
		n, agent := 1+some("sub activity", 2), 1+some("sub agent", 2)
		s.activities, s.related = []int{n}, []int{agent}
		object = fmt.Sprintf(`{"objectType":"SubStatement","actor":%s,"verb":{"id":"%s"},"object":%s%s}`,
			agentJSON(agent, ""), verbIRI(2), activity(n), drawAttachments(t, s))
	case "sub that would void":
		object = fmt.Sprintf(`{"objectType":"SubStatement","actor":%s,"verb":{"id":"%s"},"object":{"objectType":"StatementRef","id":"%s"}}`,
			agentJSON(1, ""), verbIRI(1), id(1+some("no target", poolSize-1)))
		s.related = []int{1}
	default:
		target := id(1 + some("target", poolSize-1))
		s.target = &target
		object = fmt.Sprintf(`{"objectType":"StatementRef","id":"%s"}`, target)
		if kind == "void" {
			s.verb, s.voiding = 1, true
		}
	}
	s.related = append(append(s.related, s.agents...), map[int]int{1: 1, 2: 9}[s.authority])
	var context []string
	if s.registration = some("registration", 2); s.registration > 0 {
		context = append(context, fmt.Sprintf(`"registration":"%s"`, id(1000+s.registration)))
	}
	if n := some("instructor", 3); n > 0 {
		s.related = append(s.related, n)
		context = append(context, `"instructor":`+agentJSON(n, ""))
	}
	if n := some("parent", 3); n > 0 {
		s.activities = append(s.activities, n)
		context = append(context, `"contextActivities":{"parent":[`+activity(n)+`]}`)
	}
	s.json = fmt.Sprintf(`{"id":"%s","actor":%s,"verb":{"id":"%s"},"object":%s,"context":{%s}%s}`,
		s.id, agentJSON(actor, name), verbIRI(s.verb), object, strings.Join(context, ","), drawAttachments(t, s))
	return s
}

// blobHash is the hash of a blob, n from 0 to 4.
func blobHash(n int) string { return strings.Repeat("a", 63) + fmt.Sprint(n) }

// drawAttachments makes a member of a statement or SubStatement, mostly none.
func drawAttachments(t *rapid.T, s *modelStatement) string {
	if rapid.IntRange(0, 2).Draw(t, "attached") > 0 {
		return ""
	}
	var list []string
	for _, n := range rapid.SliceOfN(rapid.IntRange(0, 3), 1, 2).Draw(t, "attachments") {
		hash := blobHash(n)
		s.blobs = append(s.blobs, hash)
		if rapid.Bool().Draw(t, "upper") {
			hash = strings.ToUpper(hash)
		}
		list = append(list, fmt.Sprintf(`{"usageType":"https://usages.example/1","display":{"en":"d"},"contentType":"text/plain","length":1,"sha2":"%s"}`, hash))
	}
	return `,"attachments":[` + strings.Join(list, ",") + `]`
}

// poolSize is how many ids there are: few, so that they refer to each other.
const poolSize = 24

// drawEvent makes any event and does it to the model.
func drawEvent(t *rapid.T, m *model, stored int64) (testEvent, bool) {
	kind := rapid.SampledFrom([]string{"statement", "statement", "statement", "document", "delete", "clear"}).Draw(t, "event")
	key := event.DocumentKey{Kind: event.State, Activity: activityIRI(1), Agent: "a", ID: "1"}
	key.Registration = rapid.SampledFrom([]string{"", "r"}).Draw(t, "state registration")
	key.ID = rapid.SampledFrom([]string{"1", "2", "a/b"}).Draw(t, "state")
	if rapid.Bool().Draw(t, "profile") {
		key.Kind, key.Activity, key.Registration = event.AgentProfile, "", ""
	}
	switch kind {
	case "statement":
		var free []uuid.UUID
		for n := range poolSize {
			if m.byID[id(n+1)] == nil {
				free = append(free, id(n+1))
			}
		}
		if len(free) == 0 {
			return testEvent{}, false
		}
		s := drawStatement(t, m, free)
		s.number, s.stored = uint64(len(m.statements)+1), stored
		e := sentBy(s.json, authorities[s.authority])
		e.noDefine = rapid.IntRange(0, 3).Draw(t, "no define") == 0
		m.add(e, s)
		return e, true
	case "document":
		d := Document{Updated: stored}
		d.Key, d.ContentType, d.ETag = key, "text/plain", strings.Repeat("0", 40)
		d.Body = []byte(rapid.StringN(0, 3, -1).Draw(t, "body"))
		if d.Size = int64(len(d.Body)); d.Size == 0 {
			d.Body = nil
		}
		if rapid.IntRange(0, 3).Draw(t, "large") == 0 {
			d.Body, d.Blob, d.Size = nil, blobHash(rapid.IntRange(2, 4).Draw(t, "blob")), 40_000
			m.blobs[d.Blob] = true
		}
		m.documents[key] = d
		return happened(event.DocumentStored{Document: d.Document}), true
	case "delete":
		delete(m.documents, key)
		return happened(event.DocumentDeleted{Key: key}), true
	default:
		key.Kind, key.Activity, key.ID = event.State, activityIRI(1), ""
		maps.DeleteFunc(m.documents, func(k event.DocumentKey, _ Document) bool { k.ID = ""; return k == key })
		return happened(event.DocumentsDeleted{Scope: key}), true
	}
}

func drawQuery(t *rapid.T, m *model) modelQuery {
	some := func(label string, upTo int) int { return rapid.IntRange(0, upTo).Draw(t, label) }
	q := modelQuery{
		agent: some("agent", 3), verb: some("verb", 4), activity: some("activity", 3),
		registration: some("registration", 2), authority: some("authority", 2),
		relatedAgents: rapid.Bool().Draw(t, "related agents"), relatedActivities: rapid.Bool().Draw(t, "related activities"),
		ascending: rapid.Bool().Draw(t, "ascending"), limit: 1 + some("limit", 4),
	}
	for _, bound := range []*int64{&q.since, &q.until} {
		if len(m.statements) > 0 && some("bounded", 3) == 0 {
			*bound = rapid.SampledFrom(m.statements).Draw(t, "bound").stored + int64(some("off", 2)-1)
		}
	}
	return q
}
