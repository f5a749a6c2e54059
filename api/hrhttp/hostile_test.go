package hrhttp_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/hrhttp"
)

// random is text that no index compresses.
func random(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// TestHugeTexts: statements and definitions with ids that no index of a database takes do
// not stop the projections; and what they say counts as anything does.
func TestHugeTexts(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		huge := "https://ward.example/" + random(20_000)
		listed := "https://ward.example/" + random(10_000)
		account := fmt.Sprintf(`{"account":{"homePage":"https://lms.example/%s","name":%q}}`, random(100), random(1500))
		endless := fmt.Sprintf(`{"name":"nul \u0000 name","account":{"homePage":"https://lms.example/","name":%q}}`, random(30_000))
		nul := `{"account":{"homePage":"https://lms.example/","name":"x\u0000y"}}`
		long := huge[:2000]
		l.do(t, "POST", base+"/definitions", "["+strings.ReplaceAll(frameworkOf(long+"/f", 0.6), speaking, listed)+","+
			strings.Replace(rulesOf(long+"/r", 1), `"id":"simulation"`, `"id":"`+random(9_000)+`"`, 1)+"]").want(200)
		l.do(t, "PUT", base+with("/definitions/evidence-rules", "id", huge), rulesOf(huge, 1)).refused(400, "definition.invalid")
		l.csv(t, "/people", peopleHeader+"ann,Ann,,,,,"+mboxOf("ann")+",,\n")
		l.post(t, "/people/ann/identities", account)
		l.statements(t,
			attempt(1, agent("ann"), listening, 0.8, 1),
			attempt(2, account, listed, 0.8, 1),
			attempt(3, endless, listed, 0.8, 1),
			attempt(4, nul, huge, 0.8, 1),
			`{"id":"`+id(5)+`","actor":{"mbox":"mailto:z@z.example","name":"nul \u0000 name"},"verb":{"id":"`+huge+`"},"object":{"id":"`+huge+`"}}`,
			attempt(6, agent("ann"), listening, 0.6, 2))
		a := l.get(t, competenciesOf("ann"))
		equal(t, "competencies", a.each("competencies", "competency"), []string{listed, listening})
		equal(t, "evidence", a.each("competencies", "evidence"), []string{"1", "2"})
		e := l.do(t, "GET", a.text("competencies", 0, "href"), "").want(200)
		if e.text("evidence", 0, "rule") != random(9_000) || e.text("evidence", 0, "definition") != long+"/r" || e.number("standing", "evidence") != 1 {
			t.Errorf("%.500s", e.body)
		}
		unmapped := l.get(t, "/unmapped")
		equal(t, "unknown actors", unmapped.each("actors", "statements"), []string{"1", "1", "1"})
		if !strings.Contains(unmapped.body, random(30_000)) || !strings.Contains(unmapped.body, `x\u0000y`) {
			t.Errorf("%.2000s", unmapped.body)
		}
		mine := as(l.credential(t, "ann", "all/read", boundTo("ann")))
		if got := l.get(t, "/unmapped", mine...).each("activities", "activity"); len(got) != 0 {
			t.Errorf("%.2000s", got)
		}
		l.replace(t, strings.ReplaceAll(frameworkOf(long+"/f", 0.7), speaking, listed))
		if got := l.get(t, with("/definitions/framework", "id", long+"/f")).number("revision"); got != 2 {
			t.Errorf("revision %v", got)
		}
		all, err := l.runtime.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if s.Err != nil || s.SetAside != 0 {
				t.Errorf("%s: %v, %d set aside", s.Name, s.Err, s.SetAside)
			}
		}
	})
}

// TestHostileIDs: nothing in a path is an error of the server's, or changes anything.
func TestHostileIDs(t *testing.T) {
	l := onOne(t)
	l.define(t)
	unknown := l.do(t, "GET", base+"/people/nobody", "")
	registered := 0
	for _, id := range []string{"%00", "a%00b", "%ff", "%C3%28", "%ED%A0%80", "%F4%90%80%80", random(20_000), "%25", "%2e%2e", "..%2f..", "'%20OR%201=1", "%22", "%0d%0aX:%20y", "%7f", "%E2%80%AE", strings.Repeat("%2F", 1000)} {
		for _, rt := range hrhttp.Routes() {
			target := strings.NewReplacer("{person}", id, "{unit}", id, "{competency}", id, "{kind}", id, "{id}", id, "{ifi}", id,
				"{kpi}", id, "{evaluation}", id, "{programme}", id).Replace(rt.Path)
			if target == rt.Path {
				continue
			}
			if _, query, ok := strings.Cut(targetOf(rt.Path), "?"); ok {
				target += "?" + query
			}
			if rt.Method == "GET" {
				if a := l.do(t, "GET", base+target, "").want(404); a.anonymous() != unknown.anonymous() {
					t.Errorf("%.100s: %s", a.what, a.body)
				}
				continue
			}
			body := map[string]string{"PUT": `{"name":"x"}`, "POST": `{"role":"r","unit":"u","from":"2026-01-01"}`}[rt.Method]
			a := l.do(t, rt.Method, base+target, body)
			mayBe := strings.HasPrefix(target, "/people/") || strings.HasPrefix(target, "/units/")
			if rt.Method == "PUT" && a.status == 204 && strings.HasPrefix(target, "/people/") {
				registered++
				for _, p := range l.get(t, "/people").each("people", "person") {
					if esc(p) != esc(must(url.PathUnescape(id))) || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) || len(p) > 2048 {
						t.Errorf("%s registers %q", a.what, p)
					}
				}
			}
			if a.status >= 500 || a.status == 204 && !mayBe {
				t.Errorf("%.100s: %d %s", a.what, a.status, a.body)
			}
		}
	}
	if registered == 0 {
		t.Error("no id of these can be registered")
	}
}

func must(text string, err error) string {
	if err != nil {
		panic(err)
	}
	return text
}

// spaces is a body without end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestBodies: a body that is too large, of another type, too deep or broken is refused.
func TestBodies(t *testing.T) {
	l := onOne(t, func(cfg *hrhttp.Config) { cfg.Body, cfg.File = 1<<20, 1<<20 })
	l.csv(t, "/people", peopleHeader+"ann,Ann,,,,,,,\n")
	for _, rt := range hrhttp.Routes() {
		if rt.Method != "PUT" && rt.Method != "POST" || strings.HasSuffix(rt.Path, "/comments") { // these as decisions
			continue
		}
		target := targetOf(rt.Path)
		right, wrong := "application/json", "text/csv"
		if rt.Path == "/people" || rt.Path == "/units" {
			right, wrong = wrong, right
		}
		for _, contentType := range []string{wrong, "", "x", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"} {
			if rt.Path == "/people" && strings.HasPrefix(contentType, "multipart/") {
				continue // two files
			}
			l.do(t, rt.Method, base+target, "[]", "Content-Type", contentType).refused(415, "request.type").says(right)
		}
		l.do(t, rt.Method, base+target, "[]", "Content-Type", right, "Content-Encoding", "br").want(415)
		l.do(t, rt.Method, base+target, "[]", "Content-Type", right, "Content-Encoding", "gzip").want(400)
		if a := l.do(t, rt.Method, base+target, "\xff", "Content-Type", right+"; charset=utf-8").want(400); a.problem().RequestID == "" {
			t.Errorf("%s: %s", a.what, a.body)
		}
		for name, deep := range map[string]string{
			"arrays": strings.Repeat("[", 100_000), "objects": strings.Repeat(`{"name":`, 100_000), "closed": strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000),
			"text": "x", "twice": `{"name":"a","name":"b"}`, "unknown": `{"nom":"a"}`, "rest": `{"name":"a"} {}`, "surrogate": `{"name":"\ud800"}`, "number": `{"name":1}`,
			"null": "null", "null in spaces": " null\n",
		} {
			if right != "application/json" {
				continue
			}
			if a := l.do(t, rt.Method, base+target, deep); a.status != 400 {
				t.Errorf("%s, %s: %d %.300s", a.what, name, a.status, a.body)
			}
		}
		l.tooLarge(t, rt.Method, base+target, 2<<20, right)
	}
	equal(t, "people", l.get(t, "/people").each("people", "name"), []string{"Ann"})
	equal(t, "units", l.get(t, "/units").each("units", "unit"), []string{})
	equal(t, "definitions", l.get(t, "/definitions").each("definitions", "id"), []string{})
}

// tooLarge sends a body that is refused for its size.
func (l *lab) tooLarge(t *testing.T, method, target string, size int64, contentType string) {
	t.Helper()
	res := l.open(t, method, target, io.LimitReader(spaces{}, size), "Content-Type", contentType)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusRequestEntityTooLarge || !bytes.Contains(b, []byte("limit")) {
		t.Errorf("%s %s with %d bytes: %d %v %s", method, target, size, res.StatusCode, err, b)
	}
}

// TestUsualSize: without a configuration 10 MB are too many, and of files 64 MB.
func TestUsualSize(t *testing.T) {
	l := onOne(t)
	l.tooLarge(t, "POST", base+"/people", 64<<20+1, "text/csv")
	res := l.open(t, "POST", base+"/people", io.LimitReader(spaces{}, 20<<20), "Content-Type", "text/csv")
	res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("a file of 20 MB: %d", res.StatusCode)
	}
	l.tooLarge(t, "PUT", base+"/definitions/framework/x", 10<<20, "application/json")
}
