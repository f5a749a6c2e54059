package demo

import (
	"cmp"
	"iter"
	"slices"
)

// Statements gives all that happened, in the order of (timestamp, id). It may be ranged over again, and gives the same.
func (h *Hospital) Statements() iter.Seq[Statement] {
	return func(yield func(Statement) bool) {
		for m := range h.cfg.Months {
			for _, s := range h.happened(m) {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// happened gives what did in a month.
func (h *Hospital) happened(m int) (all []Statement) {
	for _, w := range wards() {
		all = append(all, h.patients(w, m)...)
		all = append(all, h.speak(w, m)...)
	}
	for _, u := range units() {
		all = append(all, h.staff(u, m)...)
	}
	for _, p := range h.people {
		all = append(all, h.work(p, m)...)
		all = append(all, h.learning(p, m)...)
	}
	slices.SortFunc(all, func(a, b Statement) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.ID, b.ID))
	})
	return all
}
