package xapi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// benchStatement is of the size and shape that the load generator sends: 1.4 KB.
const benchStatement = `{"id":"6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1","actor":{"objectType":"Agent","name":"Employee 000417","account":{"homePage":"https://hr.hospital.example","name":"emp-000417"}},` +
	`"verb":{"id":"http://adlnet.gov/expapi/verbs/completed","display":{"en-US":"completed"}},` +
	`"object":{"objectType":"Activity","id":"https://training.hospital.example/courses/service-0007","definition":{"name":{"en-US":"Patient service module 7"},"description":{"en-US":"Role-play and assessment of active listening in realistic ward scenarios."},"type":"http://adlnet.gov/expapi/activities/course"}},` +
	`"result":{"score":{"scaled":0.85,"raw":85,"min":0,"max":100},"success":true,"completion":true,"duration":"PT17M42S","extensions":{"https://training.hospital.example/xapi/extensions/rubric":{"criterion":"active-listening","level":5}}},` +
	`"context":{"registration":"0d4ab5a2-4f3c-4bd1-8d5a-0e5be6a1d0b2","instructor":{"objectType":"Agent","mbox":"mailto:trainer17@hospital.example"},"platform":"ward-simulator","language":"en-US","contextActivities":{"parent":[{"id":"https://training.hospital.example/programs/patient-experience-07"}],"grouping":[{"id":"https://training.hospital.example/units/ward-17"}],"category":[{"id":"https://training.hospital.example/competencies/active-listening","definition":{"type":"http://adlnet.gov/expapi/activities/profile"}}]},"extensions":{"https://training.hospital.example/xapi/extensions/session":"s-4711"}},` +
	`"timestamp":"2026-03-14T09:26:53.000Z"}`

func benchAuthority(tb testing.TB) *Authority {
	authority, err := ParseAuthority([]byte(`{"objectType":"Agent","account":{"homePage":"https://lrs.hospital.example","name":"simulator"}}`))
	if err != nil {
		tb.Fatal(err)
	}
	return authority
}

// BenchmarkParse compares the hand-written pass with the form that was designed first (ARCHITECTURE.md): a pass over the tokens for
// null, depth and spans, then Unmarshal into structs. The second does not check any format or rule yet.
func BenchmarkParse(b *testing.B) {
	raw := []byte(benchStatement)
	b.Run("hand pass, all rules", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseStatement(raw, V1); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("two passes, no rules", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if err := CheckJSON(raw); err != nil {
				b.Fatal(err)
			}
			var s plainStatement
			if err := json.Unmarshal(raw, &s, json.RejectUnknownMembers(true)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("token scan only", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if err := CheckJSON(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkParseBatch is a POST of 50 Statements with ids of their own.
func BenchmarkParseBatch(b *testing.B) {
	var batch bytes.Buffer
	for i := range 50 {
		id := fmt.Sprintf("6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7%02d", i)
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		batch.WriteByte(separator)
		batch.WriteString(strings.Replace(benchStatement, "6fa0c9a5-7a0c-4b0a-9df2-2f1f2ed5a7b1", id, 1))
	}
	batch.WriteByte(']')
	b.SetBytes(int64(batch.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ParseStatements(batch.Bytes(), V1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDraft is what a handler does after parsing; BenchmarkStamp what the committer does.
func BenchmarkDraft(b *testing.B) {
	s, err := ParseStatement([]byte(benchStatement), V1)
	if err != nil {
		b.Fatal(err)
	}
	authority := benchAuthority(b)
	b.ReportAllocs()
	for b.Loop() {
		NewDraft(s, authority, V1)
	}
}

func BenchmarkStamp(b *testing.B) {
	s, err := ParseStatement([]byte(benchStatement), V1)
	if err != nil {
		b.Fatal(err)
	}
	draft := NewDraft(s, benchAuthority(b), V1)
	b.ReportAllocs()
	for stored := int64(0); b.Loop(); stored++ {
		draft.Stamp(stored)
	}
}

// plainStatement is the model as Unmarshal would fill it.
type plainStatement struct {
	ID    string     `json:"id"`
	Actor plainActor `json:"actor"`
	Verb  struct {
		ID      string            `json:"id"`
		Display map[string]string `json:"display"`
	} `json:"verb"`
	Object struct {
		plainActor
		ID         string           `json:"id"`
		Definition *plainDefinition `json:"definition"`
	} `json:"object"`
	Result *struct {
		Score *struct {
			Scaled jsontext.Value `json:"scaled"`
			Raw    jsontext.Value `json:"raw"`
			Min    jsontext.Value `json:"min"`
			Max    jsontext.Value `json:"max"`
		} `json:"score"`
		Success    *bool                     `json:"success"`
		Completion *bool                     `json:"completion"`
		Response   string                    `json:"response"`
		Duration   string                    `json:"duration"`
		Extensions map[string]jsontext.Value `json:"extensions"`
	} `json:"result"`
	Context *struct {
		Registration      string      `json:"registration"`
		Instructor        *plainActor `json:"instructor"`
		Team              *plainActor `json:"team"`
		Revision          string      `json:"revision"`
		Platform          string      `json:"platform"`
		Language          string      `json:"language"`
		ContextActivities *struct {
			Parent   []plainActivity `json:"parent"`
			Grouping []plainActivity `json:"grouping"`
			Category []plainActivity `json:"category"`
			Other    []plainActivity `json:"other"`
		} `json:"contextActivities"`
		Extensions map[string]jsontext.Value `json:"extensions"`
	} `json:"context"`
	Timestamp string `json:"timestamp"`
}

type plainActor struct {
	ObjectType  string        `json:"objectType"`
	Name        string        `json:"name"`
	Mbox        string        `json:"mbox"`
	MboxSHA1Sum string        `json:"mbox_sha1sum"`
	OpenID      string        `json:"openid"`
	Account     *plainAccount `json:"account"`
	Member      []plainActor  `json:"member"`
}

type plainAccount struct {
	HomePage string `json:"homePage"`
	Name     string `json:"name"`
}

type plainActivity struct {
	ObjectType string           `json:"objectType"`
	ID         string           `json:"id"`
	Definition *plainDefinition `json:"definition"`
}

type plainDefinition struct {
	Name        map[string]string         `json:"name"`
	Description map[string]string         `json:"description"`
	Type        string                    `json:"type"`
	MoreInfo    string                    `json:"moreInfo"`
	Extensions  map[string]jsontext.Value `json:"extensions"`
}
