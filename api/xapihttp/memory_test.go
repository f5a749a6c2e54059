package xapihttp_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/xapihttp"
)

// TestAnswersAreCounted: what an answer grows to beyond what is stored is counted while it grows, and a list that can never
// be answered says so.
func TestAnswersAreCounted(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Bodies = 2 << 20 })
	activity := func(n int, definition string) string {
		return fmt.Sprintf(`{"id":%q,"actor":{"mbox":"mailto:a@example.com"},"verb":{"id":"https://v.example/v"},"object":{"id":"https://a.example/big"%s}}`, id(n), definition)
	}
	l.post(t, activity(1, `,"definition":{"description":{"en":"`+strings.Repeat("x", 50_000)+`"}}`))
	for n := range 100 {
		l.post(t, activity(2+n, ""))
	}
	l.do(t, "GET", "/statements?limit=10&format=canonical", "").want(200)
	l.do(t, "GET", "/statements?limit=101&format=canonical", "").refused(503, "request.memory") // 5 MB of definitions
	l.do(t, "GET", "/statements?limit=101", "").want(200)

	state := "/activities/state?activityId=https%3A%2F%2Fa.example%2F1&agent=" + url.QueryEscape(`{"mbox":"mailto:a@example.com"}`)
	for n := range 60 {
		l.do(t, "PUT", state+"&stateId="+fmt.Sprint(n)+strings.Repeat("s", 20_000), "{}").want(204)
		if n == 10 {
			l.do(t, "GET", state, "").want(200)
		}
	}
	l.do(t, "GET", state, "").refused(400, "documents.many")
}

// TestETagLists: a tag may have commas in it, and a list without a tag asks for what nothing meets.
func TestETagLists(t *testing.T) {
	l := newLab(t)
	profile := "/agents/profile?agent=" + url.QueryEscape(`{"mbox":"mailto:a@example.com"}`) + "&profileId=p"
	l.do(t, "PUT", profile, `{"a":1}`, "If-None-Match", "*").want(204)
	for header, status := range map[[2]string]int{
		{"If-Match", `"x,*,y"`}: 412, {"If-Match", ","}: 412, {"If-Match", " "}: 412, {"If-None-Match", " "}: 409, {"If-None-Match", ","}: 409, {"If-Match", `"x", *`}: 204, {"If-None-Match", `"x,*,y"`}: 204,
	} {
		if got := l.do(t, "PUT", profile, `{"a":2}`, header[0], header[1]).status; got != status {
			t.Errorf("%s: %s: %d, want %d", header[0], header[1], got, status)
		}
	}
	// Without a header POST and DELETE go on; with an empty one they do not.
	for _, method := range []string{"POST", "DELETE"} {
		l.do(t, method, profile, `{"b":1}`, "If-Match", " ").refused(412, "document.precondition")
	}
	state := "/activities/state?activityId=https%3A%2F%2Fa.example%2F1&agent=" + url.QueryEscape(`{"mbox":"mailto:a@example.com"}`)
	l.do(t, "DELETE", state, "", "If-Match", " ").refused(400, "document.condition")
}
