package eventlog

import (
	"bytes"
	"slices"
	"testing"
)

// TestFlips changes every byte of a log in every bit, and all of them: Follow must
// notice, after the commits before it.
func TestFlips(t *testing.T) {
	records := chain(t)
	for i := range records {
		for at := range records[i].Data {
			for _, bits := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
				flipped(t, records, i, at, bits, false)
			}
			// With a checksum over what is there, the hash must notice, or nothing
			// that a reader sees has changed.
			flipped(t, records, i, at, byte(1)<<(at%8), true)
		}
	}
}

// flipped follows records with some bits of record i's byte at changed.
func flipped(tb testing.TB, records []Record, i, at int, bits byte, fix bool) {
	tb.Helper()
	original := records[i].Data
	records = slices.Clone(records)
	changed := slices.Clone(original)
	changed[at] ^= bits
	if fix {
		changed = fixCRC(changed)
	}
	records[i].Data = changed
	commits, err := follow(records, Head{})
	switch {
	case is(err, ErrLogDamaged) || is(err, ErrFormat):
		if len(commits) != i {
			tb.Fatalf("byte %d of revision %d ^ %#x: noticed after %d commits: %v", at, i+1, bits, len(commits), err)
		}
	case err != nil:
		tb.Fatalf("byte %d of revision %d ^ %#x: an error of no kind: %v", at, i+1, bits, err)
	case bytes.Equal(changed, original):
	case !fix:
		tb.Fatalf("byte %d of revision %d ^ %#x: not noticed", at, i+1, bits)
	default:
		was, err := Decode(original)
		if err != nil {
			tb.Fatal(err)
		}
		if commits[i].Header != was.Header {
			tb.Fatalf("byte %d of revision %d ^ %#x: the header changed, not noticed", at, i+1, bits)
		}
		a, aerr := commits[i].Events()
		b, berr := was.Events()
		if aerr != nil || berr != nil || !slices.EqualFunc(a, b, sameEvent) {
			tb.Fatalf("byte %d of revision %d ^ %#x: the events changed, not noticed", at, i+1, bits)
		}
	}
}

// FuzzFollow flips bits anywhere in a log, and puts its records in any order.
func FuzzFollow(f *testing.F) {
	records := chain(f)
	f.Add(uint(0), uint(70), byte(1), true, []byte{0, 1, 2})
	f.Add(uint(1), uint(2000), byte(255), false, []byte{0, 2, 1})
	f.Fuzz(func(t *testing.T, i, at uint, bits byte, fix bool, order []byte) {
		i %= uint(len(records))
		flipped(t, records, int(i), int(at%uint(len(records[i].Data))), bits, fix)

		var shuffled []Record
		whole := 0 // how many of them are as they should be
		for _, o := range order {
			r := records[int(o)%len(records)]
			if whole == len(shuffled) && r.Revision == Revision(whole+1) {
				whole++
			}
			shuffled = append(shuffled, r)
		}
		commits, err := follow(shuffled, Head{})
		if len(commits) != whole || (err == nil) != (whole == len(shuffled)) || err != nil && !is(err, ErrLogDamaged) {
			t.Fatalf("order %v: %d commits, %v", order, len(commits), err)
		}
	})
}
