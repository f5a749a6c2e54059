package fact

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// everything has every member that Features has, and strings with escapes where they make a difference.
const everything = `{"stored":"2026-03-14T09:30:00.123456Z","authority":{"objectType":"Agent","name":"x","mbox":"mailto:x@x.example"},
 "timestamp":"2026-03-14T10:26:53.9999999+01:00","version":"1.0.3","id":"6FA0C9A5-7a0c-4b0a-9df2-2f1f2ed5a7b1",
 "actor":{"member":[{"mbox":"mailto:a@ward.example","name":"A \"B\" \\"},{"objectType":"Agent","account":{"name":"n","homePage":"https://h.example"}}],"objectType":"Group","openid":"https://team.example"},
 "verb":{"display":{"en":"completed \u00e9"},"id":"http://adlnet.gov/expapi/verbs/completed"},
 "object":{"id":"https://a.example/s\u002F1","definition":{"name":{"en":"}{"},"type":"http://adlnet.gov/expapi/activities/simulation","extensions":{"urn:x":{"a":[1,{}]}}},"objectType":"Activity"},
 "result":{"extensions":{"urn:x":"r","urn:y":null},"score":{"max":1e400,"raw":85,"min":-0.5e1,"scaled":0.85},"success":false,"completion":true,"response":"a\nb","duration":"PT17M42S"},
 "context":{"registration":"0D4AB5A2-4f3c-4bd1-8d5a-0e5be6a1d0b2","instructor":{"mbox_sha1sum":"AB"},"team":{"objectType":"Group","account":{"homePage":"https://h.example/units","name":"ward-17"}},
  "contextActivities":{"parent":[{"id":"urn:p"}],"grouping":[{"definition":{"type":"urn:t"},"id":"urn:g1"},{"id":"urn:g2"}],"category":[],"other":{"id":"urn:o"}},
  "extensions":{"urn:x":7,"urn:\u007a":true},"statement":{"objectType":"StatementRef","id":"5b4bcb1c-9c2b-4a53-9d0e-2f3a5c1d7e60"}},
 "attachments":[]} `

func ptr[T any](v T) *T { return &v }

func TestFeaturesOf(t *testing.T) {
	f, err := FeaturesOf([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	want := Features{
		ID: "6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1", Timestamp: 1773480413_999_999, Stored: 1773480600_123_456,
		Actors: []Agent{{Identity{Mbox: "mailto:a@ward.example"}, `A "B" \`}, {Identity: Identity{Account: &Account{"https://h.example", "n"}}}},
		Verb:   "http://adlnet.gov/expapi/verbs/completed", ObjectType: "Activity", ObjectID: "https://a.example/s/1",
		ActivityType: "http://adlnet.gov/expapi/activities/simulation",
		Score:        Score{Scaled: ptr(0.85), Raw: ptr(85.0), Min: ptr(-5.0)},
		Success:      ptr(false), Completion: ptr(true), Duration: "PT17M42S", Response: "a\nb",
		Registration: "0d4ab5a2-4f3c-4bd1-8d5a-0e5be6a1d0b2", Team: "ward-17", Instructor: Agent{Identity: Identity{MboxSHA1Sum: "AB"}},
		Parent: []string{"urn:p"}, Grouping: []string{"urn:g1", "urn:g2"}, Other: []string{"urn:o"},
		contextExtensions: `{"urn:x":7,"urn:\u007a":true}`, resultExtensions: `{"urn:x":"r","urn:y":null}`, definitionExtensions: `{"urn:x":{"a":[1,{}]}}`,
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
	for iri, want := range map[string][]string{"urn:x": {"7", `"r"`, `{"a":[1,{}]}`}, "urn:y": {"null"}, "urn:z": {"true"}, "urn:none": nil} {
		if got := f.Extensions(iri); !reflect.DeepEqual(got, want) {
			t.Errorf("extension %s: got %q, want %q", iri, got, want)
		}
	}
}

// statement puts an object and more members into a small statement.
func statement(object, more string) string {
	return `{"id":"6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1","stored":"2026-03-14T09:30:00.000001Z","actor":{"mbox":"mailto:a@b.example"},"verb":{"id":"urn:v"},"object":` + object + more + `}`
}

func TestFeaturesOfObjects(t *testing.T) {
	sub := `{"objectType":"SubStatement","actor":{"mbox":"mailto:s@b.example"},"verb":{"id":"urn:w"},"object":{"id":"urn:so"}}`
	tests := []struct {
		name, object, wantType, wantID string
		wantAgent                      Identity
	}{
		{"Activity by default", `{"id":"urn:o"}`, "Activity", "urn:o", Identity{}},
		{"Agent, named at the end", `{"mbox":"mailto:l@b.example","objectType":"Agent"}`, "Agent", "", Identity{Mbox: "mailto:l@b.example"}},
		{"Group", `{"objectType":"Group","mbox":"mailto:g@b.example","member":[{"mbox":"mailto:m@b.example"}]}`, "Group", "", Identity{}},
		{"StatementRef", `{"objectType":"StatementRef","id":"5B4BCB1C-9c2b-4a53-9d0e-2f3a5c1d7e60"}`, "StatementRef", "5b4bcb1c-9c2b-4a53-9d0e-2f3a5c1d7e60", Identity{}},
		{"SubStatement", sub, "SubStatement", "", Identity{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := FeaturesOf([]byte(statement(test.object, "")))
			if err != nil {
				t.Fatal(err)
			}
			if f.ObjectType != test.wantType || f.ObjectID != test.wantID || f.ObjectAgent.Identity != test.wantAgent || f.Verb != "urn:v" {
				t.Errorf("got %+v", f)
			}
			if f.Timestamp != f.Stored || f.Stored%1000 != 1 {
				t.Errorf("timestamp %d is not stored %d", f.Timestamp, f.Stored)
			}
		})
	}
}

func TestVoids(t *testing.T) {
	ref := `{"objectType":"StatementRef","id":"5b4bcb1c-9c2b-4a53-9d0e-2f3a5c1d7e60"}`
	for _, test := range []struct {
		name, statement, want string
	}{
		{"voiding", strings.Replace(statement(ref, ""), "urn:v", "http://adlnet.gov/expapi/verbs/voided", 1), "5b4bcb1c-9c2b-4a53-9d0e-2f3a5c1d7e60"},
		{"another verb", statement(ref, ""), ""},
		{"another object", strings.Replace(statement(`{"id":"urn:o"}`, ""), "urn:v", "http://adlnet.gov/expapi/verbs/voided", 1), ""},
	} {
		f, err := FeaturesOf([]byte(test.statement))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := f.Voids(); got != test.want || ok != (test.want != "") {
			t.Errorf("%s: got %q, %t", test.name, got, ok)
		}
	}
}

func TestFeaturesOfRefuses(t *testing.T) {
	tests := map[string]string{
		"":                       "",
		"not an object":          `[]`,
		"cut off":                everything[:700],
		"something after":        statement(`{"id":"urn:o"}`, "") + "{}",
		"no id":                  strings.Replace(statement(`{"id":"urn:o"}`, ""), `"id":"6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1",`, "", 1),
		"no time":                strings.Replace(statement(`{"id":"urn:o"}`, ""), `"stored"`, `"sstored"`, 1),
		"no verb":                strings.Replace(statement(`{"id":"urn:o"}`, ""), `"verb"`, `"werb"`, 1),
		"a timestamp of nothing": statement(`{"id":"urn:o"}`, `,"timestamp":"yesterday"`),
		"a score that is a word": statement(`{"id":"urn:o"}`, `,"result":{"score":{"raw":"1"}}`),
		"a score Inf":            statement(`{"id":"urn:o"}`, `,"result":{"score":{"raw":Inf}}`),
		"success that is null":   statement(`{"id":"urn:o"}`, `,"result":{"success":null}`),
		"an unknown object":      statement(`{"objectType":"Person","id":"urn:o"}`, ""),
		"no comma":               statement(`{"id":"urn:o" "x":1}`, ""),
		"an escape of nothing":   statement(`{"id":"urn:\o"}`, ""),
	}
	for name, raw := range tests {
		if f, err := FeaturesOf([]byte(raw)); err == nil {
			t.Errorf("%s: accepted: %+v", name, f)
		} else if !strings.HasPrefix(err.Error(), "reading a statement: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeepsNoInput: the runtime reuses its buffers.
func TestKeepsNoInput(t *testing.T) {
	raw := []byte(everything)
	f, err := FeaturesOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if again, _ := FeaturesOf([]byte(everything)); !reflect.DeepEqual(f, again) {
		t.Error("the features changed with the input")
	}
}

// slowFeatures reads the same by the statement parser of the write path.
func slowFeatures(t testing.TB, raw []byte) Features {
	s, err := xapi.ParseStatement(raw, xapi.V2)
	if err != nil {
		t.Fatal(err)
	}
	agent := func(a *xapi.Actor) Agent {
		if a == nil {
			return Agent{}
		}
		ifi, _ := a.IFI()
		return Agent{IdentityOf(ifi), a.Name}
	}
	f := Features{ID: s.ID.String(), Timestamp: s.Timestamp.Time.UnixMicro(), Stored: s.Stored.Time.UnixMicro(), Verb: s.Verb.ID}
	if s.Stored.Text == "" {
		f.Stored = 0
	}
	if s.Timestamp.Text == "" {
		f.Timestamp = f.Stored
	}
	if f.Actors = []Agent{agent(&s.Actor)}; s.Actor.IsGroup() {
		f.Actors = nil
		for i := range s.Actor.Member {
			f.Actors = append(f.Actors, agent(&s.Actor.Member[i]))
		}
	}
	switch s.Object.Kind {
	case xapi.ActivityObject:
		f.ObjectType, f.ObjectID = "Activity", s.Object.Activity.ID
		if d := s.Object.Activity.Definition; d != nil {
			f.ActivityType, f.definitionExtensions = d.Type, string(d.Extensions)
		}
	case xapi.AgentObject:
		f.ObjectType, f.ObjectAgent = "Agent", agent(s.Object.Actor)
	case xapi.GroupObject:
		f.ObjectType = "Group"
	case xapi.StatementRefObject:
		f.ObjectType, f.ObjectID = "StatementRef", s.Object.StatementRef.String()
	case xapi.SubStatementObject:
		f.ObjectType = "SubStatement"
	}
	number := func(n xapi.Number) *float64 {
		if n == "" || math.IsInf(n.Float(), 0) {
			return nil
		}
		return ptr(n.Float())
	}
	if r := s.Result; r != nil {
		f.Success, f.Completion, f.Duration, f.Response, f.resultExtensions = r.Success, r.Completion, r.Duration, r.Response, string(r.Extensions)
		if c := r.Score; c != nil {
			f.Score = Score{number(c.Scaled), number(c.Raw), number(c.Min), number(c.Max)}
		}
	}
	if c := s.Context; c != nil {
		if c.HasRegistration {
			f.Registration = c.Registration.String()
		}
		f.Instructor, f.contextExtensions = agent(c.Instructor), string(c.Extensions)
		if c.Team != nil {
			if ifi, _ := c.Team.IFI(); ifi.Kind == xapi.Account {
				f.Team = ifi.Value
			}
		}
		ids := func(list []xapi.Activity) (ids []string) {
			for _, a := range list {
				ids = append(ids, a.ID)
			}
			return ids
		}
		lists := c.ContextActivities
		f.Parent, f.Grouping, f.Category, f.Other = ids(lists.Parent), ids(lists.Grouping), ids(lists.Category), ids(lists.Other)
	}
	return f
}

// TestSharedStatements reads those of the small hospital by both parsers.
func TestSharedStatements(t *testing.T) {
	n := 0
	for _, name := range []string{"statements-1.jsonl", "statements-2.jsonl"} {
		raw, err := os.ReadFile("../../../shared/domain/hospital-1/" + name)
		if err != nil {
			t.Fatalf("the domain's vectors are needed beside the repository: %v", err)
		}
		lines := bufio.NewScanner(bytes.NewReader(raw))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			n++
			f, err := FeaturesOf(lines.Bytes())
			if err != nil {
				t.Fatalf("%s: %v", lines.Bytes(), err)
			}
			if want := slowFeatures(t, lines.Bytes()); !reflect.DeepEqual(f, want) {
				t.Fatalf("%s:\ngot  %+v\nwant %+v", lines.Bytes(), f, want)
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d statements", n)
	}
}

// FuzzFeaturesOf: nothing makes it panic, and of what the write path accepts it reads the same as its parser.
func FuzzFeaturesOf(f *testing.F) {
	for _, seed := range []string{everything, statement(`{"id":"urn:o"}`, ""), statement(`{"objectType":"Agent","mbox":"mailto:l@b.example"}`, `,"result":{"score":{"raw":-1E-400}}`),
		statement(`{"objectType":"StatementRef","id":"5B4BCB1C-9c2b-4a53-9d0e-2f3a5c1d7e60"}`, ""), `{"a":"\\\"`, `[[`, `{"":[{"`, ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := FeaturesOf(raw)
		for _, extension := range []string{"urn:x", ""} {
			got.Extensions(extension)
		}
		s, refused := xapi.ParseStatement(raw, xapi.V2)
		if refused != nil || !s.HasID || s.Stored.Text == "" && s.Timestamp.Text == "" {
			return
		}
		if err != nil {
			t.Fatalf("refuses a statement: %v", err)
		}
		want := slowFeatures(t, raw)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestExtensionsAreWhole(t *testing.T) {
	f, err := FeaturesOf([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range f.Extensions("urn:x") {
		if !jsontext.Value(value).IsValid() {
			t.Errorf("%q is no JSON", value)
		}
	}
}

// benchStatement is of the size and shape that a simulator sends, as it is stored: 1.4 KB.
const benchStatement = `{"id":"6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1","actor":{"objectType":"Agent","name":"Employee 000417","account":{"homePage":"https://hr.hospital.example","name":"emp-000417"}},` +
	`"verb":{"id":"http://adlnet.gov/expapi/verbs/completed","display":{"en-US":"completed"}},` +
	`"object":{"objectType":"Activity","id":"https://training.hospital.example/courses/service-0007","definition":{"name":{"en-US":"Patient service module 7"},"description":{"en-US":"Role-play and assessment of active listening in realistic ward scenarios."},"type":"http://adlnet.gov/expapi/activities/course"}},` +
	`"result":{"score":{"scaled":0.85,"raw":85,"min":0,"max":100},"success":true,"completion":true,"duration":"PT17M42S","extensions":{"https://training.hospital.example/xapi/extensions/rubric":{"criterion":"active-listening","level":5}}},` +
	`"context":{"registration":"0d4ab5a2-4f3c-4bd1-8d5a-0e5be6a1d0b2","instructor":{"objectType":"Agent","mbox":"mailto:trainer17@hospital.example"},"platform":"ward-simulator","language":"en-US","contextActivities":{"parent":[{"id":"https://training.hospital.example/programs/patient-experience-07"}],"grouping":[{"id":"https://training.hospital.example/units/ward-17"}],"category":[{"id":"https://training.hospital.example/competencies/active-listening","definition":{"type":"http://adlnet.gov/expapi/activities/profile"}}]}},` +
	`"timestamp":"2026-03-14T09:26:53.000Z","version":"1.0.3","stored":"2026-03-14T09:26:54.000001Z","authority":{"objectType":"Agent","account":{"homePage":"https://lrs.hospital.example","name":"simulator"}}}`

// BenchmarkFeaturesOf runs beside a decoder that checks all the JSON on the way.
func BenchmarkFeaturesOf(b *testing.B) {
	raw := []byte(benchStatement)
	b.Run("scanner", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := FeaturesOf(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json.Unmarshal", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			var s struct {
				ID     string
				Actor  Identity
				Verb   struct{ ID string }
				Object struct {
					ID         string
					Definition struct{ Type string }
				}
				Result  struct{ Score Score }
				Context struct{ Registration string }
			}
			if err := json.Unmarshal(raw, &s); err != nil {
				b.Fatal(err)
			}
		}
	})
}
