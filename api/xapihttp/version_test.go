package xapihttp_test

import (
	"testing"

	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// Which version a request is answered in, and what the answer says (C 3.3).
func TestVersionNegotiation(t *testing.T) {
	tests := []struct{ header, want string }{ // want "": refused, in the default's name
		{"1.0", v1}, {"1.0.0", v1}, {"1.0.1", v1}, {"1.0.3", v1}, {"1.0.9", v1}, {"1.0.99", v1},
		{"2.0", v2}, {"2.0.0", v2}, {"2.0.1", v2},
		{"", ""}, {"0.9", ""}, {"0.95", ""}, {"1.1.0", ""}, {"1.1", ""}, {"2.1.0", ""}, {"3.0.0", ""}, {"BAD", ""},
		{"1", ""}, {"2", ""}, {"1.0.", ""}, {"1.0.x", ""}, {"1.0.3, 2.0.0", ""}, {"10.0", ""}, {"1.0.3.1", ""},
	}
	targets := map[string]int{
		"/statements": 200, "/statements?statementId=" + id(9): 404, "/statements?foo=1": 400, "/about": 200,
		"/activities?activityId=urn:a": 200, "/agents?agent=" + nurse: 200, "/activities": 400, "/agents": 400,
		"/activities/state": 400, "/activities/profile": 400, "/agents/profile": 400,
	}
	for name, byDefault := range map[string]xapi.Version{v1: xapi.V1, v2: xapi.V2} {
		l := newLab(t, func(c *xapihttp.Config) { c.Default = byDefault })
		for _, test := range tests {
			for target, status := range targets {
				want := test.want
				if want == "" {
					want = name
					if target != "/about" {
						status = 400
					}
				}
				for _, authorization := range []string{l.all, ""} {
					a := l.do(t, "GET", target, "", versionHeader, test.header, "Authorization", authorization)
					expected := status
					if authorization == "" && test.want != "" && target != "/about" {
						expected = 401
					}
					if got := a.header.Values(versionHeader); a.status != expected || len(got) != 1 || got[0] != want {
						t.Errorf("%q, default %s, %s: %d as %q, want %d as %q", test.header, name, target, a.status, got, expected, want)
					}
				}
			}
			if test.want == "" {
				code := "version.unsupported"
				if test.header == "" {
					code = "version.missing"
				}
				l.do(t, "POST", "/statements", simple(1), versionHeader, test.header).refused(400, code)
			}
		}
		if got := l.get(t, "/statements").page().ids(t); len(got) != 0 {
			t.Errorf("stored are %v", got)
		}
	}
}

// Also what is refused before anything else is answered in the version of the request.
func TestVersionOfRefusals(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Default = xapi.V2 })
	for _, test := range []struct {
		method, target, body string
		status               int
	}{
		{"GET", "/statements?a=1;b=2", "", 400}, {"GET", "/statements?%zz=1", "", 400}, {"OPTIONS", "/statements", "", 204},
		{"POST", "/statements?method=GET", "{}", 400}, {"POST", "/statements?method=OPTIONS", "", 400}, {"PATCH", "/statements", "", 405},
	} {
		if a := l.do(t, test.method, test.target, test.body, versionHeader, "1.0.3").want(test.status); a.header.Get(versionHeader) != v1 {
			t.Errorf("%s %s: %q", test.method, test.target, a.header.Values(versionHeader))
		}
	}
}

// About is for everybody: with both versions and nothing else (C 2.8).
func TestAbout(t *testing.T) {
	l := newLab(t)
	for _, header := range [][]string{nil, {versionHeader, "", "Authorization", ""}, {versionHeader, "9.9", "Authorization", basic("no", "body")}} {
		if got := l.get(t, "/about", header...).body; got != `{"version":["1.0.3","2.0.0"],"extensions":{}}` {
			t.Errorf("about: %s", got)
		}
	}
	l.do(t, "HEAD", "/about", "").want(200)
	l.do(t, "GET", "/about?x=1", "").refused(400, "parameter.unknown")
	if a := l.do(t, "POST", "/about", "{}"); a.header.Get("Allow") != "GET, HEAD, OPTIONS" {
		a.refused(405, "request.method")
		t.Errorf("Allow %q", a.header.Get("Allow"))
	}
}

// The rules that differ between the versions follow the header.
func TestVersionRules(t *testing.T) {
	l := newLab(t)
	agents := simple(1, `"context":{"contextAgents":[{"objectType":"contextAgent","agent":{"mbox":"mailto:x@x.example"}}]}`)
	l.do(t, "POST", "/statements", agents).refused(400, "statement.invalid")
	l.post(t, agents, versionHeader, v2)
	// A newer statement is not converted down for an older client (C 3.3).
	if got, want := l.get(t, "/statements?statementId="+id(1)).body, l.get(t, "/statements?statementId="+id(1), versionHeader, v2).body; got != want {
		t.Errorf("as 1.0.3 %s\nas 2.0.0 %s", got, want)
	}
	two := simple(2, `"version":"2.0.0"`)
	l.do(t, "POST", "/statements", two).refused(400, "statement.invalid")
	l.post(t, two, versionHeader, v2)
}
