package main

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/projections/notice"
)

// TestChanges: whoever follows the changes, as server-sent events or by NATS, is told
// of the people whom a statement concerns, and of no one that the credential does not
// reach.
func TestChanges(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().String()
	free.Close()
	const user, password = "analyst", "a password for tests"
	dir := t.TempDir()
	s, err := spawnProgram(t, os.Args[0], dir, []string{"LRS_NATS_PASSWORD=" + password}, "--nats-listen", port, "--nats-user", user).await()
	if err != nil {
		t.Fatal(err)
	}
	setUp(t, s)
	admin := adminhttp.NewClient(socketPath(dir))
	bound, err := admin.Add(t.Context(), adminhttp.NewCredential{Key: "ward-b", Scopes: "competencies/read people/read", Units: []string{"ward-b"}})
	if err != nil {
		t.Fatal(err)
	}

	nc, err := nats.Connect("nats://"+port, nats.UserInfo(user, password))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	byNATS, err := nc.SubscribeSync(notice.Subject("competency", "p02")) // of ward-a
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	all := follow(t, s, testKey, testSecret, "?projection=competency")
	within := follow(t, s, bound.Key, bound.Secret, "?projection=competency")

	settled(t, dir)
	post := func(person string) {
		t.Helper()
		status, _, b, err := s.do(t.Context(), http.MethodPost, "/statements", []byte(`{"actor":{"mbox":"mailto:`+person+`@hospital.example"},
			"verb":{"id":"http://adlnet.gov/expapi/verbs/passed"},"object":{"id":"https://hospital.example/assessments/listen-post"},
			"result":{"score":{"scaled":0.9}}}`))
		if err != nil || status != http.StatusOK {
			t.Fatalf("%d %v %s", status, err, b)
		}
	}
	// What the registrations have left to tell may yet stand for what comes now: one
	// statement after the other, until one is told of by itself.
	for post("p01"); !strings.Contains(next(t, all), `"key":"p01"`); post("p01") {
	}
	post("p02") // of ward-a
	post("p07") // of ward-b
	for heard := ""; !strings.Contains(heard, `"key":"p02"`) || !strings.Contains(heard, `"key":"p07"`); {
		heard += next(t, all) // in any order: one transaction may have both
	}
	for told := ""; !strings.Contains(told, `"key":"p07"`); {
		if told = next(t, within); strings.Contains(told, `"key":"p02"`) {
			t.Errorf("bound to ward-b, told %s", told)
		}
	}
	// An identity that is too long for the keys of the tables is nobody else's.
	long := `{"account":{"homePage":"https://lms.example","name":"` + strings.Repeat("x", 700) + `"}}`
	learner, err := admin.Add(t.Context(), adminhttp.NewCredential{Key: "p03", Scopes: "competencies/read", Person: "p03"})
	if err != nil {
		t.Fatal(err)
	}
	own := follow(t, s, learner.Key, learner.Secret, "")
	hr(t, s, http.MethodPost, "/people/p03/identities", "application/json", []byte(long))
	// A link changes what is shown of p03, and who may not read people is told of that.
	for _, stream := range []<-chan string{all, own} {
		for !strings.Contains(next(t, stream), `"projection":"competency","key":"p03"`) {
		}
	}
	told := func(statement string) {
		t.Helper()
		if status, _, b, err := s.do(t.Context(), http.MethodPost, "/statements", []byte(statement)); err != nil || status != http.StatusOK {
			t.Fatalf("%d %v %s", status, err, b)
		}
		for !strings.Contains(next(t, all), `"key":"p03"`) {
		}
	}
	const id = "4f0c2a4e-7d0e-4d8a-9a51-2d3f6f6f0001"
	told(`{"id":"` + id + `","actor":` + long + `,"verb":{"id":"http://adlnet.gov/expapi/verbs/passed"},
		"object":{"id":"https://hospital.example/assessments/listen-post"},"result":{"score":{"scaled":0.9}}}`)
	told(`{"actor":` + long + `,"verb":{"id":"http://adlnet.gov/expapi/verbs/voided"},"object":{"objectType":"StatementRef","id":"` + id + `"}}`)
	// An actor who is nobody's changes what is unmapped.
	post("a.stranger")
	for !strings.Contains(next(t, all), `"key":"unmapped:"`) {
	}
	// What responds to a programme's activity may be an answer; it is told under the programme's key as one.
	effects := follow(t, s, testKey, testSecret, "?projection=effectiveness")
	if status, _, b, err := s.do(t.Context(), http.MethodPost, "/statements", []byte(`{"actor":{"mbox":"mailto:p01@hospital.example"},
		"verb":{"id":"http://adlnet.gov/expapi/verbs/responded"},"object":{"id":"https://hospital.example/assessments/listen-post"}}`)); err != nil || status != http.StatusOK {
		t.Fatalf("%d %v %s", status, err, b)
	}
	for !strings.Contains(next(t, effects), `"key":"answers:https://hospital.example/programmes/listen-first"`) {
	}
	msg, err := byNATS.NextMsg(20 * time.Second)
	if err != nil || !strings.Contains(string(msg.Data), `"key":"p02"`) {
		t.Errorf("by NATS: %v, %v", msg, err)
	}
	if err := s.stop(t); err != nil { // with streams open
		t.Errorf("stop: %v\n%s", err, s.stderr)
	}
}

// follow opens a stream of changes, and gives the data of its events.
func follow(t *testing.T, s *server, key, secret, query string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.url, "/xapi")+"/api/v1/changes"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(key, secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v, %v", res, err)
	}
	data := make(chan string, 100)
	go func() { // ends with ctx
		defer close(data)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				data <- text
			}
		}
	}()
	return data
}

func next(t *testing.T, data <-chan string) string {
	t.Helper()
	select {
	case text, ok := <-data:
		if !ok {
			t.Fatal("the stream has ended")
		}
		return text
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was told")
	}
	return ""
}
