package projectiontest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/people"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// checksGiven tells whether the command line says -rapid.checks. It is asked once:
// flag.Set, too, counts as giving.
var checksGiven = sync.OnceValue(func() (given bool) {
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	return given
})

// check runs a property on a number of histories; -rapid.checks asks for another.
func check(t *testing.T, histories int, property func(*rapid.T) error) {
	t.Helper()
	if !checksGiven() {
		if err := flag.Set("rapid.checks", fmt.Sprint(histories)); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		if err := property(rt); err != nil {
			rt.Fatal(err)
		}
	})
}

// patience ends a history that hangs; a projection that stands still ends it at once.
const patience = 10 * time.Minute

// desk gives databases, and closes them.
type desk struct {
	dir    string
	n      int
	stores []*readmodel.Store
}

func newDesk(t *testing.T) *desk { return &desk{dir: t.TempDir()} }

// open opens an empty SQLite database.
func (d *desk) open(ctx context.Context) (*readmodel.Store, error) {
	d.n++
	s, err := readmodel.Open(ctx, "sqlite:"+filepath.Join(d.dir, fmt.Sprintf("%d.db", d.n)))
	if err == nil {
		d.stores = append(d.stores, s)
	}
	return s, err
}

func (d *desk) close() (err error) {
	for _, s := range d.stores {
		err = errors.Join(err, s.Close())
	}
	d.stores = nil
	return err
}

// moments draws what to ask: as of positions of the log, their neighbours and its end,
// at whatever time, and also when something happened or begins.
func moments(rt *rapid.T, h History, n int) []moment {
	facts := h.Facts()
	justBefore := rapid.Int64Range(0, 1)
	last := facts[len(facts)-1].T
	all := []moment{{last, last}}
	for range n {
		known := facts[:1+rapid.IntRange(0, len(facts)-1).Draw(rt, "as of")]
		m := moment{asOf: known[len(known)-1].T - justBefore.Draw(rt, "just before")}
		var times []int64
		for _, f := range known {
			if f.Statement != nil {
				times = append(times, happened(f))
			}
		}
		m.at = m.asOf
		switch rapid.IntRange(0, 5).Draw(rt, "at") {
		case 0:
			m.at += rapid.Int64Range(0, 400*86400e6).Draw(rt, "ahead")
		case 1:
			m.at -= rapid.Int64Range(0, 200*86400e6).Draw(rt, "back")
		case 2:
			days := rapid.SampledFrom([]int{-100, -7, 0, 12}).Draw(rt, "an assignment begins")
			m.at = Begin.AddDate(0, 0, days).UnixMicro() - justBefore.Draw(rt, "just before")
		case 3, 4:
			if times != nil {
				m.at = rapid.SampledFrom(times).Draw(rt, "a statement's time") - justBefore.Draw(rt, "just before")
			}
		}
		all = append(all, m)
	}
	return all
}

// TestHistories: what came in in any batches and with restarts anywhere is what a
// replay and a build from zero make of the log, and answers as DOMAIN.md says, about
// every past moment as it did then.
func TestHistories(t *testing.T) {
	d := newDesk(t)
	check(t, 8, func(rt *rapid.T) (err error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		defer func() { err = errors.Join(err, d.close()) }()
		h := Histories(60).Draw(rt, "history")
		store, err := d.open(ctx)
		if err != nil {
			return err
		}
		log, changes, paces := NewLog(), &Changes{}, Paces(len(h.Commits)).Draw(rt, "paces")
		if err := Drive(ctx, log, all, h.Commits, paces, changes, store); err != nil {
			return err
		}
		incremental, err := Dump(ctx, store, all...)
		if err != nil {
			return err
		}

		r := &readers{}
		asked := moments(rt, h, 12)
		given := map[moment]string{}
		for _, m := range asked {
			a, err := r.ask(ctx, store, m, People, Competencies)
			if err != nil {
				return err
			}
			given[m] = text(a)
			w := knownAt(h.Facts(), m.asOf)
			if err := a.compare(w, m, People, Competencies); err != nil {
				return fmt.Errorf("%s: %w", m, err)
			}
			if err := w.comparePeople(ctx, store, m.asOf); err != nil {
				return fmt.Errorf("%s: %w", m, err)
			}
		}
		if err := compareAsides(ctx, store, h); err != nil {
			return err
		}
		if err := compareChanges(ctx, rt, r, store, h, paces, changes.All()); err != nil {
			return err
		}

		if err := Replay(ctx, log, all, store); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		replayed, err := Dump(ctx, store, all...)
		if err != nil {
			return err
		}
		if difference := Difference(replayed, incremental); difference != "" {
			return fmt.Errorf("a replay: %s", difference)
		}
		for m, was := range given {
			if err := asksAs(ctx, r, store, m, was); err != nil {
				return fmt.Errorf("after a replay: %w", err)
			}
		}

		built, err := d.open(ctx)
		if err != nil {
			return err
		}
		if err := projections.Build(ctx, log, built, all, nil); err != nil {
			return err
		}
		fromZero, err := Dump(ctx, built, all...)
		if err != nil {
			return err
		}
		if difference := Difference(fromZero, incremental); difference != "" {
			return fmt.Errorf("a build from zero: %s", difference)
		}

		for _, m := range asked[:3] {
			then, err := d.open(ctx)
			if err != nil {
				return err
			}
			if err := projections.Build(ctx, log, then, all, func(_ projections.Position, t int64) bool { return t <= m.asOf }); err != nil {
				return err
			}
			if err := asksAs(ctx, &readers{}, then, m, given[m]); err != nil {
				return fmt.Errorf("a projection that has seen no more: %w", err)
			}
			// Who knows no more than this asks as of any later time, and gets the same.
			if a, err := (&readers{}).ask(ctx, then, moment{m.at, math.MaxInt64}, People, Competencies); err != nil || text(a) != given[m] {
				return fmt.Errorf("a projection that has seen no more, as of ever: %v: %s", err, Difference(text(a), given[m]))
			}
		}
		return nil
	})
}

// asksAs asks again.
func asksAs(ctx context.Context, r *readers, store *readmodel.Store, m moment, was string) error {
	a, err := r.ask(ctx, store, m, People, Competencies)
	if err != nil {
		return err
	}
	if difference := Difference(text(a), was); difference != "" {
		return fmt.Errorf("%s: %s", m, difference)
	}
	return nil
}

// compareAsides: every event that a projection cannot take is set aside, and no other.
func compareAsides(ctx context.Context, store *readmodel.Store, h History) error {
	w := knownAt(h.Facts(), math.MaxInt64)
	return store.View(ctx, func(tx *readmodel.Tx) error {
		for _, name := range []string{people.Name, catalog.Name, competency.Name} {
			live, _, err := tx.Live(ctx, name)
			if err != nil {
				return err
			}
			asides, err := tx.Asides(ctx, live.Generation, math.MaxInt32)
			if err != nil {
				return err
			}
			var got []int64
			for _, a := range asides {
				got = append(got, a.At)
			}
			if !slices.Equal(got, w.aside[name]) {
				return fmt.Errorf("%s has set aside %+v, not the events at %v", name, asides, w.aside[name])
			}
		}
		return nil
	})
}

// compareChanges: who has seen the notices of changes knows whose answers to ask for again.
func compareChanges(ctx context.Context, rt *rapid.T, r *readers, store *readmodel.Store, h History, paces []Pace, changes []projections.Change) error {
	facts := h.Facts()
	end := facts[len(facts)-1].T + 1
	var voidings []int // of which few change anything
	for i, f := range facts {
		if i > 0 && f.Statement != nil && f.Statement.Verb == VerbVoided {
			voidings = append(voidings, i)
		}
	}
	for n := range 8 {
		i := rapid.IntRange(1, len(facts)-1).Draw(rt, "a change")
		if n%2 == 0 && voidings != nil {
			i = rapid.SampledFrom(voidings).Draw(rt, "a voiding")
		}
		before, err := r.askFor(ctx, store, moment{end, facts[i-1].T}, People, Competencies, false)
		if err != nil {
			return err
		}
		after, err := r.askFor(ctx, store, moment{end, facts[i].T}, People, Competencies, false)
		if err != nil {
			return err
		}
		for _, p := range People {
			was, now := text([]any{before.Standings[p], before.Evidence[p]}), text([]any{after.Standings[p], after.Evidence[p]})
			if was != now && !told(h, paces, changes, facts, i, p) {
				return fmt.Errorf("no notice says that %s has other answers since %d: %s", p, facts[i].T, Difference(now, was))
			}
		}
	}
	return nil
}

// told tells whether a notice that may be about the i-th fact has a key of a person's.
func told(h History, paces []Pace, changes []projections.Change, facts []*Fact, i int, person string) bool {
	position := map[projections.Position]int64{}
	by := int64(math.MaxInt64) // a batch ends where it was waited for
	for n, c := range h.Commits {
		for j, f := range c.Facts {
			position[projections.Position{Revision: uint64(n + 1), Index: j}] = f.T
			if f.T >= facts[i].T && paces[n].Wait {
				by = min(by, c.First+int64(len(c.Facts)))
			}
		}
	}
	keys := map[string]bool{projections.Everything: true}
	for _, known := range []*Fact{facts[i-1], facts[i]} {
		for _, l := range knownAt(facts, known.T).links {
			if l.person == person {
				key := keysOf(l.identity)
				keys[key[0]], keys[key[1]] = true, true
			}
		}
	}
	for _, c := range changes {
		if t := position[c.Position]; t < facts[i].T || t > by {
			continue
		}
		for _, k := range c.Keys {
			if c.Projection == people.Name && k == person || c.Projection == competency.Name && keys[k] ||
				c.Projection == catalog.Name && strings.HasPrefix(k, "framework:") {
				return true
			}
		}
	}
	return false
}

// comparePeople holds the tables for analysts against the model: a row holds from its
// since until its until.
func (w *world) comparePeople(ctx context.Context, store *readmodel.Store, asOf int64) error {
	got, want := map[string]int{}, map[string]int{}
	const known = " WHERE since <= ? AND (until IS NULL OR until > ?)"
	args := []any{asOf, asOf}
	err := store.View(ctx, func(tx *readmodel.Tx) error {
		each := func(query string, columns int) error {
			return tx.Each(ctx, query+known, args, func(scan func(...any) error) error {
				cells := make([]string, columns)
				into := make([]any, columns)
				for i := range cells {
					into[i] = &cells[i]
				}
				err := scan(into...)
				got[fmt.Sprint(cells)]++
				return err
			})
		}
		return errors.Join(
			each("SELECT 'unit', unit, name, parent FROM people_units", 4),
			each("SELECT 'person', person, name FROM people_people", 3),
			each("SELECT 'assignment', person, role, unit, CAST(valid_from AS TEXT), CAST(COALESCE(valid_to, 0) AS TEXT) FROM people_assignments", 6),
			each("SELECT 'identity', person, identity_key FROM people_identities", 3),
		)
	})
	for id, u := range w.units {
		want[fmt.Sprint([]string{"unit", id, u[0], u[1]})]++
	}
	for id, name := range w.people {
		want[fmt.Sprint([]string{"person", id, name})]++
	}
	for p, to := range w.assignments {
		want[fmt.Sprint([]string{"assignment", p.person, p.role, p.unit, fmt.Sprint(p.from), fmt.Sprint(to)})]++
	}
	for _, l := range w.links {
		want[fmt.Sprint([]string{"identity", l.person, people.Key(l.identity)})]++
	}
	if err == nil && !mapsEqual(got, want) {
		err = fmt.Errorf("the tables have %v, not %v", got, want)
	}
	return err
}

// TestEngines: both engines have the same rows, bit for bit, whether they come from
// commits as they arrive or from a replay, and give the same answers.
func TestEngines(t *testing.T) {
	check(t, 2, func(rt *rapid.T) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		h := Histories(60).Draw(rt, "history")
		asked := moments(rt, h, 6)
		var engines []string
		var stores []*readmodel.Store
		for engine, store := range readmodeltest.Stores(t) {
			engines, stores = append(engines, engine), append(stores, store)
		}
		log := NewLog()
		if err := Drive(ctx, log, all, h.Commits, Paces(len(h.Commits)).Draw(rt, "paces"), nil, stores...); err != nil {
			return err
		}
		var dump string
		given := map[moment]string{}
		agree := func(store *readmodel.Store) error {
			got, err := Dump(ctx, store, all...)
			if err != nil {
				return err
			}
			if dump == "" {
				dump = got
			}
			if difference := Difference(got, dump); difference != "" {
				return errors.New(difference)
			}
			for _, m := range asked {
				a, err := (&readers{}).ask(ctx, store, m, People, Competencies)
				if err != nil {
					return err
				}
				if given[m] == "" {
					given[m] = text(a)
				}
				if difference := Difference(text(a), given[m]); difference != "" {
					return fmt.Errorf("%s: %s", m, difference)
				}
			}
			return nil
		}
		for i, store := range stores {
			if err := agree(store); err != nil {
				return fmt.Errorf("%s: %w", engines[i], err)
			}
			if err := Replay(ctx, log, all, store); err != nil {
				return fmt.Errorf("%s: replay: %w", engines[i], err)
			}
			if err := agree(store); err != nil {
				return fmt.Errorf("%s, after a replay: %w", engines[i], err)
			}
		}
		return nil
	})
}
