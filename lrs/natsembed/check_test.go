package natsembed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// encode is a record as JetStream writes it into a block of the stream L.
func encode(t testing.TB, number uint32, sequence uint64, at time.Time, headers, payload string) []byte {
	t.Helper()
	c, err := newChecker("L", number)
	if err != nil {
		t.Fatal(err)
	}
	const subject = "l"
	b := make([]byte, 4, recordLeast+len(headers)+len(payload)+len(subject)+4)
	b = binary.LittleEndian.AppendUint64(b, sequence)
	b = binary.LittleEndian.AppendUint64(b, uint64(at.UnixNano()))
	c.sum.Write(b[4:])
	b = binary.LittleEndian.AppendUint16(b, uint16(len(subject)))
	b = append(b, subject...)
	mark := uint32(0)
	if headers != "" {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(headers)))
		mark = recordHeaders
	}
	b = append(append(b, headers...), payload...)
	c.sum.Write([]byte(subject + headers + payload))
	b = c.sum.Sum(b)
	binary.LittleEndian.PutUint32(b, uint32(len(b))|mark)
	return b
}

const someHeaders = "NATS/1.0\r\nNats-Expected-Last-Sequence: 7\r\n\r\n"

// What encode makes is what JetStream writes, so the tests below are about its
// blocks.
func TestRecordsAreJetStreams(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	js := stream(t, s)
	if _, err := js.Publish(t.Context(), "l", []byte("some payload")); err != nil {
		t.Fatal(err)
	}
	msg := &nats.Msg{Subject: "l", Data: []byte("more"), Header: nats.Header{"A": {"b"}}}
	if _, err := js.PublishMsg(t.Context(), msg, jetstream.WithExpectLastSequence(1)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, streamDir, "msgs/1.blk"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(offset int) time.Time { return time.Unix(0, int64(binary.LittleEndian.Uint64(got[offset+12:]))) }
	want := encode(t, 1, 1, at(0), "", "some payload")
	second := got[len(want):]
	headers := string(second[recordHead+len("l")+4 : bytes.Index(second, headersEnd)+len(headersEnd)])
	want = append(want, encode(t, 1, 2, at(len(want)), headers, "more")...)
	if !bytes.Equal(got, want) {
		t.Errorf("JetStream wrote\n%q, not\n%q", got, want)
	}
}

// twoBlocks are records 1 to 3 in block 1 and 4 to 6 in block 2, and where each
// of these begins.
func twoBlocks(t testing.TB) (one, two []byte, begins [3]int) {
	t.Helper()
	for i := range 3 {
		one = append(one, encode(t, 1, uint64(1+i), time.Unix(1, 0), someHeaders, fmt.Sprintf("payload %d", i))...)
	}
	for i := range begins {
		begins[i] = len(two)
		two = append(two, encode(t, 2, uint64(4+i), time.Unix(1, 0), someHeaders, fmt.Sprintf("payload %d", i))...)
	}
	return one, two, begins
}

// checkBlocks runs check on a stream in dir with these blocks and no others.
func checkBlocks(t testing.TB, dir string, blocks map[int][]byte) (torn bool, err error) {
	t.Helper()
	msgs := filepath.Join(dir, streamDir, "msgs")
	if err := os.MkdirAll(msgs, 0o700); err != nil {
		t.Fatal(err)
	}
	for number := 1; number <= 3; number++ {
		file := filepath.Join(msgs, fmt.Sprintf("%d.blk", number))
		content, ok := blocks[number]
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if !ok {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	list, err := listBlocks(dir)
	if err != nil {
		t.Fatal(err)
	}
	names, err := check(dir, list)
	return len(names) > 0, err
}

// Any byte changed anywhere is damage, in the last record too: that one is whole
// but for the byte, which a torn write is not.
func TestEveryByteCounts(t *testing.T) {
	one, two, _ := twoBlocks(t)
	dir := t.TempDir()
	if torn, err := checkBlocks(t, dir, map[int][]byte{1: one, 2: two}); torn || err != nil {
		t.Fatalf("whole blocks: torn %t, error %v", torn, err)
	}
	for number, content := range map[int][]byte{1: one, 2: two} {
		for i := range content {
			for _, mask := range []byte{0x80, 0xff} {
				blocks := map[int][]byte{1: one, 2: two}
				blocks[number] = bytes.Clone(content)
				blocks[number][i] ^= mask
				torn, err := checkBlocks(t, dir, blocks)
				var damage *DamageError
				if torn || !errors.As(err, &damage) || !errors.Is(err, ErrDamaged) {
					t.Fatalf("block %d, byte %d ^ %#x: torn %t, error %v", number, i, mask, torn, err)
				}
				if want := uint64(1 + 3*(number-1) + i/(len(content)/3)); damage.Sequence != want || filepath.Base(damage.Block) != fmt.Sprintf("%d.blk", number) {
					t.Fatalf("block %d, byte %d ^ %#x, in record %d: %v", number, i, mask, want, err)
				}
			}
		}
	}
}

// A cut is what a crash leaves, but only at the end of the last block.
func TestEveryCut(t *testing.T) {
	one, two, begins := twoBlocks(t)
	dir := t.TempDir()
	atRecord := map[int]bool{begins[0]: true, begins[1]: true, begins[2]: true}
	for n := range two {
		if torn, err := checkBlocks(t, dir, map[int][]byte{1: one, 2: two[:n]}); err != nil || torn == atRecord[n] {
			t.Errorf("last block cut to %d of %d bytes: torn %t, error %v", n, len(two), torn, err)
		}
		if _, err := checkBlocks(t, dir, map[int][]byte{1: one[:n], 2: two}); !errors.Is(err, ErrDamaged) {
			t.Errorf("older block cut to %d of %d bytes: %v", n, len(one), err)
		}
	}
}

func TestCheck(t *testing.T) {
	one, two, begins := twoBlocks(t)
	large := encode(t, 3, 7, time.Unix(1, 0), someHeaders, strings.Repeat("x", 2000))
	three := encode(t, 3, 7, time.Unix(1, 0), "", "without headers")
	lost := encode(t, 3, 7|tombstoneMark, time.Unix(1, 0), "", "")
	known := encode(t, 3, 6|tombstoneMark, time.Unix(1, 0), "", "")
	erased := encode(t, 3, 7|erasedMark, time.Unix(1, 0), "", "")
	zeros := func(b []byte, from int) []byte {
		b = bytes.Clone(b)
		clear(b[from:])
		return b
	}
	for name, tt := range map[string]struct {
		blocks map[int][]byte
		torn   bool
		fault  string // "" for none
	}{
		"nothing":                          {nil, false, ""},
		"an empty last block":              {map[int][]byte{1: one, 2: nil}, false, ""},
		"three blocks":                     {map[int][]byte{1: one, 2: two, 3: three}, false, ""},
		"a tombstone of the last sequence": {map[int][]byte{1: one, 2: two, 3: known}, false, ""},
		"the first block is missing":       {map[int][]byte{2: two}, false, "no 1.blk"},
		"a block is missing":               {map[int][]byte{1: one, 3: three}, false, "no 2.blk"},
		"an empty block was dropped":       {map[int][]byte{2: encode(t, 2, 1, time.Unix(1, 0), "", "x")}, false, ""},
		"an empty older block":             {map[int][]byte{1: one, 2: nil, 3: three}, false, "sequence 7 is there"},
		"a record is missing":              {map[int][]byte{1: one, 2: append(bytes.Clone(two[:begins[1]]), two[begins[2]:]...)}, false, "sequence 6 is there"},
		"a record is there twice":          {map[int][]byte{1: one, 2: append(bytes.Clone(two), two[begins[2]:]...)}, false, "sequence 6 is there"},
		"a tombstone of a lost sequence":   {map[int][]byte{1: one, 2: two, 3: lost}, false, "sequence 7 was there"},
		"an erased message":                {map[int][]byte{1: one, 2: two, 3: erased}, false, "sequence 7 was there"},
		"another block's content":          {map[int][]byte{1: one, 2: one}, false, "does not check out"},
		"the last record reads as zeros":   {map[int][]byte{1: one, 2: zeros(two, begins[2])}, true, ""},
		"its end reads as zeros":           {map[int][]byte{1: one, 2: two, 3: zeros(large, 1024)}, true, ""},
		"a part of it reads as zeros":      {map[int][]byte{1: one, 2: two, 3: append(zeros(large[:1024], 512), large[1024:]...)}, false, "does not check out"},
		"zeros, and a record behind them":  {map[int][]byte{1: one, 2: append(zeros(two[:begins[2]], begins[1]), two[begins[2]:]...)}, false, "does not check out"},
		"zeros in an older block":          {map[int][]byte{1: zeros(one, begins[2]), 2: two}, false, "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			torn, err := checkBlocks(t, t.TempDir(), tt.blocks)
			switch {
			case torn != tt.torn:
				t.Errorf("torn %t, error %v", torn, err)
			case tt.fault == "" && err != nil:
				t.Error(err)
			case tt.fault != "" && (!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.fault)):
				t.Errorf("error %v, want one with %q", err, tt.fault)
			}
		})
	}
}

// A folder where a block belongs is damage too, and what to do is said.
func TestCheckFolder(t *testing.T) {
	one, two, _ := twoBlocks(t)
	dir := t.TempDir()
	if _, err := checkBlocks(t, dir, map[int][]byte{1: one, 2: two}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, streamDir, "msgs", "1.blk")
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil {
		t.Fatal(err)
	}
	list, err := listBlocks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := check(dir, list); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), file) {
		t.Errorf("a folder: %v", err)
	}
}

// FuzzCheck reads blocks of any content: no panic, and what does not check out is
// either torn or not.
func FuzzCheck(f *testing.F) {
	_, two, begins := twoBlocks(f)
	f.Add(two)
	f.Add(two[:begins[2]+30])
	f.Add([]byte{0xff, 0xff, 0xff, 0x7f, 40: 0})
	c, err := newChecker("L", 2)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		good, next, fault := c.block(b, 4)
		if good < 0 || good > len(b) || next < 4 {
			t.Fatalf("%d of %d bytes, next %d, %s", good, len(b), next, fault)
		}
		if good < len(b) {
			c.torn(b[good:], good, next)
		}
	})
}

// BenchmarkCheck is what the check adds to a start, in bytes of log.
func BenchmarkCheck(b *testing.B) {
	var content []byte
	for sequence := uint64(1); len(content) < 8<<20; sequence++ {
		content = append(content, encode(b, 1, sequence, time.Unix(1, 0), someHeaders, strings.Repeat("x", 64<<10))...)
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "1.blk"), content, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if torn, err := check(dir, []block{{path: "1.blk", stream: "L", number: 1, last: true}}); err != nil || len(torn) > 0 {
			b.Fatalf("torn %v, error %v", torn, err)
		}
	}
}
