package esdbtest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Event is an event as it is stored.
type Event struct {
	ID       [16]byte
	Revision uint64
	Position uint64 // in $all: grows, but not by one
	Created  time.Time
	System   map[string]string // type, content-type, created
	Custom   []byte
	Data     []byte
}

// Store is what one server or a cluster holds. It outlives their restarts.
type Store struct {
	mu       sync.Mutex
	streams  map[string]*stream // under mu
	position uint64             // under mu
	changed  chan struct{}      // under mu: closed and replaced at each change
	members  Cluster            // under mu
}

// stream is a stream's events in order. Some may be gone: revisions are theirs.
type stream struct {
	events     []*Event
	next       uint64 // the revision of the next event
	tombstoned bool
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{streams: map[string]*stream{}, changed: make(chan struct{})}
}

func (s *Store) setMembers(c Cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members = c
}

func (s *Store) memberList() Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members
}

// wake makes subscriptions look again.
func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakeLocked()
}

func (s *Store) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// expectation is which revision a stream must have.
type expectation struct {
	kind     expected
	revision uint64 // if kind is exactly
}

type expected int

const (
	anything expected = iota
	noStream
	streamExists
	exactly
)

// wrongVersion: the stream is not as expected; it has next events.
type wrongVersion struct{ next uint64 }

func (w wrongVersion) Error() string { return fmt.Sprintf("wrong expected version: %d events", w.next) }

// append stores events after what is expected. It returns the revision of the last
// one and its position. An append of the ids that are there already, where they are
// expected, is the one that put them there: it gives the same result again.
func (s *Store) append(name string, want expectation, events []*Event) (revision, position uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[name]
	if st == nil {
		st = &stream{}
	}
	if st.tombstoned {
		return 0, 0, StreamDeleted(name)
	}
	first := st.next
	switch {
	case want.kind == noStream:
		first = 0
		if s.hiddenLocked(name) {
			first = st.next // deleted, but not for good: it goes on where it was
		}
	case want.kind == exactly:
		first = want.revision + 1
	case want.kind == streamExists && st.next == 0:
		return 0, 0, wrongVersion{st.next}
	default:
		if len(events) > 0 {
			if i := slices.IndexFunc(st.events, func(e *Event) bool { return e.ID == events[0].ID }); i >= 0 {
				first = st.events[i].Revision
			}
		}
	}
	if len(events) == 0 {
		return st.next - 1, s.position, nil // of nothing, a server says that it is done
	}
	if first < st.next {
		for i, e := range events {
			is := st.at(first + uint64(i))
			if is == nil || is.ID != e.ID {
				return 0, 0, wrongVersion{st.next}
			}
			revision, position = is.Revision, is.Position
		}
		return revision, position, nil
	}
	if first != st.next {
		return 0, 0, wrongVersion{st.next}
	}
	if s.hiddenLocked(name) {
		s.setMetadataLocked(name, fmt.Sprintf(`{"$tb":%d}`, st.next)) // what was deleted stays so
	}
	s.streams[name] = st
	for _, e := range events {
		s.addLocked(st, e)
	}
	return st.next - 1, s.position, nil
}

// at is the event with the revision, nil if there is none.
func (st *stream) at(revision uint64) *Event {
	i, found := slices.BinarySearchFunc(st.events, revision, func(e *Event, r uint64) int {
		switch {
		case e.Revision < r:
			return -1
		case e.Revision > r:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return st.events[i]
}

// settings are what a stream's metadata hides.
type settings struct {
	MaxCount       uint64 `json:"$maxCount"`
	MaxAge         uint64 `json:"$maxAge"` // seconds
	TruncateBefore uint64 `json:"$tb"`
}

func (s *Store) settingsLocked(name string) (set settings) {
	if meta := s.streams["$$"+name]; meta != nil && len(meta.events) > 0 {
		_ = json.Unmarshal(meta.events[len(meta.events)-1].Data, &set)
	}
	return set
}

// hiddenLocked tells whether the stream was deleted, so that it can be written again.
func (s *Store) hiddenLocked(name string) bool {
	st := s.streams[name]
	return st != nil && st.next > 0 && s.settingsLocked(name).TruncateBefore >= st.next
}

// read gives the events that a reader may see, and what is closed when there is
// more. exists is false for a stream that a reader does not find.
func (s *Store) read(name string) (events []*Event, exists bool, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[name]
	switch {
	case st != nil && st.tombstoned:
		return nil, true, s.changed, StreamDeleted(name)
	case st == nil || st.next == 0 || s.hiddenLocked(name):
		return nil, false, s.changed, nil
	}
	return s.visibleLocked(name, st), true, s.changed, nil
}

func (s *Store) visibleLocked(name string, st *stream) (visible []*Event) {
	set := s.settingsLocked(name)
	for _, e := range st.events {
		switch {
		case e.Revision < set.TruncateBefore:
		case set.MaxCount > 0 && e.Revision+set.MaxCount < st.next:
		case set.MaxAge > 0 && time.Since(e.Created) > time.Duration(set.MaxAge)*time.Second:
		default:
			visible = append(visible, e)
		}
	}
	return visible
}

// Events are a stream's events, also those that are hidden.
func (s *Store) Events(name string) []*Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[name]; st != nil {
		return slices.Clone(st.events)
	}
	return nil
}

// SetMetadata sets a stream's metadata, a JSON object.
func (s *Store) SetMetadata(name, metadata string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setMetadataLocked(name, metadata)
}

func (s *Store) setMetadataLocked(name, metadata string) {
	st := s.streams["$$"+name]
	if st == nil {
		st = &stream{}
		s.streams["$$"+name] = st
	}
	s.addLocked(st, &Event{
		ID:     uuid.New(),
		System: map[string]string{"type": "$metadata", "content-type": "application/json"},
		Data:   []byte(metadata),
	})
}

// addLocked adds an event to a stream's end.
func (s *Store) addLocked(st *stream, e *Event) {
	s.position += 100 + uint64(len(e.Data))
	e.Revision, e.Position, e.Created = st.next, s.position, time.Now()
	st.next++
	st.events = append(st.events, e)
	s.wakeLocked()
}

// Delete hides a stream's events; it can be written again, and goes on from there.
func (s *Store) Delete(name string) {
	s.SetMetadata(name, fmt.Sprintf(`{"$tb":%d}`, uint64(math.MaxInt64)))
}

// Tombstone deletes a stream for good.
func (s *Store) Tombstone(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[name] == nil {
		s.streams[name] = &stream{}
	}
	st := s.streams[name]
	st.tombstoned, st.next = true, max(st.next, 1)
	s.wakeLocked()
}

// Scavenge removes what a stream's metadata hides, and then the metadata.
func (s *Store) Scavenge(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[name]; st != nil {
		st.events = s.visibleLocked(name, st)
	}
	delete(s.streams, "$$"+name)
}

// Lose removes events, as no server should: those with revisions from first, n of
// them. If they are the last ones their revisions are free again.
func (s *Store) Lose(name string, first, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[name]
	if first+n >= st.next {
		st.next = first
	}
	st.events = slices.DeleteFunc(st.events, func(e *Event) bool { return e.Revision >= first && e.Revision < first+n })
}
