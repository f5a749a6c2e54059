package definition

import (
	"cmp"
	"maps"
	"slices"

	"github.com/bedside-lrs/bedside/schemas"
)

// Set holds the definitions in force.
type Set map[Ref]Definition

// NewSet makes a Set; of two with the same kind and id the last is in it.
func NewSet(definitions ...Definition) Set { return Set{}.With(definitions...) }

// With gives a Set that has these definitions as well, in place of those with the same kind and id.
func (s Set) With(definitions ...Definition) Set {
	next := make(Set, len(s)+len(definitions))
	maps.Copy(next, s)
	for _, d := range definitions {
		next[RefTo(d)] = d
	}
	return next
}

// All gives the definitions of a type, such as [*KPI], by id.
func All[T Definition](s Set) []T {
	var all []T
	for _, d := range s {
		if t, ok := d.(T); ok {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(a.ID(), b.ID()) })
	return all
}

// Find gives the definition of a type, such as [*KPI], with an id.
func Find[T Definition](s Set, id string) (found T, ok bool) {
	for _, kind := range schemas.Kinds() {
		if found, ok = s[Ref{kind, id}].(T); ok {
			return found, true
		}
	}
	return found, false
}
