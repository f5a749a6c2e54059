package projectiontest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// wardMoments draws what to ask when the last event is at last and the next one at next: as of now, just before the next
// event, at an instant at which something becomes final, or in the past.
func wardMoments(rt *rapid.T, facts []*wardFact, next int64) []moment {
	last := facts[len(facts)-1].t
	all := []moment{{last, last}}
	asOf := max(last, next-1)
	switch rapid.IntRange(0, 3).Draw(rt, "as of") {
	case 0:
		asOf = facts[rapid.IntRange(0, len(facts)-1).Draw(rt, "fact")].t - rapid.Int64Range(0, 1).Draw(rt, "just before")
	case 1:
		if final := wardMonth(rapid.IntRange(3, 7).Draw(rt, "final")).UnixMicro() - rapid.Int64Range(0, 1).Draw(rt, "just before"); final <= asOf {
			asOf = final
		}
	}
	at := asOf
	if rapid.Bool().Draw(rt, "another time") {
		at = rapid.SampledFrom([]int64{
			wardMonth(3).AddDate(0, 0, 3).UnixMicro(), wardMonth(4).UnixMicro(), wardMonth(5).UnixMicro() - 1, wardMonth(5).UnixMicro(), wardMonth(9).UnixMicro(),
		}).Draw(rt, "at")
	}
	return append(all, moment{at, asOf})
}

// wardRun follows a history with runtimes that are stopped and started, one for each store.
type wardRun struct {
	*rapid.T
	log      *Log
	stores   []*readmodel.Store
	runtimes []*projections.Runtime
	n        int // commits in the log
}

func (r *wardRun) start() {
	for _, store := range r.stores {
		r.runtimes = append(r.runtimes, projections.Start(projections.Config{Log: r.log, Store: store, Projections: all, Logger: slog.New(slog.DiscardHandler)}))
	}
}

func (r *wardRun) stop() {
	for _, runtime := range r.runtimes {
		runtime.Close()
	}
	r.runtimes = nil
}

// advance appends some commits, which come to the projections in one batch or in several.
func (r *wardRun) advance(ctx context.Context, h *wardHistory) error {
	for range rapid.IntRange(1, 30).Draw(r.T, "commits") {
		if r.n == len(h.commits) {
			break
		}
		commit := h.commits[r.n]
		var events []event.Encoded
		for _, f := range commit {
			events = append(events, f.raw)
		}
		if _, err := r.log.Append(ctx, commit[0].t, events...); err != nil {
			return err
		}
		r.n++
		switch rapid.IntRange(0, 15).Draw(r.T, "pace") {
		case 0:
			r.stop()
			r.start()
		case 1, 2, 3, 4:
			if err := r.wait(ctx); err != nil {
				return err
			}
		}
	}
	return r.wait(ctx)
}

func (r *wardRun) wait(ctx context.Context) (err error) {
	for _, runtime := range r.runtimes {
		err = errors.Join(err, runtime.Wait(ctx, r.log.Revision()))
	}
	return err
}

// wardProperty: what came in in any batches and with restarts anywhere is what a replay and a build from zero make of the
// log; what was answered on the way is answered again, byte for byte, when more has come, by readers that remember and by
// readers that do not; and it is what DOMAIN.md says.
func wardProperty(ctx context.Context, rt *rapid.T, happenings int, said map[string]int, fresh func() (*readmodel.Store, error), stores ...*readmodel.Store) error {
	h := wardHistories(happenings).Draw(rt, "history")
	r := &wardRun{T: rt, log: NewLog(), stores: stores}
	r.start()
	defer func() { r.stop() }()
	kept := make([]*wardReaders, len(stores))
	for i := range kept {
		kept[i] = newWardReaders()
	}
	type given struct {
		moment
		text string
	}
	var told []given
	askAll := func(g given, when string) error {
		for i, store := range stores {
			for j, of := range []*wardReaders{kept[i], newWardReaders()} {
				a, err := of.ask(ctx, store, g.moment)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", when, g, err)
				}
				if difference := Difference(text(a), g.text); difference != "" {
					return fmt.Errorf("%s, store %d, readers %d, %s: %s", when, i, j, g, difference)
				}
			}
		}
		return nil
	}
	for r.n < len(h.commits) {
		if err := r.advance(ctx, h); err != nil {
			return err
		}
		facts, next := slices.Concat(h.commits[:r.n]...), int64(0)
		if r.n < len(h.commits) {
			next = h.commits[r.n][0].t
		}
		for _, m := range wardMoments(rt, facts, next) {
			a, err := kept[0].ask(ctx, stores[0], m)
			if err != nil {
				return fmt.Errorf("%s: %w", m, err)
			}
			if err := a.compare(wardAt(facts, m.asOf), m); err != nil {
				return fmt.Errorf("after commit %d, %s: %w", r.n, m, err)
			}
			a.count(said)
			g := given{m, text(a)}
			if err := askAll(g, fmt.Sprint("after commit ", r.n)); err != nil {
				return err
			}
			told = append(told, g)
		}
	}
	for _, g := range told {
		if err := askAll(g, "in the end"); err != nil {
			return err
		}
	}
	r.stop()
	dump := ""
	agree := func(store *readmodel.Store, what string) error {
		got, err := Dump(ctx, store, all...)
		if err != nil {
			return err
		}
		if dump == "" {
			dump = got
		}
		if difference := Difference(got, dump); difference != "" {
			return fmt.Errorf("%s: %s", what, difference)
		}
		return nil
	}
	for i, store := range stores {
		if err := agree(store, fmt.Sprint("store ", i)); err != nil {
			return err
		}
		if err := Replay(ctx, r.log, all, store); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if err := agree(store, fmt.Sprintf("a replay in store %d", i)); err != nil {
			return err
		}
	}
	built, err := fresh()
	if err != nil {
		return err
	}
	if err := projections.Build(ctx, r.log, built, all, nil); err != nil {
		return err
	}
	if err := agree(built, "a build from zero"); err != nil {
		return err
	}
	for _, g := range told[:min(len(told), 2)] {
		if err := askAll(g, "after a replay"); err != nil {
			return err
		}
	}
	return nil
}

// TestFeedback: the projections of what is measured keep their promises, whatever happens.
func TestFeedback(t *testing.T) {
	d := newDesk(t)
	said := map[string]int{}
	check(t, 8, func(rt *rapid.T) (err error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		defer func() { err = errors.Join(err, d.close()) }()
		store, err := d.open(ctx)
		if err != nil {
			return err
		}
		return wardProperty(ctx, rt, 80, said, func() (*readmodel.Store, error) { return d.open(ctx) }, store)
	})
	t.Log(said)
	for _, what := range []string{"points, final true", "points, final false", "completed", "measures"} {
		if said[what] == 0 && !checksGiven() {
			t.Errorf("the answers had no %s", what)
		}
	}
}

// TestFeedbackEngines: both engines have the same rows and give the same answers.
func TestFeedbackEngines(t *testing.T) {
	d := newDesk(t)
	check(t, 2, func(rt *rapid.T) (err error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		defer func() { err = errors.Join(err, d.close()) }()
		var stores []*readmodel.Store
		for _, store := range readmodeltest.Stores(t) {
			stores = append(stores, store)
		}
		return wardProperty(ctx, rt, 30, map[string]int{}, func() (*readmodel.Store, error) { return d.open(ctx) }, stores...)
	})
}

// TestTiedAttempts: of attempts at the same instant the first is that with the smaller id, also when one names a person
// by two identities and so has two rows.
func TestTiedAttempts(t *testing.T) {
	h := &wardHistory{}
	add := func(f *wardFact) {
		f.t = wardBegin.UnixMicro() + int64(len(h.commits))
		f.encode()
		h.commits = append(h.commits, []*wardFact{f})
	}
	add(&wardFact{event: event.UnitRegistered{Unit: "ward"}})
	add(&wardFact{event: event.PersonRegistered{Person: "p1"}})
	add(&wardFact{event: event.AssignmentMade{AssignmentKey: event.AssignmentKey{Person: "p1", Role: "nurse", Unit: "ward", From: wardMonth(1)}}})
	for _, i := range wardIdentities[:2] {
		add(&wardFact{event: event.IdentityLinked{Person: "p1", Identity: i}})
	}
	add(&wardFact{doc: &wardProgramme{
		Kind: "programme", ID: wardProgrammes[0], TargetUnits: []string{"ward"}, ComparisonUnits: []string{}, Roles: []string{"nurse"},
		Starts: wardMonth(1), Ends: wardMonth(2), Activities: []map[string]any{{"id": wardActivities[0], "method": "workshop", "required": true}},
		Assessments:    map[string]any{"pre": wardActivities[3], "post": wardActivities[4]},
		ReactionSurvey: wardReacts, Behaviour: map[string]any{"competencies": wardCompetences, "kinds": []string{"observation"}, "windowDays": 60},
		Results: map[string]any{"kpis": []string{home + "kpis/box"}, "windowMonths": 2}, Objectives: []map[string]any{},
	}})
	at := wardMonth(1).AddDate(0, 0, 1).UnixMicro()
	const second, first = "b0000000-0000-4000-8000-000000000000", "a0000000-0000-4000-8000-000000000000"
	add(&wardFact{said: &said{id: second, happened: at, actors: wardIdentities[:2], group: true, verb: adl + "scored", object: wardActivities[3], scaled: new(0.25)}})
	add(&wardFact{said: &said{id: first, happened: at, actors: wardIdentities[:1], verb: adl + "scored", object: wardActivities[3], scaled: new(0.5)}})
	add(&wardFact{said: &said{id: StatementID(1), happened: at + 1, actors: wardIdentities[:1], verb: adl + "scored", object: wardActivities[4], scaled: new(1.0)}})

	d, log := newDesk(t), NewLog()
	for _, c := range h.commits {
		if _, err := log.Append(t.Context(), c[0].t, c[0].raw); err != nil {
			t.Fatal(err)
		}
	}
	store, err := d.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := projections.Build(t.Context(), log, store, all, nil); err != nil {
		t.Fatal(err)
	}
	end := wardMonth(3).UnixMicro()
	a, err := newWardReaders().ask(t.Context(), store, moment{end, end})
	if err != nil {
		t.Fatal(err)
	}
	if l := a.Effects[false][wardProgrammes[0]].Learning; l.N != 1 || *l.MeanPre != 0.5 {
		t.Fatalf("%s, but the first attempt has the score 0.5", text(l))
	}
}
