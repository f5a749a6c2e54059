package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/cmd/lrs/demo"
	"github.com/bedside-lrs/bedside/lrs/xapi"
	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/people"
)

func demoHospital(t *testing.T, scale float64, months int) *demo.Hospital {
	t.Helper()
	cfg := demo.Default(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	cfg.Scale, cfg.Months = scale, months
	h, err := demo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestDemoDefinitions has each accepted, all together, alone and beside what the README has registered before.
func TestDemoDefinitions(t *testing.T) {
	for _, months := range []int{12, 18, 60} {
		var all []definition.Definition
		kinds := map[string]int{}
		for _, body := range demoHospital(t, 0.1, months).Definitions() {
			d, err := definition.Parse(body)
			if err != nil {
				t.Fatalf("%v\n%s", err, body)
			}
			all = append(all, d)
			kinds[d.Kind()]++
		}
		shipped := definition.NewSet()
		for _, f := range shippedDefinitions(t) {
			shipped = shipped.With(f.Definition)
		}
		for _, inForce := range []definition.Set{nil, shipped} {
			if faults := definition.CheckAll(inForce, all); len(faults) > 0 {
				t.Errorf("%d months, beside %d: %v", months, len(inForce), faults)
			}
			for _, c := range definition.Plan(inForce, all) {
				if c.Action == definition.Changed {
					t.Errorf("%s is other than shipped:\n%s", c.Definition.ID(), c.Diff)
				}
			}
		}
		if kinds[definition.KindProgramme] != 2 || kinds[definition.KindEvaluation] != 1 || kinds[definition.KindSurvey] != 3 {
			t.Errorf("there are %v", kinds)
		}
	}
}

func shippedDefinitions(t *testing.T) []definition.File {
	t.Helper()
	files, err := readDefinitions(builtinPrefix + "patient-service")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestDemoPeople has both files accepted by a hospital that is empty, and each assignment in a unit.
func TestDemoPeople(t *testing.T) {
	h := demoHospital(t, 1, 18)
	units, err := people.ParseUnits(bytes.NewReader(h.UnitsCSV()))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := people.ParsePeople(bytes.NewReader(h.PeopleCSV()))
	if err != nil {
		t.Fatal(err)
	}
	known, persons := map[string]bool{"": true}, map[string]bool{}
	for _, u := range units {
		if !known[u.Parent] {
			t.Errorf("the unit %s comes before its parent %s", u.ID, u.Parent)
		}
		known[u.ID] = true
	}
	owner := map[string]string{}
	for _, r := range rows {
		persons[r.Person.ID] = true
		if !known[r.Assignment.Unit] {
			t.Errorf("there is no unit %s", r.Assignment.Unit)
		}
		for _, i := range r.Identities {
			if key := people.Key(i); owner[key] != "" && owner[key] != r.Person.ID {
				t.Errorf("%s belongs to %s and %s", key, owner[key], r.Person.ID)
			} else {
				owner[key] = r.Person.ID
			}
		}
	}
	if len(units) != 12 || len(persons) != 600 {
		t.Errorf("%d units and %d people", len(units), len(persons))
	}
}

// TestDemoStatements has each accepted in both versions of xAPI.
func TestDemoStatements(t *testing.T) {
	for s := range demoHospital(t, 0.1, 18).Statements() {
		for _, v := range []xapi.Version{xapi.V1, xapi.V2} {
			if _, err := xapi.ParseStatement(s.JSON(), v); err != nil {
				t.Fatalf("%v\n%s", err, s.JSON())
			}
		}
	}
}
