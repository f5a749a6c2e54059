package xapihttp_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/mux"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/xapihttp"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// sink sends requests to the resources without a network in between. Whatever is
// sent, the answer is no 5xx, and an error is a problem with a code.
type sink struct {
	*mux.Router
	auth string
}

func newSink(f *testing.F) *sink {
	l := newLab(f)
	s := &sink{Router: mux.NewRouter().SkipClean(true), auth: l.all}
	limits := xapihttp.DefaultLimits
	limits.Body, limits.Document, limits.Attachments = 1<<20, 1<<20, 1<<20
	xapihttp.Register(s.Router, xapihttp.Config{Store: l.store, Log: slog.New(slog.DiscardHandler), Default: xapi.V2, Limits: limits})
	return s
}

func (s *sink) send(t *testing.T, method, target string, body []byte, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, "/xapi", bytes.NewReader(body))
	r.URL = u
	r.Header.Set("Authorization", s.auth)
	r.Header.Set(versionHeader, v1)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code >= 500 {
		t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	head := strings.HasSuffix(target, "?method=HEAD") && w.Body.Len() == 0
	if w.Code >= 400 && !head && w.Header().Get("Content-Type") == "application/json" {
		var p problem.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" || p.Status != w.Code {
			t.Fatalf("%s %s: %d with the body %s (%v)", method, target, w.Code, w.Body, err)
		}
	}
	return w
}

// FuzzParameters sends any query to the resources that read.
func FuzzParameters(f *testing.F) {
	s := newSink(f)
	agent := url.QueryEscape(`{"mbox":"mailto:a@example.com"}`)
	for _, q := range []string{
		"", "limit=1", "limit=-1", "agent=" + agent, "agent=" + agent + "&related_agents=true", "verb=http://v.example/v&activity=http://a.example/a",
		"statementId=6690e6c9-3ef0-4ed3-8b37-7f3964730bee&format=ids", "voidedStatementId=x", "since=2020-01-01T00:00:00Z&until=2030-01-01T00:00:00%2B01:00",
		"registration=6690e6c9-3ef0-4ed3-8b37-7f3964730bee&ascending=true&attachments=true", "format=canonical", "cursor=AAAA", "a=%zz", "a;b", "limit=1&limit=2",
		"activityId=http://a.example/a&agent=" + agent + "&stateId=x", "activityId=http://a.example/a&profileId=%00", "since=0000-01-01T00:00:00Z",
	} {
		for i := range 7 {
			f.Add(q, uint8(i))
		}
	}
	paths := []string{"/statements", "/activities", "/agents", "/activities/state", "/activities/profile", "/agents/profile", "/about"}
	f.Fuzz(func(t *testing.T, query string, resource uint8) {
		target := "/xapi" + paths[int(resource)%len(paths)] + "?" + query
		if _, err := url.ParseRequestURI(target); err != nil {
			return // no server gets such a request line
		}
		s.send(t, http.MethodGet, target, nil)
	})
}

// FuzzMultipart sends any body as multipart/mixed.
func FuzzMultipart(f *testing.F) {
	s := newSink(f)
	const st = `{"actor":{"mbox":"mailto:a@example.com"},"verb":{"id":"http://v.example/v"},"object":{"id":"http://a.example/a"}`
	attached := st + `,"attachments":[{"usageType":"http://u.example/u","display":{"en":"d"},"contentType":"text/plain","length":5,` +
		`"sha2":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}]}`
	part := "Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r\n\r\nhello"
	for _, body := range []string{
		"", "--b--", "--b\r\n\r\n", "--b\r\nContent-Type: application/json\r\n\r\n" + st + "}\r\n--b--\r\n",
		"\r\n--b\r\nContent-Type:application/json\r\n\r\n" + attached + "\r\n--b\r\nContent-Type:text/plain\r\n" + part + "\r\n--b--",
		"--b\r\nContent-Type: application/json\r\n\r\n[" + attached + "," + attached + "]\r\n--b\r\n" + part + "\r\n--b\r\n" + part + "\r\n--b--",
		"--b\nContent-Type: application/json\n\n" + st + "}\n--b--",
	} {
		f.Add([]byte(body), "b")
	}
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		w := s.send(t, http.MethodPost, "/xapi/statements", body, "Content-Type", "multipart/mixed; boundary="+boundary)
		if w.Code == http.StatusOK && !jsontext.Value(w.Body.Bytes()).IsValid() {
			t.Fatalf("stored, with the answer %s", w.Body)
		}
	})
}

// FuzzAlternate sends any form in the alternate request syntax: it must come to
// what a request without credentials of its own may come to.
func FuzzAlternate(f *testing.F) {
	s := newSink(f)
	for _, form := range []string{
		"", "content=%7B%7D", "content=abc&Content-Type=text/plain", "statementId=x&X-Experience-API-Version=1.0.3",
		"Authorization=Basic+eDp5&limit=1", "X-Experience-API-Version=2.0.0", "If-Match=*&content=x&activityId=http://a.example/a",
		"activityId=http://a.example/a&agent=%7B%22mbox%22%3A%22mailto%3Aa%40example.com%22%7D&stateId=s&content=%7B%7D", "%zz", "a=1&a=2",
	} {
		for i := range 5 {
			f.Add(form, uint8(i), uint8(i))
		}
	}
	methods := []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", ""}
	paths := []string{"/statements", "/activities/state", "/agents/profile", "/activities", "/about"}
	f.Fuzz(func(t *testing.T, form string, method, resource uint8) {
		target := "/xapi" + paths[int(resource)%len(paths)] + "?method=" + methods[int(method)%len(methods)]
		w := s.send(t, http.MethodPost, target, []byte(form), "Content-Type", "application/x-www-form-urlencoded")
		if strings.Contains(form, "Authorization") && w.Code < 300 && !strings.Contains(target, "/about") {
			if values, err := url.ParseQuery(form); err == nil && values.Has("Authorization") && values.Get("Authorization") != s.auth {
				t.Fatalf("%s with %q: %d", target, form, w.Code)
			}
		}
	})
}

// FuzzETags writes a document under any condition, twice.
func FuzzETags(f *testing.F) {
	s := newSink(f)
	for _, tag := range []string{"", "*", `""`, `"da39a3ee5e6b4b0d3255bfef95601890afd80709"`, `W/"x"`, `"a","b"`, ",", `"`, "da39a3ee5e6b4b0d3255bfef95601890afd80709"} {
		f.Add(tag, tag)
		f.Add(tag, "")
		f.Add("", tag)
	}
	const target = `/xapi/activities/state?activityId=http://a.example/a&agent=%7B%22mbox%22%3A%22mailto%3Aa%40example.com%22%7D&stateId=s`
	f.Fuzz(func(t *testing.T, match, noneMatch string) {
		s.send(t, http.MethodDelete, target, nil)
		header := []string{"If-None-Match", noneMatch, "Content-Type", "text/plain"}
		if match != "" { // else it is a condition that nothing meets
			header = append(header, "If-Match", match)
		}
		w := s.send(t, http.MethodPut, target, []byte("one"), header...)
		if w.Code != http.StatusNoContent && w.Code != http.StatusPreconditionFailed {
			t.Fatalf("PUT: %d %s", w.Code, w.Body)
		}
		there := s.send(t, http.MethodGet, target, nil).Code == http.StatusOK
		if there != (w.Code == http.StatusNoContent) {
			t.Fatalf("PUT: %d, and then the document is there: %v", w.Code, there)
		}
		if there && strings.TrimSpace(noneMatch) == "*" {
			if w := s.send(t, http.MethodPut, target, []byte("two"), header...); w.Code != http.StatusPreconditionFailed {
				t.Fatalf("If-None-Match: * on a document that is there: %d", w.Code)
			}
		}
	})
}
