package measure

import (
	"encoding/binary"
	"hash"
	"hash/fnv"
	"math"
	"testing"
	"time"
)

// The same evidence gives the same bits on every processor and from every release: run this with GOARCH=arm64 and
// GOAMD64=v3 too, where the compiler fuses what is not rounded. A change of these values changes what replays give.
func TestBits(t *testing.T) {
	next := uint32(1)
	random := func(n uint32) uint32 { // Numerical Recipes' linear congruence: the same everywhere
		next = next*1664525 + 1013904223
		return next >> 8 % n
	}
	sums, decays, quantiles := fnv.New64a(), fnv.New64a(), fnv.New64a()
	var evidence []Evidence
	for range 6000 {
		e := rules[random(4)]
		e.Statement = string(rune('a' + len(evidence)))
		e.Timestamp = epoch.Add(-time.Duration(random(1<<24)) * 3 * time.Second)
		e.Score = float64(random(1001)) / 1000
		write(decays, e.decay(epoch))
		if evidence = append(evidence, e); len(evidence) < 3 {
			continue
		}
		got := EstimateOf(evidence, epoch, DefaultPrior)
		write(sums, *got.Value, *got.Mean, got.Weight)
		write(quantiles, *got.Lower, *got.Upper)
		if len(evidence) == 20 {
			evidence = nil
		}
	}
	for _, x := range []struct {
		name      string
		got, want uint64
	}{
		{"decays", decays.Sum64(), 0xd589d0cacaeca359},
		{"sums", sums.Sum64(), 0xc174ba704c641442},
		{"quantiles", quantiles.Sum64(), 0x836e20a322c6f08c},
	} {
		if x.got != x.want {
			t.Errorf("%s: %#x; want %#x", x.name, x.got, x.want)
		}
	}
}

func write(h hash.Hash, values ...float64) {
	for _, v := range values {
		h.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
	}
}
