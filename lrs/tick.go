package lrs

import (
	"context"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// staleAfter is how old the watermark of a shared log may be when somebody reads it.
const staleAfter = time.Second

// watermark is the clock's. If it has become old, which on a shared log only a commit can change, one is made for those
// who read next.
func (s *Store) watermark() int64 {
	w := s.clock.watermark()
	if s.cfg.Shared && s.stale(w) && s.ticking.CompareAndSwap(false, true) {
		s.background(func() {
			defer s.ticking.Store(false)
			ctx, cancel := context.WithTimeout(context.Background(), tickTimeout)
			defer cancel()
			if err := s.tick(ctx); err != nil {
				s.cfg.Logger.Debug("the watermark stands still", "error", err)
			}
		})
	}
	return w
}

// background runs do, unless the store is being closed. Close waits for it.
func (s *Store) background(do func()) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if !s.closed {
		s.wg.Go(do)
	}
}

// tickTimeout bounds how long a Tick is waited for.
const tickTimeout = 5 * time.Second

func (s *Store) stale(w int64) bool { return s.clock.now().UnixMicro()-w > staleAfter.Microseconds() }

// tick appends a Tick, unless somebody has appended anything meanwhile.
func (s *Store) tick(ctx context.Context) error {
	_, err := s.submit(ctx, 64, func(tx *transaction) (decision, error) {
		if len(tx.events) > 0 || !s.stale(tx.view.Position().LastStored) {
			return decision{}, nil
		}
		return decide(event.Tick{}, nil)
	})
	return err
}
