package eventlog

import (
	"sync"
	"time"
)

// Shorter is since when a stream on several servers says that it ends before what was stored. That is no loss by itself: a
// leader that is new may have to catch up, and one that was stopped for a while answers as leader until it hears of its
// successor. Either is soon over, and a log that has lost its end never is. Only the latter is ErrLogDamaged: who is told so
// stops serving for good.
//
// The zero value is a stream that does not say so. The methods may be called concurrently.
type Shorter struct {
	mu    sync.Mutex
	since time.Time // under mu: the first time in a row
	last  time.Time // under mu: the last time; zero: it does not say so
}

// Lasts notes that the stream says so, and tells whether it has for as long as patience. It begins anew when it was not asked
// for half of that: nobody knows what it would have said.
func (s *Shorter) Lasts(patience time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.last.IsZero() || now.Sub(s.last) > patience/2 {
		s.since = now
	}
	s.last = now
	return now.Sub(s.since) >= patience
}

// Over notes that the stream has what was stored.
func (s *Shorter) Over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Time{}
}
