package projectiontest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// Statement is what histories' statements say.
type Statement struct {
	ID     string
	Actors []Agent
	Group  bool // else there is one actor
	Verb   string
	Object Object

	Scaled, Raw, Min, Max *float64
	Success               *bool

	Parent, Grouping, Category, Other []string
	Level                             string // JSON of the context's extension ExtensionLevel, "" for none

	Timestamp int64 // µs; 0: none
	Zone      int   // in which the timestamp is written, hours from UTC
}

// Agent is an identity with the name that the statement gives it.
type Agent struct {
	event.Identity
	Name string
}

// Object is that of a statement.
type Object struct {
	Kind  string // objectType
	ID    string // of an Activity or a StatementRef
	Type  string // of an Activity, "" for none
	Agent Agent  // of an Agent or a Group
}

// ExtensionLevel is the one extension that statements have.
const ExtensionLevel = "https://h.example/extensions/level"

// StatementID gives the id of a history's n-th statement.
func StatementID(n int) string {
	// The order of ids is not the order of the statements.
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n+1)*0x9e3779b97f4a7c15)
	return fmt.Sprintf("%x-%x-4000-8000-%012x", b[:4], b[4:6], n)
}

// JSON gives the statement as it is stored.
func (s *Statement) JSON(stored int64) []byte {
	type object = map[string]any
	m := object{"id": s.ID, "stored": stamp(stored, 0), "verb": object{"id": s.Verb}}
	if s.Timestamp != 0 {
		m["timestamp"] = stamp(s.Timestamp, s.Zone)
	}
	if s.Group {
		members := []object{}
		for _, a := range s.Actors {
			members = append(members, a.json())
		}
		m["actor"] = object{"objectType": "Group", "mbox": "mailto:team@ward.example", "member": members}
	} else {
		m["actor"] = s.Actors[0].json()
	}
	switch o := s.Object; o.Kind {
	case "Agent", "Group":
		a := o.Agent.json()
		a["objectType"] = o.Kind
		m["object"] = a
	case "SubStatement":
		m["object"] = object{"objectType": o.Kind, "actor": Agent{identities[0], ""}.json(), "verb": object{"id": s.Verb}, "object": object{"id": activities[0]}}
	default:
		a := object{"id": o.ID, "objectType": o.Kind}
		if o.Type != "" {
			a["definition"] = object{"type": o.Type}
		}
		m["object"] = a
	}
	score := object{}
	for name, v := range map[string]*float64{"scaled": s.Scaled, "raw": s.Raw, "min": s.Min, "max": s.Max} {
		if v != nil {
			score[name] = *v
		}
	}
	result := object{}
	if len(score) > 0 {
		result["score"] = score
	}
	if s.Success != nil {
		result["success"] = *s.Success
	}
	if len(result) > 0 {
		m["result"] = result
	}
	context, activities := object{}, object{}
	for name, ids := range map[string][]string{"parent": s.Parent, "grouping": s.Grouping, "category": s.Category, "other": s.Other} {
		var list []object
		for _, id := range ids {
			list = append(list, object{"id": id})
		}
		if list != nil {
			activities[name] = list
		}
	}
	if len(activities) > 0 {
		context["contextActivities"] = activities
	}
	if s.Level != "" {
		context["extensions"] = object{ExtensionLevel: jsontext.Value(s.Level)}
	}
	if len(context) > 0 {
		m["context"] = context
	}
	return marshal(m)
}

func (a Agent) json() map[string]any {
	m := map[string]any{}
	switch {
	case a.Mbox != "":
		m["mbox"] = a.Mbox
	case a.MboxSHA1Sum != "":
		m["mbox_sha1sum"] = a.MboxSHA1Sum
	case a.OpenID != "":
		m["openid"] = a.OpenID
	default:
		m["account"] = a.Account
	}
	if a.Name != "" {
		m["name"] = a.Name
	}
	return m
}

func stamp(t int64, zone int) string {
	return time.UnixMicro(t).In(time.FixedZone("", zone*3600)).Format(time.RFC3339Nano)
}

// marshal writes what is JSON for certain.
func marshal(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("projectiontest: %v", err))
	}
	return b
}

const verbRated = "http://id.tincanapi.com/verb/rated"

var (
	verbs         = []string{"http://adlnet.gov/expapi/verbs/passed", "http://adlnet.gov/expapi/verbs/failed"}
	activities    = []string{"https://h.example/simulations/front-desk", "https://h.example/assessments/listen"}
	activityTypes = []string{"http://adlnet.gov/expapi/activities/simulation", "http://adlnet.gov/expapi/activities/assessment"}
	contexts      = []string{"https://h.example/programmes/x", "https://h.example/programmes/y"}
	levels        = []string{`"high"`, `3`, `3.0`, `{"a":1,"b":[2]}`, `{"b": [2.0], "a": 1}`}
)

// Noise is n bytes of text that does not compress.
func Noise(n int) string {
	var b strings.Builder
	for x := uint64(1); b.Len() < n; x = x*6364136223846793005 + 1442695040888963407 {
		b.WriteString(fmt.Sprintf("%02x", x>>56))
	}
	return b.String()
}

// statement makes one of a person's activity or rating, or of one more attempt at the
// same with the same result.
func (w *writer) statement() *Statement {
	s := &Statement{ID: StatementID(w.statements)}
	w.statements++
	if w.again != nil && w.chance(4, "again") {
		id := s.ID
		*s = *w.again
		s.ID = id
		w.timestamp(s)
		return s
	}
	s.Group = w.chance(4, "group")
	n := 1
	if s.Group {
		n = rapid.IntRange(0, 4).Draw(w.T, "members")
	}
	for range n {
		s.Actors = append(s.Actors, w.agent())
	}
	s.Verb = rapid.SampledFrom(append([]string{verbRated, verbRated}, verbs...)).Draw(w.T, "verb")
	s.Object = w.object(s.Verb)
	w.result(s)
	s.Parent = w.some(contexts, 4, "parent")
	s.Grouping = w.some(contexts, 2, "grouping")
	s.Category = w.some(contexts, 4, "category")
	s.Other = rapid.SliceOfN(rapid.SampledFrom(append([]string{contexts[0]}, Competencies...)), 0, 3).Draw(w.T, "other")
	if w.chance(4, "extension") {
		s.Level = rapid.SampledFrom(levels).Draw(w.T, "level")
	}
	w.timestamp(s)
	if s.Object.Kind == "Activity" && (s.Scaled != nil || s.Success != nil) {
		w.again = s
	}
	return s
}

func (w *writer) agent() Agent {
	a := Agent{Identity: rapid.SampledFrom(identities).Draw(w.T, "agent")}
	if w.chance(20, "stranger") {
		a.Identity = rapid.SampledFrom(strangers).Draw(w.T, "agent")
	}
	if w.chance(3, "named") {
		a.Name = rapid.SampledFrom([]string{"Ann", "Anna B.", "a\x00"}).Draw(w.T, "agent's name")
	}
	return a
}

func (w *writer) object(verb string) Object {
	n := rapid.IntRange(0, 19).Draw(w.T, "object")
	if verb == verbRated && n < 14 {
		return Object{Kind: "Agent", Agent: w.agent()}
	}
	switch n {
	case 19:
		return Object{Kind: "Group", Agent: w.agent()}
	case 18:
		return Object{Kind: "StatementRef", ID: StatementID(rapid.IntRange(0, w.statements).Draw(w.T, "reference"))}
	case 17:
		return Object{Kind: "SubStatement"}
	case 16:
		return Object{Kind: "Agent", Agent: w.agent()}
	}
	i := rapid.IntRange(0, len(activities)-1).Draw(w.T, "activity")
	o := Object{Kind: "Activity", ID: activities[i]}
	if !w.chance(5, "no type") {
		o.Type = activityTypes[i]
	}
	return o
}

func (w *writer) result(s *Statement) {
	number := func(label string, of ...float64) *float64 {
		if w.chance(3, "no "+label) {
			return nil
		}
		v := rapid.SampledFrom(of).Draw(w.T, label)
		return &v
	}
	if w.chance(2, "scaled") {
		s.Scaled = number("scaled", -0.5, 0, 0.25, 0.5, 0.73, 0.9, 1)
	}
	if w.chance(2, "raw") {
		s.Raw = number("raw", 0, 1, 3, 4, 5, 80, 1e300)
		s.Min, s.Max = number("min", 0, 1, 5), number("max", 5, 100, 1)
	}
	if w.chance(3, "success") {
		success := rapid.Bool().Draw(w.T, "succeeded")
		s.Success = &success
	}
}

// timestamp makes many statements late, some equally old, some early.
func (w *writer) timestamp(s *Statement) {
	s.Timestamp, s.Zone = 0, 0
	switch rapid.IntRange(0, 4).Draw(w.T, "timestamp") {
	case 0:
		return
	case 1:
		s.Timestamp = Begin.UnixMicro() + day*int64(rapid.SampledFrom([]int{-200, -30, -1, 0, 5}).Draw(w.T, "day"))
	case 2:
		s.Timestamp = w.now
	default:
		s.Timestamp = Begin.UnixMicro() + rapid.Int64Range(-300*day, 40*day).Draw(w.T, "µs")
	}
	s.Zone = rapid.SampledFrom([]int{0, 2, -5}).Draw(w.T, "zone")
}

func (w *writer) some(of []string, oneIn int, label string) []string {
	if !w.chance(oneIn, label) {
		return nil
	}
	return rapid.SliceOfN(rapid.SampledFrom(of), 1, 2).Draw(w.T, label)
}

// VerbVoided makes of a statement about a StatementRef a voiding.
const VerbVoided = "http://adlnet.gov/expapi/verbs/voided"

// voiding makes one of a statement before it, of one still to come, of one that is
// voided already, or of a voiding.
func (w *writer) voiding() *Statement {
	s := &Statement{ID: StatementID(w.statements), Verb: VerbVoided, Actors: []Agent{w.agent()}}
	target := StatementID(rapid.IntRange(0, w.statements+6).Draw(w.T, "voided"))
	if w.chance(3, "upper case") {
		target = strings.ToUpper(target)
	}
	s.Object = Object{Kind: "StatementRef", ID: target}
	w.statements++
	return s
}
