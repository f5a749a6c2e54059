package xapihttp_test

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Person has arrays of all that its Agent is known by (C 2.4), also one that
// the store has never met.
func TestPerson(t *testing.T) {
	l := newLab(t)
	sum := sha1.Sum([]byte("mailto:ann@x.example"))
	hash := hex.EncodeToString(sum[:])
	tests := []struct{ agent, want string }{
		{`{"mbox":"mailto:new@x.example"}`, `{"objectType":"Person","mbox":["mailto:new@x.example"]}`},
		{`{"openid":"https://x.example/p","objectType":"Agent"}`, `{"objectType":"Person","openid":["https://x.example/p"]}`},
		{`{"mbox_sha1sum":"` + hash + `"}`, `{"objectType":"Person","mbox_sha1sum":["` + hash + `"]}`},
		{`{"account":{"homePage":"https://x.example","name":"n"}}`, `{"objectType":"Person","account":[{"homePage":"https://x.example","name":"n"}]}`},
	}
	for _, version := range []string{v1, v2} {
		for _, test := range tests {
			if got := l.get(t, "/agents"+query("agent", test.agent), versionHeader, version).body; !sameJSON(t, got, test.want) {
				t.Errorf("%s: %s, want %s", test.agent, got, test.want)
			}
		}
	}
	// Names come from statements, each once.
	for i, name := range []string{"Ann", "Ann B.", "Ann", ""} {
		l.post(t, strings.Replace(simple(i), `"mbox":"mailto:nurse@example.com"`, `"name":"`+name+`","mbox":"mailto:ann@x.example"`, 1))
	}
	l.post(t, simple(9, `"context":{"instructor":{"mbox":"mailto:ann@X.example","name":"Prof. Ann"}}`))
	got := l.get(t, "/agents"+query("agent", `{"mbox":"mailto:ann@x.example"}`)).body
	var p struct {
		Name []string `json:"name"`
		Mbox []string `json:"mbox"`
	}
	if err := json.Unmarshal([]byte(got), &p); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Ann", "Ann B.", "Prof. Ann"} {
		if strings.Count(strings.Join(p.Name, "|")+"|", name+"|") < 1 {
			t.Errorf("no %q in %s", name, got)
		}
	}
	if len(p.Mbox) != 1 {
		t.Errorf("mbox %v", p.Mbox)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	x, y := jsontext.Value(a), jsontext.Value(b)
	for _, v := range []*jsontext.Value{&x, &y} {
		if err := v.Canonicalize(); err != nil {
			t.Fatalf("%v: %s", err, *v)
		}
	}
	return string(x) == string(y)
}

// Who asks by mbox_sha1sum finds what was stored with the mbox.
func TestFindByHashOfMbox(t *testing.T) {
	l := newLab(t)
	sum := sha1.Sum([]byte("mailto:nurse@example.com"))
	hash := `{"mbox_sha1sum":"` + hex.EncodeToString(sum[:]) + `"}`
	l.post(t, simple(1))
	l.post(t, strings.Replace(simple(2), `{"mbox":"mailto:nurse@example.com"}`, hash, 1))
	l.post(t, strings.Replace(simple(3), "nurse@", "doctor@", 1))
	l.post(t, simple(4, `"context":{"instructor":`+hash+`}`))
	l.post(t, ref(5, 3, "urn:about"))
	for filter, want := range map[string][]int{
		"":     {1, 2, 4, 5},
		"true": {1, 2, 4, 5},
	} {
		pairs := []string{"agent", hash}
		if filter != "" {
			pairs = append(pairs, "related_agents", filter)
		}
		expect(t, l, pairs, want)
	}
	upper := strings.Replace(hash, hex.EncodeToString(sum[:]), strings.ToUpper(hex.EncodeToString(sum[:])), 1)
	expect(t, l, []string{"agent", upper}, []int{1, 2, 4, 5})
}

// An Activity is what all statements together have said of it; languages add
// up (XAPI-00254, C 2.5).
func TestActivityDefinitions(t *testing.T) {
	l := newLab(t)
	activity := "/activities" + query("activityId", "https://a.example/1")
	if got := l.get(t, activity).body; !sameJSON(t, got, `{"objectType":"Activity","id":"https://a.example/1"}`) {
		t.Errorf("unknown: %s", got)
	}
	define := func(n int, definition string) {
		t.Helper()
		l.post(t, strings.Replace(simple(n), `"https://a.example/1"}`, `"https://a.example/1","definition":`+definition+`}`, 1))
	}
	define(1, `{"name":{"en-US":"One"},"description":{"en-US":"first"},"type":"urn:t","extensions":{"urn:x":1.50},"moreInfo":"https://m.example/"}`)
	want := `{"objectType":"Activity","id":"https://a.example/1","definition":{"name":{"en-US":"One"},"description":{"en-US":"first"},` +
		`"type":"urn:t","extensions":{"urn:x":1.50},"moreInfo":"https://m.example/"}}`
	if got := l.get(t, activity).body; !sameJSON(t, got, want) || !strings.Contains(got, "1.50") {
		t.Errorf("first: %s", got)
	}
	define(2, `{"name":{"de":"Eins"}}`)
	l.post(t, simple(3, `"context":{"contextActivities":{"parent":{"id":"https://a.example/1","definition":{"name":{"fr":"Un"},"description":{"en-US":"changed"}}}}}`))
	l.post(t, simple(4)) // says nothing, removes nothing
	got := l.get(t, activity).body
	for path, text := range map[string]string{"definition.name": `{"en-US":"One","de":"Eins","fr":"Un"}`, "definition.description": `{"en-US":"changed"}`} {
		if m := member(t, got, path); !sameJSON(t, m, text) {
			t.Errorf("%s: %s, want %s", path, m, text)
		}
	}
	if member(t, got, "definition.type") != "urn:t" || member(t, got, "definition.moreInfo") != "https://m.example/" {
		t.Errorf("lost something: %s", got)
	}
	// What was refused has said nothing.
	l.do(t, "POST", "/statements", `[`+strings.Replace(simple(8), `"https://a.example/1"}`, `"https://a.example/1","definition":{"name":{"es":"Uno"}}}`, 1)+`,{}]`).want(400)
	if got := l.get(t, activity).body; strings.Contains(got, "Uno") {
		t.Errorf("of a refused batch: %s", got)
	}
}

// A credential without the scope "define" stores what it sends and changes
// nothing else (C 4.2).
func TestWithoutDefine(t *testing.T) {
	l := newLab(t)
	activity, person := "/activities"+query("activityId", "https://a.example/1"), "/agents?agent="+nurse
	named := func(n int, name string) string {
		s := strings.Replace(simple(n), `"https://a.example/1"}`, `"https://a.example/1","definition":{"name":{"en":"`+name+`"}}}`, 1)
		return strings.Replace(s, `"mbox"`, `"name":"`+name+`","mbox"`, 1)
	}
	writer := l.credential(t, "writer", "statements/write")
	definer := l.credential(t, "definer", "statements/write define")
	l.post(t, named(1, "unauthorized"), "Authorization", writer)
	for _, target := range []string{activity, person} {
		if got := l.get(t, target).body; strings.Contains(got, "unauthorized") {
			t.Errorf("%s: %s", target, got)
		}
	}
	if got := l.statement(t, id(1)); strings.Count(got, "unauthorized") != 2 {
		t.Errorf("the statement lost its definition: %s", got)
	}
	l.post(t, named(2, "defined"), "Authorization", definer)
	l.post(t, named(3, "unauthorized"), "Authorization", writer)
	for _, target := range []string{activity, person} {
		if got := l.get(t, target).body; strings.Contains(got, "unauthorized") || !strings.Contains(got, "defined") {
			t.Errorf("%s: %s", target, got)
		}
	}
	if got := l.get(t, "/statements"+query("statementId", id(1), "format", "canonical")).body; member(t, got, "object.definition.name") != `{"en":"defined"}` {
		t.Errorf("canonical: %s", got)
	}
}
