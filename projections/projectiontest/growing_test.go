package projectiontest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/projections"
	. "github.com/bedside-lrs/bedside/projections/projectiontest"
)

// TestGrowing: readers that keep what they have read answer, while the log grows, as
// readers do that have read nothing yet, about now and about the past, whomever they were
// asked about before.
func TestGrowing(t *testing.T) {
	d := newDesk(t)
	check(t, 40, func(rt *rapid.T) (err error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		defer func() { err = errors.Join(err, d.close()) }()
		h := Histories(60).Draw(rt, "history")
		store, err := d.open(ctx)
		if err != nil {
			return err
		}
		log := NewLog()
		runtime := projections.Start(projections.Config{Log: log, Store: store, Projections: all, Logger: slog.New(slog.DiscardHandler)})
		defer runtime.Close()
		kept := &readers{}
		for n := 0; n < len(h.Commits); {
			for range rapid.IntRange(1, 4).Draw(rt, "commits") {
				if n < len(h.Commits) {
					if _, err := log.Append(ctx, h.Commits[n].First, h.Commits[n].Encoded()...); err != nil {
						return err
					}
					n++
				}
			}
			if err := runtime.Wait(ctx, log.Revision()); err != nil {
				return err
			}
			known := History{Commits: h.Commits[:n]}
			if len(known.Facts()) == 0 {
				continue
			}
			asked := moments(rt, known, 1)
			who := slices.DeleteFunc(slices.Clone(People), func(string) bool { return rapid.Bool().Draw(rt, "left out") })
			for _, m := range asked {
				got, err := kept.askFor(ctx, store, m, who, Competencies, false)
				if err != nil {
					return err
				}
				want, err := (&readers{}).askFor(ctx, store, m, who, Competencies, false)
				if err != nil {
					return err
				}
				if difference := Difference(text(got), text(want)); difference != "" {
					return fmt.Errorf("after commit %d, %s: %s", n, m, difference)
				}
			}
			if rapid.IntRange(1, 10).Draw(rt, "replay") == 10 {
				if _, err := runtime.Replay(ctx, "competency"); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
