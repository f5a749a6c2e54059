package hrhttp_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// questions are asked of a ward that setUpWard made.
func questions() []string {
	all := []string{"/people", "/people?format=csv", "/people?limit=2", "/units", "/units?format=csv", "/units/hospital/competencies",
		"/units/hospital/competencies?format=csv", "/units/medicine/competencies?at=2026-02-01", "/definitions", "/definitions?format=csv",
		"/definitions/evidence-rules/" + esc(rules), "/unmapped", "/unmapped?format=csv", "/unmapped?limit=1", "/units/ward-b"}
	for _, p := range everybody {
		all = append(all, "/people/"+p, competenciesOf(p), with(competenciesOf(p), "at", "2026-02-01"), evidenceOf(p, listening),
			evidenceOf(p, listening)+"?format=csv", with(evidenceOf(p, listening), "at", "2026-01-05T00:00:00Z"))
	}
	return all
}

// TestSameBytes: a question asked again with the asOf of its answer gives the same bytes,
// whatever came in between, and from tables that were built anew.
func TestSameBytes(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		setUpWard(t, l)
		first := map[string]*answer{}
		asOf := l.now(t)
		for _, q := range questions() {
			if strings.Contains(q, "format=csv") {
				first[with(q, "asOf", asOf)] = l.get(t, with(q, "asOf", asOf))
			} else {
				a := l.get(t, q)
				first[with(q, "asOf", a.text("asOf"))] = a
			}
		}
		l.statements(t, attempt(1001, agent("ann"), listening, 0.1, 2), attempt(1002, agent("bob"), speaking, 0.9, 3),
			uncovered(1003, agent("stranger"), "https://ward.example/shared"), uncovered(1004, agent("new"), "https://ward.example/new"),
			voiding(1005, 0), voiding(1006, 3), voiding(1007, 1002))
		l.post(t, "/people/ann/identities", agent("stranger"))
		l.del(t, "/people/cyd/identities/"+esc(mboxOf("cyd")))
		l.del(t, "/people/dan")
		l.put(t, "/people/eve", `{"name":"Another name"}`)
		l.put(t, "/units/ward-c", `{"name":"Ward C","parent":"medicine"}`)
		for _, body := range []string{rulesOf(rules, 7), frameworkOf(framework, 0.9)} {
			l.replace(t, body)
		}
		ask := func(when string) {
			t.Helper()
			for target, before := range first {
				a := l.get(t, target)
				a.what += " " + when
				a.same(before)
				if a.header.Get("ETag") != before.header.Get("ETag") {
					t.Errorf("%s: ETag %s, was %s", a.what, a.header.Get("ETag"), before.header.Get("ETag"))
				}
			}
		}
		ask("after changes")
		changed := 0
		for target := range first {
			resource, _, _ := strings.Cut(target, "asOf=")
			if l.do(t, "GET", base+strings.TrimRight(resource, "?&"), "").body != first[target].body {
				changed++
			}
		}
		if changed < len(first)/2 {
			t.Errorf("only %d of %d answers are other ones now: the test shows nothing", changed, len(first))
		}
		for _, name := range l.runtime.Names() {
			if _, err := l.runtime.Replay(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		ask("after a replay")
	})
}

// replace puts another revision of a definition in the place of the one there is.
func (l *lab) replace(t testing.TB, body string) {
	t.Helper()
	kind, id := (&answer{TB: t, body: body}).text("kind"), (&answer{TB: t, body: body}).text("id")
	target := "/definitions/" + kind + "/" + esc(id)
	l.put(t, target, body, "If-Match", l.get(t, target).header.Get("ETag"))
}

// TestFineAsOf: a statement's `stored` is finer than the milliseconds of answers; as of
// it, the statement counts, a microsecond before it does not, and what is printed, and
// linked, asks the same again.
func TestFineAsOf(t *testing.T) {
	l := onOne(t)
	l.define(t)
	l.csv(t, "/people", peopleHeader+"ann,Ann,,,,,"+mboxOf("ann")+",,\n")
	for n := 0; ; n++ {
		l.statements(t, attempt(n, agent("ann"), listening, 0.8, 1))
		raw := l.do(t, "GET", "/xapi/statements?statementId="+id(n), "").want(200).text("stored")
		stored, err := time.Parse(time.RFC3339, raw)
		if err != nil {
			t.Fatal(err)
		}
		if stored.Equal(stored.Truncate(time.Millisecond)) && n < 10 {
			continue // by chance
		}
		a := l.get(t, with(competenciesOf("ann"), "asOf", raw))
		if got := a.at("competencies", 0, "evidence"); got != float64(n+1) {
			t.Errorf("as of %s: %v, want %d", raw, got, n+1)
		}
		if before := l.get(t, with(competenciesOf("ann"), "asOf", stored.Add(-time.Microsecond).Format(time.RFC3339Nano))); n == 0 && len(before.each("competencies", "competency")) != 0 {
			t.Errorf("a microsecond earlier: %s", before.body)
		}
		l.get(t, with(competenciesOf("ann"), "asOf", a.text("asOf"))).same(a)
		e := l.do(t, "GET", a.text("competencies", 0, "href"), "").want(200)
		if e.at("standing", "evidence") != float64(n+1) || e.text("asOf") != a.text("asOf") || e.text("at") != a.text("at") {
			t.Errorf("%s: %s", e.what, e.body)
		}
		return
	}
}

// TestPosition: an answer's position is that of the last event that it takes in.
func TestPosition(t *testing.T) {
	l := onOne(t)
	if got := l.get(t, "/people?asOf=2026-01-01").text("position"); got != "0.0" {
		t.Errorf("before anything: %s", got)
	}
	first := l.put(t, "/people/ann", `{"name":"Ann"}`).header.Get("X-Bedside-Position")
	if got := l.get(t, "/people").text("position"); got != first {
		t.Errorf("%s, want %s", got, first)
	}
	asOf := l.now(t)
	before := l.get(t, "/people")
	var revision int
	fmt.Sscanf(l.statements(t, attempt(1, agent("ann"), listening, 1, 1), attempt(2, agent("ann"), listening, 1, 1)).header.Get("X-Bedside-Position"), "%d", &revision)
	if got := l.get(t, "/units").text("position"); got != fmt.Sprintf("%d.1", revision) {
		t.Errorf("behind two statements: %s, revision %d", got, revision)
	}
	if got := l.get(t, "/people?asOf="+asOf).text("position"); got != before.text("position") || got != first {
		t.Errorf("as of before them: %s, want %s", got, first)
	}
}

// TestConditional: 304 for who has the answer, in whatever encoding, and HEAD as GET.
func TestConditional(t *testing.T) {
	l := onOne(t)
	setUpWard(t, l)
	asOf := l.now(t)
	for _, q := range questions()[:18] {
		target := base + with(q, "asOf", asOf)
		a := l.do(t, "GET", target, "").want(200)
		tag := a.header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) || a.header.Get("Cache-Control") != "private, no-cache" {
			t.Fatalf("%s: %v", target, a.header)
		}
		vary := strings.Join(a.header.Values("Vary"), ", ")
		for _, name := range []string{"Authorization", "Accept", "Accept-Encoding", "Origin"} {
			if !strings.Contains(strings.ToLower(", "+vary+","), ", "+strings.ToLower(name)+",") {
				t.Errorf("%s: Vary %q has no %s", target, vary, name)
			}
		}
		for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			if not := l.do(t, "GET", target, "", "If-None-Match", match); not.status != 304 || not.body != "" || not.header.Get("ETag") != tag {
				t.Errorf("%s with If-None-Match %s: %d %q", target, match, not.status, not.body)
			}
		}
		for _, other := range []string{`"x"`, strings.Trim(tag, `"`), tag[:len(tag)-2] + `"`} {
			l.do(t, "GET", target, "", "If-None-Match", other).want(200)
		}
		head := l.do(t, "HEAD", target, "").want(200)
		if head.body != "" || head.header.Get("ETag") != tag || head.header.Get("Content-Type") != a.header.Get("Content-Type") {
			t.Errorf("HEAD %s: %q %v", target, head.body, head.header)
		}
		if not := l.do(t, "HEAD", target, "", "If-None-Match", tag); not.status != 304 {
			t.Errorf("HEAD %s with If-None-Match: %d", target, not.status)
		}
	}
	for _, encoding := range []string{"gzip", "zstd"} {
		target := base + "/unmapped?asOf=" + asOf
		plain := l.do(t, "GET", target, "")
		packed := l.do(t, "GET", target, "", "Accept-Encoding", encoding)
		tag := packed.header.Get("ETag")
		if packed.header.Get("Content-Encoding") != encoding || len(packed.body) >= len(plain.body) || tag == plain.header.Get("ETag") {
			t.Errorf("%s: %v", encoding, packed.header)
		}
		if encoding == "gzip" {
			zr, err := gzip.NewReader(strings.NewReader(packed.body))
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(zr); err != nil || string(b) != plain.body {
				t.Errorf("%v: %s", err, b)
			}
		}
		l.do(t, "GET", target, "", "If-None-Match", tag, "Accept-Encoding", encoding).want(http.StatusNotModified)
	}
	// A definition's ETag is that of its revision, whatever the moment.
	target := "/definitions/framework/" + esc(framework)
	tag := l.get(t, target).header.Get("ETag")
	l.statements(t, attempt(2000, agent("ann"), listening, 1, 1))
	l.do(t, "GET", base+target, "", "If-None-Match", tag).want(304)
	l.replace(t, frameworkOf(framework, 0.7))
	l.do(t, "GET", base+target, "", "If-None-Match", tag).want(200)
	// What a write answers is not for asking again.
	if a := l.do(t, "POST", base+"/units", wardUnits, "Content-Type", "text/csv", "If-None-Match", "*").want(200); a.header.Get("ETag") != "" {
		t.Errorf("a write has the ETag %s", a.header.Get("ETag"))
	}
}
