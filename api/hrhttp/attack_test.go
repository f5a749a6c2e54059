package hrhttp_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/effectiveness"
	"github.com/bedside-lrs/bedside/projections/evaluation"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/projectiontest"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// What the test about small numbers registers.
const (
	wardQuestion   = "https://ward.example/questions/heard"
	courseQuestion = "https://ward.example/questions/useful"
	heardKPI       = "https://ward.example/kpis/heard"
	course         = "https://ward.example/programmes/listen"
	yearly         = "https://ward.example/evaluations/yearly"
)

var smallNumberDefinitions = []string{
	`{"kind":"survey","id":"https://ward.example/surveys/patients","audience":"patient","questions":[{"id":"` + wardQuestion + `","scale":{"min":0,"max":10},"topBox":[9,10]}]}`,
	`{"kind":"survey","id":"https://ward.example/surveys/course","audience":"learner","questions":[{"id":"` + courseQuestion + `","scale":{"min":0,"max":10},"topBox":[9,10]}]}`,
	`{"kind":"kpi","id":"` + heardKPI + `","questions":["` + wardQuestion + `"],"statistic":"mean","direction":"up","interval":"month"}`,
	`{"kind":"framework","id":"` + framework + `","levels":[{"id":"able","from":0.5}],"competencies":[{"id":"` + listening + `","kpi":"` + heardKPI + `"}],
	"requirements":[{"role":"nurse","competency":"` + listening + `","level":"able"}]}`,
	`{"kind":"evaluation","id":"` + yearly + `","roles":["nurse"],"metrics":[{"id":"patients","source":{"kpi":"` + heardKPI + `"},"weight":1,"scale":{"from":0,"to":10}}]}`,
	`{"kind":"programme","id":"` + course + `","targetUnits":["ward-a"],"comparisonUnits":["ward-c"],"roles":["nurse"],"starts":"2024-02-01T00:00:00Z","ends":"2024-03-01T00:00:00Z",
	"activities":[{"id":"https://ward.example/modules/listen","method":"e-learning","required":true}],"reactionSurvey":"https://ward.example/surveys/course",
	"results":{"kpis":["` + heardKPI + `"],"windowMonths":1},
	"objectives":[{"id":"liked","metric":"reaction.mean","comparator":">=","target":1,"by":"2024-06-01T00:00:00Z"},
	{"id":"noticed","metric":"results[` + heardKPI + `].treatedAfter.value","comparator":">=","target":1,"by":"2024-06-01T00:00:00Z"},
	{"id":"liked soon","metric":"reaction.mean","comparator":">=","target":1,"by":"2024-03-15T00:00:00Z"}]}`,
}

// heardAnswer is an answer of a unit, at noon of a day of 2024, by an anonymous account.
func heardAnswer(n int, question, unit, day string, raw int) string {
	return fmt.Sprintf(`{"id":%q,"actor":{"account":{"homePage":"https://survey.example","name":"sheet-%d"}},"verb":{"id":"http://adlnet.gov/expapi/verbs/responded"},
	"object":{"id":%q},"result":{"score":{"raw":%d}},"timestamp":"2024-%sT12:00:00Z","context":{"team":{"objectType":"Group",
	"account":{"homePage":"https://hr.example","name":%q}},"contextActivities":{"grouping":[{"id":%q}]}}}`, id(n), n, question, raw, day, unit, course)
}

// past writes what happened into a log: six answers with the score 8 of each unit and month, and to the course; then,
// when the month is final, one more of each, with the score 1, and a voiding of one of the six.
func past(t *testing.T) *projectiontest.Log {
	t.Helper()
	log := projectiontest.NewLog()
	last := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(at time.Time, events ...event.Event) {
		if !at.After(last) {
			at = last.Add(time.Millisecond)
		}
		var all []event.Encoded
		for _, ev := range events {
			raw, err := ev.Encode()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, raw)
		}
		if _, err := log.Append(t.Context(), at.UnixMicro(), all...); err != nil {
			t.Fatal(err)
		}
		last = at.Add(time.Duration(len(all)) * time.Microsecond)
	}
	add(last, event.LogCreated{}, event.UnitRegistered{Unit: "hospital"}, event.UnitRegistered{Unit: "ward-a", Parent: "hospital"},
		event.UnitRegistered{Unit: "ward-c", Parent: "hospital"})
	for person, unit := range map[string]string{"ann": "ward-a", "bob": "ward-c"} {
		add(last, event.PersonRegistered{Person: person}, event.AssignmentMade{AssignmentKey: event.AssignmentKey{
			Person: person, Role: "nurse", Unit: unit, From: time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC),
		}})
	}
	for _, body := range smallNumberDefinitions {
		var d struct{ Kind, ID string }
		if err := json.Unmarshal([]byte(body), &d, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		add(last, event.DefinitionRegistered{Kind: d.Kind, ID: d.ID, Definition: []byte(body)})
	}
	n := 0
	answer := func(at time.Time, question, unit, day string, raw int) {
		n++
		add(at, event.StatementStored{Statement: []byte(heardAnswer(n, question, unit, day, raw))})
	}
	months := []string{"01-15", "02-15", "03-15"}
	for i, day := range months {
		at := time.Date(2024, time.Month(i+1), 15, 13, 0, 0, 0, time.UTC)
		for range 6 {
			answer(at, wardQuestion, "ward-a", day, 8)
			answer(at, wardQuestion, "ward-c", day, 8)
			if i == 1 {
				answer(at, courseQuestion, "ward-a", day, 8)
			}
		}
	}
	for i, day := range months { // January is final on March 1, March on May 1
		at := time.Date(2024, time.May, 1, i, 0, 0, 0, time.UTC).Add(time.Microsecond)
		answer(at, wardQuestion, "ward-a", day, 1)
		answer(at, wardQuestion, "ward-c", day, 1)
		if i == 1 {
			answer(at, courseQuestion, "ward-a", day, 1)
		}
	}
	for _, first := range []int{1, 13, 31} { // of each month, one of each unit is taken back
		for target := first; target < first+2; target++ {
			taken := strings.Replace(voiding(1000+target, target), "{", `{"stored":"2024-05-01T03:00:00Z",`, 1)
			add(last, event.StatementStored{Statement: []byte(taken)})
		}
	}
	add(time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC), event.PersonRegistered{Person: "zoe"})
	return log
}

// TestFinal: a credential without answers/read gets, from every resource that has a number of answers, what was known
// when its period became final, however late it asks, and nothing before that. One with answers/read gets what is known.
func TestFinal(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	log := past(t)
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs := blobtest.WhenUsed(filepath.Join(t.TempDir(), "blobs"))
	l := &lab{}
	l.store, err = lrs.Open(t.Context(), lrs.Config{
		Log: log.Log, Index: x, Blobs: blobs, Node: "test", Logger: quiet,
		HeadFile: filepath.Join(t.TempDir(), "head"), Metrics: lrs.NewMetrics(prometheus.NewRegistry()),
	})
	if err != nil {
		t.Fatal(err)
	}
	model := readmodeltest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "readmodel.db"))
	l.runtime = projections.Start(projections.Config{
		Log: log.Log, Store: model, Logger: quiet,
		Projections: []projections.Projection{
			people.Projection{}, catalog.Projection{}, competency.Projection{}, feedback.Projection{}, effectiveness.Projection{}, evaluation.Projection{},
		},
	})
	server := httptest.NewServer(hrhttp.Handler(hrhttp.Config{Store: l.store, Runtime: l.runtime, Model: model, Log: quiet}))
	l.url = server.URL
	t.Cleanup(func() {
		server.Close()
		l.runtime.Close()
		if err := l.store.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	const scopes = "people/read competencies/read evaluations/read kpis/read"
	reader, analyst := as(l.credential(t, "reader", scopes)), as(l.credential(t, "analyst", scopes+" answers/read"))

	kpi := "/kpis/" + esc(heardKPI)
	january := query("unit", "ward-a", "from", "2024-01-01T00:00:00Z", "to", "2024-02-01T00:00:00Z")
	window := query("from", "2024-01-01T00:00:00Z", "to", "2024-04-01T00:00:00Z")
	person := "/people/ann/evaluations/" + esc(yearly)
	basis := person + "/evidence" + with(window, "metric", "patients")
	gaps := "/units/ward-a/gaps" + query("at", "2024-04-02T00:00:00Z")
	effects := "/programmes/" + esc(course) + "/effectiveness"
	effect := effects + query("at", "2024-06-15T00:00:00Z")
	during, ended, due := effects+query("at", "2024-02-29T00:00:00Z"), effects+query("at", "2024-03-01T00:00:00Z"), effects+query("at", "2024-03-15T00:00:00Z")

	const early, between, now = "2024-02-28T23:59:59Z", "2024-04-15T00:00:00Z", "2024-06-20T00:00:00Z"
	const unreleased = "2024-03-31T23:59:59Z"
	const seen = 41.0 / 6 // five times 8 and a 1
	for _, c := range []struct {
		target          string
		path            []any
		asOf            string
		reader, analyst any // what each is told
	}{
		{kpi + january, []any{"points", 0, "suppressed"}, early, true, nil},
		{kpi + january, []any{"points", 0, "n"}, early, nil, 6.0},
		{kpi + january, []any{"points", 0, "value"}, between, 8.0, 8.0},
		{kpi + january, []any{"points", 0, "value"}, now, 8.0, seen},
		{kpi + with(window, "unit", "ward-a"), []any{"points", 2, "suppressed"}, between, true, nil},
		{kpi + with(window, "unit", "ward-a"), []any{"points", 2, "value"}, now, 8.0, seen},
		{kpi + "/evidence" + january, []any{"point", "suppressed"}, early, true, nil},
		{kpi + "/evidence" + january, []any{"point", "value"}, now, 8.0, seen},
		{kpi + "/evidence" + january, []any{"withheld"}, now, true, nil},
		{kpi + "/evidence" + january, []any{"statements", 0, "raw"}, now, nil, 8.0},
		{kpi + "/evidence" + january, []any{"leftOut", 0, "reason"}, now, nil, "voided"},
		{gaps, []any{"gaps", 0, "patient"}, early, nil, 8.0},
		{gaps, []any{"gaps", 0, "patient"}, now, 8.0, seen},
		{person + window, []any{"metrics", 0, "state"}, early, "insufficient", "used"},
		{person + window, []any{"metrics", 0, "value"}, between, 8.0, 8.0},
		{person + window, []any{"metrics", 0, "value"}, now, 8.0, seen},
		{"/units/hospital/evaluations/" + esc(yearly) + window, []any{"people", 1, "metrics", 0, "value"}, now, 8.0, seen},
		{basis, []any{"months", 0, "unit"}, early, nil, "ward-a"},
		{basis, []any{"months", 2, "unit"}, between, nil, "ward-a"},
		{basis, []any{"metric", "value"}, now, 8.0, seen},
		{effect, []any{"reaction", "suppressed"}, early, true, nil},
		{effect, []any{"reaction", "mean"}, between, 8.0, 8.0},
		{effect, []any{"reaction", "responses"}, now, 6.0, 7.0},
		{effect, []any{"reaction", "mean"}, now, 8.0, 7.0},
		{effect, []any{"results", 0, "treatedBefore", "value"}, early, nil, 8.0},
		{effect, []any{"results", 0, "monthsAfter"}, between, 0.0, 1.0},
		{effect, []any{"results", 0, "treatedAfter", "value"}, now, 8.0, seen},
		{effect, []any{"results", 0, "comparisonBefore", "value"}, now, 8.0, seen},
		{effect, []any{"objectives", 0, "value"}, now, 8.0, 7.0},
		{effect, []any{"objectives", 1, "value"}, now, 8.0, seen},
		// The programme's period has ended by the day on which it is to be liked, but what is said of it is final later.
		{ended, []any{"objectives", 2, "state"}, unreleased, "open", "met"},
		{due, []any{"objectives", 2, "state"}, unreleased, "missed", "met"},
		{effect, []any{"objectives", 2, "state"}, unreleased, "missed", "met"},
		{during, []any{"objectives", 2, "state"}, now, "open", "met"},
		{during, []any{"reaction", "suppressed"}, now, true, nil},
		{ended, []any{"reaction", "mean"}, between, 8.0, 8.0},
		{ended, []any{"objectives", 2, "state"}, now, "met", "met"},
		{due, []any{"objectives", 2, "state"}, now, "met", "met"},
		{effect, []any{"objectives", 2, "state"}, now, "met", "met"},
		{effect, []any{"objectives", 2, "value"}, now, 8.0, 7.0},
	} {
		target := with(c.target, "asOf", c.asOf)
		for _, who := range []struct {
			header []string
			want   any
		}{{reader, c.reader}, {analyst, c.analyst}} {
			if got := l.get(t, target, who.header...).at(c.path...); !close6(got, who.want) {
				t.Errorf("%s, %v, with answers/read %t: %v, want %v", target, c.path, &who.header[0] == &analyst[0], got, who.want)
			}
		}
		for _, form := range []string{"json", "csv"} {
			body := l.get(t, with(target, "format", form), reader...).body
			if strings.Contains(body, id(1)[:24]) || strings.Contains(body, "sheet-") {
				t.Errorf("%s names a single answer: %s", target, body)
			}
		}
	}
	if l.status(t, http.MethodGet, kpi+january, as(l.credential(t, "none", "people/read"))...) != http.StatusForbidden {
		t.Error("kpis/read is not needed")
	}

	// What is unmapped would count the answers to each question, as of every moment.
	if got := l.get(t, "/unmapped"+query("asOf", now), reader...).at("activities", map[string]any{"activity": courseQuestion}, "statements"); got != nil {
		t.Errorf("without answers/read, /unmapped says that there are %v answers to %s", got, courseQuestion)
	}
}
