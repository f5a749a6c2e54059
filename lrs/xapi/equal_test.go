package xapi

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// statementOf completes members to a statement: later ones replace those it would have otherwise.
func statementOf(members ...string) []byte {
	all := []byte(`{"actor":{"mbox":"mailto:a@ward.example"},"verb":{"id":"urn:v"},"object":{"id":"urn:o"}}`)
	for _, m := range members {
		merged, err := MergeDocument(all, []byte("{"+m+"}"))
		if err != nil {
			panic(err)
		}
		all = merged
	}
	return all
}

func TestEqual(t *testing.T) {
	const (
		id        = `"5b4bcb1c-9c2b-4a53-9d0e-2f3a5c1d7e60"`
		upperID   = `"5B4BCB1C-9C2B-4A53-9D0E-2F3A5C1D7E60"`
		otherID   = `"5b4bcb1c-9c2b-4a53-9d0e-2f3a5c1d7e61"`
		sub       = `"objectType":"SubStatement","actor":{"openid":"urn:a"},"verb":{"id":"urn:v"}`
		signature = `"usageType":"` + SignatureUsage + `","display":{},"contentType":"application/octet-stream","length":1,"sha2":"00"`
	)
	tests := []struct {
		name string
		a, b string // members that differ
		want bool
	}{
		// What the LRS assigns.
		{"id given", `"id":` + id, ``, true},
		{"ids differ", `"id":` + id, `"id":` + otherID, true},
		{"stored, authority, version", `"stored":"2025-01-01T00:00:00.000Z","authority":{"mbox":"mailto:b@b.b"},"version":"1.0.0"`, `"version":"1.0.3"`, true},
		{"timestamp assigned", `"timestamp":"2025-01-01T00:00:00.000Z"`, ``, true},
		{"timestamp in another zone", `"timestamp":"2025-01-01T00:00:00Z"`, `"timestamp":"2025-01-01T01:00:00.000+01:00"`, true},
		{"timestamps differ", `"timestamp":"2025-01-01T00:00:00Z"`, `"timestamp":"2025-01-01T00:00:00.001Z"`, false},
		{"timestamp of a SubStatement absent", `"object":{` + sub + `,"object":{"id":"urn:o"},"timestamp":"2025-01-01T00:00:00Z"}`, `"object":{` + sub + `,"object":{"id":"urn:o"}}`, false},
		{"timestamp of a SubStatement in another zone", `"object":{` + sub + `,"object":{"id":"urn:o"},"timestamp":"2025-01-01T00:00:00Z"}`, `"object":{` + sub + `,"timestamp":"2024-12-31T23:00:00-01:00","object":{"id":"urn:o"}}`, true},
		// Descriptions.
		{"verb display", `"verb":{"id":"urn:v","display":{"en":"did"}}`, `"verb":{"id":"urn:v"}`, true},
		{"verb id", `"verb":{"id":"urn:v"}`, `"verb":{"id":"urn:V"}`, false},
		{"definition", `"object":{"id":"urn:o","definition":{"type":"urn:t"}}`, `"object":{"id":"urn:o","definition":{}}`, true},
		{"activity id", `"object":{"id":"urn:o"}`, `"object":{"id":"urn:p"}`, false},
		{"definition in context", `"context":{"contextActivities":{"parent":[{"id":"urn:p","definition":{}}]}}`, `"context":{"contextActivities":{"parent":[{"id":"urn:p"}]}}`, true},
		{"definition and display in a SubStatement", `"object":{` + sub + `,"object":{"id":"urn:o","definition":{}}}`, `"object":{"objectType":"SubStatement","actor":{"openid":"urn:a"},"verb":{"id":"urn:v","display":{"en":"x"}},"object":{"id":"urn:o"}}`, true},
		{"definition is no such thing elsewhere", `"context":{"extensions":{"urn:x":{"definition":1}}}`, `"context":{"extensions":{"urn:x":{"definition":2}}}`, false},
		{"display of an attachment", `"attachments":[{` + signature + `}]`, `"attachments":[{` + strings.Replace(signature, `"display":{}`, `"display":{"en":"x"}`, 1) + `}]`, false},
		{"attachments absent", `"attachments":[{` + signature + `}]`, ``, false},
		// Lists.
		{"members of a Group", `"actor":{"objectType":"Group","member":[{"openid":"urn:a"},{"openid":"urn:b"}]}`, `"actor":{"objectType":"Group","member":[{"openid":"urn:b"},{"openid":"urn:a"}]}`, true},
		{"members of a Group, one twice", `"actor":{"objectType":"Group","member":[{"openid":"urn:a"},{"openid":"urn:a"},{"openid":"urn:b"}]}`, `"actor":{"objectType":"Group","member":[{"openid":"urn:b"},{"openid":"urn:b"},{"openid":"urn:a"}]}`, false},
		{"members of a team", `"context":{"team":{"objectType":"Group","member":[{"openid":"urn:a"},{"openid":"urn:b"}]}}`, `"context":{"team":{"objectType":"Group","member":[{"objectType":"Agent","openid":"urn:b"},{"openid":"urn:a"}]}}`, true},
		{"contextActivities in another order", `"context":{"contextActivities":{"other":[{"id":"urn:a"},{"id":"urn:b"}]}}`, `"context":{"contextActivities":{"other":[{"id":"urn:b"},{"id":"urn:a"}]}}`, false},
		{"one contextActivity", `"context":{"contextActivities":{"other":{"id":"urn:a"}}}`, `"context":{"contextActivities":{"other":[{"objectType":"Activity","id":"urn:a"}]}}`, true},
		{"arrays in extensions", `"result":{"extensions":{"urn:x":[1,2]}}`, `"result":{"extensions":{"urn:x":[2,1]}}`, false},
		// Defaults.
		{"Agent is the default", `"actor":{"objectType":"Agent","mbox":"mailto:a@ward.example"}`, ``, true},
		{"Activity is the default", `"object":{"objectType":"Activity","id":"urn:o"}`, ``, true},
		{"Agent is no Activity", `"object":{"objectType":"Agent","openid":"urn:o"}`, `"object":{"openid":"urn:o"}`, false},
		{"Agent and Group", `"actor":{"objectType":"Group","openid":"urn:a"}`, `"actor":{"openid":"urn:a"}`, false},
		// Case.
		{"mail domain", `"actor":{"mbox":"mailto:a@WARD.Example"}`, ``, true},
		{"mail box", `"actor":{"mbox":"mailto:A@ward.example"}`, ``, false},
		{"mail domain in a contextAgent", `"context":{"contextAgents":[{"objectType":"contextAgent","agent":{"mbox":"mailto:a@B.c"}}]}`, `"context":{"contextAgents":[{"agent":{"objectType":"Agent","mbox":"mailto:a@b.c"},"objectType":"contextAgent"}]}`, true},
		{"mail domain of an instructor", `"context":{"instructor":{"mbox":"mailto:a@B.c"}}`, `"context":{"instructor":{"objectType":"Agent","mbox":"mailto:a@b.c"}}`, true},
		{"mail domain as plain text", `"result":{"response":"mailto:a@B.c"}`, `"result":{"response":"mailto:a@b.c"}`, false},
		{"sha1", `"actor":{"mbox_sha1sum":"AB"}`, `"actor":{"mbox_sha1sum":"ab"}`, true},
		{"registration", `"context":{"registration":` + id + `}`, `"context":{"registration":` + upperID + `}`, true},
		{"registrations differ", `"context":{"registration":` + id + `}`, `"context":{"registration":` + otherID + `}`, false},
		{"StatementRef", `"object":{"objectType":"StatementRef","id":` + id + `}`, `"object":{"id":` + upperID + `,"objectType":"StatementRef"}`, true},
		{"context statement", `"context":{"statement":{"objectType":"StatementRef","id":` + id + `}}`, `"context":{"statement":{"objectType":"StatementRef","id":` + upperID + `}}`, true},
		{"language", `"context":{"language":"en-gb"}`, `"context":{"language":"en-GB"}`, true},
		{"name", `"actor":{"name":"A","openid":"urn:a"}`, `"actor":{"name":"a","openid":"urn:a"}`, false},
		// Spelling.
		{"duration beyond 0.01 s", `"result":{"duration":"PT1.239S"}`, `"result":{"duration":"PT1.23S"}`, true},
		{"duration is not rounded", `"result":{"duration":"PT1.239S"}`, `"result":{"duration":"PT1.24S"}`, false},
		{"duration in other units", `"result":{"duration":"PT60S"}`, `"result":{"duration":"PT1M"}`, false},
		{"duration of a SubStatement", `"object":{` + sub + `,"object":{"id":"urn:o"},"result":{"duration":"PT0,999S"}}`, `"object":{` + sub + `,"object":{"id":"urn:o"},"result":{"duration":"PT0,99S"}}`, true},
		{"number", `"result":{"score":{"raw":1}}`, `"result":{"score":{"raw":1.0}}`, false},
		{"number in an extension", `"result":{"extensions":{"urn:x":1e1}}`, `"result":{"extensions":{"urn:x":10}}`, false},
		{"escapes", `"result":{"response":"a\/\u0062"}`, `"result":{"response":"a/b"}`, true},
		{"members in another order", `"result":{"success":true,"response":""}`, `"result":{ "response" : "" , "success" : true }`, true},
		{"empty is not absent", `"result":{"extensions":{}}`, `"result":{}`, false},
		{"null in extensions", `"result":{"extensions":{"urn:x":null}}`, `"result":{"extensions":{}}`, false},
		{"members of other kinds", `"actor":[]`, `"actor":{}`, false},
		{"member lists of other kinds", `"actor":{"objectType":"Group","member":{}}`, `"actor":{"objectType":"Group","member":[]}`, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, b := statementOf(test.a), statementOf(test.b)
			for _, pair := range [][2][]byte{{a, b}, {b, a}} {
				if got, err := Equal(pair[0], pair[1]); err != nil || got != test.want {
					t.Errorf("Equal is %v, %v for\n%s\n%s", got, err, pair[0], pair[1])
				}
			}
		})
	}
}

func TestEqualErrors(t *testing.T) {
	for _, bad := range []string{``, `[]`, `null`, `{`, `{} {}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", strings.Repeat(`{"a":`, 200)} {
		if _, err := Equal([]byte(bad), statementOf()); err == nil {
			t.Errorf("no error for %.40q", bad)
		}
		if _, err := Equal(statementOf(), []byte(bad)); err == nil {
			t.Errorf("no error for %.40q as the second", bad)
		}
	}
}

// A statement of the corpus equals what the store makes of it, and itself with all members shuffled.
func TestEqualStored(t *testing.T) {
	authority, err := ParseAuthority([]byte(`{"account":{"homePage":"https://lrs.example","name":"key"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range readCorpus(t, "valid") {
		for _, v := range f.versions {
			s, err := ParseStatement(f.raw, v)
			if err != nil {
				t.Fatal(f.name, err)
			}
			stored := bytes.Clone(NewDraft(s, authority, v).Stamp(1_700_000_000_000_001))
			for name, other := range map[string][]byte{"stored": stored, "shuffled": shuffled(f.raw)} {
				if equal, err := Equal(f.raw, other); err != nil || !equal {
					t.Errorf("%s, %s %s: %v, %v\n%s\n%s", f.name, v, name, equal, err, f.raw, other)
				}
			}
		}
	}
}

// shuffled writes all objects' members in another order, without white space.
func shuffled(raw []byte) []byte {
	n, err := parseTree(raw)
	if err != nil {
		panic(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	var write func(n *jsonNode) []byte
	write = func(n *jsonNode) []byte {
		var parts [][]byte
		switch n.kind {
		case '{':
			for _, i := range random.Perm(len(n.members)) {
				parts = append(parts, concat(appendString(nil, n.members[i].name), ':', write(&n.members[i].value)))
			}
			return enclose('{', parts, '}')
		case '[':
			for i := range n.items {
				parts = append(parts, write(&n.items[i]))
			}
			return enclose('[', parts, ']')
		}
		return n.raw
	}
	return write(n)
}

func FuzzEqual(f *testing.F) {
	for _, file := range readCorpus(f, "valid") {
		f.Add(file.raw, []byte(statementOf()))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		forth, err1 := Equal(a, b)
		back, err2 := Equal(b, a)
		if forth != back || (err1 == nil) != (err2 == nil) {
			t.Errorf("not symmetric: %v, %v and %v, %v", forth, err1, back, err2)
		}
		if self, err := Equal(a, a); err == nil && !self {
			t.Error("not equal to itself")
		}
	})
}

func BenchmarkEqual(b *testing.B) {
	for _, f := range readCorpus(b, "valid") {
		if f.name == "everything" {
			b.Run(fmt.Sprint(len(f.raw), "B"), func(b *testing.B) {
				for b.Loop() {
					_, _ = Equal(f.raw, f.raw)
				}
			})
		}
	}
}
