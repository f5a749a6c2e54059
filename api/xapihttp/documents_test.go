package xapihttp_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

const nurse = "%7B%22mbox%22%3A%22mailto%3Anurse%40example.com%22%7D"

// documentResources are the three, each with the query of one set, to which an
// id is to be added.
var documentResources = map[string]string{
	"state":            "/activities/state" + stateOf + "&stateId=",
	"activity profile": "/activities/profile?activityId=https://a.example/1&profileId=",
	"agent profile":    "/agents/profile?agent=" + nurse + "&profileId=",
}

func etag(body string) string {
	sum := sha1.Sum([]byte(body))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// list is the URL of the ids of a document's set.
func listOf(target string) string {
	return target[:max(strings.Index(target, "&stateId="), strings.Index(target, "&profileId="), strings.Index(target, "?profileId="))]
}

func (a *answer) list() []string {
	a.Helper()
	var ids []string
	if err := json.Unmarshal([]byte(a.body), &ids); err != nil || ids == nil {
		a.Fatalf("%s: no list: %v %s", a.what, err, a.body)
	}
	slices.Sort(ids)
	return ids
}

// A document comes back byte for byte, with the type it came with, and is never
// compressed: its ETag is its hash.
func TestDocumentRoundTrip(t *testing.T) {
	l := newLab(t)
	bodies := map[string]string{
		"application/json":                  `{"b":1.0,"a":"\u0041"}` + strings.Repeat(" ", 2000),
		"application/json; charset=x":       "not JSON at all",
		"text/plain":                        strings.Repeat("compressible ", 500),
		"application/x-www-form-urlencoded": "a=b&method=PUT",
		"multipart/mixed":                   "no boundary",
		"image/png":                         "\x89PNG\r\n\x00\xff" + strings.Repeat("\x00", 100<<10), // goes to the blob store
		"application/octet-stream":          "",
	}
	for resource, target := range documentResources {
		n := 0
		for contentType, body := range bodies {
			n++
			target := fmt.Sprintf("%sdoc%%2F%d", target, n)
			before := time.Now().Truncate(time.Second)
			put := l.stream(t, "PUT", target, strings.NewReader(body), "Content-Type", contentType, "If-None-Match", "*").want(204)
			for _, method := range []string{"GET", "HEAD"} {
				a := l.do(t, method, target, "", "Accept-Encoding", "gzip").want(200)
				if method == "GET" && a.body != body || method == "HEAD" && a.body != "" {
					t.Errorf("%s, %s: %d bytes came back of %d", resource, contentType, len(a.body), len(body))
				}
				want := map[string]string{
					"Content-Type": contentType, "ETag": etag(body), "Content-Encoding": "",
					"Content-Length": fmt.Sprint(len(body)), "Vary": "Origin",
				}
				for name, value := range want {
					if got := a.header.Get(name); got != value {
						t.Errorf("%s, %s: %s %q, want %q", resource, contentType, name, got, value)
					}
				}
				if modified, err := http.ParseTime(a.header.Get("Last-Modified")); err != nil || modified.Before(before) {
					t.Errorf("Last-Modified %q, %v", a.header.Get("Last-Modified"), err)
				}
			}
			if put.header.Get("ETag") != etag(body) {
				t.Errorf("PUT answers with ETag %q", put.header.Get("ETag"))
			}
		}
		if ids := l.get(t, listOf(target)).list(); len(ids) != len(bodies) || ids[0] != "doc/1" {
			t.Errorf("%s: ids %v", resource, ids)
		}
	}
	// What comes in gzip is stored as what it stands for.
	target := documentResources["state"] + "zipped"
	l.stream(t, "PUT", target, bytes.NewReader(gzipped(t, "plain")), "Content-Encoding", "gzip", "Content-Type", "text/plain").want(204)
	if a := l.get(t, target); a.body != "plain" || a.header.Get("ETag") != etag("plain") {
		t.Errorf("stored %q", a.body)
	}
	// Without a type it is just bytes.
	l.stream(t, "PUT", documentResources["state"]+"untyped", strings.NewReader("x")).want(204)
	if got := l.get(t, documentResources["state"]+"untyped").header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("Content-Type %q", got)
	}
}

// POST merges JSON objects by their top-level members, and nothing else
// (C 2.2).
func TestDocumentMerge(t *testing.T) {
	l := newLab(t)
	big := strings.Repeat("x", 40<<10) // more than an event holds
	const object = "application/json"
	tests := []struct{ name, hasType, has, postType, post, want, code string }{
		{"onto nothing", "", "", object, `{"a":1.0}`, `{"a":1.0}`, ""},
		{"onto nothing, no JSON", "", "", "text/plain", `a`, `a`, ""},
		{"members", object, `{"a":1.0,"b":{"x":1},"c":null}`, object, `{"b":{"y":2},"d":[1.50]}`, `{"a":1.0,"b":{"y":2},"c":null,"d":[1.50]}`, ""},
		{"types with parameters", object, `{"a":1}`, object + ";charset=utf-8", `{"b":2}`, `{"a":1,"b":2}`, ""},
		{"large ones", object, `{"a":"` + big + `"}`, object, `{"b":"` + big + `"}`, `{"a":"` + big + `","b":"` + big + `"}`, ""},
		{"onto text", "text/plain", `{"a":1}`, object, `{"b":2}`, "", "document.merge"},
		{"text onto it", object, `{"a":1}`, "text/plain", `{"b":2}`, "", "document.merge"},
		{"onto an array", object, `[1]`, object, `{"b":2}`, "", "document.merge"},
		{"onto broken JSON", object, `{"a":`, object, `{"b":2}`, "", "document.merge"},
		{"an array", object, `{"a":1}`, object, `[1]`, "", "document.json"},
		{"broken JSON", object, `{"a":1}`, object, `{"b":`, "", "document.json"},
		{"two names", object, `{"a":1}`, object, `{"b":1,"b":2}`, "", "document.json"},
		{"nothing at all", object, `{"a":1}`, object, ``, "", "document.json"},
		{"broken JSON onto nothing", "", "", object, `{"b":`, "", "document.json"},
		{"null onto nothing", "", "", object, `null`, "", "document.json"},
	}
	for resource, target := range documentResources {
		for i, test := range tests {
			for _, version := range []string{v1, v2} {
				target := fmt.Sprintf("%s%d-%s", target, i, version)
				if test.hasType != "" {
					l.do(t, "PUT", target, test.has, "Content-Type", test.hasType, "If-None-Match", "*").want(204)
				}
				a := l.stream(t, "POST", target, strings.NewReader(test.post), "Content-Type", test.postType, versionHeader, version)
				if test.code != "" {
					p := a.refused(400, test.code)
					if test.name == "two names" && (p.Rule != "json.name.unique" || deref(p.Pointer) != "/b") {
						t.Errorf("%s: rule %s at %s", test.name, p.Rule, deref(p.Pointer))
					}
					test.want = test.has
				} else if a.want(204).header.Get("ETag") != etag(test.want) {
					t.Errorf("%s, %s: ETag %s", resource, test.name, a.header.Get("ETag"))
				}
				got := l.do(t, "GET", target, "")
				if test.want == "" {
					got.refused(404, "not_found")
				} else if got.want(200).body != test.want {
					t.Errorf("%s, %s: %s, want %s", resource, test.name, got.body, test.want)
				}
			}
		}
	}
}

// since excludes, and counts updates; another registration, agent or activity
// is another set; DELETE without an id empties one.
func TestDocumentSets(t *testing.T) {
	l := newLab(t)
	const registration = "&registration=00000000-0000-4000-8000-00000000000A"
	state := "/activities/state" + stateOf
	other := "/activities/state?activityId=https://a.example/2&agent=" + nurse
	for _, set := range []string{state, state + registration, other} {
		for _, id := range []string{"a", "b"} {
			l.do(t, "PUT", set+"&stateId="+id, "of "+set).want(204)
		}
	}
	before := l.get(t, "/statements").header.Get(throughHeader) // all of them are behind it
	if got := l.get(t, state+"&since="+before).list(); len(got) != 0 {
		t.Errorf("since now: %v", got)
	}
	l.do(t, "PUT", state+"&stateId=b", "again").want(204)
	for since, want := range map[string]string{"": "[a b]", "&since=" + before: "[b]", "&since=2001-01-01T00:00:00Z": "[a b]", "&since=9999-01-01T00:00:00Z": "[]"} {
		if got := l.get(t, state+since).list(); fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", since, got, want)
		}
	}
	// Without a registration is not any registration (C 2.3 leaves it open; README, "Versions and rules").
	if got := l.get(t, state+"&stateId=a").body; got != "of "+state {
		t.Errorf("without registration: %q", got)
	}
	lower := strings.ToLower(registration)
	if got := l.get(t, state+lower+"&stateId=a").body; got != "of "+state+registration {
		t.Errorf("with registration: %q", got)
	}
	l.do(t, "DELETE", state, "{}").want(204) // a body is allowed
	for set, want := range map[string]string{state: "[]", state + registration: "[a b]", other: "[a b]"} {
		if got := l.get(t, set).list(); fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", set, got, want)
		}
	}
	l.do(t, "DELETE", state, "").want(204)
	l.do(t, "DELETE", state+registration, "").want(204)
	if got := l.get(t, state+lower).list(); len(got) != 0 {
		t.Errorf("of the registration are left %v", got)
	}
	for _, target := range documentResources {
		l.do(t, "DELETE", target+"never", "").want(204)
		l.do(t, "PUT", target+"x", "x", "If-None-Match", "*").want(204)
		l.do(t, "DELETE", target+"x", "").want(204)
		l.do(t, "GET", target+"x", "").refused(404, "not_found")
		if !strings.Contains(target, "state") {
			l.do(t, "DELETE", listOf(target), "").refused(400, "parameter.missing")
		}
	}
}

// Of writers of one document none is lost: each that was acknowledged has seen
// the one before.
func TestDocumentNoLostUpdate(t *testing.T) {
	l := newLab(t)
	const writers, each = 4, 8
	state := documentResources["state"] + "counter"
	l.do(t, "PUT", state, "0").want(204)
	merged := documentResources["agent profile"] + "merged"
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				for {
					a := l.get(t, state)
					var n int
					if _, err := fmt.Sscan(a.body, &n); err != nil {
						t.Error(err)
						return
					}
					b := l.do(t, "PUT", state, fmt.Sprint(n+1), "If-Match", a.header.Get("ETag"))
					if b.status == 204 {
						break
					}
					b.want(412)
				}
				l.do(t, "POST", merged, fmt.Sprintf(`{"%d.%d":true}`, w, i)).want(204)
			}
		})
	}
	wg.Wait()
	if got := l.get(t, state).body; got != fmt.Sprint(writers*each) {
		t.Errorf("counted to %s, want %d", got, writers*each)
	}
	if got := strings.Count(l.get(t, merged).body, "true"); got != writers*each {
		t.Errorf("%d members, want %d", got, writers*each)
	}
}
