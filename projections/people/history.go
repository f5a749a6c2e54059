package people

import (
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/bedside-lrs/bedside/lrs/event"
)

// History is people and units with all they ever were. Apply and At may be called from any goroutine.
type History struct {
	mu     sync.Mutex
	events []event.Event // mu; those that applied, in order; only ever appended to
	times  []int64       // mu; of each
	newest *State        // mu; after all events
	shared bool          // mu; newest was handed out and must not change any more
	past   []*pastState  // mu; the last asked for first, at most maxPast
	trees  trees         // mu
}

// pastState is the State after the first n events.
type pastState struct {
	n     int
	state func() *State
}

// maxPast bounds the past States kept ready. A past one costs a replay of the events before it; a report asks for a few
// dates again and again.
const maxPast = 8

// NewHistory makes the history in which nothing has happened.
func NewHistory() *History { return &History{newest: newState()} }

// Apply takes in the next event of the log. t is its time, in microseconds since 1970. ev is valid as event.Decode
// leaves it; one that is not about people and units is passed over. An event that makes no sense after those before it,
// or is older than the last, changes nothing; the error wraps event.ErrInvalid and, in the former case, a *Refusal.
func (h *History) Apply(t int64, ev event.Event) error {
	if !concerns(ev) {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.times); n > 0 && t < h.times[n-1] {
		return inapplicable(ev, fmt.Errorf("its time %d is before that of the event before it, %d", t, h.times[n-1]))
	}
	if h.shared {
		h.newest, h.shared = h.newest.thaw(), false
	}
	if err := h.newest.apply(ev); err != nil {
		return inapplicable(ev, err)
	}
	h.events, h.times = append(h.events, ev), append(h.times, t)
	h.trees.add(t, ev)
	return nil
}

// concerns tells whether an event is about people and units.
func concerns(ev event.Event) bool {
	switch ev.(type) {
	case event.UnitRegistered, event.UnitRemoved, event.PersonRegistered, event.PersonRemoved, event.AssignmentMade,
		event.AssignmentRemoved, event.IdentityLinked, event.IdentityUnlinked,
		event.PersonAttributesSet, event.UnitAttributesSet:
		return true
	}
	return false
}

func inapplicable(ev event.Event, err error) error {
	return fmt.Errorf("people: %T: %w: %w", ev, event.ErrInvalid, err)
}

// At gives the State as known at asOf, in microseconds since 1970: after all events with t ≤ asOf.
func (h *History) At(asOf int64) *State {
	h.mu.Lock()
	n := sort.Search(len(h.times), func(i int) bool { return h.times[i] > asOf })
	if n == len(h.times) {
		defer h.mu.Unlock()
		h.shared = true
		return h.newest
	}
	p := h.pastLocked(n)
	h.mu.Unlock()
	return p.state() // outside the lock: a replay must not hold up those who ask for the newest
}

// pastLocked finds or makes the past State after n events and puts it first.
func (h *History) pastLocked(n int) *pastState {
	i := slices.IndexFunc(h.past, func(p *pastState) bool { return p.n == n })
	if i < 0 {
		events := h.events[:n:n]
		i = len(h.past)
		h.past = append(h.past, &pastState{n, sync.OnceValue(func() *State { return replay(events) })})
	}
	p := h.past[i]
	copy(h.past[1:], h.past[:i])
	h.past[0] = p
	h.past = h.past[:min(len(h.past), maxPast)]
	return p
}

// replay builds the State after events that applied once.
func replay(events []event.Event) *State {
	s := newState()
	for _, ev := range events {
		if err := s.apply(ev); err != nil {
			panic(inapplicable(ev, err)) // apply is a function of the events before: this cannot be
		}
	}
	return s
}
