package hrhttp_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/api/hrhttp"
)

// TestCSV: what is asked for as CSV comes so, by format or Accept, and reads back.
func TestCSV(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		l.define(t)
		l.csv(t, "/units", "unit,name,parent\r\nhospital,\"Städtisches, „großes“ \"\"Haus\"\"\",\r\n\"a,b\",,hospital\r\n")
		l.csv(t, "/people", "\uFEFF"+peopleHeader+"\"an\"\"n\",\"Zoë \"\"Z\"\", jr.\",nurse,\"a,b\",2025-01-01,,"+mboxOf("ann")+",,\n"+
			"\"an\"\"n\",,clerk,hospital,2025-01-01T07:30:00.5+02:00,2027-01-01,,https://lms.example,\"x, \"\"y\"\"\"\n")
		l.post(t, "/people/an%22n/identities", `{"openid":"https://id.example/,"}`)
		l.statements(t, attempt(1, agent("ann"), listening, 0.25, 1), unscored(2, agent("ann"), "https://ward.example/broken"),
			`{"id":"`+id(3)+`","actor":{"mbox":"mailto:x@y.example","name":"two\nlines, \"quoted\" ü"},"verb":{"id":"https://ward.example/verbs/did"},"object":{"id":"https://ward.example/1"}}`)
		asOf := l.now(t)

		units := l.get(t, with("/units?format=csv", "asOf", asOf))
		if got := fmt.Sprintf("%q", units.records()); got != `[["unit" "name" "parent"] ["a,b" "" "hospital"] ["hospital" "Städtisches, „großes“ \"Haus\"" ""]]` {
			t.Errorf("%s", got)
		}
		people := l.get(t, with("/people?format=csv", "asOf", asOf))
		if got := people.records(); len(got) != 4 || got[1][1] != `Zoë "Z", jr.` || !slices.Contains(people.column("from"), "2025-01-01T05:30:00.500Z") ||
			!slices.Contains(people.column("account_name"), `x, "y"`) || !slices.Contains(people.column("openid"), "https://id.example/,") {
			t.Errorf("%q", got)
		}
		if got := l.get(t, "/unmapped?format=csv").column("name"); !slices.Contains(got, "two\nlines, \"quoted\" ü") {
			t.Errorf("%q", got)
		}
		j := l.get(t, with(competenciesOf(`an"n`), "asOf", asOf))
		c := l.get(t, with(competenciesOf(`an"n`)+"?format=csv", "asOf", asOf)).records()
		want := []string{`an"n`, listening, fmt.Sprint(j.at("competencies", 0, "estimate")), fmt.Sprint(j.at("competencies", 0, "mean")),
			fmt.Sprint(j.at("competencies", 0, "lower")), fmt.Sprint(j.at("competencies", 0, "upper")), "1", "1", "novice", "able", "not_met", j.text("competencies", 0, "href")}
		if len(c) != 2 || !slices.Equal(c[1], want) {
			t.Errorf("%q, want %q", c, want)
		}
		e := l.get(t, with(evidenceOf(`an"n`, listening)+"?format=csv", "asOf", asOf))
		equal(t, "scores", e.column("score"), []string{"0.25", ""})
		equal(t, "reasons", e.column("reason"), []string{"", "no_score"})
		equal(t, "rules", e.column("rule"), []string{"simulation", "simulation"})
		if got := l.get(t, "/definitions?format=csv").column("id"); !slices.Equal(got, []string{rules, framework}) {
			t.Errorf("%q", got)
		}
		if got := l.get(t, "/people?asOf=2026-01-01&format=csv").records(); len(got) != 1 {
			t.Errorf("nobody: %q", got)
		}

		for accept, csv := range map[string]bool{"text/csv": true, "text/csv; charset=utf-8": true, "application/json, text/csv": false, "text/html, text/csv;q=0.5, */*": false,
			"*/*": false, "": false, "application/json": false, "text/*": false} {
			a := l.get(t, with("/units", "asOf", asOf), "Accept", accept)
			if is := strings.HasPrefix(a.header.Get("Content-Type"), "text/csv"); is != csv {
				t.Errorf("Accept %q: %s", accept, a.header.Get("Content-Type"))
			}
		}
		if a := l.get(t, with("/units?format=json", "asOf", asOf), "Accept", "text/csv"); a.header.Get("Content-Type") != "application/json" {
			t.Errorf("format=json: %s", a.header.Get("Content-Type"))
		}
		if a := l.get(t, with("/units", "asOf", asOf), "Accept", "text/csv"); a.body != units.body || a.header.Get("ETag") != units.header.Get("ETag") {
			t.Errorf("Accept and format differ: %s", a.body)
		}

		// What was exported changes nothing here, and makes the same elsewhere.
		for _, again := range []*answer{l.csv(t, "/units", units.body), l.csv(t, "/people", people.body), l.csv(t, "/people?dryRun=true", people.body)} {
			if fmt.Sprint(again.at("events")) != "map[]" || again.header.Get("X-Bedside-Position") != "" {
				t.Errorf("%s: %s", again.what, again.body)
			}
		}
		for _, p := range []string{`an"n`} {
			l.del(t, "/people/"+esc(p))
		}
		l.csv(t, "/people", people.body)
		after, before := l.get(t, "/people"), l.get(t, with("/people", "asOf", asOf))
		if fmt.Sprint(after.at("people")) != fmt.Sprint(before.at("people")) || len(before.each("people", "person")) != 1 {
			t.Errorf("imported: %s, was %s", after.body, before.body)
		}
	})
}

// TestImports: a file is taken as a whole or not at all, and the refusal names the line.
func TestImports(t *testing.T) {
	l := onOne(t)
	dry := l.csv(t, "/units?dryRun=true", wardUnits)
	if dry.at("dryRun") != true || fmt.Sprint(dry.at("events")) != "map[UnitRegistered:6]" && !strings.Contains(fmt.Sprint(dry.at("events")), ":6]") {
		t.Errorf("%s", dry.body)
	}
	equal(t, "after a dry run", l.get(t, "/units").each("units", "unit"), []string{})
	done := l.csv(t, "/units", wardUnits)
	if done.text("position") != done.header.Get("X-Bedside-Position") {
		t.Errorf("%s", done.body)
	}
	if got := l.do(t, "POST", base+"/units", wardUnits+"x,,ward-a\n", "Content-Type", "text/csv", "Accept", "text/csv").want(200).records(); len(got) != 2 || got[1][1] != "1" {
		t.Errorf("as CSV: %q", got)
	}
	for name, c := range map[string]struct {
		target, body string
		status       int
		words        []string
	}{
		"empty":        {"/units", "", 400, []string{"line 1"}},
		"column":       {"/units", "unit,name\n", 400, []string{"line 1", "parent"}},
		"parent":       {"/units", "unit,name,parent\ny,,\nz,,none\n", 400, []string{"line 3", "parent", "none"}},
		"cycle":        {"/units", "unit,name,parent\nhospital,,ward-a\n", 409, []string{"line 2", "parent"}},
		"twice":        {"/units", "unit,name,parent\ny,,\ny,,\n", 409, []string{"line 3", "line 2"}},
		"quote":        {"/units", "unit,name,parent\ny,\"x,\n", 400, []string{"line"}},
		"line break":   {"/units", "unit,name,parent\ny,\"x\nx\",\n", 400, []string{"line 2", "name"}},
		"latin-1":      {"/units", "unit,name,parent\ny,B\xfcro,\n", 400, []string{"line 2", "UTF-8"}},
		"nul":          {"/units", "unit,name,parent\ny\x00,,\n", 400, []string{"line 2", "unit"}},
		"unit":         {"/people", peopleHeader + someone("ann", "ward-a") + someone("bob", "none"), 400, []string{"line 3", "unit", "none"}},
		"from":         {"/people", peopleHeader + "ann,,nurse,ward-a,soon,,,,\n", 400, []string{"line 2", "from", "soon"}},
		"mbox":         {"/people", peopleHeader + "ann,,,,,,ann,,\n", 400, []string{"line 2", "mbox"}},
		"home":         {"/people", peopleHeader + "ann,,,,,,,,x\n", 400, []string{"line 2", "account_home"}},
		"two names":    {"/people", peopleHeader + "ann,A,,,,,,,\nann,B,,,,,,,\n", 409, []string{"line 3", "name"}},
		"of two":       {"/people", peopleHeader + someone("ann", "ward-a") + "bob,,,,,," + mboxOf("ann") + ",,\n", 409, []string{"line 3", "mbox"}},
		"many columns": {"/people", peopleHeader + "ann,,,,,,,,,,\n", 400, []string{"line 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := l.do(t, "POST", base+c.target, c.body, "Content-Type", "text/csv")
			if c.body == "" && a.status == 415 {
				return
			}
			if a.want(c.status).says(c.words...); a.header.Get("X-Bedside-Position") != "" {
				t.Errorf("refused at %s", a.header.Get("X-Bedside-Position"))
			}
		})
	}
	equal(t, "people", l.get(t, "/people").each("people", "person"), []string{})
	equal(t, "units", l.get(t, "/units?limit=3").each("units", "unit"), []string{"hospital", "medicine", "surgery"})
}

// TestLargeImport: a file that makes more events than a commit can hold.
func TestLargeImport(t *testing.T) {
	const n = 700
	l := onOne(t)
	l.csv(t, "/units", wardUnits)
	var rows strings.Builder
	rows.WriteString(peopleHeader)
	for i := range n {
		rows.WriteString(someone(fmt.Sprintf("p%04d", i), "ward-a"))
	}
	l.do(t, "POST", base+"/people", rows.String()+someone("x", "none"), "Content-Type", "text/csv").refused(400, "people.invalid").says(fmt.Sprint("line ", n+2))
	equal(t, "after a file that is wrong at its end", l.get(t, "/people").each("people", "person"), []string{})
	a := l.csv(t, "/people", rows.String())
	sum := 0.0
	for _, count := range a.at("events").(map[string]any) {
		sum += count.(float64)
	}
	if sum != 3*n {
		t.Errorf("%v events: %s", sum, a.body)
	}
	if got := len(l.get(t, "/units/hospital/competencies?after="+a.text("position")).each("people", "person")); got != n {
		t.Errorf("%d people, want %d", got, n)
	}
	if again := l.csv(t, "/people", rows.String()); fmt.Sprint(again.at("events")) != "map[]" {
		t.Errorf("again: %s", again.body)
	}
}

// TestPages: all pages together are the list, each element once, whatever the limit; and
// a page says whether there is another.
func TestPages(t *testing.T) {
	l := onOne(t)
	l.csv(t, "/units", wardUnits)
	rows := peopleHeader
	for _, p := range []string{"a", "a/b", "a b", "A", "é", "&", "zz", "10", "9"} {
		rows += fmt.Sprintf("%s,,nurse,ward-a,2025-01-01,,,,\n", p)
	}
	l.csv(t, "/people", rows)
	for _, d := range hospitalDefinitions(t) {
		if d.Kind == "kpi" || d.Kind == "survey" || d.Kind == "framework" || d.Kind == "evidence-rules" {
			l.put(t, "/definitions/"+d.Kind+"/"+esc(d.ID), d.body)
		}
	}
	l.statements(t, uncovered(1, agent("x"), "https://ward.example/1"), uncovered(2, agent("y"), "https://ward.example/2"),
		uncovered(3, agent("y"), "https://ward.example/3"))
	asOf := l.now(t)
	for _, list := range []struct{ resource, name, key string }{
		{competenciesOf("a"), "competencies", "competency"}, {"/unmapped", "activities", "activity"},
		{"/units/hospital/gaps", "gaps", "competency"},
		{"/people", "people", "person"}, {"/units", "units", "unit"}, {"/units/hospital/competencies", "people", "person"},
		{"/definitions", "definitions", "id"}, {"/definitions/kpi", "definitions", "id"}, {"/definitions/programme", "definitions", "id"},
	} {
		resource := with(list.resource, "asOf", asOf)
		whole := l.get(t, resource)
		want := whole.each(list.name, list.key)
		if whole.at("more") != nil {
			t.Errorf("%s: the whole has more", resource)
		}
		for limit := 1; limit <= len(want)+1; limit++ {
			var got []string
			for more, pages := "", 0; ; pages++ {
				target := with(resource, "limit", fmt.Sprint(limit))
				if more != "" {
					target = with(target, "more", more)
				}
				a := l.get(t, target)
				page := a.each(list.name, list.key)
				if len(page) > limit || pages > len(want) {
					t.Fatalf("%s: %s", target, a.body)
				}
				got = append(got, page...)
				next, ok := a.at("more").(string)
				if last := len(got) >= len(want); ok == last {
					t.Errorf("%s: more %v after %d of %d", target, a.at("more"), len(got), len(want))
				}
				csv := l.get(t, target, "Accept", "text/csv")
				link, _, linked := strings.Cut(strings.TrimPrefix(csv.header.Get("Link"), "<?"), `>; rel="next"`)
				if q, err := url.ParseQuery(link); linked != ok || err != nil || q.Get("more") != next || linked && q.Get("limit") != fmt.Sprint(limit) {
					t.Errorf("%s as CSV: Link %q after more %q", target, csv.header.Get("Link"), next)
				}
				if got := csv.header.Get("X-Bedside-As-Of"); got != a.at("asOf") || csv.header.Get("X-Bedside-Position") != a.at("position") {
					t.Errorf("%s as CSV: %v", target, csv.header)
				}
				if more = next; !ok {
					break
				}
			}
			equal(t, fmt.Sprintf("%s by %d", resource, limit), got, want)
		}
		end := "\U0010FFFF"
		if list.resource == "/unmapped" || list.name == "gaps" { // which are in no order of keys
			end = "1000"
			l.do(t, "GET", base+with(with(resource, "limit", "5"), "more", "x"), "").refused(400, "parameter.more")
		}
		beyond := l.get(t, with(with(resource, "limit", "5"), "more", end))
		equal(t, "behind the last", beyond.each(list.name, list.key), []string{})
	}
}

// TestPagesOfEvidence: what counts and what is left out are one list.
func TestPagesOfEvidence(t *testing.T) {
	l := onOne(t)
	l.define(t)
	l.csv(t, "/units", wardUnits)
	l.csv(t, "/people", peopleHeader+someone("ann", "ward-a"))
	l.statements(t, attempt(1, agent("ann"), listening, 0.25, 1), attempt(2, agent("ann"), listening, 0.5, 2), attempt(3, agent("ann"), listening, 0.75, 3),
		voiding(4, 1))
	resource := with(evidenceOf("ann", listening), "asOf", l.now(t))
	whole := l.get(t, resource)
	all := append(whole.each("evidence", "statement"), whole.each("leftOut", "statement")...)
	if len(all) != 3 || len(whole.each("evidence", "statement")) == 0 || len(whole.each("leftOut", "statement")) == 0 {
		t.Fatalf("%s", whole.body)
	}
	for _, list := range []string{"evidence", "leftOut"} { // where each leads, also to what is voided
		for i, statement := range whole.each(list, "statement") {
			if a := l.do(t, "GET", whole.text(list, i, "href"), "").want(200); a.text("id") != statement || whole.at(list, i, "definition") != rules {
				t.Errorf("%s leads to %s", whole.at(list, i), a.body)
			}
		}
	}
	equal(t, "as CSV", l.get(t, with(resource, "format", "csv")).column("definition"), []string{rules, rules, rules})
	for limit := 1; limit <= 4; limit++ {
		var got []string
		for target := with(resource, "limit", fmt.Sprint(limit)); target != ""; {
			a := l.get(t, target)
			page := append(a.each("evidence", "statement"), a.each("leftOut", "statement")...)
			if len(page) > limit || len(got) > len(all) {
				t.Fatalf("%s: %s", target, a.body)
			}
			if fmt.Sprint(a.at("standing")) != fmt.Sprint(whole.at("standing")) {
				t.Errorf("%s: another standing: %s", target, a.body)
			}
			got, target = append(got, page...), ""
			if more, ok := a.at("more").(string); ok {
				target = with(with(resource, "limit", fmt.Sprint(limit)), "more", more)
			}
		}
		equal(t, fmt.Sprint("by ", limit), got, all)
	}
}

// TestPagesOfMetrics: what a metric is made of is one list, statements and then programmes, or months.
func TestPagesOfMetrics(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	const all = "https://ward.example/evaluations/all"
	l.do(t, "POST", base+"/definitions", `[{"kind":"evaluation","id":"`+all+`","roles":["nurse"],"metrics":[
		{"id":"done","source":{"completion":["`+programme+`"]},"weight":1,"scale":{"from":0,"to":1}},
		{"id":"shown","source":{"competency":"`+listening+`"},"weight":1,"scale":{"from":0,"to":1}},
		{"id":"said","source":{"kpi":"`+kpiListened+`"},"weight":1,"scale":{"from":0,"to":1}},
		{"id":"simulated","source":{"count":{"verbs":["`+passed+`"]}},"weight":1,"scale":{"from":0,"to":9}}]}]`).want(200)
	inMay := func(statement string) string { return strings.Replace(statement, "2026-01", "2025-05", 1) }
	for n := 1; n <= 3; n++ {
		l.statements(t, inMay(attempt(n, agent("ann"), listening, 0.5, n)), inMay(strings.Replace(attempt(10+n, agent("ann"), listening, 0.5, n), "simulations/1", "modules/1", 1)))
	}
	l.statements(t, sheets(710, "ward-a", "2025-04-10", 4, 4, 4, 4, 4)...)
	asOf := l.now(t)
	for metric, want := range map[string]int{"done": 4, "shown": 6, "said": 2, "simulated": 6} {
		resource := with("/people/ann/evaluations/"+esc(all)+"/evidence"+query("from", "2025-01-01", "to", "2025-06-01", "metric", metric), "asOf", asOf)
		whole := l.get(t, resource)
		rows := l.get(t, with(resource, "format", "csv")).column("href")
		if len(rows) != want || whole.at("more") != nil {
			t.Fatalf("%s: %d rows, want %d: %s", metric, len(rows), want, whole.body)
		}
		for limit := 1; limit <= want+1; limit++ {
			var got []string
			page := with(resource, "limit", fmt.Sprint(limit))
			for target := page; target != ""; {
				some := l.get(t, with(target, "format", "csv")).column("href")
				a := l.get(t, target)
				if len(some) > limit || len(got) > want || fmt.Sprint(a.at("metric")) != fmt.Sprint(whole.at("metric")) {
					t.Fatalf("%s: %s", target, a.body)
				}
				got, target = append(got, some...), ""
				if more, ok := a.at("more").(string); ok {
					target = with(page, "more", more)
				}
			}
			equal(t, fmt.Sprint(metric, " by ", limit), got, rows)
		}
	}
}

// TestLargeFile: a file is planned once, however many commits it takes, and again when
// another registration comes in between.
func TestLargeFile(t *testing.T) {
	l := onOne(t)
	const n, others = 5_000, 3
	var file strings.Builder
	file.WriteString(peopleHeader)
	for i := range n {
		file.WriteString(someone(fmt.Sprintf("p%05d", i), "ward-a"))
	}
	l.csv(t, "/units", wardUnits)
	var between sync.WaitGroup
	between.Go(func() {
		for i := range others {
			res := l.open(t, "PUT", fmt.Sprintf("%s/people/other%d", base, i), strings.NewReader(`{"name":"Other"}`))
			res.Body.Close()
			if res.StatusCode != 204 {
				t.Errorf("another registration: %d", res.StatusCode)
			}
		}
	})
	a := l.csv(t, "/people", file.String())
	between.Wait()
	if fmt.Sprint(a.at("events")) != fmt.Sprintf("map[AssignmentMade:%d IdentityLinked:%[1]d PersonRegistered:%[1]d]", n) {
		t.Errorf("%s", a.body)
	}
	if err := l.runtime.Wait(t.Context(), uint64(l.store.Head().Revision)); err != nil {
		t.Fatal(err)
	}
	if got := len(l.get(t, "/people").each("people", "person")); got != n+others {
		t.Errorf("%d people, want %d", got, n+others)
	}
}

// TestFileWaits: a file does not wait for projections that do not get on, and holds up nobody meanwhile.
func TestFileWaits(t *testing.T) {
	l := onOne(t, func(cfg *hrhttp.Config) { cfg.Wait = time.Second })
	l.csv(t, "/units", wardUnits)
	l.gate.close()
	l.statements(t, uncovered(1, agent("ann"), "https://ward.example/x"))
	ann := peopleHeader + someone("ann", "ward-a")
	var files sync.WaitGroup
	for _, target := range []string{"/people", "/people?dryRun=true"} {
		files.Go(func() {
			res := l.open(t, "POST", base+target, strings.NewReader(ann), "Content-Type", "text/csv")
			res.Body.Close()
			if res.StatusCode != 503 {
				t.Errorf("%s: %d", target, res.StatusCode)
			}
		})
	}
	for range 2 { // each takes as long as Wait
		l.do(t, "PUT", base+"/people/other", `{"name":"Other"}`, "Content-Type", "application/json").refused(503, "projection.behind")
	}
	files.Wait()
	l.gate.open()
	l.csv(t, "/people", ann)
}

// TestTwoFiles: people are planned in the units that come with them.
func TestTwoFiles(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		form := func(fields ...string) string {
			var b strings.Builder
			for i := 0; i < len(fields); i += 2 {
				fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", fields[i], fields[i+1])
			}
			return b.String() + "--x--\r\n"
		}
		send := func(target, body string) *answer {
			return l.do(t, "POST", base+target, body, "Content-Type", "multipart/form-data; boundary=x")
		}
		ann := peopleHeader + someone("ann", "ward-a")
		both := form("units", wardUnits, "people", ann)
		for _, target := range []string{"/people?dryRun=true", "/people"} {
			a := send(target, both).want(200)
			if a.number("events", "UnitRegistered") != 6 || a.number("events", "AssignmentMade") != 1 {
				t.Errorf("%s: %s", target, a.body)
			}
			if dry := strings.Contains(target, "dry"); dry != (len(l.get(t, "/units").each("units", "unit")) == 0) {
				t.Errorf("%s: %s", target, l.get(t, "/units").body)
			}
		}
		for _, c := range []struct{ body, code, says string }{
			{form("people", peopleHeader+someone("bob", "ward-x"), "units", "unit,name,parent\nward-y,,\n"), "people.invalid", "people: line 2"},
			{form("people", ann, "units", "unit,name,parent\nward-y,,ward-z\n"), "people.invalid", "units: line 2"},
			{form("people", "x\n", "units", wardUnits), "people.invalid", "people: line 1"},
			{form("people", ann), "request.body", "units and people"},
			{form("people", ann, "people", ann), "request.body", "units and people"},
			{form("people", ann, "unit", wardUnits), "request.body", "units and people"},
			{strings.TrimSuffix(both, "--x--\r\n"), "request.body", "body"},
		} {
			send("/people", c.body).refused(400, c.code).says(c.says)
		}
		equal(t, "people", l.get(t, "/people").each("people", "person"), []string{"ann"})
		if got := l.get(t, "/units").each("units", "unit"); len(got) != 6 {
			t.Errorf("units: %v", got)
		}
	})
}

// TestPagesOfOneMoment: pages that follow one another, by the member more or by Link, are of the moment of the first,
// whatever is written between them.
func TestPagesOfOneMoment(t *testing.T) {
	for name, next := range map[string]func(a *answer, target string) string{
		"more": func(a *answer, target string) string {
			if more, ok := a.at("more").(string); ok {
				return with(target, "more", more)
			}
			return ""
		},
		"Link": func(a *answer, target string) string {
			link, _, ok := strings.Cut(strings.TrimPrefix(a.header.Get("Link"), "<"), `>; rel="next"`)
			if !ok {
				return ""
			}
			path, _, _ := strings.Cut(target, "?")
			return path + link
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := onOne(t)
			hospitalOfAnswers(t, l)
			target := strings.Replace(kpi("ward-a"), may, "/evidence"+may, 1)
			want := l.get(t, target).each("statements", "statement")
			var got []string
			for page, n := target+"&limit=3", 0; page != ""; n++ {
				a := l.get(t, page)
				got = append(got, a.each("statements", "statement")...)
				l.statements(t, strings.Replace(voiding(9000+n, 0), id(0), got[0], 1))
				if page = next(a, target+"&limit=3"); n > len(want) {
					t.Fatal("there is no end")
				}
			}
			equal(t, "statements", got, want)
		})
	}
}
