package api

import (
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/scimhttp"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// routes is every path that the server has: true if anybody may use it. Whoever adds a
// route says here whether it is for everybody.
var routes = map[string]bool{
	"/healthz": true, "/readyz": true, "/metrics": true,
	"/xapi/about":      true,
	"/xapi/statements": false, "/xapi/activities": false, "/xapi/agents": false,
	"/xapi/activities/state": false, "/xapi/activities/profile": false, "/xapi/agents/profile": false,
	"/api/v1/": false, "/scim/v2/": false, // to routers of their own
}

// TestRoutes walks the router that serves, and not a list of what was meant to be
// registered: each route is in the table, and without credentials each that is not
// open refuses whatever is asked of it. Those of the projections refuse a credential
// of other scopes too.
func TestRoutes(t *testing.T) {
	h := newHost(t)
	store, _ := h.attach(t)
	stranger, err := auth.Environment("stranger", "secret", time.Now())
	if err == nil {
		stranger.Scopes, err = auth.ParseScopes("state")
	}
	if err == nil {
		err = store.Auth().Add(stranger)
	}
	if err != nil {
		t.Fatal(err)
	}
	model, err := readmodel.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "model.db"))
	if err != nil {
		t.Fatal(err)
	}
	runtime := projections.Start(projections.Config{Store: model, Logger: h.cfg.Log})
	t.Cleanup(func() {
		runtime.Close()
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	h.Attach(store, xapihttp.Config{Log: h.cfg.Log, Default: xapi.V2, Limits: xapihttp.DefaultLimits},
		hrhttp.Config{Runtime: runtime, Model: model, Log: h.cfg.Log})

	found := walk(t, (*h.current.Load()).(*mux.Router))
	for path := range routes {
		if found[path] == nil {
			t.Errorf("there is no route %s", path)
		}
	}
	bases := []string{hrhttp.BasePath + "/", scimhttp.BasePath + "/"}
	variable := regexp.MustCompile(`\{[^}]*\}`)
	projected := map[string]int{}
	for template := range found {
		path := variable.ReplaceAllString(template, "x")
		open, known := routes[template]
		if slices.Contains(bases, template) {
			continue // the routes behind it are walked as well
		}
		base := slices.IndexFunc(bases, func(base string) bool { return strings.HasPrefix(template, base) })
		if base >= 0 {
			projected[bases[base]]++
			h.wantForbidden(t, path, basic("stranger", "secret"))
		} else if !known {
			t.Errorf("the route %s is not in the table", template)
		}
		h.wantGuarded(t, path, open)
	}
	for _, base := range bases {
		if projected[base] < 5 {
			t.Errorf("%d routes below %s", projected[base], base)
		}
	}
}

var methods = []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"}

// walk returns the routes of a router by path.
func walk(t *testing.T, r *mux.Router) map[string]*mux.Route {
	t.Helper()
	found := map[string]*mux.Route{}
	err := r.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		if found[path] != nil {
			t.Errorf("there are two routes %s: the test asks only one of them", path)
		}
		found[path] = route
		return nil
	})
	if err != nil {
		t.Fatalf("a route without a path: %v", err)
	}
	return found
}

// wantForbidden asks a path by a credential that may do something else.
func (h *host) wantForbidden(t *testing.T, path, login string) {
	t.Helper()
	for _, method := range methods {
		a := h.do(t, method, path, "{}", "Authorization", login)
		if a.status != http.StatusForbidden && a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s by a credential with other scopes: %d %s", method, path, a.status, a.body)
		}
	}
}

// wantGuarded asks a path without credentials.
func (h *host) wantGuarded(t *testing.T, path string, open bool) {
	t.Helper()
	served := false
	for _, method := range methods {
		for _, login := range []string{"", basic("nobody", "x")} {
			a := h.do(t, method, path, "{}", "Authorization", login)
			switch {
			case a.status == http.StatusMethodNotAllowed:
			case open && a.status == http.StatusOK, !open && a.status == http.StatusUnauthorized:
				served = true
			default:
				t.Errorf("%s %s with the Authorization %q: %d %s", method, path, login, a.status, a.body)
			}
		}
	}
	if !served {
		t.Errorf("%s has no method", path)
	}
}

func basic(key, secret string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(key, secret)
	return r.Header.Get("Authorization")
}
