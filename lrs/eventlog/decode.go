package eventlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"unicode/utf8"

	"github.com/klauspost/compress/s2"
)

// Decode reads a commit's bytes. It checks them (their checksum, lengths, counts)
// but decompresses nothing and recomputes no hash: Verify does. The frames point
// into data, which must not change any more.
//
// ErrFormat: written by a newer release. ErrLogDamaged: no commit.
func Decode(data []byte) (*Commit, error) {
	s := scanner{rest: data, repeated: commitFrame}
	if !s.next() || s.tag != commitHeader {
		return nil, damaged("%d bytes do not begin with a header", len(data))
	}
	c := &Commit{}
	// The format is known before anything else is believed.
	if err := c.Header.decode(s.bytes); err != nil {
		return nil, err
	}
	if len(data) > maxCommit {
		return nil, damaged("%d bytes are more than a commit can have", len(data))
	}
	if err := checkSum(data); err != nil {
		return nil, err
	}
	raw, count := 0, 0
	for s.next() {
		switch s.tag {
		case commitFrame:
			f, err := decodeFrame(s.bytes, c.Codec)
			if err != nil {
				return nil, err
			}
			f.First = count
			raw, count = raw+f.RawLen, count+f.Count
			if raw > maxRaw || count > c.Header.Events {
				return nil, damaged("frames of %d bytes and %d events, of at most %d and %d", raw, count, maxRaw, c.Header.Events)
			}
			c.Frames = append(c.Frames, f)
		case commitCRC: // checked already
		default:
			s.unknown()
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	if count != c.Header.Events {
		return nil, damaged("the header has %d events, the frames %d", c.Header.Events, count)
	}
	return c, nil
}

func checkSum(data []byte) error {
	i := len(data) - crcSize
	if i < 0 || data[i] != commitCRC {
		return damaged("no checksum at the end")
	}
	want := binary.LittleEndian.Uint32(data[i+1:])
	if got := crc32.Checksum(data[:i+1], castagnoli); got != want {
		return damaged("checksum %08x, computed %08x", want, got)
	}
	return nil
}

func (h *Header) decode(b []byte) error {
	s := scanner{rest: b}
	var seen uint16
	for s.next() {
		seen |= 1 << (s.tag >> 3)
		switch s.tag {
		case headerFormat:
			h.Format = uint32(s.upTo(math.MaxUint32))
			if h.Format > Format {
				return fmt.Errorf("%w: %d; this release reads %d: upgrade to a newer one", ErrFormat, h.Format, Format)
			}
		case headerLog:
			s.fixed(h.Log[:])
		case headerRevision:
			h.Revision = Revision(s.n)
		case headerPrevious:
			s.fixed(h.Previous[:])
		case headerCodec:
			h.Codec = Codec(s.upTo(uint64(CodecS2)))
		case headerFirstStored:
			h.FirstStored = int64(s.n)
		case headerNode:
			if len(s.bytes) > maxNode || !utf8.Valid(s.bytes) {
				return damaged("a node name of %d bytes", len(s.bytes))
			}
			h.Node = string(s.bytes)
		case headerEvents:
			h.Events = int(s.upTo(maxEvents))
		case headerHash:
			s.fixed(h.Hash[:])
		default:
			s.unknown()
		}
	}
	const required = 1<<(headerFormat>>3) | 1<<(headerLog>>3) | 1<<(headerRevision>>3) |
		1<<(headerPrevious>>3) | 1<<(headerHash>>3)
	switch {
	case s.err != nil:
		return s.err
	case seen&required != required, h.Format == 0, h.Revision == 0:
		return damaged("a header without format, log, revision, previous or hash")
	case h.Revision == 1 && h.Previous != Hash{}:
		return damaged("revision 1 follows %s", h.Previous)
	}
	return nil
}

func decodeFrame(b []byte, codec Codec) (Frame, error) {
	s := scanner{rest: b}
	var f Frame
	for s.next() {
		switch s.tag {
		case frameCount:
			f.Count = int(s.upTo(maxEvents))
		case frameRawLen:
			f.RawLen = int(s.upTo(maxRaw))
		case frameData:
			f.Data = s.bytes
		default:
			s.unknown()
		}
	}
	if s.err != nil {
		return Frame{}, s.err
	}
	n, err := rawLen(codec, f.Data)
	if err != nil {
		return Frame{}, err
	}
	if f.Count == 0 || f.RawLen == 0 || n != f.RawLen {
		return Frame{}, damaged("a frame of %d events with %d of %d bytes", f.Count, n, f.RawLen)
	}
	return f, nil
}

// rawLen is the length of data when decompressed, at most maxRaw.
func rawLen(codec Codec, data []byte) (int, error) {
	switch codec {
	case CodecNone:
		return len(data), nil
	case CodecS2:
		n, err := s2.DecodedLen(data)
		if err != nil || n > maxRaw {
			return 0, damaged("a frame of %d bytes: %w", n, err)
		}
		return n, nil
	}
	return 0, damaged("unknown codec %d", codec)
}
