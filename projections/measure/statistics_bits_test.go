package measure

import (
	"hash/fnv"
	"math"
	"testing"
)

// What [TestBits] is for evidence, this is for samples: the same bits from every processor and every release.
func TestStatisticsBits(t *testing.T) {
	next := uint32(1)
	random := func(n uint32) float64 {
		next = next*1664525 + 1013904223
		return float64(next >> 8 % n)
	}
	student, points, limits, pairs, contrasts := fnv.New64a(), fnv.New64a(), fnv.New64a(), fnv.New64a(), fnv.New64a()
	for df := 1; df < 3000; df++ {
		write(student, studentT(df))
	}
	all := func(numbers ...*float64) (values []float64) {
		for _, n := range numbers {
			if n == nil {
				n = new(float64)
			}
			values = append(values, *n)
		}
		return values
	}
	for range 500 {
		var h Histogram
		var series []*float64
		var compared []Pair
		var before, after []float64
		for i := range 3 + int(random(15)) {
			h.Add(random(110)/10, 1+int(random(9)))
			series = append(series, ref(random(1000)/7))
			compared = append(compared, Pair{random(1001) / 1000, random(1001) / 1000})
			if i%2 == 0 {
				before = append(before, random(1000)/9)
			} else {
				after = append(after, random(1000)/9)
			}
		}
		top := h.Count(func(v float64) bool { return v >= 9 })
		for _, p := range []Point{
			TopBoxOf(top, h.N()), MeanOf(h), NPSOf(h), CountOf(top), Per1000Of(top, h.Sum()), MeasureOf(h),
		} {
			write(points, all(p.Value, p.Lower, p.Upper)...)
		}
		if l := LimitsOf(series); l != nil {
			write(limits, l.Centre, l.Lower, l.Upper)
		}
		p := PairedOf(compared)
		write(pairs, all(p.MeanPre, p.MeanPost, p.MeanGain, p.SDGain, p.Lower, p.Upper, p.HedgesG, p.HakeGain)...)
		c := ContrastOf(before, after)
		write(contrasts, all(c.Difference, c.Lower, c.Upper)...)
		write(contrasts, Scale{random(9) + 0.1, -random(9)}.Of(math.Sqrt(random(9))))
	}
	for _, x := range []struct {
		name      string
		got, want uint64
	}{
		{"student", student.Sum64(), 0x990da900503b04aa},
		{"points", points.Sum64(), 0xf2871648f509e29e},
		{"limits", limits.Sum64(), 0x4b8ffd977c07cfe3},
		{"pairs", pairs.Sum64(), 0x81cb3b30ea449432},
		{"contrasts", contrasts.Sum64(), 0x9649d5b515a37ea},
	} {
		if x.got != x.want {
			t.Errorf("%s: %#x; want %#x", x.name, x.got, x.want)
		}
	}
}
