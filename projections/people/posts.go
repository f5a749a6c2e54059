package people

import "iter"

// InUnit yields the assignments of all times in a unit or below it, in no order.
func (s *State) InUnit(unit string) iter.Seq[Assignment] {
	return func(yield func(Assignment) bool) {
		for id := range s.Subtree(unit) {
			for _, a := range s.assigned()[id] {
				if !yield(a) {
					return
				}
			}
		}
	}
}
