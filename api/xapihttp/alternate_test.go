package xapihttp_test

import (
	"net/url"
	"strings"
	"testing"
)

// alternate sends a request in the alternate request syntax of 1.0.3 (C 1.3):
// members are pairs, of headers, parameters and content.
func (l *lab) alternate(t testing.TB, method, resource string, members []string, header ...string) *answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(members); i += 2 {
		form.Add(members[i], members[i+1])
	}
	header = append([]string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, header...)
	return l.do(t, "POST", resource+"?method="+method, form.Encode(), header...)
}

// Every method of every resource is there in this syntax too, with credentials
// and version in the form only.
func TestAlternateSyntax(t *testing.T) {
	l := newLab(t)
	const agent = `{"mbox":"mailto:nurse@example.com"}`
	state := []string{"activityId", "https://a.example/1", "agent", agent, "stateId", "s"}
	profile := []string{"agent", agent, "profileId", "p"}
	text := []string{"Content-Type", "text/plain", "content", "some text"}
	with := func(lists ...[]string) (all []string) {
		for _, list := range lists {
			all = append(all, list...)
		}
		return all
	}
	steps := []struct {
		method, resource string
		members          []string
		status           int
		body             string
	}{
		{"PUT", "/statements", []string{"statementId", id(1), "content", simple(1)}, 204, ""},
		{"POST", "/statements", []string{"content", `[` + simple(2) + `]`, "Content-Type", "application/json", "Content-Length", "999"}, 200, `["` + id(2) + `"]`},
		{"GET", "/statements", []string{"statementId", id(1), "format", "ids"}, 200, id(1)},
		{"GET", "/statements", []string{"limit", "1", "verb", "https://v.example/done"}, 200, id(2)},
		{"HEAD", "/statements", []string{"limit", "1"}, 200, ""},
		{"GET", "/about", nil, 200, v1},
		{"GET", "/agents", []string{"agent", agent}, 200, `"Person"`},
		{"GET", "/activities", []string{"activityId", "https://a.example/1"}, 200, "a.example"},
		{"PUT", "/activities/state", with(state, text), 204, ""},
		{"GET", "/activities/state", state, 200, "some text"},
		{"HEAD", "/activities/state", state, 200, ""},
		{"PUT", "/agents/profile", with(profile, text, []string{"If-None-Match", "*"}), 204, ""},
		{"PUT", "/agents/profile", with(profile, text, []string{"If-None-Match", "*"}), 412, ""},
		{"PUT", "/agents/profile", with(profile, []string{"If-Match", etag("some text"), "content", "a=b&c=%20\xc3\xa9"}), 204, ""},
		{"GET", "/agents/profile", profile, 200, "a=b&c=%20\xc3\xa9"},
		{"DELETE", "/agents/profile", profile, 204, ""},
		{"GET", "/agents/profile", profile, 404, ""},
		{"POST", "/activities/state", with(state, []string{"content", `{}`}), 400, ""},
		{"DELETE", "/activities/state", state[:4], 204, ""},
		{"GET", "/activities/state", state[:4], 200, "[]"},
	}
	for _, step := range steps {
		members := with(step.members, []string{"Authorization", l.all, versionHeader, v1})
		a := l.alternate(t, step.method, step.resource, members, "Authorization", "", versionHeader, "").want(step.status)
		switch {
		case step.status == 200 && step.method == "HEAD" && a.body != "":
			t.Errorf("HEAD %s: %s", step.resource, a.body)
		case !strings.Contains(a.body, step.body):
			t.Errorf("%s %s: %s, want %s", step.method, step.resource, a.body, step.body)
		case a.header.Get(versionHeader) != v1:
			t.Errorf("%s %s: version %s", step.method, step.resource, a.header.Get(versionHeader))
		}
	}
}

func TestAlternateSyntaxRefused(t *testing.T) {
	l := newLab(t)
	content := []string{"content", simple(1)}
	form := "application/x-www-form-urlencoded"
	tests := []struct {
		name, method, target string
		members              []string
		header               []string
		status               int
		code                 string
	}{
		{"another parameter in the query", "POST", "POST&limit=1", content, nil, 400, "alternate.parameters"},
		{"method twice", "POST", "GET&method=PUT", content, nil, 400, "alternate.parameters"},
		{"unknown method", "POST", "PATCH", content, nil, 400, "alternate.method"},
		{"method in lower case", "POST", "get", content, nil, 400, "alternate.method"},
		{"no method", "POST", "", content, nil, 400, "alternate.method"},
		{"no form", "POST", "POST", content, []string{"Content-Type", "application/json"}, 400, "alternate.form"},
		{"form that is none", "POST", "GET", nil, nil, 400, "alternate.form"},
		{"no content", "POST", "POST", []string{"statementId", id(1)}, nil, 400, "alternate.content"},
		{"content twice", "POST", "POST", append(content, content...), nil, 400, "alternate.content"},
		{"a parameter twice", "POST", "GET", []string{"limit", "1", "limit", "2"}, nil, 400, "parameter.repeated"},
		{"an unknown parameter", "POST", "GET", []string{"foo", "1"}, nil, 400, "parameter.unknown"},
		{"PUT instead of POST", "PUT", "PUT", content, nil, 400, "parameter.unknown"},
		{"GET instead of POST", "GET", "GET", nil, nil, 400, "parameter.unknown"},
		{"a version before 1.0 in the form", "POST", "GET", []string{versionHeader, "0.8"}, nil, 400, "version.unsupported"},
		{"2.0 in the form", "POST", "GET", []string{versionHeader, v2}, nil, 400, "alternate.version"},
		{"2.0 in the form only", "POST", "GET", []string{versionHeader, v2}, []string{versionHeader, ""}, 400, "alternate.version"},
		{"2.0 in the header", "POST", "GET", []string{"limit", "1"}, []string{versionHeader, v2}, 400, "parameter.unknown"},
		{"2.0, POST", "POST", "POST", content, []string{versionHeader, v2}, 400, "parameter.unknown"},
		{"2.0, PUT", "PUT", "PUT", content, []string{versionHeader, v2}, 400, "parameter.unknown"},
		{"a type that no header can have", "POST", "PUT", []string{"content", "x", "Content-Type", "text/x\x00y"}, nil, 400, "alternate.header"},
		{"a type of two lines", "POST", "PUT", []string{"content", "x", "content-type", "text/x\r\nX-Evil: 1"}, nil, 400, "alternate.header"},
		{"a type longer than a header", "POST", "PUT", []string{"content", "x", "Content-Type", "text/" + strings.Repeat("x", 20_000)}, nil, 400, "alternate.header"},
		{"a header in two spellings", "POST", "PUT", []string{"content", "x", "If-Match", "*", "if-match", "\"a\""}, nil, 400, "alternate.header"},
		{"no version anywhere", "POST", "GET", []string{"limit", "1"}, []string{versionHeader, ""}, 400, "version.missing"},
		{"no credentials anywhere", "POST", "GET", []string{"limit", "1"}, []string{"Authorization", ""}, 401, "auth.missing"},
		{"wrong credentials in the form win", "POST", "GET", []string{"Authorization", basic("a", "b")}, nil, 401, "auth.unauthorized"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			values := url.Values{}
			for i := 0; i < len(test.members); i += 2 {
				values.Add(test.members[i], test.members[i+1])
			}
			body := values.Encode()
			if test.name == "form that is none" {
				body = "a=%zz"
			}
			header := append([]string{"Content-Type", form}, test.header...)
			l.do(t, test.method, "/statements?method="+test.target, body, header...).refused(test.status, test.code)
		})
	}
	if got := l.get(t, "/statements").page().ids(t); len(got) != 0 {
		t.Errorf("stored are %v", got)
	}
}

// A refused HEAD has no body either.
func TestAlternateHeadRefused(t *testing.T) {
	l := newLab(t)
	if a := l.alternate(t, "HEAD", "/statements", []string{"statementId", id(9)}).want(404); a.body != "" {
		t.Errorf("a body: %s", a.body)
	}
}

// A form without `method` in the query is a document like any other.
func TestFormIsADocument(t *testing.T) {
	l := newLab(t)
	target := documentResources["state"] + "form"
	l.do(t, "POST", target, "method=GET&content=x", "Content-Type", "application/x-www-form-urlencoded").want(204)
	if got := l.get(t, target).body; got != "method=GET&content=x" {
		t.Errorf("stored %q", got)
	}
}
