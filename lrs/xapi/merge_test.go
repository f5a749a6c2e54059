package xapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMergeDefinition(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"nothing known", ``, `{"type":"urn:t"}`, `{"type":"urn:t"}`},
		{"nothing said", `{ "type": "urn:t" }`, ``, `{ "type": "urn:t" }`},
		{"nothing new", `{ "name": {"en":"A", "sv":"B"} }`, `{"name":{"en":"A"}}`, `{ "name": {"en":"A", "sv":"B"} }`},
		{"a language more", `{"name":{"en":"A"}}`, `{"name":{"sv":"B"}}`, `{"name":{"en":"A","sv":"B"}}`},
		{"a language corrected", `{"name":{"en":"A","sv":"B"}}`, `{"name":{"en":"C"}}`, `{"name":{"en":"C","sv":"B"}}`},
		{"a description", `{"name":{"en":"A"}}`, `{"description":{"en":"D"}}`, `{"name":{"en":"A"},"description":{"en":"D"}}`},
		{"the later type and moreInfo count", `{"type":"urn:a","moreInfo":"urn:b"}`, `{"moreInfo":"urn:d","type":"urn:c"}`, `{"type":"urn:c","moreInfo":"urn:d"}`},
		{"extensions", `{"extensions":{"urn:a":1.0,"urn:b":{"x":1}}}`, `{"extensions":{"urn:b":{"y":2},"urn:c":null}}`, `{"extensions":{"urn:a":1.0,"urn:b":{"y":2},"urn:c":null}}`},
		{"the right answer stays", `{"interactionType":"choice","correctResponsesPattern":["a"]}`, `{"interactionType":"other","correctResponsesPattern":["b"]}`, `{"interactionType":"choice","correctResponsesPattern":["a"]}`},
		{"the right answer comes later", `{"interactionType":"choice"}`, `{"correctResponsesPattern":[],"interactionType":"choice"}`, `{"interactionType":"choice","correctResponsesPattern":[]}`},
		{"components", `{"choices":[{"id":"a","description":{"en":"A"}},{"id":"b"}]}`, `{"choices":[{"id":"c"},{"id":"b","description":{"sv":"B"}},{"id":"a","description":{"sv":"Å"}}]}`,
			`{"choices":[{"id":"a","description":{"en":"A","sv":"Å"}},{"id":"b","description":{"sv":"B"}},{"id":"c"}]}`},
		{"components unchanged", `{"scale":[ {"id":"a"} ]}`, `{"scale":[{"id":"a"}]}`, `{"scale":[ {"id":"a"} ]}`},
		{"new is not an object", `{"type":"urn:t"}`, `[]`, `{"type":"urn:t"}`},
		{"old is not an object", `null`, `{"type":"urn:t"}`, `{"type":"urn:t"}`},
		{"members of other kinds", `{"name":"x","choices":{}}`, `{"name":{"en":"A"},"choices":[]}`, `{"name":{"en":"A"},"choices":[]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := MergeDefinition([]byte(test.old), []byte(test.new))
			if string(got) != test.want {
				t.Errorf("got\n%s, want\n%s", got, test.want)
			}
			if again := MergeDefinition(got, []byte(test.new)); !bytes.Equal(again, got) {
				t.Errorf("merging again changes it to %s", again)
			}
		})
	}
}

// Anybody may send a definition with very many members; the time must not grow with their square.
func TestMergeDefinitionWide(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"urn:%d":0`, i)
	}
	wide := []byte(`{"extensions":{` + b.String()[1:] + `}}`)
	if got := MergeDefinition(wide, wide); !bytes.Equal(got, wide) {
		t.Error("changed")
	}
	other := bytes.ReplaceAll(wide, []byte("urn:"), []byte("tag:"))
	if got := MergeDefinition(wide, other); len(got) != 2*len(wide)-len(`{"extensions":{}`) {
		t.Errorf("%d bytes of %d", len(got), len(wide))
	}
}

func TestMergeDocument(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"added after", `{"a":1.50}`, ` { "b" : [ 1 ] } `, `{"a":1.50,"b":[ 1 ]}`},
		{"replaced in place", `{"a":{"x":1},"b":2}`, `{"a":{"y":null}}`, `{"a":{"y":null},"b":2}`},
		{"only the top level is merged", `{"a":{"x":1}}`, `{"a":{"y":2}}`, `{"a":{"y":2}}`},
		{"null replaces", `{"a":1}`, `{"a":null}`, `{"a":null}`},
		{"both empty", `{}`, `{ }`, `{}`},
		{"names by value, not by spelling", `{"a":1}`, `{"\u0061":2}`, `{"a":2}`},
		{"a name twice: the last counts", `{"a":1,"a":2}`, `{"b":{"c":1,"c":2}}`, `{"a":2,"b":{"c":1,"c":2}}`},
		{"old is an array", `[]`, `{}`, ""},
		{"new is an array", `{}`, `[]`, ""},
		{"new is a string", `{}`, `"x"`, ""},
		{"new is empty", `{}`, ``, ""},
		{"old is cut short", `{"a":1`, `{}`, ""},
		{"something follows", `{}`, `{} x`, ""},
		{"two documents", `{}`, `{}{}`, ""},
		{"a value is missing", `{}`, `{"a"}`, ""},
		{"bad UTF-8", `{}`, "{\"a\":\"\xff\"}", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := MergeDocument([]byte(test.old), []byte(test.new))
			if string(got) != test.want || (test.want == "") != errors.Is(err, ErrNotObject) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

// MergeDocument does what a map does.
func TestMergeDocumentIsUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		documents := rapid.MapOf(rapid.StringMatching(`[a-d"é]{0,2}`), rapid.IntRange(0, 3))
		old, new := documents.Draw(t, "old"), documents.Draw(t, "new")
		merged, err := MergeDocument(marshal(old), marshal(new))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		if err := json.Unmarshal(merged, &got); err != nil {
			t.Fatal(err)
		}
		maps.Copy(old, new)
		if !reflect.DeepEqual(got, old) {
			t.Errorf("got %v, want %v", got, old)
		}
	})
}

func marshal(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte(`{"name":{"en":"A"},"choices":[{"id":"a"}]}`), []byte(`{"name":{"sv":"B"},"choices":[{"id":"a","description":{"en":"x"}},{}]}`))
	f.Add([]byte(`{"a":1,"a":2}`), []byte(`{"b":[`))
	f.Fuzz(func(t *testing.T, old, new []byte) {
		merged := MergeDefinition(old, new)
		if CheckJSON(old) == nil && CheckJSON(new) == nil && CheckJSON(merged) != nil {
			t.Errorf("definition: %s", merged)
		}
		if again := MergeDefinition(merged, new); CheckJSON(merged) == nil && !bytes.Equal(again, merged) {
			t.Errorf("merging again: %s, then %s", merged, again)
		}
		document, err := MergeDocument(old, new)
		if err == nil {
			if again, err := MergeDocument(document, new); err != nil || !bytes.Equal(again, document) {
				t.Errorf("merging again: %s, then %s, %v", document, again, err)
			}
		}
	})
}
