package measure

import (
	"cmp"
	"maps"
	"slices"
)

// Tree is the units of a hospital, ready to say for many periods which numbers of units are not published. It is never
// changed, and may be used by many goroutines.
type Tree struct {
	units []treeUnit // parents before children
}

type treeUnit struct {
	id       string
	children []int // places in Tree.units
}

// NewTree takes each unit's parent, "" for none. A parent that is not among the units is none. Units in a circle, which
// registration refuses, have no place in the tree and are never published.
func NewTree(parents map[string]string) *Tree {
	below := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(parents)) {
		parent := parents[id]
		if _, ok := parents[parent]; !ok {
			parent = ""
		}
		if id == "" {
			continue // the place above all units
		}
		below[parent] = append(below[parent], id)
	}
	t := &Tree{}
	add := func(id string) { t.units = append(t.units, treeUnit{id: id}) }
	for _, id := range below[""] {
		add(id)
	}
	for i := 0; i < len(t.units); i++ {
		for _, id := range below[t.units[i].id] {
			t.units[i].children = append(t.units[i].children, len(t.units))
			add(id)
		}
	}
	return t
}

// Published tells which units' numbers may be shown in a period, so that no hidden number of fewer than minN can be had
// by subtraction (DOMAIN.md, "Small numbers"). Hidden are all with n < minN; then, from the top down, for every published
// unit, while its n minus the n of the nearest published units below it is at least 1 and less than minN, the one of
// these with the smallest n, of equals the one with the smallest id.
//
// n is that of each unit's subtree; units that it lacks have 0. minN ≤ 0 hides nothing. What is not in the answer is not
// to be shown.
func (t *Tree) Published(n map[string]int, minN int) map[string]bool {
	p := period{tree: t, n: make([]int, len(t.units)), hidden: make([]bool, len(t.units))}
	for i, u := range t.units {
		p.n[i] = n[u.id]
		p.hidden[i] = p.n[i] < minN
	}
	// A unit that was looked at stays published, as only what is above it can hide it. So what is hidden further down
	// changes nothing for those above, and after one pass the rule applies to no unit.
	published := map[string]bool{}
	for i, u := range t.units {
		if !p.hidden[i] {
			p.protect(i, minN)
			published[u.id] = true
		}
	}
	return published
}

// period has the numbers of one, by place in the tree's units.
type period struct {
	tree   *Tree
	n      []int
	hidden []bool
}

// protect hides units below i until what i has beyond them is nothing, or enough.
func (p *period) protect(i, minN int) {
	nearest := p.nearest(i, nil)
	rest := p.n[i]
	for _, j := range nearest {
		rest -= p.n[j]
	}
	for rest >= 1 && rest < minN && len(nearest) > 0 {
		least := slices.MinFunc(nearest, p.compare)
		p.hidden[least] = true
		nearest = slices.DeleteFunc(nearest, func(j int) bool { return j == least })
		rest += p.n[least]
		known := len(nearest)
		nearest = p.nearest(least, nearest)
		for _, j := range nearest[known:] {
			rest -= p.n[j]
		}
	}
}

// nearest adds the published units below i that have no other between.
func (p *period) nearest(i int, to []int) []int {
	for _, child := range p.tree.units[i].children {
		if p.hidden[child] {
			to = p.nearest(child, to)
		} else {
			to = append(to, child)
		}
	}
	return to
}

func (p *period) compare(i, j int) int {
	return cmp.Or(cmp.Compare(p.n[i], p.n[j]), cmp.Compare(p.tree.units[i].id, p.tree.units[j].id))
}
