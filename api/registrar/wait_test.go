package registrar_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/api/registrar"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/projections"
)

// slow is a log whose followers get a commit only so often, by the clock of the bubble.
type slow struct {
	*memlog.Log
	every atomic.Int64 // time.Duration
}

func (l *slow) Subscribe(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return func(yield func(eventlog.Record, error) bool) {
		for r, err := range l.Log.Subscribe(ctx, from) {
			if every := time.Duration(l.every.Load()); every > 0 && err == nil {
				select {
				case <-time.After(every):
				case <-ctx.Done():
					yield(eventlog.Record{}, ctx.Err())
					return
				}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// newSlow is a registrar whose projections follow the log, as slowly as that lets them from now on. Call it in a bubble.
func newSlow(t *testing.T) (*registrar.Registrar, *slow) {
	l := &slow{}
	r := newRegistrarRead(t, func(log *memlog.Log) projections.Log {
		l.Log = log
		return l
	})
	synctest.Wait() // first they are built
	return r, l
}

// free tells whether nobody has the turn, nor is about to get it.
func free(t *testing.T, r *registrar.Registrar) bool {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	done, err := r.Store.Turn(ctx)
	if err == nil {
		done()
	}
	return err == nil
}

// TestWaitsWhileTheyGetOn: a file, and a look at what one would make, wait for projections that get on, for much longer
// than for one step of theirs, and in nobody's turn.
func TestWaitsWhileTheyGetOn(t *testing.T) {
	for name, do := range map[string]func(context.Context, *registrar.Registrar, registrar.Decide) ([]event.Event, error){
		"a file": func(ctx context.Context, r *registrar.Registrar, decide registrar.Decide) ([]event.Event, error) {
			_, stored, err := r.RegisterAll(ctx, decide)
			return stored, err
		},
		"a look": func(ctx context.Context, r *registrar.Registrar, decide registrar.Decide) ([]event.Event, error) {
			return r.Plan(ctx, decide)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const before = 6
				r, log := newSlow(t)
				log.every.Store(int64(r.Wait * 8 / 10))
				for i := range before {
					elsewhere(t, r, someone(i))
				}
				began := time.Now()
				var held atomic.Bool
				look := time.AfterFunc(r.Wait*3, func() { held.Store(!free(t, r)) })
				var f file
				events, err := do(t.Context(), r, f.from(0, before+1, func() {
					if look.Stop() {
						t.Errorf("it was decided after %v", time.Since(began))
					}
				}))
				if err != nil || len(events) != 1 {
					t.Errorf("%v, %v", events, err)
				}
				if held.Load() {
					t.Error("it had the turn while it waited")
				}
			})
		})
	}
}

// TestGivesUpOnTheStuck: projections that come no further are not waited for, and nothing is stored.
func TestGivesUpOnTheStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newSlow(t)
		log.every.Store(int64(1000 * r.Wait))
		elsewhere(t, r, someone(0))
		began := time.Now()
		var f file
		_, stored, err := r.RegisterAll(t.Context(), f.from(0, 2, func() {}))
		var behind *problem.Problem
		if !errors.As(err, &behind) || behind.Status != http.StatusServiceUnavailable || behind.Code != "projection.behind" || len(stored) > 0 {
			t.Errorf("%v, %v", stored, err)
		}
		if took := time.Since(began); took > 3*r.Wait {
			t.Errorf("it took %v", took)
		}
	})
}

// TestWaitsInNobodysTurn: when others came between the parts of a file, it waits for the projections to have them where it
// holds up nobody.
func TestWaitsInNobodysTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := newSlow(t)
		every := r.Wait * 8 / 10
		between := make(chan bool)
		var f file
		_, stored, err := r.RegisterAll(t.Context(), f.from(0, 1000, func() {
			if f.plans > 1 {
				return
			}
			log.every.Store(int64(every))
			go func() {
				_, err := another(r).Register(t.Context(), func(registrar.Present) ([]event.Event, error) {
					return []event.Event{event.PersonRegistered{Person: "other"}}, nil
				})
				if err != nil {
					t.Error(err)
				}
				<-time.After(every / 2)
				between <- free(t, r)
			}()
			synctest.Wait() // for the other to be next
		}))
		if err != nil || len(stored) != 1000 || f.plans != 2 {
			t.Errorf("%d events are stored, planned %d times: %v", len(stored), f.plans, err)
		}
		if !<-between {
			t.Error("it had the turn while it waited for what the other registered")
		}
	})
}
