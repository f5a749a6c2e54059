package eventlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"
)

// withCRC ends b, a commit without its checksum, with the right one.
func withCRC(b []byte) []byte {
	b = append(slices.Clone(b), commitCRC)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// fixCRC gives a commit whose bytes were changed the checksum of what they are.
func fixCRC(data []byte) []byte {
	if len(data) < crcSize {
		return data
	}
	return withCRC(data[:len(data)-crcSize])
}

// fields are a message's, in the order in which they are written.
type field struct {
	tag byte
	n   uint64
	b   []byte
}

func write(fields ...field) (b []byte) {
	for _, f := range fields {
		b = append(b, f.tag)
		switch f.tag & 7 {
		case varint:
			b = protowire.AppendVarint(b, f.n)
		case sized:
			b = protowire.AppendBytes(b, f.b)
		case fixed32:
			b = protowire.AppendFixed32(b, uint32(f.n))
		}
	}
	return b
}

// goodHeader has one event; goodFrame holds it.
func goodHeader() []field {
	return []field{
		{tag: headerFormat, n: 1}, {tag: headerLog, b: testLog[:]}, {tag: headerRevision, n: 2},
		{tag: headerPrevious, b: bytes.Repeat([]byte{1}, 32)}, {tag: headerCodec, n: 1}, {tag: headerFirstStored, n: 5},
		{tag: headerNode, b: []byte("node")}, {tag: headerEvents, n: 1}, {tag: headerHash, b: bytes.Repeat([]byte{2}, 32)},
	}
}

func goodEvent() []field {
	return []field{
		{tag: eventType, b: []byte("T")}, {tag: eventVersion, n: 1}, {tag: eventMeta, b: []byte("{}")},
		{tag: eventSalt, b: make([]byte, 16)}, {tag: eventPayload, b: []byte("p")}, {tag: eventDigest, b: make([]byte, 32)},
	}
}

func frameOf(raw []byte, count uint64) []field {
	return []field{{tag: frameCount, n: count}, {tag: frameRawLen, n: uint64(len(raw))}, {tag: frameData, b: s2.Encode(nil, raw)}}
}

func goodFrame() []field { return frameOf(write(field{tag: eventsEvent, b: write(goodEvent()...)}), 1) }

// with is fields with those of the same tag replaced, those of a new one put where
// they belong.
func with(fields []field, f field) []field {
	for i := range fields {
		if fields[i].tag == f.tag {
			return append(append(slices.Clone(fields[:i]), f), fields[i+1:]...)
		}
	}
	i := slices.IndexFunc(fields, func(g field) bool { return g.tag > f.tag })
	if i < 0 {
		i = len(fields)
	}
	return slices.Insert(slices.Clone(fields), i, f)
}

func without(fields []field, tag byte) []field {
	return slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return f.tag == tag })
}

func TestDecodeRefuses(t *testing.T) {
	header := func(fields []field) []byte {
		return withCRC(write(field{tag: commitHeader, b: write(fields...)}, field{tag: commitFrame, b: write(goodFrame()...)}))
	}
	frames := func(events uint64, frames ...[]field) []byte {
		b := write(field{tag: commitHeader, b: write(with(goodHeader(), field{tag: headerEvents, n: events})...)})
		for _, f := range frames {
			b = append(b, write(field{tag: commitFrame, b: write(f...)})...)
		}
		return withCRC(b)
	}
	good := frames(1, goodFrame())
	if c, err := Decode(good); err != nil {
		t.Fatalf("the pattern of what follows is refused: %v", err)
	} else if _, err := c.Events(); err != nil {
		t.Fatalf("the pattern of what follows is refused: %v", err)
	}
	body := good[:len(good)-crcSize]
	zeros := make([]byte, 1<<20)

	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":                  {nil, ErrLogDamaged},
		"text":                     {[]byte("not a commit"), ErrLogDamaged},
		"no header":                {withCRC(write(field{tag: commitFrame, b: write(goodFrame()...)})), ErrLogDamaged},
		"no checksum":              {body, ErrLogDamaged},
		"another checksum":         {append(slices.Clone(body), commitCRC, 1, 2, 3, 4), ErrLogDamaged},
		"checksum twice":           {withCRC(good), ErrLogDamaged},
		"cut short":                {good[:len(good)-1], ErrLogDamaged},
		"cut short, right sum":     {withCRC(body[:len(body)-1]), ErrLogDamaged},
		"header twice":             {withCRC(append(slices.Clone(body), write(field{tag: commitHeader, b: write(goodHeader()...)})...)), ErrLogDamaged},
		"unknown field":            {withCRC(append(slices.Clone(body), write(field{tag: 4<<3 | varint, n: 1})...)), ErrLogDamaged},
		"large":                    {frames(1, frameOf(write(field{tag: eventsEvent, b: write(with(goodEvent(), field{tag: eventPayload, b: noise(maxCommit)})...)}), 1)), ErrLogDamaged},
		"format 0":                 {header(with(goodHeader(), field{tag: headerFormat})), ErrLogDamaged},
		"no format":                {header(without(goodHeader(), headerFormat)), ErrLogDamaged},
		"format 2":                 {header(with(goodHeader(), field{tag: headerFormat, n: 2})), ErrFormat},
		"format 2, all else new":   {write(field{tag: commitHeader, b: write(field{tag: headerFormat, n: 2}, field{tag: 12<<3 | sized})}, field{tag: 9<<3 | sized, b: zeros}), ErrFormat},
		"format 2^32 + 1":          {header(with(goodHeader(), field{tag: headerFormat, n: 1<<32 + 1})), ErrLogDamaged},
		"no log":                   {header(without(goodHeader(), headerLog)), ErrLogDamaged},
		"short log":                {header(with(goodHeader(), field{tag: headerLog, b: testLog[:15]})), ErrLogDamaged},
		"long log":                 {header(with(goodHeader(), field{tag: headerLog, b: append(testLog[:], 0)})), ErrLogDamaged},
		"no revision":              {header(without(goodHeader(), headerRevision)), ErrLogDamaged},
		"revision 0":               {header(with(goodHeader(), field{tag: headerRevision})), ErrLogDamaged},
		"revision 1 after another": {header(with(goodHeader(), field{tag: headerRevision, n: 1})), ErrLogDamaged},
		"no previous":              {header(without(goodHeader(), headerPrevious)), ErrLogDamaged},
		"short previous":           {header(with(goodHeader(), field{tag: headerPrevious, b: zeros[:31]})), ErrLogDamaged},
		"no hash":                  {header(without(goodHeader(), headerHash)), ErrLogDamaged},
		"short hash":               {header(with(goodHeader(), field{tag: headerHash, b: zeros[:3]})), ErrLogDamaged},
		"codec 2":                  {header(with(goodHeader(), field{tag: headerCodec, n: 2})), ErrLogDamaged},
		"codec 0 over s2":          {header(without(goodHeader(), headerCodec)), ErrLogDamaged},
		"long node":                {header(with(goodHeader(), field{tag: headerNode, b: zeros[:maxNode+1]})), ErrLogDamaged},
		"node no UTF-8":            {header(with(goodHeader(), field{tag: headerNode, b: []byte{0xff}})), ErrLogDamaged},
		"1,001 events":             {frames(1001, with(goodFrame(), field{tag: frameCount, n: 1000}), goodFrame()), ErrLogDamaged},
		"unknown header field":     {header(with(goodHeader(), field{tag: 9<<3 | varint, n: 1})), ErrLogDamaged},
		"header field of old type": {header(append(goodHeader(), field{tag: 1<<3 | 3})), ErrLogDamaged},
		"header out of order":      {header(append(goodHeader(), field{tag: headerNode, b: []byte("n")})), ErrLogDamaged},
		"revision twice":           {header(slices.Insert(goodHeader(), 3, field{tag: headerRevision, n: 3})), ErrLogDamaged},
		"revision as bytes":        {header(with(without(goodHeader(), headerRevision), field{tag: 3<<3 | sized, b: []byte{2}})), ErrLogDamaged},

		"no frame for the event":   {frames(1), ErrLogDamaged},
		"a frame too many":         {frames(1, goodFrame(), goodFrame()), ErrLogDamaged},
		"a frame too few":          {frames(3, goodFrame(), goodFrame()), ErrLogDamaged},
		"frame of no events":       {frames(0, without(goodFrame(), frameCount)), ErrLogDamaged},
		"frame of 2^63 events":     {frames(1, with(goodFrame(), field{tag: frameCount, n: 1 << 63})), ErrLogDamaged},
		"no data":                  {frames(1, without(goodFrame(), frameData)), ErrLogDamaged},
		"no length":                {frames(1, without(goodFrame(), frameRawLen)), ErrLogDamaged},
		"another length":           {frames(1, with(goodFrame(), field{tag: frameRawLen, n: 5})), ErrLogDamaged},
		"a long length":            {frames(1, with(goodFrame(), field{tag: frameRawLen, n: 1 << 40})), ErrLogDamaged},
		"data no s2":               {frames(1, with(goodFrame(), field{tag: frameData, b: bytes.Repeat([]byte{0xff}, 20)})), ErrLogDamaged},
		"frame with more":          {frames(1, append(goodFrame(), field{tag: 4<<3 | varint, n: 1})), ErrLogDamaged},
		"5 MB in one frame":        {frames(1, frameOf(make([]byte, 5<<20), 1)), ErrLogDamaged},
		"5 MB in many":             {frames(5, slices.Repeat([][]field{frameOf(zeros, 1)}, 5)...), ErrLogDamaged},
		"1,001 events in frames":   {frames(1000, slices.Repeat([][]field{with(goodFrame(), field{tag: frameCount, n: 500})}, 3)...), ErrLogDamaged},
		"over 2^63 events, summed": {frames(0, slices.Repeat([][]field{with(goodFrame(), field{tag: frameCount, n: 1<<63 - 1})}, 3)...), ErrLogDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			if commit, err := Decode(c.data); err == nil {
				t.Fatalf("decoded as %+v", commit)
			} else if !is(err, c.want) {
				t.Fatalf("%v; want %v", err, c.want)
			}
		})
	}
}

// is tells whether err is want and nothing else that a reader tells apart.
func is(err, want error) bool {
	for _, kind := range []error{ErrLogDamaged, ErrFormat, ErrConflict, ErrUnknownOutcome, ErrTooLarge, ErrUnavailable, ErrClosed, ErrFull} {
		if errors.Is(err, kind) != (kind == want) {
			return false
		}
	}
	return true
}

func TestDecodeFrameRefuses(t *testing.T) {
	event := func(fields []field) []byte { return write(field{tag: eventsEvent, b: write(fields...)}) }
	good := event(goodEvent())
	if events, err := DecodeFrame(CodecS2, s2.Encode(nil, good)); err != nil || len(events) != 1 {
		t.Fatalf("the pattern of what follows is refused: %v", err)
	}
	erased := with(without(without(goodEvent(), eventSalt), eventPayload), field{tag: eventErased, n: 1})
	if events, err := DecodeFrame(CodecNone, event(erased)); err != nil || !events[0].Erased {
		t.Fatalf("the pattern of what follows is refused: %v", err)
	}
	for name, raw := range map[string][]byte{
		"1,001 events":        bytes.Repeat(good, maxEvents+1),
		"unknown field":       append(slices.Clone(good), write(field{tag: 2<<3 | varint, n: 1})...),
		"event as a number":   write(field{tag: 1<<3 | varint, n: 1}),
		"cut short":           good[:len(good)-1],
		"no type":             event(without(goodEvent(), eventType)),
		"no type after one":   append(slices.Clone(good), event(without(goodEvent(), eventType))...),
		"long type":           event(with(goodEvent(), field{tag: eventType, b: make([]byte, maxType+1)})),
		"type no UTF-8":       event(with(goodEvent(), field{tag: eventType, b: []byte{0xff}})),
		"no version":          event(without(goodEvent(), eventVersion)),
		"version 2^32 + 1":    event(with(goodEvent(), field{tag: eventVersion, n: 1<<32 + 1})),
		"no salt":             event(without(goodEvent(), eventSalt)),
		"short salt":          event(with(goodEvent(), field{tag: eventSalt, b: make([]byte, 15)})),
		"no digest":           event(without(goodEvent(), eventDigest)),
		"long digest":         event(with(goodEvent(), field{tag: eventDigest, b: make([]byte, 33)})),
		"erased with salt":    event(with(erased, field{tag: eventSalt, b: make([]byte, 16)})),
		"erased with payload": event(with(erased, field{tag: eventPayload, b: []byte("p")})),
		"erased twice over":   event(with(erased, field{tag: eventErased, n: 2})),
		"unknown event field": event(append(goodEvent(), field{tag: 8<<3 | varint, n: 1})),
		"field 16":            event(append(goodEvent(), field{tag: 0x80 | varint, n: 1})),
		"payload twice":       event(slices.Insert(goodEvent(), 5, field{tag: eventPayload, b: []byte("q")})),
	} {
		if _, err := DecodeFrame(CodecNone, raw); !is(err, ErrLogDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := DecodeFrame(CodecS2, s2.Encode(nil, raw)); !is(err, ErrLogDamaged) {
			t.Errorf("%s, compressed: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{
		"nothing":   nil,
		"4 GB":      {0xff, 0xff, 0xff, 0xff, 0x0f, 0},
		"over 4 MB": s2.Encode(nil, event(with(goodEvent(), field{tag: eventPayload, b: make([]byte, maxRaw)}))),
		"garbage":   {100, 0xff, 0xff},
	} {
		if _, err := DecodeFrame(CodecS2, data); !is(err, ErrLogDamaged) {
			t.Errorf("s2 of %s: %v", name, err)
		}
	}
	if _, err := DecodeFrame(2, good); !is(err, ErrLogDamaged) {
		t.Errorf("codec 2: %v", err)
	}
}

// TestFrameAlone reads frames without their commit, when its bytes have gone.
func TestFrameAlone(t *testing.T) {
	for name, data := range samples(t) {
		c, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Events()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range c.Frames {
			stored := bytes.Clone(f.Data)
			events, err := DecodeFrame(c.Codec, stored)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			clear(stored)
			if !slices.EqualFunc(events, want[f.First:][:f.Count], sameEvent) {
				t.Fatalf("%s: the frame of event %d has other events alone", name, f.First)
			}
		}
	}
}

// FuzzDecode decodes and verifies anything, with a right checksum too, within
// bounds and without a panic. What it accepts must encode to a commit that says
// the same.
func FuzzDecode(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte(strings.Repeat("\x0a", 50)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, fixCRC(data)} {
			c, err := Decode(data)
			if err != nil {
				if !is(err, ErrLogDamaged) && !is(err, ErrFormat) {
					t.Fatalf("an error of no kind: %v", err)
				}
				continue
			}
			events, err := c.Events()
			if err != nil {
				if !is(err, ErrLogDamaged) {
					t.Fatalf("an error of no kind: %v", err)
				}
				continue
			}
			if len(events) != c.Header.Events || len(events) > maxEvents || rawOf(Sealed{Commit: c}) > maxRaw {
				t.Fatalf("%d events of %d, %d bytes", len(events), c.Header.Events, rawOf(Sealed{Commit: c}))
			}
			verified := c.Verify()
			again, err := Decode(encodeCommit(c))
			if err != nil {
				t.Fatalf("encoded again: %v", err)
			}
			same(t, c, again)
			if (again.Verify() == nil) != (verified == nil) {
				t.Fatalf("%v, then %v", verified, again.Verify())
			}
			if verified != nil || len(events) == 0 {
				continue
			}
			erased, err := Erase(data, 0)
			if err != nil {
				t.Fatalf("erase: %v", err)
			}
			if c, err = Decode(erased); err == nil {
				err = c.Verify()
			}
			if err != nil {
				t.Fatalf("erased: %v", err)
			}
		}
	})
}
