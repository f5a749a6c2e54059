package hrhttp_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

// everyScope is all scopes that there are.
var everyScope = (^auth.Scopes(0)).Names()

// allowed says which scopes open a method of a resource; "all" opens every one.
var allowed = map[string]string{
	"GET /people":            "people/read all/read",
	"POST /people":           "people/write",
	"GET /units":             "people/read all/read",
	"POST /units":            "people/write",
	"GET /unmapped":          "people/read all/read",
	"GET /changes":           "people/read competencies/read definitions/write evaluations/read kpis/read all/read",
	"GET /units/{unit}/gaps": "competencies/read all/read",
	"GET /people/{person}/evaluations/{evaluation}":            "evaluations/read all/read",
	"GET /people/{person}/evaluations/{evaluation}/evidence":   "evaluations/read all/read",
	"POST /people/{person}/evaluations/{evaluation}/decisions": "evaluations/write",
	"POST /people/{person}/evaluations/{evaluation}/comments":  "", // of the person concerned: TestRemarks
	"GET /units/{unit}/evaluations/{evaluation}":               "evaluations/read all/read",
	"GET /programmes/{programme}/effectiveness":                "kpis/read all/read",
	"GET /programmes/{programme}/effectiveness/evidence":       "kpis/read all/read",
	"GET /kpis/{kpi}":                                         "kpis/read all/read",
	"GET /kpis/{kpi}/evidence":                                "kpis/read all/read",
	"GET /measures":                                           "kpis/read all/read",
	"POST /measures":                                          "measures/write",
	"GET /people/{person}":                                    "people/read all/read",
	"PUT /people/{person}":                                    "people/write",
	"DELETE /people/{person}":                                 "people/write",
	"POST /people/{person}/assignments":                       "people/write",
	"DELETE /people/{person}/assignments":                     "people/write",
	"POST /people/{person}/identities":                        "people/write",
	"DELETE /people/{person}/identities/{ifi}":                "people/write",
	"GET /people/{person}/competencies":                       "competencies/read all/read",
	"GET /people/{person}/competencies/{competency}/evidence": "competencies/read all/read",
	"GET /units/{unit}":                                       "people/read all/read",
	"PUT /units/{unit}":                                       "people/write",
	"DELETE /units/{unit}":                                    "people/write",
	"GET /units/{unit}/competencies":                          "competencies/read all/read",
	"GET /definitions":                                        "people/read competencies/read definitions/write evaluations/read kpis/read all/read",
	"POST /definitions":                                       "definitions/write",
	"GET /definitions/{kind}":                                 "people/read competencies/read definitions/write evaluations/read kpis/read all/read",
	"PUT /definitions/{kind}":                                 "definitions/write",
	"GET /definitions/{kind}/{id}":                            "people/read competencies/read definitions/write evaluations/read kpis/read all/read",
	"PUT /definitions/{kind}/{id}":                            "definitions/write",
}

// targetOf puts ids into a path, and adds the parameters that must be there.
func targetOf(path string) string {
	target := idsOf(path)
	if strings.Contains(path, "/kpis/") || strings.Contains(path, "/evaluations/") {
		target += "?from=2025-01-01&to=2025-02-01"
	}
	if strings.HasSuffix(path, "/evaluations/{evaluation}/evidence") {
		target += "&metric=listening"
	}
	return target
}

var idsOf = strings.NewReplacer("{person}", "ann", "{unit}", "ward-a", "{competency}", esc(listening), "{kind}", "framework",
	"{id}", esc(framework), "{ifi}", esc(mboxOf("nobody")),
	"{kpi}", esc(kpiListened), "{evaluation}", esc(annual), "{programme}", esc(programme)).Replace

// pathsOf gives each path with the methods that it has.
func pathsOf() map[string][]string {
	paths := map[string][]string{}
	for _, rt := range hrhttp.Routes() {
		paths[rt.Path] = append(paths[rt.Path], rt.Method)
	}
	return paths
}

// status is that of a request; an answer that does not end is not waited for.
func (l *lab) status(t testing.TB, method, target string, header ...string) int {
	t.Helper()
	res := l.open(t, method, base+target, nil, header...)
	res.Body.Close()
	return res.StatusCode
}

// TestScopes: each method of each resource is open to the scopes that it is meant for
// and to no other, and to nobody without a credential.
func TestScopes(t *testing.T) {
	l := onOne(t)
	header := map[string][]string{}
	for _, scope := range everyScope {
		header[scope] = as(l.credential(t, scope, scope))
	}
	wrong := as(basic("everything", "wrong"))
	for _, rt := range hrhttp.Routes() {
		name := rt.Method + " " + rt.Path
		scopes, known := allowed[name]
		if !known {
			t.Errorf("%s: say here which scopes open it", name)
			continue
		}
		target := targetOf(rt.Path)
		for _, scope := range everyScope {
			open := scope == "all" && scopes != "" || slices.Contains(strings.Fields(scopes), scope)
			got := l.status(t, rt.Method, target, header[scope]...)
			if got == http.StatusUnauthorized || got == http.StatusMethodNotAllowed || open == (got == http.StatusForbidden) {
				t.Errorf("%s with %s: %d", name, scope, got)
			}
			if rt.Method == http.MethodGet { // HEAD is no way around
				if head := l.status(t, http.MethodHead, target, header[scope]...); open == (head == http.StatusForbidden) {
					t.Errorf("HEAD %s with %s: %d", rt.Path, scope, head)
				}
			}
		}
		if rt.Writes != (rt.Method != http.MethodGet && !strings.HasSuffix(rt.Path, "/comments")) {
			t.Errorf("%s: a bound credential may use it: %v", name, !rt.Writes)
		}
		l.do(t, rt.Method, base+target, "", "Authorization", "").refused(401, "auth.missing")
		l.do(t, rt.Method, base+target, "", "Authorization", "Bearer x").refused(401, "auth.missing")
		if got := l.do(t, rt.Method, base+target, "", wrong...); got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		} else {
			got.refused(401, "auth.unauthorized")
		}
	}
	l.do(t, "GET", base+"/people", "", as(l.credential(t, "several", "people/write definitions/write"))...).
		refused(403, "auth.scope").says("people/write definitions/write", "GET /people")
}

// TestMethods: a method that a resource does not have is 405, and Allow has those it has.
func TestMethods(t *testing.T) {
	l := onOne(t)
	for path, has := range pathsOf() {
		want := []string{"OPTIONS"}
		for _, m := range has {
			want = append(want, m)
			if m == "GET" {
				want = append(want, "HEAD")
			}
		}
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "BREW", "OPTIONS"} {
			if method != "OPTIONS" && slices.Contains(want, method) {
				continue
			}
			a := l.do(t, method, base+targetOf(path), "")
			if got := a.header.Get("Allow"); got != strings.Join(want, ", ") {
				t.Errorf("%s: Allow %q, want %v", a.what, got, want)
			}
			switch method {
			case "OPTIONS", "HEAD":
				a.want(map[string]int{"OPTIONS": 204, "HEAD": 405}[method])
			default:
				a.refused(405, "request.method")
			}
		}
	}
	// What is no resource is 404, whatever is done with it, as is an id that is unknown.
	nobody := l.do(t, "GET", base+"/people/nobody", "")
	nobody.refused(404, "not_found")
	for _, target := range []string{"", "/", "/peoples", "/people/", "/people//competencies", "/people/ann/", "/units/ward-a/x", "/definitions/x",
		"/definitions/framework/" + framework, "/../people", "/people/%2F/x"} {
		for _, method := range []string{"GET", "PUT"} {
			a := l.do(t, method, base+target, "").want(404)
			if target == "" || target == "/" {
				continue // the server's
			}
			if method == "GET" && a.anonymous() != nobody.anonymous() {
				t.Errorf("%s: %s", a.what, a.body)
			}
		}
	}
}
