package measure

import (
	"cmp"
	"math"
	"slices"
)

// Bin is a value and how often it is in a sample.
type Bin struct {
	Value float64 // never -0
	N     int     // positive
}

// Histogram is a sample: its bins sorted by value, each value once. As counts are integers, a sample is the same
// whatever order its values arrived in, and so is every bit of what is computed from it. The zero value is empty.
//
// Values are finite: JSON has no others, and what reads it (package fact, of statements) gives no infinity for a number
// that is too large. Sums of such values need not be; what is not finite in the end is nil, like what cannot be computed.
type Histogram []Bin

// HistogramOf gives the sample of values, in whatever order.
func HistogramOf(values ...float64) Histogram {
	values = slices.Clone(values)
	slices.Sort(values)
	var h Histogram
	for _, v := range values {
		h.Add(v, 1)
	}
	return h
}

// Add puts a value into the sample n times, or takes it back where n is negative: adding and taking back may come in
// any order, as long as nothing is taken back in the end that was not added.
func (h *Histogram) Add(value float64, n int) {
	value = unsigned(value)
	i, found := slices.BinarySearchFunc(*h, value, func(b Bin, v float64) int { return cmp.Compare(b.Value, v) })
	switch {
	case n == 0:
	case !found:
		*h = slices.Insert(*h, i, Bin{value, n})
	case (*h)[i].N+n == 0:
		*h = slices.Delete(*h, i, i+1)
	default:
		(*h)[i].N += n
	}
}

// Merge gives the sample of both.
func (h Histogram) Merge(other Histogram) Histogram {
	both := slices.Clone(h)
	for _, b := range other {
		both.Add(b.Value, b.N)
	}
	return both
}

// N is the size of the sample.
func (h Histogram) N() int {
	n := 0
	for _, b := range h {
		n += b.N
	}
	return n
}

// Count is how many values satisfy a condition.
func (h Histogram) Count(of func(value float64) bool) int {
	n := 0
	for _, b := range h {
		if of(b.Value) {
			n += b.N
		}
	}
	return n
}

// Share is the part of the sample that satisfies a condition, in [0, 1]; nil for an empty sample.
func (h Histogram) Share(of func(value float64) bool) *float64 {
	return number(float64(h.Count(of)) / float64(h.N()))
}

// Sum is that of all values, 0 for an empty sample.
func (h Histogram) Sum() float64 {
	sum := 0.0
	for _, b := range h {
		sum += float64(float64(b.N) * b.Value)
	}
	return sum
}

// Mean is nil for an empty sample.
func (h Histogram) Mean() *float64 { return number(h.mean()) }

// SD is the standard deviation with n − 1; nil if n < 2.
func (h Histogram) SD() *float64 {
	n := h.N()
	if n < 2 {
		return nil
	}
	return number(math.Sqrt(h.squares() / float64(n-1)))
}

// mean is NaN for an empty sample. A second pass takes out what rounding did to the first, so that the mean of equal
// values is that value.
func (h Histogram) mean() float64 {
	n := float64(h.N())
	first := h.Sum() / n
	rest := 0.0
	for _, b := range h {
		rest += float64(float64(b.N) * (b.Value - first))
	}
	return first + rest/n
}

// squares is the sum of the squared distances from the mean.
func (h Histogram) squares() float64 {
	mean, sum := h.mean(), 0.0
	for _, b := range h {
		d := b.Value - mean
		sum += float64(float64(b.N) * float64(d*d))
	}
	return sum
}

// number gives what an answer shows: nil for what is not finite, and never -0.
func number(v float64) *float64 {
	if !finite(&v) {
		return nil
	}
	v = unsigned(v)
	return &v
}

// unsigned makes -0 0.
func unsigned(v float64) float64 {
	if v == 0 {
		return 0
	}
	return v
}
