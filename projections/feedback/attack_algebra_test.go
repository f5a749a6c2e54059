package feedback_test

import (
	"fmt"
	"math/big"
	"slices"
)

// number is one that somebody has read: the sum over a set of answers, or something that tells as much.
type number struct {
	what   string
	family string // numbers of different families have no answer in common
	least  int    // how many answers of the family may be known together
	of     []int  // answers, by place, rising
}

// isolated finds answers of which there are at least one and fewer than least, and whose number follows from others: the
// vector that has 1 for them and 0 for all the rest is a sum of multiples of numbers. nil if there are none. What follows
// from an inequality it does not find.
func isolated(numbers []number) (found []int) {
	families := map[string][]number{}
	for _, n := range numbers {
		families[n.family] = append(families[n.family], n)
	}
	for _, family := range families {
		least := family[0].least
		for _, n := range family {
			least = min(least, n.least)
		}
		if found = isolatedIn(family, least); found != nil {
			return found
		}
	}
	return nil
}

func isolatedIn(numbers []number, least int) []int {
	// Answers that every number has together or not at all are one unknown.
	in := map[int][]int{} // numbers by answer
	seen := map[string]bool{}
	distinct := 0
	for _, n := range numbers {
		if key := fmt.Sprint(n.of); !seen[key] {
			seen[key] = true
			for _, answer := range n.of {
				in[answer] = append(in[answer], distinct)
			}
			distinct++
		}
	}
	classes := map[string]*unknown{}
	var unknowns []*unknown
	for answer, of := range in {
		key := fmt.Sprint(of)
		if classes[key] == nil {
			classes[key] = &unknown{numbers: of}
			unknowns = append(unknowns, classes[key])
		}
		classes[key].answers = append(classes[key].answers, answer)
	}
	// The small ones first, so that what is looked for comes early.
	slices.SortFunc(unknowns, func(a, b *unknown) int {
		slices.Sort(a.answers)
		slices.Sort(b.answers)
		if len(a.answers) != len(b.answers) {
			return len(a.answers) - len(b.answers)
		}
		return a.answers[0] - b.answers[0]
	})
	rows := make([]vector, distinct)
	for i := range rows {
		rows[i] = zero(len(unknowns))
	}
	for i, u := range unknowns {
		for _, n := range u.numbers {
			rows[n][i].SetInt64(1)
		}
	}
	s := space{pivots: map[int]vector{}}
	for _, row := range rows {
		s.add(row)
	}
	small, _ := slices.BinarySearchFunc(unknowns, least, func(u *unknown, n int) int { return len(u.answers) - n })
	for size := 1; size < least; size++ {
		if set := s.search(unknowns, small, nil, size, least); set != nil {
			var answers []int
			for _, i := range set {
				answers = append(answers, unknowns[i].answers...)
			}
			slices.Sort(answers)
			return answers
		}
	}
	return nil
}

// unknown is answers that no number tells apart.
type unknown struct {
	numbers []int
	answers []int
}

type vector []*big.Rat

func zero(n int) vector {
	v := make(vector, n)
	for i := range v {
		v[i] = new(big.Rat)
	}
	return v
}

// minus takes factor × w from v.
func (v vector) minus(factor *big.Rat, w vector) {
	f, product := new(big.Rat).Set(factor), new(big.Rat)
	for i := range v {
		if w[i].Sign() != 0 {
			v[i].Sub(v[i], product.Mul(f, w[i]))
		}
	}
}

// space is the vectors that follow from some: its basis in reduced row echelon form. Each has a 1 at its pivot, where
// the others have 0.
type space struct{ pivots map[int]vector }

func (s *space) add(v vector) {
	for p, row := range s.pivots {
		v.minus(v[p], row)
	}
	pivot := slices.IndexFunc(v, func(x *big.Rat) bool { return x.Sign() != 0 })
	if pivot < 0 {
		return
	}
	inverse := new(big.Rat).Inv(v[pivot])
	for i := range v {
		v[i].Mul(v[i], inverse)
	}
	for _, row := range s.pivots {
		row.minus(row[pivot], v)
	}
	s.pivots[pivot] = v
}

// has tells whether the vector with 1 at places and 0 elsewhere is one of them. If it is, it is the sum of the basis'
// vectors with these pivots.
func (s *space) has(places []int) bool {
	var sum vector
	for _, p := range places {
		if row := s.pivots[p]; row != nil {
			if sum == nil {
				sum = zero(len(row))
			}
			sum.minus(big.NewRat(-1, 1), row)
		}
	}
	one := big.NewRat(1, 1)
	for i, x := range sum {
		if slices.Contains(places, i) && x.Cmp(one) != 0 || !slices.Contains(places, i) && x.Sign() != 0 {
			return false
		}
	}
	return sum != nil
}

// search finds places that the space has, size of the first small ones, with fewer than least answers together.
func (s *space) search(unknowns []*unknown, small int, chosen []int, size, least int) []int {
	if size == 0 {
		if s.has(chosen) {
			return chosen
		}
		return nil
	}
	from, answers := 0, 0
	for _, i := range chosen {
		from, answers = i+1, answers+len(unknowns[i].answers)
	}
	for i := from; i < small && answers+len(unknowns[i].answers) < least; i++ {
		if set := s.search(unknowns, small, append(slices.Clone(chosen), i), size-1, least); set != nil {
			return set
		}
	}
	return nil
}
