package xapihttp_test

import (
	"strings"
	"testing"
)

const rich = `{"id":"00000000-0000-4000-8000-000000000001",` +
	`"actor":{"objectType":"Agent","name":"Ann","account":{"name":"ann","homePage":"https://x.example"}},` +
	`"verb":{"id":"https://v.example/done","display":{"en-US":"done","de":"fertig","fr":"fini"}},` +
	`"object":{"objectType":"Activity","id":"https://a.example/1","definition":{"name":{"en-US":"One","de":"Eins","fr":"Un"},` +
	`"description":{"fr":"la description"},"type":"urn:t","interactionType":"choice","choices":[{"id":"c","description":{"en-US":"c","de":"d"}}],` +
	`"extensions":{"urn:e":1.0}}},` +
	`"context":{"instructor":{"objectType":"Group","name":"team","member":[{"mbox":"mailto:m@x.example","name":"M"}]},` +
	`"team":{"objectType":"Group","name":"T","mbox":"mailto:t@x.example","member":[{"mbox":"mailto:m@x.example","name":"M"}]},` +
	`"contextActivities":{"parent":[{"id":"https://a.example/2","objectType":"Activity","definition":{"name":{"en":"Two"}}}]}}}`

// Of each format what it must say, whether by id or in a list.
func TestFormats(t *testing.T) {
	l := newLab(t)
	l.post(t, rich)
	// More is known of the Activity than this statement says.
	l.post(t, simple(2, `"context":{"contextActivities":{"other":{"id":"https://a.example/1","definition":{"name":{"es":"Uno","de":"Eines"}}}}}`))
	tests := []struct {
		format, languages string
		want              map[string]string
	}{
		{"ids", "de", map[string]string{
			"actor":                     `{"objectType":"Agent","account":{"name":"ann","homePage":"https://x.example"}}`,
			"verb":                      `{"id":"https://v.example/done"}`,
			"object":                    `{"id":"https://a.example/1"}`,
			"context.instructor":        `{"objectType":"Group","member":[{"mbox":"mailto:m@x.example"}]}`,
			"context.team":              `{"objectType":"Group","mbox":"mailto:t@x.example"}`,
			"context.contextActivities": `{"parent":[{"id":"https://a.example/2"}]}`,
		}},
		{"exact", "de", map[string]string{
			"verb.display":           `{"en-US":"done","de":"fertig","fr":"fini"}`,
			"object.definition.name": `{"en-US":"One","de":"Eins","fr":"Un"}`,
			"actor.name":             "Ann",
		}},
		{"canonical", "de", map[string]string{
			"verb.display":                  `{"de":"fertig"}`,
			"object.definition.name":        `{"de":"Eines"}`,
			"object.definition.description": `{"fr":"la description"}`,
			"object.definition.choices":     `[{"id":"c","description":{"de":"d"}}]`,
			"object.definition.extensions":  `{"urn:e":1.0}`,
			"actor.name":                    "Ann",
		}},
		{"canonical", "es;q=0.5, fr;q=0.9, de;q=0.1", map[string]string{
			"verb.display": `{"fr":"fini"}`, "object.definition.name": `{"fr":"Un"}`,
		}},
		{"canonical", "es, en;q=0.2", map[string]string{ // chosen for each map alone
			"verb.display": `{"en-US":"done"}`, "object.definition.name": `{"es":"Uno"}`,
			"object.definition.choices": `[{"id":"c","description":{"en-US":"c"}}]`,
		}},
		{"canonical", "de;q=0, fr;q=0, es;q=0, *", map[string]string{"object.definition.name": `{"en-US":"One"}`}},
		{"canonical", "en-GB", map[string]string{"verb.display": `{"en-US":"done"}`}},
	}
	for _, test := range tests {
		t.Run(test.format+" "+test.languages, func(t *testing.T) {
			byID := l.get(t, "/statements"+query("statementId", id(1), "format", test.format), "Accept-Language", test.languages)
			list := l.get(t, "/statements"+query("ascending", "true", "limit", "1", "format", test.format), "Accept-Language", test.languages)
			if got := string(list.page().Statements[0]); got != byID.body {
				t.Errorf("in the list %s\nby id %s", got, byID.body)
			}
			for path, want := range test.want {
				if got := member(t, byID.body, path); got != want {
					t.Errorf("%s: %s, want %s", path, got, want)
				}
			}
			if varies := strings.Contains(strings.Join(byID.header.Values("Vary"), ","), "Accept-Language"); varies != (test.format == "canonical") {
				t.Errorf("Vary: %v", byID.header.Values("Vary"))
			}
		})
	}
	t.Run("canonical, languages in two headers", func(t *testing.T) {
		two := l.get(t, "/statements"+query("statementId", id(1), "format", "canonical"), "Accept-Language", "xx", "Accept-Language", "de").body
		if one := l.get(t, "/statements"+query("statementId", id(1), "format", "canonical"), "Accept-Language", "xx, de").body; two != one {
			t.Errorf("%s\nwith one %s", two, one)
		}
	})
	t.Run("canonical without a language", func(t *testing.T) {
		got := l.get(t, "/statements"+query("statementId", id(1), "format", "canonical"))
		for _, path := range []string{"verb.display", "object.definition.name"} {
			if m := member(t, got.body, path); strings.Count(m, `":"`) != 1 {
				t.Errorf("%s: %s, want one language", path, m)
			}
		}
	})
	t.Run("exact is the default", func(t *testing.T) {
		if got := l.get(t, "/statements"+query("statementId", id(1), "format", "exact")).body; got != l.statement(t, id(1)) {
			t.Errorf("exact: %s", got)
		}
	})
	t.Run("voided", func(t *testing.T) {
		l.post(t, ref(3, 1, voided))
		got := l.get(t, "/statements"+query("voidedStatementId", id(1), "format", "ids")).body
		if v := member(t, got, "verb"); v != `{"id":"https://v.example/done"}` {
			t.Errorf("verb %s", v)
		}
	})
	for _, bad := range []string{"", "IDS", "exact,ids"} {
		l.do(t, "GET", "/statements"+query("format", bad), "").refused(400, "parameter.invalid")
		l.do(t, "GET", "/statements"+query("statementId", id(2), "format", bad), "").refused(400, "parameter.invalid")
	}
}

// canonical says of an Activity what the LRS knows, also where the statement
// says nothing.
func TestCanonicalAdds(t *testing.T) {
	l := newLab(t)
	l.post(t, simple(1))
	l.post(t, simple(2, `"context":{"contextActivities":{"other":{"id":"https://a.example/1","definition":{"name":{"es":"Uno"}}}}}`))
	got := l.get(t, "/statements"+query("statementId", id(1), "format", "canonical")).body
	if o := member(t, got, "object"); o != `{"id":"https://a.example/1","definition":{"name":{"es":"Uno"}}}` {
		t.Errorf("object %s", o)
	}
	if o := member(t, l.statement(t, id(1)), "object"); o != `{"id":"https://a.example/1"}` {
		t.Errorf("stored object %s", o)
	}
}
