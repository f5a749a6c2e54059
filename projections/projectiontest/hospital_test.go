package projectiontest_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/people"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
)

// vectors is the folder of the domain vectors.
const vectors = "../../../shared/domain/hospital-1"

// hospital gives the events of the vectors' two phases.
func hospital(t *testing.T) (one, two []event.Event) {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(vectors, name))
		if err != nil {
			t.Fatalf("%v: the domain vectors belong beside the repository, in shared/domain", err)
		}
		return b
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	state := people.NewHistory().At(0)
	imports := func(name string) []event.Event {
		rows, err := people.ParsePeople(bytes.NewReader(read(name)))
		must(err)
		events, err := people.PlanPeople(state, rows)
		must(err)
		state, err = state.With(events...)
		must(err)
		return events
	}
	statements := func(name string) (events []event.Event) {
		for line := range bytes.Lines(read(name)) {
			events = append(events, event.StatementStored{Statement: bytes.TrimSpace(line)})
		}
		return events
	}

	units, err := people.ParseUnits(bytes.NewReader(read("units.csv")))
	must(err)
	one, err = people.PlanUnits(state, units)
	must(err)
	state, err = state.With(one...)
	must(err)
	one = append(one, imports("people.csv")...)
	files, err := filepath.Glob(filepath.Join(vectors, "definitions", "*.json"))
	must(err)
	if len(files) == 0 {
		t.Fatal("the vectors have no definitions")
	}
	var definitions []event.Event
	for _, file := range files {
		body := read(filepath.Join("definitions", filepath.Base(file)))
		d, err := definition.Parse(body)
		must(err)
		definitions = append(definitions, event.DefinitionRegistered{Kind: d.Kind(), ID: d.ID(), Definition: body})
	}
	posted := statements("statements-1.jsonl")
	// Some statements are there before the definitions are.
	one = slices.Concat(one, posted[:500], definitions, posted[500:])
	return one, append(statements("statements-2.jsonl"), imports("people-2.csv")...)
}

// TestHospital: a replay of the domain vectors gives the rows that came of their
// arriving, and as of the end of the first phase what was answered then.
func TestHospital(t *testing.T) {
	one, two := hospital(t)
	var facts []Fact
	for _, ev := range slices.Concat(one, two) {
		raw, err := ev.Encode()
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, Fact{Raw: raw})
	}
	commits := CommitsOf(facts, 97)
	phase := commits[0].First // of the last event of phase 1
	for _, c := range commits {
		for i := range c.Facts {
			if c.Facts[i].Raw.Payload != nil && bytes.Equal(c.Facts[i].Raw.Payload, facts[len(one)-1].Raw.Payload) {
				phase = c.First + int64(i)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := newDesk(t)
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	store, err := d.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	log := NewLog()
	paces := make([]Pace, len(commits))
	for i := range paces {
		paces[i] = Pace{Wait: i%3 == 0, Stop: i%5 == 4, Late: i%2 == 0}
	}
	if err := Drive(ctx, log, all, commits, paces, nil, store); err != nil {
		t.Fatal(err)
	}
	incremental, err := Dump(ctx, store, all...)
	if err != nil {
		t.Fatal(err)
	}
	if err := Replay(ctx, log, all, store); err != nil {
		t.Fatal(err)
	}
	replayed, err := Dump(ctx, store, all...)
	if err != nil {
		t.Fatal(err)
	}
	if difference := Difference(replayed, incremental); difference != "" {
		t.Fatalf("a replay: %s", difference)
	}

	then, err := d.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := projections.Build(ctx, log, then, all, func(_ projections.Position, t int64) bool { return t <= phase }); err != nil {
		t.Fatal(err)
	}
	const home = "https://hospital.example/competencies/"
	listed := []string{home + "active-listening", home + "empathy", home + "clear-communication", home + "conflict-resolution",
		home + "cultural-sensitivity"}
	var persons []string
	for i := range 24 {
		persons = append(persons, fmt.Sprintf("p%02d", i+1))
	}
	ask := func(m moment, of *readers, in int) string {
		a, err := of.ask(ctx, d.stores[in], m, persons, listed)
		if err != nil {
			t.Fatal(err)
		}
		return text(a)
	}
	r := &readers{}
	for _, at := range []int64{phase, phase - 60*86400e6, phase + 90*86400e6} {
		m := moment{at, phase}
		if difference := Difference(ask(m, r, 0), ask(m, &readers{}, 1)); difference != "" {
			t.Fatalf("%s: %s", m, difference)
		}
	}
	if end := commits[len(commits)-1].First + 97; ask(moment{end, phase}, r, 0) == ask(moment{end, end}, r, 0) {
		t.Fatal("the second phase of the vectors changes nothing")
	}
}
