package scimhttp_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/api"
	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/api/scimhttp"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// lab is the whole server, listening, on a log and an index in memory.
type lab struct {
	url   string
	store *lrs.Store
	clock *clock
	all   string // Authorization of a credential with every scope
}

// clock is the machine's, but no two of its times are within the same millisecond.
type clock struct {
	mu   sync.Mutex
	last time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := time.Now().UTC().Truncate(time.Millisecond)
	if !next.After(c.last) {
		next = c.last.Add(time.Millisecond)
	}
	c.last = next
	return next
}

func newLab(t testing.TB) *lab {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	model := readmodeltest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "readmodel.db"))
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs := blobtest.WhenUsed(filepath.Join(t.TempDir(), "blobs"))
	registry := prometheus.NewRegistry()
	log := memlog.New()
	l := &lab{clock: &clock{}}
	l.store, err = lrs.Open(t.Context(), lrs.Config{
		Log: log, Index: x, Blobs: blobs, Node: "test", Logger: quiet,
		HeadFile: filepath.Join(t.TempDir(), "head"), Metrics: lrs.NewMetrics(registry),
	})
	if err != nil {
		t.Fatal(err)
	}
	everything, err := auth.Environment("everything", "secret", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.store.Auth().Add(everything); err != nil {
		t.Fatal(err)
	}
	l.all = basic("everything", "secret")
	runtime := projections.Start(projections.Config{
		Log: log, Store: model, Logger: quiet,
		Projections: []projections.Projection{people.Projection{}, catalog.Projection{}, competency.Projection{}},
	})
	cfg := api.DefaultConfig
	cfg.Log, cfg.Registry = quiet, registry
	server := api.NewServer(cfg)
	server.Attach(l.store, xapihttp.Config{Log: quiet, Default: xapi.V2, Limits: xapihttp.DefaultLimits},
		hrhttp.Config{Runtime: runtime, Model: model, Log: quiet, Now: l.clock.now, Body: 1 << 20})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.url = "http://" + listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		runtime.Close()
		for _, err := range []error{server.Shutdown(ctx), <-served, l.store.Close(ctx), x.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return l
}

// ward is a lab with a hospital of two wards, and emp-9, whom only people.csv knows.
func ward(t testing.TB) *lab {
	t.Helper()
	l := newLab(t)
	l.csv(t, "units", "unit,name,parent\nhospital,Hospital,\nward-a,Ward A,hospital\nward-b,Ward B,hospital\n")
	l.csv(t, "people", "person,name,role,unit,from,to,mbox,account_home,account_name\n"+
		"emp-9,Nina Novak,nurse,ward-b,2025-01-01,,mailto:nina@ward.example,,\n")
	return l
}

func (l *lab) csv(t testing.TB, resource, body string) {
	t.Helper()
	l.do(t, "POST", hrhttp.BasePath+"/"+resource, body, "Content-Type", "text/csv").want(200)
}

func basic(key, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))
}

// credential adds a credential and returns its Authorization.
func (l *lab) credential(t testing.TB, key, scopes string, change ...func(*auth.Credential)) string {
	t.Helper()
	set, err := auth.ParseScopes(scopes)
	if err != nil {
		t.Fatal(err)
	}
	secret, hash := auth.GenerateSecret()
	c := auth.Credential{Key: key, Secret: hash, Scopes: set, Created: time.Now()}
	for _, f := range change {
		f(&c)
	}
	if err := l.store.AddCredential(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return basic(key, secret)
}

// do sends a request with every scope, and as SCIM's JSON if it has a body, unless
// header, pairs of name and value, says otherwise.
func (l *lab) do(t testing.TB, method, target, body string, header ...string) *answer {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
		header = slices.Concat([]string{"Content-Type", "application/scim+json"}, header)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, l.url+target, r)
	if err != nil {
		t.Fatal(err)
	}
	header = slices.Concat([]string{"Authorization", l.all}, header)
	for i := 0; i < len(header); i += 2 {
		if header[i] != "If-Match" { // of which there may be several
			req.Header.Del(header[i])
		}
		req.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return &answer{t, method + " " + target, res.StatusCode, res.Header, string(b)}
}

// scim is do for a resource of SCIM.
func (l *lab) scim(t testing.TB, method, target, body string, header ...string) *answer {
	t.Helper()
	return l.do(t, method, scimhttp.BasePath+target, body, header...)
}

// patch sends operations to a resource.
func (l *lab) patch(t testing.TB, target, operations string, header ...string) *answer {
	t.Helper()
	return l.scim(t, "PATCH", target,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+operations+`]}`, header...)
}

const (
	coreUser   = "urn:ietf:params:scim:schemas:core:2.0:User"
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	coreGroup  = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// rosa is a User as a directory creates one.
const rosa = `{"schemas":["` + coreUser + `","` + enterprise + `"],"externalId":"emp-17","userName":"rosa.diaz@ward.example",
	"name":{"givenName":"Rosa","familyName":"Diaz"},"displayName":"Rosa Diaz","title":"nurse","active":true,
	"emails":[{"value":"rosa.diaz@ward.example","type":"work","primary":true},{"value":"rosa@home.example","type":"home"}],
	"` + enterprise + `":{"department":"Ward A","manager":{"value":"emp-9"}}}`

// held are a person's assignments as /api/v1 has them, one text each, "…" for times.
func (l *lab) held(t testing.TB, person string, query ...string) []string {
	t.Helper()
	a := l.do(t, "GET", hrhttp.BasePath+"/people/"+url.PathEscape(person)+"?"+strings.Join(query, "&"), "").want(200)
	var got struct {
		Assignments []struct{ Role, Unit, From, To string }
	}
	a.into(&got)
	all := []string{}
	for _, p := range got.Assignments {
		text := p.Role + " in " + p.Unit
		if p.To != "" {
			text += ", ended"
		}
		all = append(all, text)
	}
	return all
}

// answer is a response, read to its end.
type answer struct {
	testing.TB
	what   string
	status int
	header http.Header
	body   string
}

func (a *answer) want(status int) *answer {
	a.Helper()
	if a.status != status {
		a.Fatalf("%s: %d, want %d\n%s", a.what, a.status, status, a.body)
	}
	return a
}

// refused wants an error in SCIM's form.
func (a *answer) refused(status int, scimType string) *answer {
	a.Helper()
	a.want(status)
	var got struct {
		Schemas                  []string
		ScimType, Detail, Status string
	}
	a.into(&got)
	if !slices.Equal(got.Schemas, []string{"urn:ietf:params:scim:api:messages:2.0:Error"}) || got.ScimType != scimType ||
		got.Status != fmt.Sprint(status) || got.Detail == "" || a.header.Get("Content-Type") != "application/scim+json" {
		a.Errorf("%s: %s, want the scimType %q", a.what, a.body, scimType)
	}
	return a
}

func (a *answer) says(words ...string) *answer {
	a.Helper()
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			a.Errorf("%s: %s says nothing of %q", a.what, a.body, w)
		}
	}
	return a
}

func (a *answer) into(v any) {
	a.Helper()
	if err := json.Unmarshal([]byte(a.body), v, json.MatchCaseInsensitiveNames(true)); err != nil {
		a.Fatalf("%s: %v\n%s", a.what, err, a.body)
	}
}

// at walks the JSON of the answer; what is not found is nil.
func (a *answer) at(path ...any) any {
	a.Helper()
	var v any
	a.into(&v)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			o, _ := v.(map[string]any)
			v = o[step]
		case int:
			all, _ := v.([]any)
			if v = nil; step < len(all) {
				v = all[step]
			}
		}
	}
	return v
}

// has wants a value at a path, which comes before it.
func (a *answer) has(pathAndValue ...any) *answer {
	a.Helper()
	path, want := pathAndValue[:len(pathAndValue)-1], pathAndValue[len(pathAndValue)-1]
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if got := a.at(path...); !reflect.DeepEqual(got, want) {
		a.Errorf("%s: %v is %v, want %v\n%s", a.what, path, got, want, a.body)
	}
	return a
}

// each gives a member of each element of a list.
func (a *answer) each(name string, path ...any) []string {
	a.Helper()
	all, _ := a.at(path...).([]any)
	texts := []string{}
	for _, e := range all {
		o, _ := e.(map[string]any)
		texts = append(texts, fmt.Sprint(o[name]))
	}
	return texts
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
