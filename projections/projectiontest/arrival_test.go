package projectiontest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/competency"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
)

// TestArrival: statements that say when they happened, and voidings, may arrive in any
// order, among whatever else: when all are there, the answers are the same.
func TestArrival(t *testing.T) {
	d := newDesk(t)
	check(t, 6, func(rt *rapid.T) (err error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		defer func() { err = errors.Join(err, d.close()) }()
		h := Histories(60).Draw(rt, "history")
		var late, inOrder []Fact
		for _, f := range h.Facts() {
			switch {
			case f.Damaged != "":
			case f.Statement == nil:
				inOrder = append(inOrder, *f)
			default:
				if s := *f.Statement; s.Timestamp == 0 { // it happens when it is stored: not in this test
					s.Timestamp = Begin.UnixMicro()
					f.Statement = &s
				}
				late = append(late, *f)
			}
		}
		end := Begin.AddDate(1, 0, 0).UnixMicro()
		at := Begin.UnixMicro() + rapid.Int64Range(-100*86400e6, 400*86400e6).Draw(rt, "at")
		var first string
		for range 3 {
			arrived := interleave(rt, rapid.Permutation(late).Draw(rt, "arrival"), inOrder)
			log := NewLog()
			for i, c := range CommitsOf(arrived, rapid.IntRange(1, 9).Draw(rt, "events a commit")) {
				if _, err := log.Append(ctx, c.First, c.Encoded()...); err != nil {
					return fmt.Errorf("commit %d: %w", i, err)
				}
			}
			store, err := d.open(ctx)
			if err != nil {
				return err
			}
			if err := projections.Build(ctx, log, store, all, nil); err != nil {
				return err
			}
			a, err := (&readers{}).ask(ctx, store, moment{at, end}, People, Competencies)
			if err != nil {
				return err
			}
			got := text(a.withoutArrival())
			if first == "" {
				first = got
			}
			if difference := Difference(got, first); difference != "" {
				return fmt.Errorf("in another order: %s", difference)
			}
		}
		return nil
	})
}

// interleave draws a list that has both in their orders.
func interleave(rt *rapid.T, a, b []Fact) (all []Fact) {
	for len(a)+len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && rapid.Bool().Draw(rt, "late one") {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return all
}

// withoutArrival leaves out what tells when statements came.
func (a *answers) withoutArrival() *answers {
	b := *a
	b.Position = projections.Position{}
	b.Unmapped = map[string]*competency.Unmapped{}
	for who, u := range a.Unmapped {
		v := *u
		v.Actors = slices.Clone(u.Actors)
		for i := range v.Actors {
			v.Actors[i].First, v.Actors[i].Last, v.Actors[i].Name, v.Actors[i].Identity = 0, 0, "", "" // the first one's
		}
		b.Unmapped[who] = &v
	}
	return &b
}
