package hrhttp_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
)

// TestAnswersByScope: that an answer has come is told to who may see answers only.
func TestAnswersByScope(t *testing.T) {
	p, with := announcer(t)
	l := onOne(t, with)
	feeds := map[string]*feed{}
	for _, scopes := range []string{"kpis/read", "kpis/read answers/read", "people/read", "people/read answers/read", "competencies/read answers/read"} {
		feeds[scopes] = l.listen(t, "", l.credential(t, strings.NewReplacer(" ", "+", "/", "-").Replace(scopes), scopes))
	}
	say(t, p, "feedback", feedback.AnswersKey+"k", 1, feeds["kpis/read answers/read"])
	say(t, p, "feedback", feedback.AnswersKey+feedback.SignalKey+"k", 2, feeds["kpis/read answers/read"])
	say(t, p, "effectiveness", feedback.AnswersKey+"p", 2, feeds["kpis/read answers/read"])
	say(t, p, "feedback", "k", 3, feeds["kpis/read"], feeds["kpis/read answers/read"])
	say(t, p, "competency", competency.UnmappedAnswersKey, 4, feeds["people/read answers/read"])
	say(t, p, "competency", competency.UnmappedKey, 5, feeds["people/read"], feeds["people/read answers/read"])
	p.Close()
	for _, f := range feeds {
		f.wantEnd()
	}
}

// TestAnswerKeys: what projections say of an answer begins with answers:, and so does what they say of a statement or a
// measure of which a KPI hides small numbers, and of another not.
func TestAnswerKeys(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	const complaints, falls = "https://ward.example/kpis/complaints", "https://ward.example/kpis/falls"
	l.do(t, "POST", base+"/definitions", `[
		{"kind":"kpi","id":"`+complaints+`","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"],"activities":["https://ward.example/complaint"]},"statistic":"count","direction":"down","minN":5},
		{"kind":"kpi","id":"`+falls+`","measure":"falls","statistic":"measure","direction":"down","minN":5}]`).want(200)
	told := make(chan projections.Change, 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l.runtime.Close()
	rt := projections.Start(projections.Config{
		Log: l.gate, Store: l.model, Projections: []projections.Projection{people.Projection{}, catalog.Projection{}, competency.Projection{}, feedback.Projection{}, effectiveness.Projection{}},
		Logger: slog.New(slog.DiscardHandler), Changed: func(c projections.Change) {
			select {
			case told <- c:
			case <-ctx.Done():
			}
		},
	})
	defer rt.Close()
	next := func() map[string][]string {
		t.Helper()
		if err := rt.Wait(t.Context(), uint64(l.store.Head().Revision)); err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for len(told) > 0 {
			c := <-told
			got[c.Projection] = append(got[c.Projection], c.Keys...)
		}
		return got
	}
	keys := func(statements ...string) map[string][]string {
		t.Helper()
		l.statements(t, statements...)
		return next()
	}
	keys(unscored(4999, agent("ann"), "https://ward.example/first")) // and what came before
	got := keys(answeredBy(5000, "ward-a", 3, "2026-05-10"))
	if want := []string{feedback.AnswersKey + kpiListened}; !slices.Equal(got["feedback"], want) {
		t.Errorf("feedback: %q, want %q", got["feedback"], want)
	}
	if want := []string{competency.UnmappedAnswersKey}; !slices.Equal(got["competency"], want) {
		t.Errorf("competency: %q, want %q", got["competency"], want)
	}
	if want := []string{effectiveness.AnswersKey + programme}; !slices.Equal(got["effectiveness"], want) {
		t.Errorf("effectiveness: %q, want %q", got["effectiveness"], want)
	}
	// When it is voided too.
	got = keys(voiding(5002, 5000))
	if want := []string{feedback.AnswersKey + kpiListened}; !slices.Equal(got["feedback"], want) {
		t.Errorf("voided, feedback: %q, want %q", got["feedback"], want)
	}
	if want := []string{effectiveness.AnswersKey + programme}; !slices.Equal(got["effectiveness"], want) {
		t.Errorf("voided, effectiveness: %q, want %q", got["effectiveness"], want)
	}
	if want := []string{competency.UnmappedAnswersKey}; !slices.Equal(got["competency"], want) {
		t.Errorf("voided, competency: %q, want %q", got["competency"], want)
	}
	// And what responds to an activity, which a survey may ask or have asked.
	const pre = "https://ward.example/pre"
	for _, s := range []string{strings.Replace(answeredBy(5003, "ward-a", 3, "2026-05-10"), question, pre, 1), voiding(5004, 5003)} {
		got = keys(s)
		if want := []string{effectiveness.AnswersKey + pre, effectiveness.AnswersKey + programme}; !slices.Equal(got["effectiveness"], want) {
			t.Errorf("a response to an activity: %q, want %q", got["effectiveness"], want)
		}
	}
	praise := strings.NewReplacer("responded", "commented", question, "https://ward.example/praise").Replace(answeredBy(5001, "ward-a", 1, "2026-05-10"))
	got = keys(praise)
	if !slices.Equal(got["feedback"], []string{kpiPraise}) || !slices.Equal(got["competency"], []string{competency.UnmappedKey}) {
		t.Errorf("%q", got)
	}
	complaint := strings.NewReplacer("responded", "commented", question, "https://ward.example/complaint").Replace(answeredBy(5005, "ward-a", 1, "2026-05-10"))
	for _, s := range []string{complaint, voiding(5006, 5005)} {
		if got = keys(s); !slices.Equal(got["feedback"], []string{feedback.AnswersKey + complaints, kpiPraise}) {
			t.Errorf("a complaint: %q", got)
		}
		if !slices.Equal(got["competency"], []string{competency.UnmappedKey}) {
			t.Errorf("a complaint, competency: %q", got)
		}
	}
	day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for measure, want := range map[string]string{"falls": feedback.AnswersKey + falls, "encounters": kpiPraise} {
		recorded := event.MeasureRecorded{Measure: measure, Unit: "ward-a", From: day, To: day.AddDate(0, 1, 0), Value: 1}
		if _, _, err := l.store.Register(t.Context(), []event.Event{recorded}, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
		if got = next(); !slices.Equal(got["feedback"], []string{want}) {
			t.Errorf("a measure: %q, want %s", got, want)
		}
	}
}

// TestSignalsOfAnswers: a signal of a KPI of answers is told as an answer is.
func TestSignalsOfAnswers(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	var told []string
	w := feedback.Watcher{
		Model: l.model, Trees: &people.Reader{}, Catalog: &catalog.Reader{}, Reader: &feedback.Reader{}, Log: slog.New(slog.DiscardHandler),
		Publish: func(keys []string, _ projections.Position) { told = append(told, keys...) },
	}
	for i := range 14 {
		raws := []int{4, 4, 4, 4, 4, 1, 1, 1, 1, 1}
		raws[5] += 3 * (i % 2)
		l.statements(t, sheets(2000+20*i, "ward-a", fmt.Sprintf("%d-%02d-20", 2023+i/12, i%12+1), raws...)...)
	}
	look := func() []string {
		t.Helper()
		l.get(t, "/measures") // the projections have come there
		told = nil
		w.Changed([]string{feedback.AnswersKey + kpiListened})
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		return told
	}
	look()
	l.statements(t, sheets(4000, "ward-a", "2024-03-20", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)...)
	want := feedback.AnswersKey + feedback.SignalKey + kpiListened + " ward-a"
	got := look()
	if !slices.Contains(got, want) {
		t.Errorf("told of %q, not of %q", got, want)
	}
	for _, key := range got {
		if !strings.HasPrefix(key, feedback.AnswersKey) {
			t.Errorf("%s is told to who may not see answers", key)
		}
	}
}

// TestBounds: the ends of windows, and what they belong to.
func TestBounds(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	earned := func(n int, at string) string {
		return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":"http://id.tincanapi.com/verb/earned"},"object":{"id":"https://ward.example/badge"},"timestamp":%q}`, id(n), agent("ann"), at)
	}
	test := func(n int, activity, score, at string) string {
		return fmt.Sprintf(`{"id":%q,"actor":%s,"verb":{"id":"http://adlnet.gov/expapi/verbs/scored"},"object":{"id":"https://ward.example/%s"},
			"result":{"score":{"scaled":%s}},"timestamp":%q}`, id(n), agent("ann"), activity, score, at)
	}
	l.statements(t,
		earned(6000, "2025-02-01T00:00:00Z"), earned(6001, "2025-02-01T00:00:00.001Z"), earned(6002, "2026-01-31T23:59:59Z"), earned(6003, "2026-02-01T00:00:00Z"),
		test(6010, "pre", "0.2", "2025-02-01T00:00:00Z"), test(6011, "post", "0.6", "2025-07-01T00:00:00Z"))

	// An evaluation counts what happened from `from` on and before `to`.
	a := l.get(t, "/people/ann/evaluations/"+esc(annual)+"/evidence?from=2025-02-01&to=2026-02-01&metric=praise")
	reasons := map[string]any{}
	for i, statement := range a.each("statements", "statement") {
		reasons[statement] = a.at("statements", i, "reason")
	}
	for n, want := range map[int]any{6000: nil, 6001: nil, 6002: nil, 6003: "outside_window"} {
		if reason, listed := reasons[id(n)]; !listed || reason != want {
			t.Errorf("statement %d: listed %v, %v, want %v", n, listed, reason, want)
		}
	}

	// Of programmes it takes those that ended after `from` and up to `to`.
	const trained = "https://ward.example/evaluations/trained"
	l.do(t, "POST", base+"/definitions", `[{"kind":"evaluation","id":"`+trained+`","roles":["nurse"],"metrics":[
		{"id":"done","source":{"completion":["`+programme+`"]},"weight":1,"scale":{"from":0,"to":1}}]}]`).want(200)
	for window, state := range map[string]string{"from=2025-03-02&to=2025-04-01": "used", "from=2025-04-01&to=2025-05-01": "insufficient",
		"from=2025-03-31&to=2025-05-01": "used", "from=2025-03-01&to=2025-03-31": "insufficient"} {
		if got := l.get(t, "/people/ann/evaluations/"+esc(trained)+"?"+window).at("metrics", 0, "state"); got != state {
			t.Errorf("%s: %v, want %s", window, got, state)
		}
	}

	// An objective is valued at the moment that it was to be met by: the post-assessment came a month later.
	there := "/programmes/" + esc(programme) + "/effectiveness"
	a = l.get(t, there+"?at=2026-01-01")
	if a.at("learning", "n") != 1. || a.at("objectives", 0, "value") != nil || a.at("objectives", 0, "state") != "missed" {
		t.Errorf("%s", a.body)
	}

	// A month counts once it has ended.
	l.statements(t, sheets(7000, "ward-a", "2025-06-10", 4, 4, 4, 1, 1, 1)...)
	l.statements(t, sheets(7100, "ward-b", "2025-06-10", 4, 4, 1, 1, 1, 1)...)
	for at, months := range map[string]float64{"2025-06-30T23:59:59Z": 0, "2025-07-01T00:00:00Z": 1} {
		if got := l.get(t, there+"?at="+at).at("results", 0, "monthsAfter"); got != months {
			t.Errorf("at %s %v months after count, want %v", at, got, months)
		}
	}
}

// TestDownIsGood: where less is better, a unit whose patients say little needs less, not more.
func TestDownIsGood(t *testing.T) {
	for direction, want := range map[string]float64{definition.DirectionUp: 1.8, definition.DirectionDown: 1.2} {
		t.Run(direction, func(t *testing.T) {
			l := onOne(t)
			l.csv(t, "/units", wardUnits)
			l.csv(t, "/people", peopleHeader+someone("ann", "ward-a"))
			const trouble = "https://ward.example/kpis/trouble"
			l.do(t, "POST", base+"/definitions", `[
				{"kind":"survey","id":"`+survey+`","audience":"patient","questions":[{"id":"`+question+`","scale":{"min":1,"max":4},"topBox":[4]}]},
				{"kind":"kpi","id":"`+trouble+`","questions":["`+question+`"],"statistic":"topBox","direction":"`+direction+`"},
				`+strings.Replace(frameworkOf(framework, 0.6), `{"id":"`+listening+`"}`, `{"id":"`+listening+`","kpi":"`+trouble+`"}`, 1)+`,`+rulesOf(rules, 1)+`]`).want(200)
			l.statements(t, sheets(100, "ward-a", "2026-05-10", 4, 1, 1, 1, 1)...)
			a := l.get(t, "/units/ward-a/gaps?at=2026-06-15")
			if a.at("gaps", 0, "patient") != 0.2 || a.at("gaps", 0, "share") != 1. || a.at("gaps", 0, "priority") != want {
				t.Errorf("want priority %v: %s", want, a.body)
			}
		})
	}
}
