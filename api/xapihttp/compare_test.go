package xapihttp_test

import (
	"net/url"
	"strings"
	"testing"
)

// The same statement again changes nothing and succeeds as at first; another
// content under its id is 409 and changes nothing (C 2.1.1, 2.1.2; D 2.3.1).
func TestSameAgain(t *testing.T) {
	l := newLab(t)
	const base = `{"id":"00000000-0000-4000-8000-000000000001","actor":{"mbox":"mailto:nurse@example.com"},` +
		`"verb":{"id":"https://v.example/done","display":{"en":"did"}},` +
		`"object":{"id":"https://a.example/1","definition":{"name":{"en":"One"}}},` +
		`"result":{"score":{"raw":1},"duration":"PT1.12S"},"timestamp":"2024-01-01T12:00:00Z",` +
		`"context":{"contextActivities":{"parent":[{"id":"urn:p"}]}}}`
	l.post(t, base)
	stored := l.statement(t, id(1))
	with := func(old, new string) string {
		if !strings.Contains(base, old) {
			t.Fatalf("no %s in the statement", old)
		}
		return strings.Replace(base, old, new, 1)
	}
	tests := []struct {
		name, statement string
		same            bool
	}{
		{"the same", base, true},
		{"what came back", stored, true},
		{"verb display", with(`"did"`, `"has done"`), true},
		{"definition", with(`{"name":{"en":"One"}}`, `{"name":{"en":"Uno"},"type":"urn:t"}`), true},
		{"no definition", with(`,"definition":{"name":{"en":"One"}}`, ``), true},
		{"authority, stored", with(`{"id"`, `{"authority":{"mbox":"mailto:x@example.com"},"stored":"2011-01-01T00:00:00Z","id"`), true},
		{"version", with(`{"id"`, `{"version":"1.0.3","id"`), true},
		{"order of members", reordered(base), true},
		{"zone", with("12:00:00Z", "13:00:00.000+01:00"), true},
		{"domain's case", with("nurse@example.com", "nurse@EXAMPLE.com"), true},
		{"objectType that is the default", with(`{"id":"https://a`, `{"objectType":"Activity","id":"https://a`), true},
		{"single context activity", with(`[{"id":"urn:p"}]`, `{"id":"urn:p"}`), true},
		{"id's case", strings.Replace(base, id(1), strings.ToUpper(id(1)), 1), true},

		{"actor", with("nurse@", "doctor@"), false},
		{"local part's case", with("nurse@", "Nurse@"), false},
		{"verb", with("v.example/done", "v.example/undone"), false},
		{"object", with("a.example/1", "a.example/2"), false},
		{"object's case", with("a.example/1", "A.example/1"), false},
		{"score", with(`"raw":1`, `"raw":2`), false},
		{"duration", with("PT1.12S", "PT2.12S"), false},
		{"timestamp", with("12:00:00Z", "12:00:01Z"), false},
		{"context", with("urn:p", "urn:q"), false},
		{"more", with(`{"id"`, `{"attachments":[],"id"`), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			put := "/statements" + query("statementId", id(1))
			if test.same {
				if got := l.post(t, test.statement).body; got != `["`+id(1)+`"]` {
					t.Errorf("POST: %s", got)
				}
				l.post(t, `[`+test.statement+`]`)
				l.do(t, "PUT", put, test.statement).want(204)
			} else {
				if p := l.do(t, "PUT", put, test.statement).refused(409, "statement.conflict"); p.Statement != nil {
					t.Errorf("PUT: statement %d of a batch, but it was none", *p.Statement)
				}
				l.do(t, "POST", "/statements", test.statement).refused(409, "statement.conflict")
				p := l.do(t, "POST", "/statements", `[`+simple(7)+`,`+test.statement+`]`).refused(409, "statement.conflict")
				if p.Statement == nil || *p.Statement != 1 || !strings.Contains(p.Message, id(1)) {
					t.Errorf("statement %s: %s", deref(p.Statement), p.Message)
				}
			}
			if got := l.statement(t, id(1)); got != stored {
				t.Errorf("changed to %s", got)
			}
			if got := l.get(t, "/statements").page().ids(t); len(got) != 1 {
				t.Errorf("stored are %v", got)
			}
			if got := l.get(t, "/activities"+query("activityId", "https://a.example/1")).body; !strings.Contains(got, "One") {
				t.Errorf("the definition changed: %s", got)
			}
		})
	}
}

// reordered puts the first member of a statement last.
func reordered(statement string) string {
	first, rest, _ := strings.Cut(strings.TrimPrefix(statement, "{"), ",")
	return "{" + strings.TrimSuffix(rest, "}") + "," + first + "}"
}

// A batch is all or none.
func TestBatchAllOrNone(t *testing.T) {
	l := newLab(t)
	for _, version := range []string{v1, v2} {
		twice := []string{simple(1), simple(2), simple(1)}
		p := l.do(t, "POST", "/statements", `[`+strings.Join(twice, ",")+`]`, versionHeader, version).refused(400, "statement.invalid")
		if p.Rule != "statement.id.unique" || deref(p.Statement) != "2" || deref(p.Pointer) != "/id" {
			t.Errorf("%s: %s, statement %s, pointer %s", version, p.Rule, deref(p.Statement), deref(p.Pointer))
		}
		cased := strings.Replace(simple(10), id(10), "ABCDEF00-0000-4000-8000-000000000000", 1)
		l.do(t, "POST", "/statements", `[`+cased+`,`+strings.ToLower(cased)+`]`, versionHeader, version).refused(400, "statement.invalid")
	}
	l.do(t, "POST", "/statements", `[`+simple(1)+`,`+simple(2, `"foo":1`)+`]`).refused(400, "statement.invalid")
	if got := l.get(t, "/statements").page().ids(t); len(got) != 0 {
		t.Errorf("stored are %v", got)
	}
	// Of a batch that is partly known the rest is stored.
	l.post(t, simple(1))
	if got := l.post(t, `[`+simple(2)+`,`+simple(1)+`,`+simple(3)+`]`).body; got != `["`+id(2)+`","`+id(1)+`","`+id(3)+`"]` {
		t.Errorf("ids %s", got)
	}
	got := l.get(t, "/statements?ascending=true").page().ids(t)
	if strings.Join(got, " ") != strings.Join([]string{id(1), id(2), id(3)}, " ") {
		t.Errorf("stored are %v", got)
	}
}

// TestPositions: every answer tells a position that, sent back, shows no less; a write that stored nothing tells what it
// rests on.
func TestPositions(t *testing.T) {
	l := newLab(t)
	const header = "X-Bedside-Position"
	stored := l.post(t, simple(1)).header.Get(header)
	if stored == "" {
		t.Fatal("a write has no position")
	}
	statement := "/statements?statementId=" + url.QueryEscape(id(1))
	state := "/activities/state?activityId=https%3A%2F%2Fa.example%2F1&agent=" + url.QueryEscape(`{"mbox":"mailto:a@example.com"}`) + "&stateId=s"
	for what, a := range map[string]*answer{
		"the same again":          l.post(t, simple(1)),
		"the same again by PUT":   l.do(t, "PUT", statement, simple(1)),
		"other content":           l.do(t, "PUT", statement, simple(2)),
		"a statement":             l.do(t, "GET", statement, ""),
		"a list":                  l.do(t, "GET", "/statements", ""),
		"a document that is none": l.do(t, "GET", state, ""),
		"a wrong parameter":       l.do(t, "GET", "/statements?x=1", ""),
	} {
		if got := a.header.Get(header); got == "" {
			t.Errorf("%s has no position", what)
		}
	}
	if got := l.do(t, "GET", statement, "", header, stored); got.status != 200 {
		t.Errorf("with the position of its write: %d", got.status)
	}
	for _, bad := range []string{"x", "-1", "1.", "1.x", "1.2.3", "99999999999999999999"} {
		l.do(t, "GET", statement, "", header, bad).want(400)
	}
	if a := l.do(t, "GET", statement, "", "Authorization", "Basic eDp5"); a.header.Get(header) != "" {
		t.Error("who may not read learns a position")
	}
}
