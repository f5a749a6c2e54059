package hrhttp_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/api/request"
)

// answeredBy is the answer of a patient of a unit to the question, at noon of a day.
func answeredBy(n int, unit string, raw int, day string) string {
	return fmt.Sprintf(`{"id":%q,"actor":{"account":{"homePage":"https://survey.example","name":"sheet-%d"}},`+
		`"verb":{"id":"http://adlnet.gov/expapi/verbs/responded"},"object":{"id":%q},"result":{"score":{"raw":%d}},`+
		`"context":{"team":{"objectType":"Group","account":{"homePage":"https://hospital.example","name":%q}},`+
		`"contextActivities":{"grouping":[{"id":%q}]}},"timestamp":"%sT12:00:00Z"}`,
		id(n), n, question, raw, unit, programme, day)
}

// sheets are answers of a unit, numbered from n on, all on one day.
func sheets(n int, unit, day string, raws ...int) (all []string) {
	for i, raw := range raws {
		all = append(all, answeredBy(n+i, unit, raw, day))
	}
	return all
}

// hospitalOfAnswers has ten answers of Ward A in May 2025, seven of Ward B and two of Ward C.
func hospitalOfAnswers(t testing.TB, l *lab) {
	t.Helper()
	l.define(t)
	l.csv(t, "/units", wardUnits)
	l.csv(t, "/people", peopleHeader+someone("ann", "ward-a")+someone("ben", "ward-b")+strings.Replace(someone("zoe", "ward-a"), "nurse", "clerk", 1))
	l.defineFeedback(t)
	l.statements(t, sheets(100, "ward-a", "2025-05-10", 4, 4, 4, 4, 4, 3, 3, 2, 2, 1)...)
	l.statements(t, sheets(200, "ward-b", "2025-05-10", 4, 1, 1, 1, 1, 1, 1)...)
	l.statements(t, sheets(300, "ward-c", "2025-05-10", 4, 4)...)
	for _, s := range sheets(400, "ward-a", "2025-03-20", 4, 3, 4, 4, 2) {
		l.statements(t, strings.Replace(s, question, useful, 1))
	}
}

const may = "?from=2025-05-01&to=2025-06-01"

func kpi(unit string) string { return "/kpis/" + esc(kpiListened) + may + "&unit=" + unit }

// TestSmallNumbers: a number of fewer than five is not shown, nor one that would let it be
// had by subtraction; and without answers/read a period is answered as it was known then.
func TestSmallNumbers(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		point := func(unit string, header ...string) string {
			a := l.get(t, kpi(unit), header...)
			if a.at("points", 0, "suppressed") == true {
				if strings.Contains(a.body, `"value"`) || strings.Contains(a.body, `"n"`) {
					t.Errorf("suppressed, and: %s", a.body)
				}
				return "suppressed"
			}
			return fmt.Sprint(a.at("points", 0, "value"), " of ", a.at("points", 0, "n"))
		}
		// The hospital less medicine is the two of Ward C: so medicine is hidden; less both
		// wards it is these two again: so the smaller one is.
		for unit, want := range map[string]string{
			"hospital": fmt.Sprint(8./19, " of ", 19), "medicine": "suppressed", "surgery": "suppressed", "ward-c": "suppressed",
			"ward-a": "0.5 of 10", "ward-b": "suppressed",
		} {
			if got := point(unit); got != want {
				t.Errorf("%s: %s, want %s", unit, got, want)
			}
		}
		// What was stored in 2026 was not known on 1 July 2025.
		reader := as(l.credential(t, "ward head", "kpis/read"))
		for _, unit := range []string{"hospital", "ward-a"} {
			if got := point(unit, reader...); got != "suppressed" {
				t.Errorf("%s, without answers/read: %s", unit, got)
			}
		}
		// Evidence has single answers only for those who may see them.
		evidence := strings.Replace(kpi("ward-a"), may, "/evidence"+may, 1)
		if a := l.get(t, evidence); len(a.each("statements", "statement")) != 10 || a.at("withheld") != nil {
			t.Errorf("%s", a.body)
		}
		if a := l.get(t, evidence, reader...); len(a.each("statements", "statement")) != 0 || a.at("withheld") != true || strings.Contains(a.body, id(100)) {
			t.Errorf("%s", a.body)
		}
		if a := l.get(t, strings.Replace(evidence, "ward-a", "ward-c", 1)); len(a.each("statements", "statement")) != 0 || strings.Contains(a.body, id(300)) {
			t.Errorf("what is behind a suppressed number: %s", a.body)
		}
		if a := l.get(t, "/programmes/"+esc(programme)+"/effectiveness", reader...); a.at("reaction", "suppressed") != true {
			t.Errorf("%s", a.body)
		}
		if a := l.get(t, "/programmes/"+esc(programme)+"/effectiveness"); a.at("reaction", "responses") != 5. {
			t.Errorf("%s", a.body)
		}
		// How many there are is told by nothing else.
		if a := l.get(t, "/unmapped"); !strings.Contains(a.body, question) || !strings.Contains(a.body, "sheet-301") {
			t.Errorf("%s", a.body)
		}
		people := as(l.credential(t, "people", "people/read kpis/read"))
		if a := l.get(t, "/unmapped", people...); strings.Contains(a.body, question) || strings.Contains(a.body, "sheet-") {
			t.Errorf("without answers/read: %s", a.body)
		}
	})
}

// TestVoidedAnswer: an answer that is voided counts no more, and asOf before it does.
func TestVoidedAnswer(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		before := l.get(t, kpi("ward-a"))
		l.statements(t, voiding(900, 100))
		if n := l.get(t, kpi("ward-a")).at("points", 0, "n"); n != 9. {
			t.Errorf("n is %v", n)
		}
		l.get(t, with(kpi("ward-a"), "asOf", before.text("asOf"))).same(before)
		a := l.get(t, strings.Replace(kpi("ward-a"), may, "/evidence"+may, 1))
		if got := a.each("leftOut", "statement"); len(got) != 1 || got[0] != id(100) {
			t.Errorf("left out %v", got)
		}
		if a = l.do(t, "GET", a.text("leftOut", 0, "href"), "").want(200); !strings.Contains(a.body, id(100)) {
			t.Errorf("behind the link: %s", a.body)
		}
	})
}

// TestBeyondDoubles: a number of a statement that no double holds is none: it is no score, no answer and no duration, and
// spoils nothing that others are in.
func TestBeyondDoubles(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	const yearly = "https://ward.example/evaluations/time"
	l.do(t, "POST", base+"/definitions", `[
		{"kind":"kpi","id":"https://ward.example/kpis/how","questions":["`+question+`"],"statistic":"mean","direction":"up"},
		{"kind":"evaluation","id":"`+yearly+`","roles":["nurse"],"metrics":[
			{"id":"hours","source":{"hours":{"activities":["https://ward.example/modules/1"]}},"weight":1,"scale":{"from":0,"to":3}}]}]`).want(200)
	huge := func(statement, score, of string) string { return strings.Replace(statement, score, of, 1) }
	hour := strings.Replace(attempt(902, agent("ann"), listening, 0.8, 3), "simulations/1", "modules/1", 1)
	l.statements(t,
		huge(answeredBy(900, "ward-a", 4, "2025-05-10"), `"raw":4`, `"raw":1e309`),
		huge(answeredBy(901, "ward-a", 4, "2025-05-10"), `"raw":4`, `"raw":-1e309`),
		huge(attempt(903, agent("ann"), listening, 0.8, 1), `"scaled":0.8`, `"raw":1e309,"min":0,"max":1e310`),
		attempt(904, agent("ann"), listening, 0.5, 2),
		huge(hour, `{"score":{"scaled":0.8}}`, `{"duration":"PT1H"}`),
		huge(strings.Replace(hour, id(902), id(905), 1), `{"score":{"scaled":0.8}}`, `{"duration":"P`+strings.Repeat("9", 308)+`Y"}`))

	how := strings.Replace(kpi("ward-a"), esc(kpiListened), esc("https://ward.example/kpis/how"), 1)
	if a := l.get(t, how); !close6(a.at("points", 0, "value"), 3.1) || a.at("points", 0, "n") != 10. {
		t.Errorf("%s", a.body)
	}
	evidence := l.get(t, "/people/ann/competencies/"+esc(listening)+"/evidence")
	equal(t, "evidence", evidence.each("evidence", "statement"), []string{id(904)})
	left := map[string]any{}
	for i, statement := range evidence.each("leftOut", "statement") {
		left[statement] = evidence.at("leftOut", i, "reason")
	}
	if left[id(903)] != "no_score" {
		t.Errorf("left out: %v", left)
	}
	target := "/people/ann/evaluations/" + esc(yearly) + query("from", "2026-01-01", "to", "2026-02-01")
	if a := l.get(t, target); a.at("metrics", 0, "value") != 1. {
		t.Errorf("%s", a.body)
	}
	hours := l.get(t, with(strings.Replace(target, "?", "/evidence?", 1), "metric", "hours"))
	equal(t, "hours", hours.each("statements", "hours"), []string{"1", "0"})
}

// TestMeasures: the latest record of a measure, unit and period holds, and one that is no
// measure is refused with the whole list.
func TestMeasures(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		record := func(value float64) string {
			return fmt.Sprintf(`{"measure":"encounters","unit":"ward-a","from":"2025-05-01","to":"2025-06-01","value":%v}`, value)
		}
		praise := "/kpis/" + esc(kpiPraise) + may + "&unit=medicine"
		if a := l.get(t, praise); a.at("points", 0, "value") != nil || a.at("points", 0, "n") != 0. {
			t.Errorf("nothing recorded: %s", a.body)
		}
		l.do(t, "POST", base+"/measures", "["+record(100)+"]").want(200)
		l.statements(t, strings.NewReplacer("responded", "commented", question, "https://ward.example/praise").Replace(answeredBy(500, "ward-a", 1, "2025-05-20")))
		before := l.get(t, praise)
		if v := before.at("points", 0, "value"); v != 10. {
			t.Errorf("1 of 100 encounters: %v", v)
		}
		l.do(t, "POST", base+"/measures", "["+record(200)+"]").want(200)
		if v := l.get(t, praise).at("points", 0, "value"); v != 5. {
			t.Errorf("1 of 200 encounters: %v", v)
		}
		l.get(t, with(praise, "asOf", before.text("asOf"))).same(before)
		if a := l.get(t, "/measures"); len(a.each("measures", "value")) != 1 || a.at("measures", 0, "value") != 200. {
			t.Errorf("%s", a.body)
		}
		for name, bad := range map[string]string{
			"unit": strings.Replace(record(1), "ward-a", "nowhere", 1), "period": strings.Replace(record(1), "06-01", "05-01", 1),
			"value": strings.Replace(record(1), `"value":1`, `"value":"1"`, 1), "none": strings.Replace(record(1), `,"value":1`, "", 1),
			"n": strings.Replace(record(1), `"value":1`, `"value":1,"n":-1`, 1), "measure": strings.Replace(record(1), "encounters", "", 1),
			"unknown": strings.Replace(record(1), `"value"`, `"count":1,"value"`, 1), "time": strings.Replace(record(1), "2025-06-01", "June", 1),
		} {
			a := l.do(t, "POST", base+"/measures", "["+record(300)+","+bad+"]").want(400)
			if strings.Contains(a.body, "index") && !strings.Contains(a.body, "index 1") {
				t.Errorf("%s: %s", name, a.body)
			}
		}
		l.do(t, "POST", base+"/measures?dryRun=true", "["+record(300)+"]").want(200)
		if a := l.get(t, "/measures"); a.at("measures", 0, "value") != 200. {
			t.Errorf("after refusals: %s", a.body)
		}
	})
}

// TestRemarks: an evaluation is signed off by a person and commented by the one concerned,
// and both are shown with it from then on.
func TestRemarks(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		window := "?from=2025-01-01&to=2026-01-01"
		at := "/people/ann/evaluations/" + esc(annual)
		before := l.get(t, at+window)
		position := before.text("position")
		said := `{"by":"Dr. Lee","position":"` + position + `","text":"Agreed."}`
		l.do(t, "POST", base+at+"/decisions"+window, said).want(204)
		ann := as(l.credential(t, "ann", "evaluations/read", boundTo("ann")))
		l.do(t, "POST", base+at+"/comments"+window, `{"position":"`+position+`","text":"Thank you."}`, ann...).want(204)
		a := l.get(t, at+window, ann...)
		if a.at("decisions", 0, "by") != "Dr. Lee" || a.at("decisions", 0, "text") != "Agreed." || a.at("decisions", 0, "position") != position ||
			a.at("comments", 0, "by") != "ann" || a.at("comments", 0, "text") != "Thank you." {
			t.Errorf("%s", a.body)
		}
		l.get(t, with(at+window, "asOf", before.text("asOf"))).same(before)
		if a := l.get(t, at+"?from=2025-01-01&to=2025-07-01"); len(a.each("decisions", "by")) != 0 {
			t.Errorf("another window: %s", a.body)
		}
		l.do(t, "POST", base+at+"/decisions"+window, `{"by":"x","position":"999999.0","text":"not read by anybody"}`).refused(400, "remark.position")
		l.do(t, "POST", base+strings.Replace(at, "ann", "zoe", 1)+"/decisions"+window, said).want(404) // of no such role
		ben := as(l.credential(t, "ben", "evaluations/read", boundTo("ben")))
		l.do(t, "POST", base+at+"/comments"+window, said, ben...).refused(403, "auth.person")
		l.do(t, "POST", base+at+"/decisions"+window, said, ann...).refused(403, "auth.scope")
		l.do(t, "GET", base+at+window, "", ben...).want(404)
		l.do(t, "POST", base+"/people/nobody/evaluations/"+esc(annual)+"/decisions"+window, said).want(404)
		l.do(t, "POST", base+"/people/ann/evaluations/x/decisions"+window, said).want(404)
		for _, bad := range []string{`{}`, `null`, `{"by":"x","position":"","text":"y"}`, `{"by":"","position":"1.0","text":"y"}`, `{"by":"x","position":"1.0","txt":"y"}`} {
			l.do(t, "POST", base+at+"/decisions"+window, bad).want(400)
		}
		for _, nothing := range []string{``, `,"text":""`, `,"text":" \t\r\n\u00a0\u2003"`} { // what is said is something
			body := `{"by":"x","position":"` + position + `"` + nothing + `}`
			l.do(t, "POST", base+at+"/decisions"+window, body).refused(400, "remark.text").says("text")
			l.do(t, "POST", base+at+"/comments"+window, body, ann...).refused(400, "remark.text").says("text")
		}
		for _, nobody := range []string{``, `"by":"",`, `"by":" \t\r\n\u00a0\u2003",`} {
			l.do(t, "POST", base+at+"/decisions"+window, `{`+nobody+`"position":"`+position+`","text":"y"}`).refused(400, "remark.by").says("by")
		}
		if a := l.get(t, at+window); len(a.each("decisions", "by")) != 1 || len(a.each("comments", "by")) != 1 {
			t.Errorf("after refusals: %s", a.body)
		}
	})
}

// TestUnreadRemarks: nothing is said of an evaluation at a position at which nobody could have read it.
func TestUnreadRemarks(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		window := "?from=2025-01-01&to=2026-01-01"
		of := func(person, id string) string { return "/people/" + person + "/evaluations/" + esc(id) }
		position := l.get(t, of("ann", annual)+window).text("position")
		revision, index, _ := strings.Cut(position, ".")
		last, err := strconv.Atoi(index)
		if err != nil {
			t.Fatalf("position %q: %v", position, err)
		}
		const later, latest = "https://ward.example/evaluations/later", "https://ward.example/evaluations/latest"
		l.csv(t, "/people", peopleHeader+someone("eve", "ward-a"))
		evaluation := func(id string) string {
			return `{"kind":"evaluation","id":"` + id + `","roles":["nurse"],"metrics":[
				{"id":"listening","source":{"competency":"` + listening + `"},"weight":1,"scale":{"from":0,"to":1}}]}`
		}
		both, _, _ := strings.Cut(l.do(t, "POST", base+"/definitions", "["+evaluation(later)+","+evaluation(latest)+"]").want(200).header.Get(request.HeaderPosition), ".")
		ann := as(l.credential(t, "ann", "evaluations/read", boundTo("ann")))
		said := func(position string) string { return `{"by":"Dr. Lee","position":"` + position + `","text":"Agreed."}` }
		for _, tc := range []struct{ person, evaluation, position string }{
			{"ann", annual, "0.0"}, {"ann", annual, "0"}, // before all
			{"ann", annual, "1.0"}, {"ann", annual, "1"}, // neither the person nor the evaluation was registered
			{"ann", annual, fmt.Sprintf("%s.%d", revision, last+1)}, // no event: the commit has ended
			{"ann", annual, "1.99"},
			{"eve", annual, position}, // the person was not yet registered
			{"ann", later, position},  // the evaluation was not
		} {
			at := base + of(tc.person, tc.evaluation)
			l.do(t, "POST", at+"/decisions"+window, said(tc.position)).refused(400, "remark.position").says(tc.position)
			if tc.person == "ann" {
				l.do(t, "POST", at+"/comments"+window, said(tc.position), ann...).refused(400, "remark.position").says(tc.position)
			}
		}
		for _, right := range []string{position, revision} {
			l.do(t, "POST", base+of("ann", annual)+"/decisions"+window, said(right)).want(204)
		}
		for _, id := range []string{later, latest} { // a revision alone is all of its commit
			l.do(t, "POST", base+of("eve", id)+"/decisions"+window, said(both)).want(204)
		}
		for _, at := range []string{of("eve", annual), of("ann", later)} {
			a := l.get(t, at+window)
			if len(a.each("decisions", "by")) != 0 {
				t.Errorf("after refusals: %s", a.body)
			}
			l.do(t, "POST", base+at+"/decisions"+window, said(a.text("position"))).want(204)
		}
		if a := l.get(t, of("ann", annual)+window); !slices.Equal(a.each("decisions", "position"), []string{position, revision}) || len(a.each("comments", "by")) != 0 {
			t.Errorf("after refusals: %s", a.body)
		}
	})
}

// TestMetricEvidence: what is behind a metric of an evaluation names the rule, and why what it lists does not count.
func TestMetricEvidence(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	const trained = "https://ward.example/evaluations/trained"
	l.do(t, "POST", base+"/definitions", `[{"kind":"evaluation","id":"`+trained+`","roles":["nurse","clerk"],"metrics":[
		{"id":"listening","source":{"competency":"`+listening+`"},"weight":1,"scale":{"from":0,"to":1}},
		{"id":"done","source":{"completion":["`+programme+`"]},"weight":1,"scale":{"from":0,"to":1}}]}]`).want(200)
	deed := func(n int, person string) string {
		return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":"http://adlnet.gov/expapi/verbs/completed"},"object":{"id":"https://ward.example/modules/1"},"timestamp":"2025-03-05T00:00:00Z"}`, id(n), agent(person))
	}
	l.statements(t, attempt(900, agent("ann"), listening, 0.5, 10), unscored(901, agent("ann"), "https://ward.example/simulations/2"), deed(902, "ann"), deed(903, "zoe"))
	evidence := func(person, metric, window string) *answer {
		return l.get(t, "/people/"+person+"/evaluations/"+esc(trained)+"/evidence?"+window+"&metric="+metric)
	}
	a := evidence("ann", "listening", "from=2025-01-01&to=2027-01-01")
	for i, statement := range a.each("statements", "statement") {
		if a.text("statements", i, "definition") != rules || a.at("statements", i, "revision") == nil || a.text("statements", i, "rule") == "" || a.text("statements", i, "timestamp") == "" {
			t.Errorf("%s: %v", statement, a.at("statements", i))
		}
	}
	if got := a.each("statements", "statement"); !slices.Equal(got, []string{id(900), id(901)}) {
		t.Errorf("statements %v", got)
	}
	for _, tc := range []struct {
		person, window string
		reason         any
	}{
		{"ann", "from=2025-01-01&to=2026-01-01", nil}, {"ann", "from=2026-01-01&to=2027-01-01", "outside_window"},
		{"zoe", "from=2025-01-01&to=2026-01-01", "not_enrolled"}, // a clerk; the programme is for nurses
	} {
		if a := evidence(tc.person, "done", tc.window); a.at("statements", 0, "reason") != tc.reason {
			t.Errorf("%v: %s", tc, a.body)
		}
	}
}

// TestEvaluationReach: a unit's head sees those who were there at the end of the window.
func TestEvaluationReach(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	head := as(l.credential(t, "head", "evaluations/read kpis/read competencies/read", boundTo("", "ward-a")))
	window := "?from=2025-01-01&to=2026-01-01"
	for target, status := range map[string]int{
		"/people/ann/evaluations/" + esc(annual) + window:                                  200,
		"/people/ben/evaluations/" + esc(annual) + window:                                  404,
		"/people/ann/evaluations/" + esc(annual) + "/evidence" + window + "&metric=praise": 200,
		"/people/ben/evaluations/" + esc(annual) + "/evidence" + window + "&metric=praise": 404,
		"/people/ann/evaluations/" + esc(annual) + "?from=2020-01-01&to=2021-01-01":        404, // before the first assignment
		"/units/ward-a/evaluations/" + esc(annual) + window:                                200,
		"/units/ward-b/evaluations/" + esc(annual) + window:                                404,
		"/units/medicine/evaluations/" + esc(annual) + window:                              404,
		"/units/ward-a/gaps": 200,
		"/units/ward-b/gaps": 404,
		"/programmes/" + esc(programme) + "/effectiveness": 404, // it is of Ward B, too
		kpi("ward-a"):                     200,
		kpi("ward-b"):                     404,
		"/kpis/" + esc(kpiListened) + may: 404, // of the hospital
	} {
		l.do(t, "GET", base+target, "", head...).want(status)
	}
	if a := l.get(t, "/measures", head...); len(a.each("measures", "unit")) != 0 {
		t.Errorf("%s", a.body)
	}
	l.do(t, "POST", base+"/measures", "[]", as(l.credential(t, "bound", "measures/write", boundTo("", "ward-a")))...).refused(403, "auth.bound")
}

// TestRemovedPerson: an id is one person's for ever. Who is removed and registered again is who they were: what was decided
// is theirs, and so is what was shown, once the identity is theirs again.
func TestRemovedPerson(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		l.statements(t, attempt(1, agent("ann"), listening, 0.8, 1))
		window := "?from=2025-01-01&to=2026-02-01"
		at := "/people/ann/evaluations/" + esc(annual)
		before := l.get(t, at+window)
		l.do(t, "POST", base+at+"/decisions"+window, `{"by":"Dr. Lee","position":"`+before.text("position")+`","text":"Agreed."}`).want(204)
		shown := l.get(t, competenciesOf("ann"))

		l.do(t, "DELETE", base+"/people/ann", "").want(204)
		l.do(t, "GET", base+at+window, "").want(404)
		l.do(t, "GET", base+competenciesOf("ann"), "").want(404)
		l.get(t, with(competenciesOf("ann"), "asOf", shown.text("asOf"))).same(shown)

		l.csv(t, "/people", peopleHeader+strings.Replace(someone("ann", "ward-a"), mboxOf("ann"), "", 1))
		if a := l.get(t, competenciesOf("ann")); a.at("competencies", 0, "state") != "no_evidence" {
			t.Errorf("without the identity: %s", a.body)
		}
		l.csv(t, "/people", peopleHeader+someone("ann", "ward-a"))
		if a := l.get(t, at+window); a.at("decisions", 0, "text") != "Agreed." || fmt.Sprint(a.at("metrics", 0, "value")) != fmt.Sprint(before.at("metrics", 0, "value")) {
			t.Errorf("again: %s", a.body)
		}
		if a := l.get(t, competenciesOf("ann")); a.at("competencies", 0, "evidence") != 1. {
			t.Errorf("again: %s", a.body)
		}
	})
}
