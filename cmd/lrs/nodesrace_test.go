package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// raceRounds is how often each race is run: of which node wins, and of how far the others are when it does, a few have
// every kind.
const raceRounds = 8

// oneID: statements with one id are posted to all nodes at once. One is stored; whoever sent the same is answered as if
// it were the first (C 2.1.1, 2.1.2: nothing is modified), whoever sent another gets 409, and of that request nothing is
// stored.
func (w *ward) oneID(t *testing.T) {
	for name, test := range map[string]struct {
		method   string
		contents [3]string // of the statement at each node
		batch    bool      // with a statement of its own in front
		done     int       // status of who stored, or sent the same
	}{
		"the same, PUT":           {http.MethodPut, [3]string{"a", "a", "a"}, false, http.StatusNoContent},
		"the same, POST":          {http.MethodPost, [3]string{"a", "a", "a"}, false, http.StatusOK},
		"two of three, PUT":       {http.MethodPut, [3]string{"a", "b", "a"}, false, http.StatusNoContent},
		"two of three, POST":      {http.MethodPost, [3]string{"b", "a", "a"}, false, http.StatusOK},
		"all different, PUT":      {http.MethodPut, [3]string{"a", "b", "c"}, false, http.StatusNoContent},
		"all different, in lists": {http.MethodPost, [3]string{"a", "b", "c"}, true, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			for range raceRounds {
				id, registration := uuid.New(), uuid.New()
				statement := func(id, response string) string {
					return fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"http://adlnet.gov/expapi/verbs/answered"},`+
						`"object":{"id":"%s"},"result":{"response":"%s"},"context":{"registration":"%s"}}`, id, killActivity, response, registration)
				}
				mine := func(node int) string { return registration.String()[:35] + fmt.Sprint(node) } // an id
				answers := w.allAtOnce(t, func(node int) ask {
					a := ask{method: test.method, path: "/statements", body: statement(id.String(), test.contents[node])}
					if test.method == http.MethodPut {
						a.path += "?statementId=" + id.String()
					}
					if test.batch {
						a.body = "[" + statement(mine(node), "own") + "," + a.body + "]"
					}
					return a
				})
				if t.Failed() {
					return
				}
				behind := latest(answers)
				stored := w.everywhere(t, "/statements?statementId="+id.String(), behind)
				var won struct {
					Result struct{ Response string }
				}
				if err := json.Unmarshal(stored.body, &won, json.MatchCaseInsensitiveNames(true)); err != nil || stored.status != http.StatusOK {
					t.Fatalf("%d %v %s", stored.status, err, stored.body)
				}
				want := []string{id.String()}
				for node, a := range answers {
					same := test.contents[node] == won.Result.Response
					switch {
					case same && a.status != test.done, !same && a.status != http.StatusConflict:
						t.Errorf("%q is stored; node %d, which was sent %q, answers %d %s", won.Result.Response, node, test.contents[node], a.status, a.body)
					case same && test.method == http.MethodPost && !strings.Contains(string(a.body), `"`+id.String()+`"`):
						t.Errorf("node %d answers with the ids %s", node, a.body)
					}
					if test.batch && same {
						want = append(want, mine(node))
					}
				}
				var page struct {
					Statements []struct{ ID string }
				}
				list := w.everywhere(t, "/statements?registration="+registration.String(), behind)
				if err := json.Unmarshal(list.body, &page, json.MatchCaseInsensitiveNames(true)); err != nil {
					t.Fatalf("%d %v %s", list.status, err, list.body)
				}
				var got []string
				for _, st := range page.Statements {
					got = append(got, st.ID)
				}
				slices.Sort(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("listed are %v, want %v", got, want)
				}
			}
		})
	}
}

// oneDocument: of writes to one document that name the ETag which it has (C 3.1), or that there is none, one wins; the
// others are told that their precondition fails. Writes that merge without naming one all count.
func (w *ward) oneDocument(t *testing.T) {
	large := strings.Repeat("-", 33<<10) // too large for its event: beside the log, in the object store
	body := func(padding string) func(int) string {
		return func(node int) string { return fmt.Sprintf(`{"by%d":"%s"}`, node, padding) }
	}
	for name, test := range map[string]struct {
		method, before string // a document that is there before; "" for none
		match          bool   // If-Match with its ETag, else If-None-Match: *
		body           func(node int) string
		merged         bool // all win
	}{
		"created":         {method: http.MethodPut, body: body("")},
		"created, large":  {method: http.MethodPut, body: body(large)},
		"replaced":        {method: http.MethodPut, before: `{"v":1}`, match: true, body: body("")},
		"replaced, large": {method: http.MethodPut, before: `{"v":"` + large + `"}`, match: true, body: body(large)},
		"merged":          {method: http.MethodPost, before: `{"v":1}`, match: true, body: body("")},
		"merged, large":   {method: http.MethodPost, before: `{"v":"` + large + `"}`, match: true, body: body("")},
		"deleted":         {method: http.MethodDelete, before: `{"v":1}`, match: true, body: func(int) string { return "" }},
		"merged by all":   {method: http.MethodPost, before: `{"v":1}`, body: body(""), merged: true},
	} {
		t.Run(name, func(t *testing.T) {
			for range raceRounds {
				path := "/activities/profile?" + url.Values{"activityId": {killActivity}, "profileId": {uuid.NewString()}}.Encode()
				header := map[string]string{}
				if test.before != "" {
					first := w.nodes[0].ask(t, ask{method: http.MethodPut, path: path, body: test.before, header: map[string]string{"If-None-Match": "*"}})
					if first.status != http.StatusNoContent {
						t.Fatalf("%d %s", first.status, first.body)
					}
					header = latest([]answer{first})
					if test.match {
						header["If-Match"] = first.header.Get("ETag")
					}
				}
				if !test.match && !test.merged {
					header["If-None-Match"] = "*"
				}
				answers := w.allAtOnce(t, func(node int) ask {
					return ask{method: test.method, path: path, body: test.body(node), header: header}
				})
				if t.Failed() {
					return
				}
				left := w.everywhere(t, path, latest(answers))
				winners := 0
				for node, a := range answers {
					switch a.status {
					case http.StatusNoContent:
						winners++
					case http.StatusPreconditionFailed:
						if test.merged {
							t.Errorf("node %d refuses a merge: %s", node, a.body)
						}
						continue
					default:
						t.Errorf("node %d answers %d %s", node, a.status, a.body)
						continue
					}
					if test.method == http.MethodDelete {
						continue
					}
					if want := strings.Trim(test.body(node), "{}"); !strings.Contains(string(left.body), want) {
						t.Errorf("node %d has acknowledged %.40s, and the document is %.200s", node, want, left.body)
					}
					if tag := left.header.Get("ETag"); !test.merged && a.header.Get("ETag") != tag {
						t.Errorf("node %d has acknowledged the ETag %s, and it is %s", node, a.header.Get("ETag"), tag)
					}
				}
				if want := map[bool]int{false: 1, true: len(answers)}[test.merged]; winners != want {
					t.Errorf("%d have won, want %d", winners, want)
				}
				if wantStatus := map[bool]int{false: http.StatusOK, true: http.StatusNotFound}[test.method == http.MethodDelete]; left.status != wantStatus {
					t.Errorf("the document: %d", left.status)
				}
			}
		})
	}
}
