package demo

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
)

// draw is where the numbers of one thing come from.
type draw struct{ *rand.Rand }

// draw gives the generator of the thing that parts name.
func (h *Hospital) draw(parts ...any) draw {
	name := h.key
	for _, part := range parts {
		name += fmt.Sprintf("/%v", part)
	}
	return draw{rand.New(rand.NewChaCha8(sha256.Sum256([]byte(name))))}
}

func (d draw) chance(p float64) bool { return d.Float64() < p }

func (d draw) normal(mean, sd float64) float64 { return mean + sd*d.NormFloat64() }

// uuid gives a random UUID (RFC 9562, version 4).
func (d draw) uuid() string {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(d.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}

// arrivals gives the times of a Poisson stream, in order, of which n are expected from from to to.
func (d draw) arrivals(n float64, from, to time.Time) (times []time.Time) {
	if n <= 0 {
		return nil
	}
	span := float64(to.Sub(from))
	for at := d.ExpFloat64() / n; at < 1; at += d.ExpFloat64() / n {
		times = append(times, from.Add(time.Duration(at*span)).Truncate(time.Millisecond))
	}
	return times
}

// workingHours gives a moment between 7 and 17 o'clock on one of the days from from on, which is a midnight.
func (d draw) workingHours(from time.Time, days int) time.Time {
	ms := d.Int64N(int64(10 * time.Hour / time.Millisecond))
	return from.AddDate(0, 0, d.IntN(days)).Add(7*time.Hour + time.Duration(ms)*time.Millisecond)
}

func pick[T any](d draw, list []T) T { return list[d.IntN(len(list))] }
