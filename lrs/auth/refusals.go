package auth

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// Refusals beyond refusalBurst at once and refusalRate a second wait before they are given.
const (
	refusalRate  = 50
	refusalBurst = 200
	maxPause     = 2 * time.Second
)

// refusals slows down who guesses secrets, so that it takes no processor from others: behind a proxy all clients have
// one address, so all refusals share one pace. Whoever has the right secret never waits. A pause ends at maxPause, so
// that a client with a wrong secret learns of it before it gives up, whatever others do.
type refusals struct {
	pace *rate.Limiter
}

func newRefusals() *refusals {
	return &refusals{pace: rate.NewLimiter(refusalRate, refusalBurst)}
}

// wait returns when a refusal may be given, or ctx is done.
func (r *refusals) wait(ctx context.Context) {
	turn := r.pace.Reserve()
	pause := turn.Delay()
	if pause > maxPause {
		turn.Cancel() // or the next ones would wait for this one too, without end
		pause = maxPause
	}
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
