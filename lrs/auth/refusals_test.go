package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestRefusals: a burst is refused at once, later ones at their pace, none later than maxPause, and the right secret
// never waits.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, right := generated("k")
		r := registry(t, c)
		guess := func(ctx context.Context) time.Duration {
			start := time.Now()
			if _, err := r.Authenticate(ctx, "k", "wrong", start); !errors.Is(err, ErrUnauthorized) {
				t.Errorf("a guess: %v", err)
			}
			return time.Since(start)
		}
		for range refusalBurst {
			if took := guess(t.Context()); took != 0 {
				t.Fatalf("a refusal of the burst took %v", took)
			}
		}
		for range 3 {
			if took := guess(t.Context()); took != time.Second/refusalRate {
				t.Errorf("a refusal after the burst took %v", took)
			}
		}
		var flood sync.WaitGroup
		start := time.Now()
		for range 10 * refusalRate {
			flood.Go(func() {
				if took := guess(t.Context()); took > maxPause {
					t.Errorf("a refusal took %v", took)
				}
			})
		}
		synctest.Wait() // all of them wait
		if _, err := r.Authenticate(t.Context(), "k", right, time.Now()); err != nil || time.Since(start) != 0 {
			t.Errorf("the right secret: %v after %v", err, time.Since(start))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if took := guess(gone); took != 0 {
			t.Errorf("a client that has gone is kept for %v", took)
		}
		flood.Wait()
		if took := time.Since(start); took != maxPause {
			t.Errorf("the flood was refused within %v, want %v", took, maxPause)
		}
	})
}
