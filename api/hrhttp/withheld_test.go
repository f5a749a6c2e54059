package hrhttp_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// praised is a comment of a kind that kpiPraise counts, about a unit, on a day.
func praised(n int, unit, day string) string {
	return strings.NewReplacer("responded", "commented", question, "https://ward.example/praise").Replace(answeredBy(n, unit, 1, day))
}

// TestHiddenCounts: what a KPI of statements or measures hides of a unit is not shown by what is behind the unit above,
// nor by the list of measures.
func TestHiddenCounts(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		const counts, shares = "https://ward.example/kpis/counts", "https://ward.example/kpis/shares"
		l.do(t, "POST", base+"/definitions", `[
			{"kind":"kpi","id":"`+counts+`","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"],"activities":["https://ward.example/praise"]},"statistic":"count","direction":"up","minN":5},
			{"kind":"kpi","id":"`+shares+`","measure":"returning","statistic":"measure","direction":"up","minN":5}]`).want(200)
		for i := range 8 {
			l.statements(t, praised(600+i, []string{"ward-a", "ward-b"}[min(i/2, 1)], "2025-05-20"))
		}
		l.do(t, "POST", base+"/measures", `[{"measure":"returning","unit":"ward-a","from":"2025-05-01","to":"2025-06-01","value":0.5,"n":2},
			{"measure":"returning","unit":"ward-b","from":"2025-05-01","to":"2025-06-01","value":0.7,"n":9},
			{"measure":"encounters","unit":"ward-b","from":"2025-05-01","to":"2025-06-01","value":100}]`).want(200)
		reader := as(l.credential(t, "reader", "kpis/read"))
		for _, kpi := range []string{counts, shares} {
			evidence := "/kpis/" + esc(kpi) + "/evidence" + may + "&unit=medicine"
			if a := l.get(t, evidence, reader...); a.at("withheld") != true || strings.Contains(a.body, "ward-a") {
				t.Errorf("%s: %s", kpi, a.body)
			}
			if a := l.get(t, evidence); !strings.Contains(a.body, "ward-a") {
				t.Errorf("%s: %s", kpi, a.body)
			}
		}
		if got := l.get(t, "/measures", reader...).each("measures", "measure"); !slices.Equal(got, []string{"encounters"}) {
			t.Errorf("measures %v", got)
		}
		if got := l.get(t, "/measures").each("measures", "measure"); len(got) != 3 {
			t.Errorf("measures %v", got)
		}
		// No other KPI tells them, and neither does one that an older release let pass.
		const tells = "https://ward.example/kpis/tells"
		telling := `{"kind":"kpi","id":"` + tells + `","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"]},"statistic":"per1000","measure":"returning","direction":"up"}`
		if a := l.do(t, "PUT", base+"/definitions/kpi/"+esc(tells), telling).want(400); a.text("rule") != "definition.kpi.shared" || a.text("pointer") != "/measure" {
			t.Errorf("%s", a.body)
		}
		if _, _, err := l.store.Register(t.Context(), []event.Event{event.DefinitionRegistered{Kind: "kpi", ID: tells, Definition: jsontext.Value(telling)}}, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
		evidence := "/kpis/" + esc(tells) + "/evidence" + may + "&unit=medicine"
		if a := l.get(t, evidence, reader...); a.at("withheld") != true || len(a.each("measures", "measure")) != 0 || len(a.each("statements", "statement")) != 8 {
			t.Errorf("%s", a.body)
		}
		if a := l.get(t, evidence); len(a.each("measures", "measure")) != 2 || a.at("withheld") != nil {
			t.Errorf("%s", a.body)
		}
	})
}

// TestSelfRatings: a rating of oneself counts nowhere, by whatever identities.
func TestSelfRatings(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		const ratings = "https://ward.example/kpis/ratings"
		l.do(t, "POST", base+"/definitions", `[{"kind":"kpi","id":"`+ratings+`","match":{"verbs":["http://id.tincanapi.com/verb/rated"]},"statistic":"count","direction":"up"}]`).want(200)
		rated := func(n int, by, of string) string {
			return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":"http://id.tincanapi.com/verb/rated"},"object":%s,"result":{"score":{"scaled":0.5}},
				"context":{"team":{"objectType":"Group","account":{"homePage":"https://hospital.example","name":"ward-a"}}},"timestamp":"2025-05-10T12:00:00Z"}`,
				id(n), agent(by), strings.Replace(agent(of), "{", `{"objectType":"Agent",`, 1))
		}
		l.statements(t, rated(700, "ben", "ann"), rated(701, "ann", "ann"), rated(702, "ann2", "ann"))
		target := "/kpis/" + esc(ratings) + may + "&unit=ward-a"
		before := l.get(t, target)
		if n := before.at("points", 0, "value"); n != 2. {
			t.Errorf("%v ratings, want those of ben and of somebody", n)
		}
		l.do(t, "POST", base+"/people/ann/identities", agent("ann2")).want(204)
		if n := l.get(t, target).at("points", 0, "value"); n != 1. {
			t.Errorf("%v ratings, want that of ben", n)
		}
		l.get(t, with(target, "asOf", before.text("asOf"))).same(before)
		a := l.get(t, strings.Replace(target, may, "/evidence"+may, 1))
		if got := a.each("leftOut", "reason"); !slices.Equal(got, []string{"self", "self"}) {
			t.Errorf("left out %v", got)
		}
	})
}

// TestAnswersAreNoEvidence: who has given an answer becomes a person, and rules, metrics and programmes are made to match
// it: it is nowhere shown but where small numbers are hidden.
func TestAnswersAreNoEvidence(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		const responded = "http://adlnet.gov/expapi/verbs/responded"
		all := as(l.credential(t, "all", "people/read people/write definitions/write competencies/read evaluations/read kpis/read"))
		l.do(t, "POST", base+"/people/ann/identities", `{"account":{"homePage":"https://survey.example","name":"sheet-100"}}`, all...).want(204)
		peek := func(match string) string {
			return `{"id":"peek` + fmt.Sprint(len(match)) + `","match":` + match + `,"competencies":["` + listening + `"],"kind":"peek","weight":1,"score":{"min":0,"max":10}}`
		}
		l.do(t, "POST", base+"/definitions", `[
			{"kind":"evidence-rules","id":"https://ward.example/rules/peek","rules":[`+
			peek(`{"verbs":["`+responded+`"]}`)+`,`+peek(`{"activities":["`+question+`"]}`)+`]},
			{"kind":"evaluation","id":"https://ward.example/evaluations/peek","roles":["nurse"],"metrics":[
				{"id":"responded","source":{"count":{"verbs":["`+responded+`"]}},"weight":1,"scale":{"from":0,"to":3}},
				{"id":"asked","source":{"hours":{"activities":["`+question+`"]}},"weight":1,"scale":{"from":0,"to":3}}]}]`, all...).want(200)
		respond := func(n int, to string) {
			l.statements(t, strings.NewReplacer(question, to, "sheet-"+fmt.Sprint(n), "sheet-100").Replace(answeredBy(n, "ward-a", 2, "2025-03-10")))
		}
		respond(950, question) // after the rules were registered, as 100 was before
		// A question that is asked no more, and was answered then.
		const once = "https://ward.example/surveys/once"
		asked := func(ids ...string) {
			var questions []string
			for _, id := range ids {
				questions = append(questions, `{"id":"`+id+`","scale":{"min":1,"max":4},"topBox":[4]}`)
			}
			a := l.do(t, "GET", base+"/definitions/survey/"+esc(once), "")
			l.do(t, "PUT", base+"/definitions/survey/"+esc(once), `{"kind":"survey","id":"`+once+`","audience":"patient","questions":[`+strings.Join(questions, ",")+`]}`,
				append(slices.Clone(all), "If-Match", a.header.Get("ETag"))...).want(204)
		}
		asked(once+"/a", once+"/b")
		respond(951, once+"/a")
		asked(once + "/b")
		// What responds to no survey is evidence as anything else.
		const quiz, peeks = "https://ward.example/quiz", "https://ward.example/programmes/peek"
		respond(952, quiz)
		// A programme may name a question that is asked no more.
		l.do(t, "PUT", base+"/definitions/programme/"+esc(peeks), `{"kind":"programme","id":"`+peeks+`","targetUnits":["ward-a"],"roles":["nurse"],
			"starts":"2025-03-01T00:00:00Z","ends":"2025-04-01T00:00:00Z","activities":[{"id":"`+once+`/a","method":"e-learning","required":true}],
			"assessments":{"pre":"`+once+`/a","post":"`+quiz+`","retention":{"activity":"`+once+`/a","afterDays":0}}}`, all...).want(204)
		// After it was registered: an answer all the same.
		respond(953, once+"/a")
		for _, target := range []string{
			"/people/ann/competencies/" + esc(listening) + "/evidence", "/people/ann/competencies",
			"/people/ann/evaluations/" + esc("https://ward.example/evaluations/peek") + "/evidence?metric=responded&from=2025-01-01&to=2026-01-01",
			"/people/ann/evaluations/" + esc("https://ward.example/evaluations/peek") + "/evidence?metric=asked&from=2025-01-01&to=2026-01-01",
			"/programmes/" + esc(peeks) + "/effectiveness", "/programmes/" + esc(peeks) + "/effectiveness/evidence",
		} {
			a := l.get(t, target, all...)
			for _, n := range []int{100, 950, 951, 953} {
				if strings.Contains(a.body, id(n)) {
					t.Errorf("%s shows answer %d: %s", target, n, a.body)
				}
			}
			if strings.Contains(target, "responded") != strings.Contains(a.body, id(952)) && strings.Contains(target, "evaluations") {
				t.Errorf("%s: %s", target, a.body)
			}
		}
		if a := l.get(t, "/programmes/"+esc(peeks)+"/effectiveness/evidence", all...); !slices.Equal(a.each("evidence", "statement"), []string{id(952)}) {
			t.Errorf("%s", a.body)
		}
		if a := l.get(t, "/programmes/"+esc(peeks)+"/effectiveness", all...); a.at("started") != 0. || a.at("learning", "excluded", 0, "reason") != "no_pre" {
			t.Errorf("an answer is behind a number: %s", a.body)
		}
		if a := l.get(t, "/people/ann/competencies/"+esc(listening)+"/evidence", all...); !slices.Equal(a.each("evidence", "statement"), []string{id(952)}) {
			t.Errorf("evidence %s", a.body)
		}
	})
}

// TestAnswersBeforeSurvey: statements are answers from when their survey is registered on. What was shown of them before
// stays what it was, asked again with its asOf: an answer that is given is given for ever.
func TestAnswersBeforeSurvey(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		const responded, once, count = "http://adlnet.gov/expapi/verbs/responded", "https://ward.example/surveys/once", "https://ward.example/evaluations/count"
		l.do(t, "POST", base+"/definitions", `[`+frameworkOf(framework, 0.6)+`,
			{"kind":"evidence-rules","id":"https://ward.example/rules/responses","rules":[{"id":"responses","match":{"verbs":["`+responded+`"]},
				"competencies":["`+listening+`"],"kind":"response","weight":1,"attempts":"all","score":{"min":0,"max":10}}]},
			{"kind":"evaluation","id":"`+count+`","roles":["nurse"],"metrics":[
				{"id":"responses","source":{"count":{"verbs":["`+responded+`"]}},"weight":1,"scale":{"from":0,"to":3}}]}]`).want(200)
		l.csv(t, "/units", wardUnits)
		l.csv(t, "/people", peopleHeader+someone("ann", "ward-a"))
		l.statements(t, `{"actor":`+agent("ann")+`,"verb":{"id":"`+responded+`"},"object":{"id":"`+once+`/a"},"result":{"score":{"raw":3}},"timestamp":"2025-03-10T00:00:00Z"}`)
		may := as(l.credential(t, "reader", "competencies/read evaluations/read kpis/read people/read"))
		evidence := "/people/ann/competencies/" + esc(listening) + "/evidence"
		counted := "/people/ann/evaluations/" + esc(count) + "?from=2025-01-01&to=2026-01-01"
		before := []*answer{l.get(t, evidence, may...), l.get(t, counted, may...)}
		if before[0].at("evidence", 0, "score") != 0.3 || before[1].at("metrics", 0, "value") != 1. {
			t.Errorf("while no survey asks: %s %s", before[0].body, before[1].body)
		}
		l.do(t, "PUT", base+"/definitions/survey/"+esc(once), `{"kind":"survey","id":"`+once+`","audience":"staff","questions":[{"id":"`+once+`/a","scale":{"min":0,"max":10},"topBox":[10]}]}`).want(204)
		for _, who := range [][]string{nil, may} {
			if a, b := l.get(t, evidence, who...), l.get(t, counted, who...); len(a.each("evidence", "score")) != 0 || b.at("metrics", 0, "value") != 0. {
				t.Errorf("an answer is shown: %s %s", a.body, b.body)
			}
		}
		l.get(t, with(evidence, "asOf", before[0].text("asOf")), may...).same(before[0])
		l.get(t, with(counted, "asOf", before[1].text("asOf")), may...).same(before[1])
	})
}

// TestOtherUnits: what a unit's head reads of somebody who came from elsewhere is not of
// there; and who has gone elsewhere is not named.
func TestOtherUnits(t *testing.T) {
	l := onOne(t)
	l.define(t)
	l.csv(t, "/units", wardUnits)
	l.csv(t, "/people", peopleHeader+"moved,Moved,nurse,ward-a,2025-01-01,2025-06-01,"+mboxOf("moved")+",,\nmoved,Moved,nurse,ward-b,2025-06-01,,,,\n")
	l.defineFeedback(t)
	l.statements(t, sheets(100, "ward-a", "2025-05-10", 4, 4, 4, 4, 4, 3, 3, 2, 2, 1)...)
	head := func(unit string) []string {
		return as(l.credential(t, "head of "+unit, "evaluations/read kpis/read answers/read", boundTo("", unit)))
	}
	window := "/people/moved/evaluations/" + esc(annual) + "?from=2025-05-01&to=2025-06-02"
	if a := l.get(t, window); a.at("metrics", 1, "value") != 0.5 {
		t.Errorf("%s", a.body)
	}
	if a := l.get(t, window, head("ward-b")...); a.at("metrics", 1, "state") != "insufficient" || strings.Contains(a.body, "ward-a") {
		t.Errorf("the head of Ward B reads of Ward A: %s", a.body)
	}
	// To be bound to somebody as well shows all of that person's record, and nothing more of others'.
	self := as(l.credential(t, "head and self", "evaluations/read kpis/read answers/read", boundTo("other", "ward-b")))
	if a := l.get(t, window, self...); a.at("metrics", 1, "state") != "insufficient" || strings.Contains(a.body, "ward-a") {
		t.Errorf("bound to a person too, the head of Ward B reads of Ward A: %s", a.body)
	}
	if a := l.get(t, window, as(l.credential(t, "self", "evaluations/read answers/read", boundTo("moved", "ward-b")))...); a.at("metrics", 1, "value") != 0.5 {
		t.Errorf("one's own record lacks Ward A: %s", a.body)
	}

	// The programme was in March, and is over.
	both := as(l.credential(t, "of both", "kpis/read", boundTo("", "ward-a", "ward-b")))
	there := "/programmes/" + esc(programme) + "/effectiveness"
	if a := l.get(t, there, both...); !strings.Contains(a.body, "moved") {
		t.Errorf("%s", a.body)
	}
	l.csv(t, "/people", peopleHeader+"gone,Gone,nurse,ward-a,2025-01-01,2025-06-01,"+mboxOf("gone")+",,\n")
	if a := l.get(t, there, both...); strings.Contains(a.body, "gone") {
		t.Errorf("who has left is named: %s", a.body)
	}
	if a := l.get(t, there); !strings.Contains(a.body, "gone") {
		t.Errorf("%s", a.body)
	}
}

// TestNothingToCompare: without comparison units there is no difference, and no objective is met by one.
func TestNothingToCompare(t *testing.T) {
	l := onOne(t)
	l.define(t)
	l.csv(t, "/units", wardUnits)
	l.defineFeedback(t)
	const counted, alone = "https://ward.example/kpis/comments", "https://ward.example/programmes/alone"
	l.do(t, "POST", base+"/definitions", `[
		{"kind":"kpi","id":"`+counted+`","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"]},"statistic":"count","direction":"up"},
		{"kind":"programme","id":"`+alone+`","targetUnits":["ward-a"],"comparisonUnits":[],"roles":["nurse"],
			"starts":"2025-04-01T00:00:00Z","ends":"2025-05-01T00:00:00Z","activities":[{"id":"https://ward.example/modules/1","method":"e-learning","required":true}],
			"results":{"kpis":["`+counted+`"],"windowMonths":3},
			"objectives":[{"id":"more","metric":"results[`+counted+`].difference","comparator":">=","target":1,"by":"2025-09-01T00:00:00Z"}]}]`).want(200)
	n := 0
	for month := range 7 { // one in the first month, seven in the last
		for range month + 1 {
			n++
			l.statements(t, fmt.Sprintf(`{"id":%q,"actor":{"mbox":"mailto:guest@ward.example"},"verb":{"id":"http://adlnet.gov/expapi/verbs/commented"},
				"object":{"id":"https://ward.example/stay"},"timestamp":"2025-%02d-10T12:00:00Z",
				"context":{"team":{"objectType":"Group","account":{"homePage":"https://ward.example/units","name":"ward-a"}}}}`, id(900+n), month+1))
		}
	}
	a := l.get(t, "/programmes/"+esc(alone)+"/effectiveness?at=2026-01-01")
	if a.at("results", 0, "treatedAfter", "value") == nil {
		t.Errorf("nothing was counted: %s", a.body)
	}
	for _, member := range []string{"difference", "lower", "upper"} {
		if v := a.at("results", 0, member); v != nil {
			t.Errorf("%s is %v without anything to compare", member, v)
		}
	}
	if a.at("objectives", 0, "state") != "missed" || a.at("objectives", 0, "confirmed") == true {
		t.Errorf("%s", a.body)
	}
}

// TestResultLinks: the links of a programme's results are to the months that count, and to no other between them.
func TestResultLinks(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	l.statements(t, sheets(1900, "ward-c", "2025-05-10", 4, 4, 4)...) // so that both wards are published in May
	for i, month := range []string{"2024-12", "2025-02", "2025-04"} {
		for j, unit := range []string{"ward-a", "ward-b"} {
			l.statements(t, sheets(2000+100*i+10*j, unit, month+"-10", 4, 4, 1, 1, 1)...)
		}
	}
	for i, month := range []string{"2025-01", "2025-06"} { // one ward alone
		l.statements(t, sheets(3000+10*i, "ward-a", month+"-10", 4, 4, 4, 4, 4, 4)...)
	}
	r := l.get(t, "/programmes/"+esc(programme)+"/effectiveness?at=2026-01-01")
	n, windows := map[string]float64{}, map[string]bool{}
	for i := range r.at("results", 0, "hrefs").([]any) {
		a := l.do(t, "GET", r.text("results", 0, "hrefs", i), "").want(200)
		points := a.at("points").([]any)
		for j := range points {
			counts, _ := a.at("points", j, "n").(float64)
			n[a.text("unit")] += counts
		}
		windows[a.text("points", 0, "from")[:7]+" "+a.text("points", len(points)-1, "to")[:7]] = true
	}
	for unit, side := range map[string]string{"ward-a": "treated", "ward-b": "comparison"} {
		if want := r.at("results", 0, side+"Before", "n").(float64) + r.at("results", 0, side+"After", "n").(float64); n[unit] != want {
			t.Errorf("%v answers of %s are behind %v", n[unit], unit, want)
		}
	}
	if got, want := slices.Sorted(maps.Keys(windows)), []string{"2024-12 2025-01", "2025-02 2025-03", "2025-04 2025-06"}; !slices.Equal(got, want) {
		t.Errorf("links to %q, want %q", got, want)
	}
}

// TestProgrammeEvidence: what is behind the numbers of a programme is listed with what does not count, and why.
func TestProgrammeEvidence(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		test := func(n int, activity, result, at string) string {
			return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":"http://adlnet.gov/expapi/verbs/scored"},"object":{"id":"https://ward.example/%s"},%s"timestamp":%q}`,
				id(n), agent("ann"), activity, result, at)
		}
		shown := func(n int, day string) string { // a simulation; the windows are 90 days
			return strings.Replace(attempt(n, agent("ann"), listening, 0.5, 10), "2026-01-10", day, 1)
		}
		scored := func(v string) string { return `"result":{"score":{"scaled":` + v + `}},` }
		l.statements(t,
			test(800, "pre", scored("0.2"), "2025-02-01T00:00:00Z"), test(801, "pre", scored("0.9"), "2025-02-02T00:00:00Z"),
			test(802, "post", "", "2025-04-01T00:00:00Z"), test(803, "post", scored("0.1"), "2025-04-02T00:00:00Z"),
			test(804, "post", scored("0.6"), "2025-04-03T00:00:00Z"), test(805, "modules/1", `"result":{"completion":true},`, "2025-03-02T00:00:00Z"),
			test(806, "post", scored("1"), "2026-10-03T00:00:00Z"), voiding(807, 803),
			shown(810, "2025-01-10"), shown(811, "2025-02-28"), shown(812, "2025-03-10"), shown(813, "2025-04-01"), shown(814, "2025-04-20"),
			strings.Replace(shown(815, "2025-04-21"), `"result":{"score":{"scaled":0.5}},`, "", 1), shown(816, "2025-07-01"), voiding(817, 814))
		target := "/programmes/" + esc(programme) + "/effectiveness"
		if a := l.get(t, target+"?at=2026-01-01"); a.at("learning", "n") != 1. || a.at("learning", "meanPost") != 0.6 || a.at("completed") != 1. {
			t.Errorf("%s", a.body)
		}
		a := l.get(t, target+"/evidence?at=2026-01-01")
		got := map[string]string{}
		for i, statement := range a.each("evidence", "statement") {
			reason, _ := a.at("evidence", i, "reason").(string)
			got[statement] = a.text("evidence", i, "part") + " " + reason
			if part := a.text("evidence", i, "part"); part == "before" || part == "after" {
				if a.text("evidence", i, "definition") != rules || a.at("evidence", i, "revision") == nil || a.text("evidence", i, "rule") == "" {
					t.Errorf("no rule: %v", a.at("evidence", i))
				}
			}
			if status := l.do(t, "GET", a.text("evidence", i, "href"), "").status; status != 200 {
				t.Errorf("the link of %s: %d", statement, status)
			}
		}
		want := map[string]string{
			id(800): "pre ", id(801): "pre superseded", id(802): "post no_score", id(803): "post voided", id(804): "post ", id(805): "participation ",
			id(806): "post outside_window",
			id(810): "before ", id(811): "before ", id(812): "after outside_window", id(813): "after ", id(814): "after voided", id(815): "after no_score",
			id(816): "after outside_window",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
		if n := len(a.each("reaction", "statement")); n != 5 {
			t.Errorf("%d answers", n)
		}
		// An objective is explained by the numbers at the moment that counts for it.
		a = l.get(t, target+"?at=2026-01-01")
		then := l.do(t, "GET", a.text("objectives", 0, "href"), "").want(200)
		if v := a.at("objectives", 0, "value"); v == nil || v != then.at("learning", "meanGain") || then.text("at") != "2025-06-01T00:00:00.000Z" {
			t.Errorf("the objective has %v, and behind it is %s", v, then.body)
		}
		// Of whom somebody may see, nobody else's answer.
		elsewhere := answeredBy(820, "ward-c", 1, "2025-03-20")
		l.statements(t, strings.Replace(elsewhere, question, useful, 1))
		head := as(l.credential(t, "heads", "kpis/read answers/read", boundTo("", "ward-a", "ward-b")))
		for who, want := range map[string]int{"all": 6, "heads": 5} {
			header := map[string][]string{"all": nil, "heads": head}[who]
			if a := l.get(t, target+"/evidence?at=2026-01-01", header...); len(a.each("reaction", "statement")) != want {
				t.Errorf("%s: %s", who, a.body)
			}
		}
	})
}
