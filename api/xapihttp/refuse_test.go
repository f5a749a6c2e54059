package xapihttp_test

import (
	"fmt"
	"strings"
	"testing"
)

// A refused statement is told where and why, and nothing of its request is
// stored.
func TestRefusedStatement(t *testing.T) {
	l := newLab(t)
	nested := func(depth int) string { // the statement, result, extensions and this
		return `"result":{"extensions":{"urn:d":` + strings.Repeat("[", depth-3) + strings.Repeat("]", depth-3) + `}}`
	}
	tests := []struct {
		name, statement, rule, pointer string
		violations                     bool // the schema has something to say too
	}{
		{"two ids", strings.Replace(simple(1), `{`, `{"id":"`+id(9)+`",`, 1), "json.name.unique", "/id", false},
		{"two names deep in an extension", simple(1, `"result":{"extensions":{"urn:x":{"a":1,"\u0061":2}}}`), "json.name.unique", "/result/extensions/urn:x/a", false},
		{"invalid UTF-8", simple(1, "\"result\":{\"response\":\"\xff\"}"), "json.utf8", "/result/response", false},
		{"half a surrogate", simple(1, `"result":{"response":"\ud83d"}`), "json.syntax", "/result/response", false},
		{"null", simple(1, `"result":null`), "value.null", "/result", true},
		{"null in a language map", strings.Replace(simple(1), `done"`, `done","display":{"en":null}`, 1), "value.null", "/verb/display/en", true},
		{"null timestamp", simple(1, `"timestamp":null`), "value.null", "/timestamp", true},
		{"too deep", simple(1, nested(101)), "json.depth", "", false},
		{"cut off", strings.TrimSuffix(simple(1), "}"), "json.syntax", "", false},
		{"unknown member", simple(1, `"foo":1`), "member.unknown", "/foo", true},
		{"wrong case", simple(1, `"Result":{}`), "member.unknown", "/Result", true},
		{"no verb", `{` + simpleActor + `,` + simpleObject + `}`, "member.required", "", true},
		{"two IFIs", strings.Replace(simple(1), `"mbox"`, `"openid":"https://o.example/","mbox"`, 1), "actor.ifi.single", "/actor", true},
		{"number as text", simple(1, `"result":{"score":{"raw":"1"}}`), "value.type", "/result/score/raw", true},
		{"pointer escapes", simple(1, `"result":{"extensions":{"urn:x":0},"~a/b":1}`), "member.unknown", "/result/~0a~1b", true},
		{"a version of 2.0", simple(1, `"version":"2.0.0"`), "value.version", "/version", true},
		{"not an object", `1`, "value.type", "", true},
		{"nothing", ` `, "json.syntax", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check := func(body string, index int) {
				t.Helper()
				p := l.do(t, "POST", "/statements", body).refused(400, "statement.invalid")
				if p.Rule != test.rule {
					t.Errorf("rule %q, want %q (%s)", p.Rule, test.rule, p.Message)
				}
				if p.Pointer == nil || *p.Pointer != test.pointer && (test.pointer != "" || test.violations) {
					t.Errorf("pointer %v, want %q", deref(p.Pointer), test.pointer)
				}
				if index < 0 && p.Statement != nil || index >= 0 && (p.Statement == nil || *p.Statement != index) {
					t.Errorf("statement %s, want %d", deref(p.Statement), index)
				}
				if (len(p.Violations) > 0) != test.violations {
					t.Errorf("violations %v", p.Violations)
				}
				for _, v := range p.Violations {
					if v.Message == "" || v.Schema == "" {
						t.Errorf("violation %+v", v)
					}
				}
			}
			check(test.statement, -1)
			if strings.TrimSpace(test.statement) != "" {
				check(`[`+simple(1)+`,`+simple(2)+`,`+test.statement+`,`+simple(3)+`]`, 2)
			}
			if n := len(l.get(t, "/statements").page().Statements); n != 0 {
				t.Errorf("%d statements are stored", n)
			}
		})
	}
	// 100 deep is not too deep, in a batch neither.
	l.post(t, simple(1, nested(100)))
}

func deref[T any](p *T) string {
	if p == nil {
		return "none"
	}
	return fmt.Sprint(*p)
}

// Requests that are wrong as a whole.
func TestRefusedRequest(t *testing.T) {
	l := newLab(t)
	put := "/statements" + query("statementId", id(1))
	tests := []struct {
		name, method, target, body, code string
		header                           []string
	}{
		{"PUT without an id", "PUT", "/statements", simple(1), "parameter.missing", nil},
		{"PUT with an empty id", "PUT", "/statements?statementId=", simple(1), "parameter.missing", nil},
		{"PUT with a bad id", "PUT", "/statements?statementId=1", simple(1), "parameter.invalid", nil},
		{"PUT of another id", "PUT", put, simple(2), "statement.id", nil},
		{"PUT of an array", "PUT", put, `[` + simple(1) + `]`, "statement.single", nil},
		{"POST with a parameter", "POST", put, simple(1), "parameter.unknown", nil},
		{"POST of a form", "POST", "/statements", "a=b", "request.type", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"POST of form data", "POST", "/statements", simple(1), "request.type", []string{"Content-Type", "multipart/form-data; boundary=x"}},
		{"POST of text", "POST", "/statements", simple(1), "request.type", []string{"Content-Type", "text/plain"}},
		{"no content type", "POST", "/statements", simple(1), "request.type", []string{"Content-Type", ""}},
		{"two values", "POST", "/statements", simple(1) + simple(2), "statement.invalid", nil},
		{"text behind", "POST", "/statements", simple(1) + "x", "statement.invalid", nil},
		{"malformed query", "GET", "/statements?verb=%zz", "", "parameter.malformed", nil},
		{"semicolons", "GET", "/statements?limit=1;ascending=true", "", "parameter.malformed", nil},
		{"invalid UTF-8 in a parameter", "GET", "/activities/state" + stateOf + "&stateId=%ff", "", "parameter.malformed", nil},
		{"invalid UTF-8 in a parameter of a write", "PUT", "/activities/state" + stateOf + "&stateId=%ff", "x", "parameter.malformed", nil},
		{"invalid UTF-8 in a content type", "PUT", "/activities/state" + stateOf + "&stateId=s", "x", "request.type", []string{"Content-Type", "text/plain; x=\"\xff\""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l.do(t, test.method, test.target, test.body, test.header...).refused(400, test.code)
		})
	}
	if n := len(l.get(t, "/statements").page().Statements); n != 0 {
		t.Errorf("%d statements are stored", n)
	}
}

// XAPI-00011 of the suite means to test this and sends nothing.
func TestRefusedIRIs(t *testing.T) {
	l := newLab(t)
	const template = `{"actor":{"account":{"homePage":"HOMEPAGE","name":"n"}},"verb":{"id":"VERB"},` +
		`"object":{"id":"ACTIVITY","definition":{"type":"TYPE","moreInfo":"MOREINFO","extensions":{"EXTENSION":1}}},` +
		`"context":{"contextActivities":{"grouping":[{"id":"GROUPING"}]}},` +
		`"attachments":[{"usageType":"USAGE","display":{},"contentType":"text/plain","length":1,"sha2":"` +
		`60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752","fileUrl":"FILEURL"}]}`
	places := map[string]string{
		"HOMEPAGE": "/actor/account/homePage", "VERB": "/verb/id", "ACTIVITY": "/object/id", "TYPE": "/object/definition/type",
		"MOREINFO": "/object/definition/moreInfo", "EXTENSION": "/object/definition/extensions",
		"GROUPING": "/context/contextActivities/grouping/0/id", "USAGE": "/attachments/0/usageType", "FILEURL": "/attachments/0/fileUrl",
	}
	fill := func(place, value string) string {
		s := strings.Replace(template, `"`+place+`"`, `"`+value+`"`, 1)
		for other := range places {
			s = strings.Replace(s, `"`+other+`"`, `"https://x.example/`+other+`"`, 1)
		}
		return s
	}
	for _, version := range []string{v1, v2} {
		l.post(t, fill("VERB", "https://x.example/é"), versionHeader, version)
		for place, pointer := range places {
			for _, bad := range []string{"no-scheme", "/path", "", "http://x.example/a b", "ab=c://x.example"} {
				p := l.do(t, "POST", "/statements", fill(place, bad), versionHeader, version).refused(400, "statement.invalid")
				if p.Rule != "value.iri" || !strings.HasPrefix(deref(p.Pointer), pointer) {
					t.Errorf("%s %q: rule %s at %s", place, bad, p.Rule, deref(p.Pointer))
				}
			}
		}
	}
}
