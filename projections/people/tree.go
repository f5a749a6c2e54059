package people

import (
	"context"
	"maps"
	"sort"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Tree is the tree of units as known at one time: each unit's parent, "" at a top. It never changes. Of two times
// between which no unit was changed the Tree is the same, so that it may be the key of what is made of it.
type Tree struct{ Parents map[string]string }

// trees finds the Trees of all times.
type trees struct {
	times  []int64       // of the events about units
	events []event.Event // that applied, in order
	kept   map[int]*Tree // by number of events
}

// maxTrees bounds the Trees kept.
const maxTrees = 256

// add takes an event that has applied.
func (s *trees) add(t int64, ev event.Event) {
	switch ev.(type) {
	case event.UnitRegistered, event.UnitRemoved:
		s.times, s.events = append(s.times, t), append(s.events, ev)
	}
}

func (s *trees) at(asOf int64) *Tree {
	n := sort.Search(len(s.times), func(i int) bool { return s.times[i] > asOf })
	if tree := s.kept[n]; tree != nil {
		return tree
	}
	if s.kept == nil || len(s.kept) >= maxTrees {
		s.kept = map[int]*Tree{}
	}
	tree := &Tree{Parents: map[string]string{}}
	from := 0
	for m, earlier := range s.kept {
		if m < n && m > from {
			from, tree.Parents = m, earlier.Parents
		}
	}
	tree.Parents = maps.Clone(tree.Parents)
	for _, ev := range s.events[from:n] {
		switch ev := ev.(type) {
		case event.UnitRegistered:
			tree.Parents[ev.Unit] = ev.Parent
		case event.UnitRemoved:
			delete(tree.Parents, ev.Unit)
		}
	}
	s.kept[n] = tree
	return tree
}

// TreeAt gives the tree of units as known at asOf, µs.
func (h *History) TreeAt(asOf int64) *Tree {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.trees.at(asOf)
}

// Trees gives the trees of units as known at several times, µs, as far as the snapshot has them.
func (r *Reader) Trees(ctx context.Context, tx *readmodel.Tx, asOf []int64) ([]*Tree, error) {
	h, through, err := r.load(ctx, tx)
	if err != nil {
		return nil, err
	}
	all := make([]*Tree, len(asOf))
	for i, t := range asOf {
		all[i] = h.TreeAt(min(t, through)) // another snapshot may have been newer
	}
	return all, nil
}
