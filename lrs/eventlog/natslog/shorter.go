package natslog

import (
	"sync"
	"time"
)

// shorter is since when a stream with replicas says that it ends before what was stored. That is no loss by itself: a
// leader that was stopped for a while, as by SIGSTOP, answers as leader until it hears of its successor, and one that is new
// may have to catch up. Either is over within Config.Patience, and a log that has lost its end never is.
type shorter struct {
	mu    sync.Mutex
	since time.Time // under mu; zero: it does not
}

// lasts notes that the stream says so, and tells whether it has for so long.
func (s *shorter) lasts(patience time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = time.Now()
	}
	return time.Since(s.since) >= patience
}

// over notes that the stream has what was stored.
func (s *shorter) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Time{}
}
