package lrs

import (
	"context"
	"sync"
)

// oneAtATime has those who want the same take turns, in the order they came.
type oneAtATime[K comparable] struct {
	mu     sync.Mutex
	queues map[K]*queueFor // under mu; of what somebody has or waits for
}

type queueFor struct {
	taken chan struct{} // holds one while somebody has the turn
	users int           // who have it or wait; under mu
}

// turn waits for the turn at something, and done gives it up. The error is ctx's cause.
func (o *oneAtATime[K]) turn(ctx context.Context, key K) (done func(), err error) {
	o.mu.Lock()
	q := o.queues[key]
	if q == nil {
		q = &queueFor{taken: make(chan struct{}, 1)}
		if o.queues == nil {
			o.queues = make(map[K]*queueFor)
		}
		o.queues[key] = q
	}
	q.users++
	o.mu.Unlock()
	leave := func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if q.users--; q.users == 0 {
			delete(o.queues, key)
		}
	}
	select {
	case q.taken <- struct{}{}:
		return func() { <-q.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}
