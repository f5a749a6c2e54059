package lrs

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// TestWaiters: whoever waits is woken when the number has come there, not before, and once.
func TestWaiters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all waiters
		var waiting []*waiter // in a slice: the model
		woken := func(w *waiter) bool {
			select {
			case <-w.woken:
				return true
			default:
				return false
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				waiting = append(waiting, all.add(rapid.Uint64Range(0, 20).Draw(t, "until")))
			},
			"remove": func(t *rapid.T) {
				if len(waiting) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(waiting)-1).Draw(t, "which")
				all.remove(waiting[i])
				all.remove(waiting[i])
				waiting = slices.Delete(waiting, i, i+1)
			},
			"reached": func(t *rapid.T) {
				number := rapid.OneOf(rapid.Uint64Range(0, 20), rapid.Just[uint64](math.MaxUint64)).Draw(t, "number")
				all.reached(number)
				waiting = slices.DeleteFunc(waiting, func(w *waiter) bool {
					if woken(w) != (w.until <= number) {
						t.Fatalf("at %d who waits until %d is woken: %v", number, w.until, woken(w))
					}
					return woken(w)
				})
			},
			"": func(t *rapid.T) {
				if len(all) != len(waiting) {
					t.Fatalf("%d wait, should be %d", len(all), len(waiting))
				}
			},
		})
	})
}

// TestAwaitFar: who waits for what is far away is not woken by each commit, and is told when it will not come.
func TestAwaitFar(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	var looks atomic.Int64
	var waiting sync.WaitGroup
	const crowd, commits = 50, 20
	for range crowd {
		waiting.Go(func() {
			if err := b.awaitNumber(ctx, &b.revisions, 1<<40, func() bool { looks.Add(1); return false }); !errors.Is(err, gone) {
				t.Error(err)
			}
		})
	}
	for looks.Load() < 2*crowd { // before it waits, and when it is known to
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
	}
	for range commits {
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
	}
	if n := looks.Load(); n != 2*crowd {
		t.Errorf("%d looks of %d who wait, at %d commits", n, crowd, commits)
	}
	cancel(gone)
	waiting.Wait()
	b.headMu.Lock()
	left := len(b.revisions)
	b.headMu.Unlock()
	if left > 0 {
		t.Errorf("%d still wait", left)
	}
}
