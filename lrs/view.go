package lrs

import (
	"time"

	"github.com/bedside-lrs/bedside/lrs/index"
)

// View is a consistent snapshot to read from. Close it.
type View struct {
	*index.View

	// ConsistentThrough is the watermark of this snapshot (xAPI 1.0.3,
	// Communication 2.1.3, X-Experience-API-Consistent-Through): it shows every
	// statement with `stored` up to it, in a list with `since` or `ascending` none
	// after it, and no statement with `stored` up to it can appear later. So a poller
	// that takes it as its next `since` misses nothing and sees nothing twice.
	ConsistentThrough time.Time
}

// View returns the state behind everything that was acknowledged before.
func (s *Store) View() (*View, error) {
	if err := s.failure(); err != nil {
		return nil, err
	}
	// The watermark first: all that it promises is then in the snapshot. What
	// was committed between the two makes the snapshot later, not incomplete,
	// because the log's times only grow.
	w := s.watermark()
	v := s.indexView()
	w = max(w, v.Position().LastStored)
	return &View{View: v, ConsistentThrough: time.UnixMicro(complete(w, v.Position())).UTC()}, nil
}

// indexView is a View of the index that is live, which a Rebuild may be about to
// replace: the old one stays open until its Views are closed.
func (s *Store) indexView() *index.View {
	s.swapping.RLock()
	defer s.swapping.RUnlock()
	return s.Index().View()
}

// complete is up to when lists show everything, if the log is known up to w: before the first statement that is not found
// yet by all that its target is found by.
func complete(w int64, p index.Position) int64 {
	if p.Late > 0 {
		return min(w, p.LateStored-1)
	}
	return w
}

// ConsistentThrough is the watermark of a View taken now, without taking one.
func (s *Store) ConsistentThrough() time.Time {
	w := s.watermark() // first, as in View
	return time.UnixMicro(complete(w, s.Position())).UTC()
}

// LogThrough is the log's watermark: no event with a time up to it can appear any more. Of lists of statements it says
// nothing.
func (s *Store) LogThrough() time.Time { return time.UnixMicro(s.watermark()).UTC() }

// Position is how much of the log this node has applied.
func (s *Store) Position() index.Position { return s.Index().Position() }
