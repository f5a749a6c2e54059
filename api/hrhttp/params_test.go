package hrhttp_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/api/hrhttp"
)

// knows says which parameters a GET takes.
var knows = map[string]string{
	"/people":                       "at asOf after format limit more",
	"/people/{person}":              "at asOf after format",
	"/people/{person}/competencies": "at asOf after format limit more",
	"/people/{person}/competencies/{competency}/evidence": "at asOf after format limit more",
	"/units":                     "at asOf after format limit more",
	"/units/{unit}":              "at asOf after format",
	"/units/{unit}/competencies": "at asOf after format limit more",
	"/definitions":               "asOf after format limit more",
	"/definitions/{kind}":        "asOf after format limit more id",
	"/definitions/{kind}/{id}":   "asOf after format",
	"/unmapped":                  "asOf after format limit more",
	"/units/{unit}/gaps":         "at asOf after format limit more",
	"/people/{person}/evaluations/{evaluation}":          "asOf after format from to",
	"/people/{person}/evaluations/{evaluation}/evidence": "asOf after format limit more from to metric",
	"/units/{unit}/evaluations/{evaluation}":             "asOf after format limit more from to",
	"/programmes/{programme}/effectiveness":              "at asOf after format",
	"/programmes/{programme}/effectiveness/evidence":     "at asOf after format limit more",
	"/kpis/{kpi}":          "asOf after format from to",
	"/kpis/{kpi}/evidence": "asOf after format limit more from to",
	"/measures":            "asOf after format limit more",
}

// bad are values that are refused wherever the parameter is known.
var bad = map[string][]string{
	"at":     {"", "yesterday", "2026-02-30", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "1767225600", "0000-01-01", "9999-12-31T23:59:59-01:00", "\x00", "٢٠٢٦-01-01"},
	"asOf":   {"", "now", "2026-13-01", "2026-01-01T25:00:00Z", "10000-01-01", "2999-01-01", "0001-01-01T00:00:00+01:00"},
	"after":  {"", "x", "-1", "1.", "1.-2", "1.2.3", ".5", "99999999999999999999", "0x1", " 1", "1.99999999999"},
	"limit":  {"", "0", "-1", "ten", "1.5", "1e3", "99999999999999999999", "9223372036854775807"},
	"format": {"", "xml", "CSV", "text/csv"},
	"id":     {""},
	"more":   {"x"}, // without a limit
	"metric": {"", "nothing"},
}

// good are values that are taken.
var good = map[string][]string{
	"at":     {"2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+02:00", "2999-01-01", "0001-01-01", "9999-12-31T23:59:59Z"},
	"asOf":   {"2026-01-01", "1970-01-01T00:00:00Z", "0001-01-01"},
	"after":  {"0", "1", "1.0", "1.999"},
	"limit":  {"1", "1000000", "1073741824"},
	"format": {"json", "csv"},
}

// TestParameters: every parameter of every resource that is read is checked, and the
// refusal names it; one that a resource does not know is refused too.
func TestParameters(t *testing.T) {
	l := onOne(t)
	l.define(t)
	l.csv(t, "/units", wardUnits)
	l.csv(t, "/people", peopleHeader+someone("ann", "ward-a"))
	l.defineFeedback(t)
	for _, rt := range hrhttp.Routes() {
		if rt.Method != "GET" || rt.Path == "/changes" {
			continue
		}
		names, ok := knows[rt.Path]
		if !ok {
			t.Errorf("%s: say here which parameters it takes", rt.Path)
		}
		target := targetOf(rt.Path)
		for name, values := range bad {
			if !slices.Contains(strings.Fields(names), name) {
				l.do(t, "GET", base+with(target, name, "1"), "").want(400).says(name)
				continue
			}
			for _, value := range values {
				target := without(target, name)
				a := l.do(t, "GET", base+with(target, name, value), "").refused(400, "parameter."+name)
				a.says(name)
			}
		}
		for name, values := range good {
			for _, value := range values {
				if !slices.Contains(strings.Fields(names), name) {
					continue
				}
				a := l.do(t, "GET", base+with(target, name, value), "")
				if early := name == "asOf" && value < "2026-11"; a.status != 200 && (!early || a.status != 404) {
					t.Errorf("%s: %d %s", a.what, a.status, a.body)
				}
			}
		}
		l.do(t, "GET", base+with(target, "asOf", "2026-01-01")+"&asOf=2026-01-01", "").refused(400, "parameter.twice").says("asOf")
		l.do(t, "GET", base+with(target, "asof", "2026-01-01"), "").refused(400, "parameter.unknown").says("asof", "asOf")
		l.do(t, "GET", base+with(target, "asOf", "")+"%zz", "").refused(400, "request.query")
		l.do(t, "GET", base+with(target, "a", "1")+";b=2", "").refused(400, "request.query")
	}
	l.do(t, "GET", base+kpi("nowhere"), "").refused(400, "parameter.unit")
	l.do(t, "GET", base+"/measures?unit=nowhere", "").refused(400, "parameter.unit")
	l.do(t, "GET", base+kpi("nowhere"), "", as(l.credential(t, "head", "kpis/read", boundTo("", "ward-a")))...).want(404)
	l.do(t, "GET", base+"/definitions?id=x", "").refused(400, "parameter.id")
	l.do(t, "GET", base+"/definitions/framework/"+esc(framework)+"?id=x", "").refused(400, "parameter.id")
	l.do(t, "GET", base+with("/definitions/framework", "id", framework)+"&limit=1", "").refused(400, "parameter.unknown")
}

// noLists are what is read and is no list: one thing, or a series, which has the periods that are asked for.
var noLists = []string{
	"/changes", "/people/{person}", "/units/{unit}", "/definitions/{kind}/{id}", "/people/{person}/evaluations/{evaluation}",
	"/programmes/{programme}/effectiveness", "/kpis/{kpi}",
}

// TestLimit: every list can be had in parts, and none without asking for that.
func TestLimit(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	for _, rt := range hrhttp.Routes() {
		if rt.Method != "GET" || slices.Contains(noLists, rt.Path) {
			continue
		}
		target := targetOf(rt.Path)
		if a := l.get(t, target); a.at("more") != nil {
			t.Errorf("%s: not complete: %s", target, a.body)
		}
		l.get(t, with(target, "limit", "1"))
	}
}

// TestParametersOfWrites: as of reads.
func TestParametersOfWrites(t *testing.T) {
	l := onOne(t)
	for _, rt := range hrhttp.Routes() {
		if rt.Writes {
			body := ""
			if rt.Method != "DELETE" {
				body = "{}"
			}
			l.do(t, rt.Method, base+with(targetOf(rt.Path), "asOf", "2026-01-01"), body).refused(400, "parameter.unknown").says("asOf")
			l.do(t, rt.Method, base+with(targetOf(rt.Path), "x", "1")+"&x=2", body).refused(400, "parameter.twice").says("x")
		}
	}
	for _, target := range []string{"/units", "/people", "/definitions"} {
		for _, value := range []string{"", "yes", "TRUE", "1"} {
			l.do(t, "POST", base+with(target, "dryRun", value), "[]", "Content-Type", "text/csv").refused(400, "parameter.dryRun").says("dryRun")
		}
	}
	for _, missing := range []string{"role", "unit", "from"} {
		q := query("role", "nurse", "unit", "ward-a", "from", "2026-01-01")
		q = strings.Replace(q, missing+"=", missing+"x=", 1)
		l.do(t, "DELETE", base+"/people/ann/assignments"+q, "").refused(400, "parameter.unknown")
		q = strings.NewReplacer("?"+missing, "?", "&"+missing, "&").Replace(query("role", "nurse", "unit", "ward-a", "from", "2026-01-01"))
		q = strings.ReplaceAll(strings.ReplaceAll(q, "&=nurse", ""), "&=ward-a", "")
		q = strings.ReplaceAll(q, "?=2026-01-01", "?")
		l.do(t, "DELETE", base+"/people/ann/assignments"+q, "").refused(400, "parameter."+missing).says(missing)
	}
	l.do(t, "DELETE", base+"/people/ann/assignments"+query("role", "r", "unit", "u", "from", "soon"), "").refused(400, "parameter.from").says("from", "soon")
}

// TestResourceLabels: the metrics tell the resources apart, and a client makes no series.
func TestResourceLabels(t *testing.T) {
	l := onOne(t)
	l.put(t, "/people/ann", `{"name":"Ann"}`)
	l.get(t, "/people/ann")
	l.do(t, "GET", base+"/people/a%2Fb", "").want(404)
	l.do(t, "GET", base+"/nothing/a%2Fb", "").want(404)
	l.do(t, "GET", "/scim/v2/Users/a%2Fb", "").want(404)
	metrics := l.do(t, "GET", "/metrics", "").want(200).body
	for _, want := range []string{
		`method="PUT",resource="/api/v1/people/{person}",status="204"} 1`, `method="GET",resource="/api/v1/people/{person}",status="200"} 1`,
		`method="GET",resource="/api/v1/people/{person}",status="404"} 1`, `method="GET",resource="other",status="404"} 1`,
		`method="GET",resource="/scim/v2/Users/{id}",status="404"} 1`,
	} {
		if !strings.Contains(metrics, "http_request_seconds_count{"+want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(metrics, "people/ann") || strings.Contains(metrics, "a%2Fb") {
		t.Error("a client can make series")
	}
}

// TestAssignmentEnds: an end before the begin is refused, whatever it is; only one that is
// left out is none.
func TestAssignmentEnds(t *testing.T) {
	l := onOne(t)
	l.csv(t, "/units", wardUnits)
	l.put(t, "/people/ann", `{"name":"Ann"}`)
	for _, to := range []string{"0001-01-01", "0001-01-01T00:00:00Z", "2024-01-01", "2025-01-01"} {
		l.do(t, "POST", base+"/people/ann/assignments", `{"role":"nurse","unit":"ward-a","from":"2025-01-01","to":"`+to+`"}`).refused(400, "people.invalid").says("to:")
	}
	equal(t, "assignments", l.get(t, "/people/ann").each("assignments", "to"), []string{})
	l.post(t, "/people/ann/assignments", `{"role":"nurse","unit":"ward-a","from":"2025-01-01","to":""}`)
	equal(t, "assignments", l.get(t, "/people/ann").each("assignments", "to"), []string{"<nil>"})
}

// patience is how long the servers of these tests wait: enough for a busy machine.
const patience = 3 * time.Second

// TestAhead: an asOf that may be reached in a moment is waited for, as far as the
// server waits; one that is further ahead than clocks differ is refused at once.
func TestAhead(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	l := onOne(t, func(cfg *hrhttp.Config) {
		cfg.Now = func() time.Time { return now } // and the store's goes on
		cfg.Wait = patience
	})
	ask := func(d time.Duration) *answer {
		return l.do(t, "GET", base+"/people"+query("asOf", now.Add(d).Format(time.RFC3339Nano)), "")
	}
	ask(-time.Hour).want(200)
	ask(5*time.Second+time.Millisecond).refused(400, "parameter.asOf").says("asOf", "5s")
	ask(365*24*time.Hour).refused(400, "parameter.asOf")
	if a := ask(5 * time.Second); a.status == 503 { // else it was reached, on a machine that stood still
		a.refused(503, "projection.behind")
	} else if a.want(200); time.Since(now) < 5*time.Second {
		t.Errorf("answered after %s: %s", time.Since(now), a.body)
	}
}

// TestAheadIsAwaited: with an asOf half a second ahead the answer comes when that is past.
func TestAheadIsAwaited(t *testing.T) {
	l := onOne(t)
	asOf := time.Now().Add(500 * time.Millisecond).UTC().Truncate(time.Millisecond)
	text := asOf.Format("2006-01-02T15:04:05.000Z")
	a := l.get(t, "/people"+query("asOf", text))
	if now := time.Now(); now.Before(asOf) {
		t.Errorf("answered at %s as of %s", now, asOf)
	}
	if a.text("asOf") != text || a.text("at") != text {
		t.Errorf("%s", a.body)
	}
}

// TestAfter: `after` waits until what stands at a position is in the answers, and no
// longer than the server waits.
func TestAfter(t *testing.T) {
	l := onOne(t, func(cfg *hrhttp.Config) { cfg.Wait = patience })
	l.define(t)
	l.csv(t, "/units", wardUnits)
	l.csv(t, "/people", peopleHeader+someone("ann", "ward-a"))
	l.defineFeedback(t)
	past := with(competenciesOf("ann"), "asOf", l.now(t))
	l.put(t, "/people/ann", `{"name":"Ann"}`)
	l.now(t) // so that the projections are known to be behind that asOf

	l.gate.close()
	position := l.statements(t, attempt(1, agent("ann"), listening, 0.8, 1)).header.Get("X-Bedside-Position")
	if position == "" {
		t.Fatal("no X-Bedside-Position")
	}
	l.get(t, past) // it needs nothing of what is new
	begun := time.Now()
	var all sync.WaitGroup
	for _, r := range []struct{ method, target, body string }{
		{"GET", with(past, "after", position), ""},
		{"GET", with(past, "after", strings.TrimSuffix(position, ".0")), ""},
		{"GET", with("/unmapped", "after", position), ""},
		{"GET", competenciesOf("ann"), ""}, // as of now is behind what is new
		{"PUT", "/people/bob", `{"name":"Bob"}`},
		{"GET", with(past, "after", "1000000"), ""},
		{"GET", with(past, "after", "1000000.5"), ""},
		{"GET", with(past, "after", "9223372036854775807"), ""},
	} {
		all.Go(func() {
			if a := l.do(t, r.method, base+r.target, r.body).refused(503, "projection.behind"); a.header.Get("Retry-After") != "5" {
				t.Errorf("%s: Retry-After %q", a.what, a.header.Get("Retry-After"))
			}
		})
	}
	all.Wait()
	if took := time.Since(begun); took < patience || took > patience+20*time.Second {
		t.Errorf("what is behind was waited for during %s", took)
	}
	waiting := make(chan *answer)
	go func() { waiting <- l.do(t, "GET", base+with(past, "after", position), "") }()
	l.gate.open()
	if a := <-waiting; len(a.want(200).each("competencies", "competency")) != 1 || a.number("competencies", 0, "evidence") != 0 {
		t.Errorf("as of before: %s", a.body)
	}
	for i := range 20 {
		if a := l.get(t, with(competenciesOf("ann"), "after", position)); a.number("competencies", 0, "evidence") != float64(1+i) {
			t.Fatalf("after %s, of %d statements: %s", position, 1+i, a.body)
		}
		position = l.statements(t, attempt(10+i, agent("ann"), listening, 0.8, 1)).header.Get("X-Bedside-Position")
	}
	written := l.put(t, "/people/bob", `{"name":"Bob"}`).header.Get("X-Bedside-Position") // a write tells its own
	if got := l.get(t, with("/people/bob", "after", written)).text("position"); got != written {
		t.Errorf("%s after %s", got, written)
	}
}

// without takes a parameter out of a target.
func without(target, name string) string {
	path, query, _ := strings.Cut(target, "?")
	for _, p := range strings.Split(query, "&") {
		if key, value, ok := strings.Cut(p, "="); ok && key != name {
			path = with(path, key, value)
		}
	}
	return path
}
