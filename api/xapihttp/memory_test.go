package xapihttp_test

import (
	"encoding/json"
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

	for n := range 25 {
		l.post(t, simple(200+n, `"result":{"response":"`+strings.Repeat("x", 60_000)+`"}`))
	}
	l.do(t, "GET", "/statements?limit=12", "").want(200)
	l.do(t, "GET", "/statements?limit=25", "").refused(503, "request.memory") // 1.5 MB stored, and as much answered

	state := "/activities/state?activityId=https%3A%2F%2Fa.example%2F1&agent=" + url.QueryEscape(`{"mbox":"mailto:a@example.com"}`)
	for n := range 60 {
		l.do(t, "PUT", state+"&stateId="+fmt.Sprint(n)+strings.Repeat("s", 20_000), "{}").want(204)
		if n == 10 {
			l.do(t, "GET", state, "").want(200)
		}
	}
	l.do(t, "GET", state, "").refused(400, "documents.many")
}

// TestDefinitionsOnTheWay: what one statement needs while its canonical form is made is given back before the next.
func TestDefinitionsOnTheWay(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Bodies = 2 << 20 })
	var others []string
	for n := range 20 {
		name := map[string]string{}
		for i := range 1_000 {
			name[fmt.Sprintf("en-%08d", i)] = "a name"
		}
		names, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		activity := fmt.Sprintf("https://a.example/%d", n)
		l.post(t, fmt.Sprintf(`{"id":%q,%s,%s,"object":{"id":%q,"definition":{"name":%s}}}`, id(100+n), simpleActor, simpleVerb, activity, names))
		others = append(others, fmt.Sprintf(`{"id":%q}`, activity))
	}
	for n := range 20 {
		l.post(t, simple(1+n, `"context":{"contextActivities":{"other":[`+strings.Join(others, ",")+`]}}`))
	}
	if got := l.get(t, "/statements?limit=20&format=canonical").page().ids(t); len(got) != 20 {
		t.Errorf("%d statements", len(got))
	}
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

// TestModelsAreCounted: what is made of a body is counted as the body is, while it grows: of Groups, of names that are
// remembered to find one twice, of the text and the stored form of what is long.
func TestModelsAreCounted(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Bodies = 2 << 20 })
	group := func(n int) string {
		members := strings.TrimSuffix(strings.Repeat(`{"mbox":"mailto:a@b.c"},`, n), ",")
		return `{"actor":{"objectType":"Group","member":[` + members + `]},"verb":{"id":"https://v.example/v"},"object":{"id":"https://a.example/1"}}`
	}
	var names []string
	for i := range 20_000 {
		names = append(names, fmt.Sprintf(`"%x":0`, i))
	}
	object := "{" + strings.Join(names, ",") + "}"
	state := "/activities/state" + stateOf + "&stateId=s"
	for what, request := range map[string]struct {
		method, target, body string
		refused              bool
	}{
		"1,000 members":         {"POST", "/statements", group(1_000), false},
		"10,000 members":        {"POST", "/statements", group(10_000), true}, // 240 KB
		"names":                 {"POST", "/statements", simple(1, `"result":{"extensions":{"https://e.example/e":`+object+`}}`), true},
		"names in a document":   {"POST", state, object, true},
		"stored, not looked at": {"PUT", state, object, false},
		"long":                  {"POST", "/statements", simple(2, `"result":{"response":"`+strings.Repeat("x", 500_000)+`"}`), false},
		"longer":                {"POST", "/statements", simple(3, `"result":{"response":"`+strings.Repeat("x", 900_000)+`"}`), true},
	} {
		a := l.do(t, request.method, request.target, request.body)
		if request.refused {
			a.refused(503, "request.memory")
		} else if a.status >= 300 {
			t.Errorf("%s: %d %.200s", what, a.status, a.body)
		}
	}
	if a := l.get(t, "/statements?format=ids"); len(a.page().ids(t)) != 2 {
		t.Errorf("%.200s", a.body)
	}
}

// TestMergesAreCounted: who merges a few bytes into a large document has the document in memory.
func TestMergesAreCounted(t *testing.T) {
	l := newLab(t, func(c *xapihttp.Config) { c.Bodies = 1 << 20 })
	for name, size := range map[string]int{"s": 200_000, "l": 700_000} {
		state := "/activities/state" + stateOf + "&stateId=" + name
		l.do(t, "PUT", state, `{"a":"`+strings.Repeat("x", size)+`"}`).want(204)
		for range 5 { // what is given back is there for the next
			if a := l.do(t, "POST", state, `{"b":1}`); name == "s" {
				a.want(204)
			} else {
				a.refused(503, "request.memory")
			}
		}
	}
}
