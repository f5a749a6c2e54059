package hrhttp_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/feedback"
	"github.com/bedside-lrs/bedside/projections/people"
)

// TestSignalsFire: a signal is told of when it fires for the first time, of the unit and of
// all above it, and not again.
func TestSignalsFire(t *testing.T) {
	onEach(t, func(t *testing.T, l *lab) {
		hospitalOfAnswers(t, l)
		var told []string
		w := feedback.Watcher{
			Model: l.model, Trees: &people.Reader{}, Catalog: &catalog.Reader{}, Reader: &feedback.Reader{}, Log: slog.New(slog.DiscardHandler),
			Publish: func(keys []string, _ projections.Position) { told = append(told, keys...) },
		}
		n := 1000
		praise := func(month string, times int) {
			var all []string
			for range times {
				n++
				all = append(all, strings.NewReplacer("responded", "commented", question, "https://ward.example/praise").Replace(answeredBy(n, "ward-a", 1, month+"-20")))
			}
			l.statements(t, all...)
		}
		look := func() []string {
			t.Helper()
			l.get(t, "/measures") // the projections have come there
			told = nil
			w.Changed([]string{kpiPraise, feedback.AnswersKey + kpiListened})
			if err := w.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			return told
		}
		var records []string
		for i := range 14 {
			month := fmt.Sprintf("%d-%02d", 2024+i/12, i%12+1)
			next := fmt.Sprintf("%d-%02d", 2024+(i+1)/12, (i+1)%12+1)
			records = append(records, fmt.Sprintf(`{"measure":"encounters","unit":"ward-a","from":"%s-01","to":"%s-01","value":1000}`, month, next))
			praise(month, 2+i%2)
		}
		l.do(t, "POST", base+"/measures", "["+strings.Join(records, ",")+"]").want(200)
		if got := look(); len(got) != 0 {
			t.Errorf("at first: %v", got)
		}
		praise("2025-02", 40)
		var want []string
		for _, unit := range []string{"hospital", "medicine", "ward-a"} {
			want = append(want, feedback.SignalKey+kpiPraise+" "+unit)
		}
		if got := look(); !slices.Equal(got, want) {
			t.Errorf("after a month beyond the limits: %v, want %v", got, want)
		}
		praise("2024-07", 1)
		if got := look(); len(got) != 0 {
			t.Errorf("again: %v", got)
		}
	})
}

// TestSignalsOfHidden: a signal of a KPI that hides small numbers is of what everybody reads, and is told to them, though
// single statements are not.
func TestSignalsOfHidden(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	const kpi = "https://ward.example/kpis/hides"
	l.put(t, "/definitions/kpi/"+esc(kpi), `{"kind":"kpi","id":"`+kpi+`","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"],"objectType":"Activity"},"statistic":"count","direction":"down","minN":5}`)
	var told []string
	w := feedback.Watcher{
		Model: l.model, Trees: &people.Reader{}, Catalog: &catalog.Reader{}, Reader: &feedback.Reader{}, Log: slog.New(slog.DiscardHandler),
		Publish: func(keys []string, _ projections.Position) { told = append(told, keys...) },
	}
	look := func() {
		t.Helper()
		l.get(t, "/measures") // the projections have come there
		w.Changed([]string{feedback.AnswersKey + kpi})
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	n := 1000
	praise := func(month, times int) {
		var all []string
		for range times {
			n++
			all = append(all, praised(n, "ward-a", fmt.Sprintf("%d-%02d-20", 2024+month/12, month%12+1)))
		}
		l.statements(t, all...)
	}
	for month := range 13 {
		praise(month, 6+month%2)
	}
	look()
	told = nil
	praise(13, 40)
	look()
	if want := feedback.SignalKey + kpi + " ward-a"; !slices.Contains(told, want) {
		t.Errorf("told of %q, not of %s", told, want)
	}
}

// TestSignalsOfNew: a KPI that is looked at for the first time has fired what it did not when it was registered.
func TestSignalsOfNew(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	const early, late = "https://ward.example/kpis/early", "https://ward.example/kpis/late"
	register := func(id string) {
		l.do(t, "PUT", base+"/definitions/kpi/"+esc(id), `{"kind":"kpi","id":"`+id+`","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"]},"statistic":"count","direction":"down"}`).want(204)
	}
	register(early)
	var all []string
	for month := range 14 {
		for i := range []int{2, 3, 40}[max(month%2, 2*(month/13))] {
			n := 1000 + 100*month + i
			all = append(all, strings.NewReplacer("responded", "commented", question, "https://ward.example/praise").Replace(
				answeredBy(n, "ward-a", 1, fmt.Sprintf("%d-%02d-20", 2024+month/12, month%12+1))))
		}
	}
	l.statements(t, all...)
	l.do(t, "POST", base+"/definitions", `[{"kind":"kpi","id":"`+early+`","name":{"en":"Praise"},"match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"]},"statistic":"count","direction":"down"}]`).want(200)
	register(late)
	var told []string
	w := feedback.Watcher{
		Model: l.model, Trees: &people.Reader{}, Catalog: &catalog.Reader{}, Reader: &feedback.Reader{}, Log: slog.New(slog.DiscardHandler),
		Publish: func(keys []string, _ projections.Position) { told = append(told, keys...) },
	}
	l.get(t, "/measures") // the projections have come there
	w.Changed([]string{early, late})
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(told, feedback.SignalKey+early+" ward-a") {
		t.Errorf("told of %q", told)
	}
	if slices.ContainsFunc(told, func(key string) bool { return strings.Contains(key, late) }) {
		t.Errorf("what had fired before it was registered is told: %q", told)
	}
	// A server that was started since has told it, whatever it still knows of that.
	told = nil
	again := feedback.Watcher{Model: w.Model, Trees: w.Trees, Catalog: w.Catalog, Reader: w.Reader, Publish: w.Publish, Log: w.Log, Since: time.Now().Add(time.Hour).UnixMicro()}
	again.Changed([]string{early, late})
	if err := again.Look(t.Context()); err != nil || len(told) > 0 {
		t.Errorf("told again: %q, %v", told, err)
	}
}

// TestSignalsKept: what could not be looked at because of an error is told the next time.
func TestSignalsKept(t *testing.T) {
	l := onOne(t)
	hospitalOfAnswers(t, l)
	kpis := []string{"https://ward.example/kpis/a", "https://ward.example/kpis/b"}
	for _, id := range kpis {
		l.do(t, "POST", base+"/definitions", `[{"kind":"kpi","id":"`+id+`","match":{"verbs":["http://adlnet.gov/expapi/verbs/commented"]},"statistic":"count","direction":"up"}]`).want(200)
	}
	n := 1000
	praise := func(month string, times int) {
		for range times {
			n++
			l.statements(t, praised(n, "ward-a", month+"-20"))
		}
		l.get(t, "/measures")
	}
	for i := range 13 {
		praise(fmt.Sprintf("%d-%02d", 2025+(i+9)/12, (i+9)%12+1), 2+i%2)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told []string
	w := feedback.Watcher{
		Model: l.model, Trees: &people.Reader{}, Catalog: &catalog.Reader{}, Reader: &feedback.Reader{}, Log: slog.New(slog.DiscardHandler),
		Publish: func(keys []string, _ projections.Position) {
			told = append(told, keys...)
			cancel() // the next question fails
		},
	}
	look := func(ctx context.Context) error {
		w.Changed(kpis)
		return w.Look(ctx)
	}
	if err := look(ctx); err != nil {
		t.Fatal(err)
	}
	praise("2026-10", 20)
	if err := look(ctx); err == nil || len(told) != 3 || !strings.Contains(told[0], kpis[0]) {
		t.Fatalf("%v, told %v", err, told)
	}
	if err := w.Look(t.Context()); err != nil || len(told) != 6 || !strings.Contains(told[5], kpis[1]) {
		t.Errorf("%v, told %v", err, told)
	}
}
