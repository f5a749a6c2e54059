package natsblob

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// Fault stands between a store and its publishes, which send does.
type Fault func(ctx context.Context, m *nats.Msg, send func(context.Context, *nats.Msg) error) error

// Break makes the store's publishes go through a fault.
func (s *Store) Break(f Fault) {
	s.publish = func(ctx context.Context, m *nats.Msg) error { return f(ctx, m, s.send) }
}

// Heal takes the fault away.
func (s *Store) Heal() { s.publish = s.send }

// SetNow sets the store's clock.
func (s *Store) SetNow(now func() time.Time) { s.now = now }

// LeftoverAge is how old chunks must be that Sweep removes.
const LeftoverAge = leftoverAge

// SetRequestTimeout sets what bounds each request.
func (s *Store) SetRequestTimeout(d time.Duration) { s.cfg.RequestTimeout = d }
