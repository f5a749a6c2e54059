package xapihttp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

// scopes are all that there are, one by one: those of the specification's table, and Bedside's own, which allow nothing
// here.
var scopes = func() (all []auth.Scopes) {
	for _, name := range (^auth.Scopes(0)).Names() {
		one, err := auth.ParseScopes(name)
		if err != nil {
			panic(err)
		}
		all = append(all, one)
	}
	return all
}()

// allowed is the specification's table (C 4.2) written out: who may do what, by
// resource and "read" or "write". What is not here nobody may but "all".
var allowed = map[string][]auth.Scopes{
	"/statements read":           {auth.ScopeStatementsReadMine, auth.ScopeStatementsRead, auth.ScopeAllRead},
	"/statements write":          {auth.ScopeStatementsWrite},
	"/activities read":           {auth.ScopeStatementsReadMine, auth.ScopeStatementsRead, auth.ScopeState, auth.ScopeDefine, auth.ScopeProfile, auth.ScopeAllRead},
	"/agents read":               {auth.ScopeStatementsRead, auth.ScopeAllRead},
	"/activities/state read":     {auth.ScopeState, auth.ScopeAllRead},
	"/activities/state write":    {auth.ScopeState},
	"/activities/profile read":   {auth.ScopeProfile, auth.ScopeAllRead},
	"/activities/profile write":  {auth.ScopeProfile},
	"/agents/profile read":       {auth.ScopeProfile, auth.ScopeAllRead},
	"/agents/profile write":      {auth.ScopeProfile},
	"/about read, without login": nil,
}

// Each route that there is, with each scope and none, by every method.
func TestScopesOfRoutes(t *testing.T) {
	l := newLab(t)
	login := map[auth.Scopes]string{}
	for _, s := range scopes {
		login[s] = l.credential(t, "key-"+strings.ReplaceAll(s.String(), "/", "-"), s.String())
	}
	routes := xapihttp.Routes()
	if len(routes) != 7 {
		t.Fatalf("%d resources", len(routes))
	}
	for path, methods := range routes {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "TRACE", "OPTIONS"} {
			known := slices.Contains(methods, method) || method == "HEAD" && slices.Contains(methods, "GET") || method == "OPTIONS"
			kind := "write"
			if method == "GET" || method == "HEAD" {
				kind = "read"
			}
			// Without what the request needs: allowed is what gets as far as that.
			if a := l.do(t, method, path, "", "Authorization", ""); !known {
				if a.want(405); a.header.Get("Allow") == "" || strings.Contains(a.header.Get("Allow"), method) {
					t.Errorf("%s %s: Allow %q", method, path, a.header.Get("Allow"))
				}
				continue
			} else if method == "OPTIONS" || path == "/about" {
				if a.status >= 300 {
					t.Errorf("%s %s: %d", method, path, a.status)
				}
				continue
			} else if method == "HEAD" {
				a.want(401)
			} else if a.refused(401, "auth.missing"); !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s %s: no WWW-Authenticate", method, path)
			}
			for _, s := range scopes {
				a := l.do(t, method, path, "", "Authorization", login[s])
				may := s == auth.ScopeAll || slices.Contains(allowed[path+" "+kind], s)
				switch {
				case may != (a.status != 401 && a.status != 403):
					t.Errorf("%s %s with %s: %d, allowed: %v", method, path, s, a.status, may)
				case !may && method != "HEAD":
					if p := a.refused(403, "auth.scope"); !strings.Contains(p.Message, s.String()) {
						t.Errorf("the message does not say what the scopes are: %s", p.Message)
					}
				}
			}
		}
	}
}

// statements/read/mine sees what its own authority stored, and nothing else, by
// whatever way it asks.
func TestReadMine(t *testing.T) {
	l := newLab(t)
	const group = `{"objectType":"Group","member":[{"account":{"homePage":"https://x.example","name":"app"}},{"mbox":"mailto:user@x.example"}]}`
	mine := l.credential(t, "mine", "statements/write,statements/read/mine", func(c *auth.Credential) { c.Authority = []byte(group) })
	same := l.credential(t, "same", "statements/read/mine", func(c *auth.Credential) {
		c.Authority = []byte(`{"objectType":"Group","name":"n","member":[{"mbox":"mailto:user@X.example"},{"account":{"name":"app","homePage":"https://x.example"}}]}`)
	})
	third := l.credential(t, "third", "statements/write statements/read/mine")
	l.post(t, simple(1), "Authorization", mine)
	l.post(t, simple(2), "Authorization", third)
	l.post(t, simple(3))
	l.post(t, ref(4, 2, "urn:about"), "Authorization", mine)
	l.post(t, ref(5, 1, voided), "Authorization", third)
	l.post(t, simple(6), "Authorization", mine)
	hidden := func(login, target string) {
		t.Helper()
		l.do(t, "GET", target, "", "Authorization", login).refused(404, "not_found")
	}
	for login, want := range map[string]struct{ live, voided []int }{
		mine: {live: []int{4, 6}, voided: []int{1}}, same: {live: []int{4, 6}, voided: []int{1}}, third: {live: []int{2, 5}},
		l.all: {live: []int{2, 3, 4, 5, 6}, voided: []int{1}},
	} {
		for n := 1; n <= 6; n++ {
			for _, format := range []string{"", "&format=ids", "&attachments=true"} {
				target := fmt.Sprintf("/statements?statementId=%s%s", id(n), format)
				if slices.Contains(want.live, n) {
					l.get(t, target, "Authorization", login)
				} else {
					hidden(login, target)
				}
			}
			target := "/statements?voidedStatementId=" + id(n)
			if slices.Contains(want.voided, n) {
				l.get(t, target, "Authorization", login)
			} else {
				hidden(login, target)
			}
		}
		ids := []string{}
		for _, n := range want.live {
			ids = append(ids, id(n))
		}
		for _, q := range []string{"", "&limit=1", "&verb=https://v.example/done", "&related_agents=true&agent=" + nurse} {
			var got []string
			follow := "/statements?ascending=true" + q
			for follow != "" {
				p := l.get(t, follow, "Authorization", login).page()
				got = append(got, p.ids(t)...)
				follow = strings.TrimPrefix(*p.More, "/xapi")
			}
			if !slices.Equal(got, ids) {
				t.Errorf("%q: %v, want %v", q, got, ids)
			}
		}
	}
}

// A credential that is bound to units or to a person may do nothing here, whatever its
// scopes.
func TestBound(t *testing.T) {
	l := newLab(t)
	l.post(t, simple(1))
	for name, bind := range map[string]func(*auth.Credential){
		"unit": func(c *auth.Credential) { c.Units = []string{"ward-a"} }, "person": func(c *auth.Credential) { c.Person = "ann" },
	} {
		login := l.credential(t, name, "all", bind)
		for path, methods := range xapihttp.Routes() {
			for _, method := range methods {
				if path != "/about" { // which is public
					l.do(t, method, path, "", "Authorization", login).refused(403, "auth.bound")
				}
			}
		}
	}
}

// A credential is refused from its end on, at once when it is revoked, and no
// refusal says more than another.
func TestCredentialsEnd(t *testing.T) {
	now := time.Now()
	l := newLab(t, func(c *xapihttp.Config) { c.Now = func() time.Time { return now } })
	end := now.Add(time.Hour)
	expires := l.credential(t, "expires", "all", func(c *auth.Credential) { c.Expires = &end })
	revoked := l.credential(t, "revoked", "all")
	for _, login := range []string{expires, revoked} {
		l.get(t, "/statements", "Authorization", login)
	}
	now = end.Add(-time.Nanosecond)
	l.get(t, "/statements", "Authorization", expires)
	now = end
	if err := l.store.RevokeCredential(t.Context(), "revoked"); err != nil {
		t.Fatal(err)
	}
	messages := map[string]bool{}
	for _, login := range []string{
		expires, revoked, basic("nobody", "x"), basic("everything", "wrong"), basic("everything", ""), basic("", ""), basic("everything", "secret\x00"),
	} {
		for _, target := range []string{"/statements", "/agents/profile", "/activities/state"} {
			messages[l.do(t, "GET", target, "", "Authorization", login).refused(401, "auth.unauthorized").Message] = true
		}
	}
	if len(messages) != 1 {
		t.Errorf("the refusals differ: %v", messages)
	}
	for _, login := range []string{"Bearer abc", "Basic", "Basic !!", "Basic " + "ZXZlcnl0aGluZw==", "Digest x"} {
		l.do(t, "GET", "/statements", "", "Authorization", login).refused(401, "auth.missing")
	}
	l.do(t, "POST", "/statements", simple(1), "Authorization", revoked).refused(401, "auth.unauthorized")
	if got := l.get(t, "/statements").page().ids(t); len(got) != 0 {
		t.Errorf("stored are %v", got)
	}
	// The key may come again, with another secret.
	again := l.credential(t, "revoked", "all")
	l.get(t, "/statements", "Authorization", again)
	l.do(t, "GET", "/statements", "", "Authorization", revoked).refused(401, "auth.unauthorized")
}
