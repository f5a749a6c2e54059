package measure

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"
	"time"
)

// The same evidence gives the same bits on every processor and from every release: run this with GOARCH=arm64 and
// GOAMD64=v3 too, where the compiler fuses what is not rounded. A change of these values changes what replays give.
func TestBits(t *testing.T) {
	evidence, next := []Evidence(nil), uint32(1)
	random := func(n uint32) uint32 { // Numerical Recipes' linear congruence: the same everywhere
		next = next*1664525 + 1013904223
		return next >> 8 % n
	}
	sums, decays, quantiles := fnv.New64a(), fnv.New64a(), fnv.New64a()
	for range 400 {
		e := rules[random(4)]
		e.Statement = string(rune('a' + len(evidence)))
		e.Timestamp = epoch.Add(-time.Duration(random(1<<24)) * 3 * time.Second)
		e.Score = float64(random(1001)) / 1000
		if evidence = append(evidence, e); len(evidence) == 20 {
			evidence = evidence[:0]
			continue
		}
		got := EstimateOf(evidence, epoch, DefaultPrior)
		for _, v := range []float64{*got.Value, *got.Mean, got.Weight} {
			binary.Write(sums, binary.BigEndian, math.Float64bits(v))
		}
		binary.Write(quantiles, binary.BigEndian, []uint64{math.Float64bits(*got.Lower), math.Float64bits(*got.Upper)})
		binary.Write(decays, binary.BigEndian, math.Float64bits(e.decay(epoch)))
	}
	for _, x := range []struct {
		name      string
		got, want uint64
	}{
		{"decays", decays.Sum64(), 0xb0abcab543a38f02},
		{"sums", sums.Sum64(), 0x0f876442c2655e1e},
		{"quantiles", quantiles.Sum64(), 0x473f2ead4d4a2981},
	} {
		if x.got != x.want {
			t.Errorf("%s: %#x; want %#x", x.name, x.got, x.want)
		}
	}
}
