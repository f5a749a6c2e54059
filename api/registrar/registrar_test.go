package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/registrar"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// newRegistrar has a store in memory and the two projections that it reads.
func newRegistrar(t *testing.T) *registrar.Registrar {
	t.Helper()
	return newRegistrarRead(t, func(log *memlog.Log) projections.Log { return log })
}

// newRegistrarRead is newRegistrar with projections that read the log in another way.
func newRegistrarRead(t *testing.T, read func(*memlog.Log) projections.Log) *registrar.Registrar {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	model := readmodeltest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "readmodel.db"))
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.NewFile(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	log := memlog.New()
	store, err := lrs.Open(t.Context(), lrs.Config{
		Log: log, Index: x, Blobs: blobs, Node: "test", Logger: quiet, HeadFile: filepath.Join(t.TempDir(), "head"),
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime := projections.Start(projections.Config{
		Log: read(log), Store: model, Logger: quiet, Projections: []projections.Projection{people.Projection{}, catalog.Projection{}},
	})
	t.Cleanup(func() {
		runtime.Close()
		for _, err := range []error{store.Close(context.Background()), x.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return &registrar.Registrar{
		Store: store, Runtime: runtime, Model: model, People: &people.Reader{}, Catalog: &catalog.Reader{}, Wait: 10 * time.Second,
	}
}

// ids are the people there are.
func ids(s *people.State) (all []string) {
	for _, p := range s.People() {
		all = append(all, p.ID)
	}
	return all
}

// elsewhere registers as another node does, without a turn here.
func elsewhere(t *testing.T, r *registrar.Registrar, e event.Event) {
	t.Helper()
	if _, _, err := r.Store.Register(t.Context(), []event.Event{e}, math.MaxInt64); err != nil {
		t.Error(err)
	}
}

// another is a Registrar of the same store for another handler.
func another(r *registrar.Registrar) *registrar.Registrar {
	next := *r
	next.People, next.Catalog = &people.Reader{}, &catalog.Reader{}
	return &next
}

// someone registers a person.
func someone(i int) event.Event {
	id := fmt.Sprintf("p%05d", i)
	return event.PersonRegistered{Person: id, Name: id}
}

// file is a write of many people, by index, that counts the work on it.
type file struct {
	plans  int
	looked int // people that were looked at
	again  int // of these, those that were there
}

// from decides the people from one on, until n: those who are not there are registered.
func (f *file) from(first, n int, before func()) registrar.Decide {
	if first == n {
		return nil
	}
	return func(p registrar.Present, most int) (events []event.Event, rest func(int) registrar.Decide, err error) {
		f.plans++
		before()
		after := []int{first} // where it goes on when so many events are stored
		for i := first; i < n && len(events) < most; i++ {
			f.looked++
			who := someone(i)
			if _, ok := p.People.Person(who.(event.PersonRegistered).Person); !ok {
				events, after = append(events, who), append(after, i+1)
			} else {
				f.again++
			}
		}
		return events, func(stored int) registrar.Decide { return f.from(after[stored], n, before) }, nil
	}
}

// TestFileAmongOthers: a file comes to its end however fast others write, and of what is left of it only the next part is
// decided anew. Each time that it is, one comes who would be done before the plan is, and must wait; and another who waits
// for longer and has the turn after the next part.
func TestFileAmongOthers(t *testing.T) {
	r := newRegistrar(t)
	const n, parts = 5000, 10
	hasty, patient := another(r), another(r)
	hasty.Wait = 100 * time.Millisecond
	name := func(who string) func(registrar.Present) ([]event.Event, error) {
		return func(registrar.Present) ([]event.Event, error) {
			return []event.Event{event.PersonRegistered{Person: who}}, nil
		}
	}
	var f file
	others := sync.WaitGroup{}
	_, stored, err := r.RegisterAll(t.Context(), f.from(0, n, func() {
		var busy *problem.Problem
		if _, err := hasty.Register(t.Context(), name(fmt.Sprint("hasty", f.plans))); !errors.As(err, &busy) || busy.Code != "registration.busy" {
			t.Errorf("it came before a plan under way: %v", err)
		}
		who := fmt.Sprint("patient", f.plans)
		others.Go(func() {
			if _, err := patient.Register(t.Context(), name(who)); err != nil {
				t.Errorf("%s: %v", who, err)
			}
		})
	}))
	others.Wait()
	// All for the first part, and each other part with the one after it.
	if most := 3 * n; err != nil || len(stored) != n || f.plans > parts+1 || f.looked > most || f.again > 0 {
		t.Errorf("%d events of %d are stored, planned %d times, with %d looks at people, want at most %d, %d of them when they were there: %v",
			len(stored), n, f.plans, f.looked, most, f.again, err)
	}
	if p, err := r.Present(t.Context()); err != nil || len(p.People.People()) != n+f.plans {
		t.Errorf("%d people, want %d: %v", len(p.People.People()), n+f.plans, err)
	}
}

// TestFileAlone: what nobody disturbs is decided once.
func TestFileAlone(t *testing.T) {
	r := newRegistrar(t)
	var f file
	if _, stored, err := r.RegisterAll(t.Context(), f.from(0, 1200, func() {})); err != nil || len(stored) != 1200 || f.plans != 1 || f.looked != 1200 {
		t.Errorf("%d events are stored, planned %d times, with %d looks: %v", len(stored), f.plans, f.looked, err)
	}
	f = file{}
	if position, stored, err := r.RegisterAll(t.Context(), f.from(0, 1200, func() {})); err != nil || len(stored) != 0 || position != "" || f.plans != 1 {
		t.Errorf("again: %d events are stored at %q, planned %d times: %v", len(stored), position, f.plans, err)
	}
}

// TestFileAfterOthers: when others came in between and then no more, a file is soon decided in large pieces again.
func TestFileAfterOthers(t *testing.T) {
	r := newRegistrar(t)
	const n = 5000
	other := another(r)
	var f file
	var others sync.WaitGroup
	_, stored, err := r.RegisterAll(t.Context(), f.from(0, n, func() {
		if f.plans > 1 {
			return
		}
		others.Go(func() {
			if _, err := other.Register(t.Context(), func(registrar.Present) ([]event.Event, error) {
				return []event.Event{event.PersonRegistered{Person: "other"}}, nil
			}); err != nil {
				t.Error(err)
			}
		})
	}))
	others.Wait()
	if err != nil || len(stored) != n || f.plans > 5 || f.looked > 2*n {
		t.Errorf("%d events of %d are stored, planned %d times, with %d looks at people: %v", len(stored), n, f.plans, f.looked, err)
	}
}

// TestFileAmongNodes: what another node registers lets a file be planned again, as a whole until a part of it is stored,
// and it gives up only when it comes no part further.
func TestFileAmongNodes(t *testing.T) {
	r := newRegistrar(t)
	const n = 600
	var f file
	_, stored, err := r.RegisterAll(t.Context(), f.from(0, n, func() {
		if f.plans < 15 {
			elsewhere(t, r, event.PersonRegistered{Person: "other", Name: fmt.Sprint(f.plans)})
		}
	}))
	if err != nil || len(stored) != n || f.plans != 15 || f.looked != 15*n {
		t.Errorf("%d events of %d are stored, planned %d times, with %d looks: %v", len(stored), n, f.plans, f.looked, err)
	}
	var busy *problem.Problem
	if _, stored, err = r.RegisterAll(t.Context(), f.from(n, 2*n, func() {
		elsewhere(t, r, event.PersonRegistered{Person: "other", Name: fmt.Sprint(f.plans)})
	})); !errors.As(err, &busy) || busy.Code != "registration.busy" || len(stored) > 0 {
		t.Errorf("%d events are stored: %v", len(stored), err)
	}
}

// TestDecidedAgain: a decision that another registration overtook is made again, on what that one left.
func TestDecidedAgain(t *testing.T) {
	r := newRegistrar(t)
	var seen [][]string
	position, err := r.Register(t.Context(), func(p registrar.Present) ([]event.Event, error) {
		seen = append(seen, ids(p.People))
		if len(seen) == 1 {
			elsewhere(t, r, event.PersonRegistered{Person: "first"})
		}
		return []event.Event{event.PersonRegistered{Person: "second"}}, nil
	})
	if err != nil || position == "" || len(seen) != 2 || len(seen[0]) != 0 || !slices.Equal(seen[1], []string{"first"}) {
		t.Errorf("%q, %v; decided on %q", position, err, seen)
	}
	p, err := r.Present(t.Context())
	if err != nil || !slices.Equal(ids(p.People), []string{"first", "second"}) {
		t.Errorf("%v, %v", ids(p.People), err)
	}
}

// TestGivesUp: who is overtaken again and again is told, and nothing was stored.
func TestGivesUp(t *testing.T) {
	r := newRegistrar(t)
	tries := 0
	_, err := r.Register(t.Context(), func(registrar.Present) ([]event.Event, error) {
		tries++
		elsewhere(t, r, event.PersonRegistered{Person: "other", Name: string(rune('a' + tries))})
		return []event.Event{event.PersonRegistered{Person: "me"}}, nil
	})
	var busy *problem.Problem
	if !errors.As(err, &busy) || busy.Status != http.StatusServiceUnavailable || busy.RetryAfter == 0 || tries < 2 {
		t.Errorf("%v after %d tries", err, tries)
	}
	if p, err := r.Present(t.Context()); err != nil || !slices.Equal(ids(p.People), []string{"other"}) {
		t.Errorf("%v, %v", ids(p.People), err)
	}
}

// TestRefusals: an error of the decision is returned as it is, no events are no registration, and what no event can
// hold or no commit is refused.
func TestRefusals(t *testing.T) {
	r := newRegistrar(t)
	own := errors.New("no")
	for name, c := range map[string]struct {
		events []event.Event
		err    error
		status int
	}{
		"its own":   {err: own},
		"nothing":   {},
		"invalid":   {events: []event.Event{event.PersonRegistered{}}, status: http.StatusBadRequest},
		"too large": {events: slices.Repeat([]event.Event{event.PersonRegistered{Person: "p"}}, 2000), status: http.StatusRequestEntityTooLarge},
	} {
		position, err := r.Register(t.Context(), func(registrar.Present) ([]event.Event, error) { return c.events, c.err })
		var p *problem.Problem
		switch {
		case position != "":
			t.Errorf("%s: stored at %s", name, position)
		case c.status == 0 && !errors.Is(err, c.err), c.status != 0 && (!errors.As(err, &p) || p.Status != c.status):
			t.Errorf("%s: %v", name, err)
		}
	}
}
