package projections

import (
	"maps"
	"slices"
)

// Keys are those that a Writer has to tell of when it is asked for Changed.
type Keys map[string]bool

// Take gives the keys, sorted, and leaves none.
func (k Keys) Take() []string {
	all := slices.Sorted(maps.Keys(k))
	clear(k)
	return all
}
