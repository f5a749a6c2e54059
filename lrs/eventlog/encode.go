package eventlog

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"

	"google.golang.org/protobuf/encoding/protowire"
)

// Format is the commit format that this release writes, and the only one it
// reads.
const Format = 1

// The fields of commit.proto as they begin on the wire: number and type, in one
// byte.
const (
	varint, sized, fixed32 = byte(protowire.VarintType), byte(protowire.BytesType), byte(protowire.Fixed32Type)

	commitHeader = 1<<3 | sized
	commitFrame  = 2<<3 | sized
	commitCRC    = 3<<3 | fixed32

	headerFormat      = 1<<3 | varint
	headerLog         = 2<<3 | sized
	headerRevision    = 3<<3 | varint
	headerPrevious    = 4<<3 | sized
	headerCodec       = 5<<3 | varint
	headerFirstStored = 6<<3 | varint
	headerNode        = 7<<3 | sized
	headerEvents      = 8<<3 | varint
	headerHash        = 15<<3 | sized

	frameCount  = 1<<3 | varint
	frameRawLen = 2<<3 | varint
	frameData   = 3<<3 | sized

	eventsEvent = 1<<3 | sized

	eventType    = 1<<3 | sized
	eventVersion = 2<<3 | varint
	eventMeta    = 3<<3 | sized
	eventSalt    = 4<<3 | sized
	eventPayload = 5<<3 | sized
	eventDigest  = 6<<3 | sized
	eventErased  = 7<<3 | varint

	preimageHeader = 1<<3 | sized
	preimageEvent  = 2<<3 | sized
)

// Bounds of the format. A reader refuses what passes them, so that damage
// cannot make it allocate without end.
const (
	maxEvents = 1_000   // in a commit
	maxRaw    = 4 << 20 // bytes of a commit's frames before compression
	maxType   = 128     // bytes of Event.Type
	maxNode   = 255     // bytes of Header.Node

	// maxCommit bounds an encoded commit. A Builder stays well below it; what
	// an erasure leaves behind may compress worse than what was there.
	maxCommit = 1 << 20

	// maxHeader bounds a header with its tag and length: its node, and less
	// than 200 bytes for everything else.
	maxHeader = 200 + maxNode

	// crcSize is the tag and the four bytes that end a commit.
	crcSize = 1 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeCommit is c's message. c's frames then point into it.
func encodeCommit(c *Commit) []byte {
	var scratch [maxHeader]byte
	header := appendHeader(scratch[:0], &c.Header)
	header = appendBytes(header, headerHash, c.Hash[:])

	size := sizeBytes(len(header)) + crcSize
	for _, f := range c.Frames {
		size += frameSize(f.Count, f.RawLen, len(f.Data))
	}
	b := appendBytes(make([]byte, 0, size), commitHeader, header)
	for i := range c.Frames {
		f := &c.Frames[i]
		b = append(b, commitFrame)
		b = protowire.AppendVarint(b, uint64(frameMessageSize(f.Count, f.RawLen, len(f.Data))))
		b = appendUint(b, frameCount, uint64(f.Count))
		b = appendUint(b, frameRawLen, uint64(f.RawLen))
		b = appendBytes(b, frameData, f.Data)
		f.Data = b[len(b)-len(f.Data) : len(b) : len(b)]
	}
	b = append(b, commitCRC)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// frameSize is what a frame adds to its commit's bytes.
func frameSize(count, rawLen, dataLen int) int {
	return sizeBytes(frameMessageSize(count, rawLen, dataLen))
}

func frameMessageSize(count, rawLen, dataLen int) int {
	return sizeUint(uint64(count)) + sizeUint(uint64(rawLen)) + sizeBytes(dataLen)
}

// appendHeader appends h's fields without the hash, as they are hashed.
func appendHeader(b []byte, h *Header) []byte {
	b = appendUint(b, headerFormat, uint64(h.Format))
	b = appendBytes(b, headerLog, h.Log[:])
	b = appendUint(b, headerRevision, uint64(h.Revision))
	b = appendBytes(b, headerPrevious, h.Previous[:])
	b = appendUint(b, headerCodec, uint64(h.Codec))
	b = appendUint(b, headerFirstStored, uint64(h.FirstStored))
	b = appendBytes(b, headerNode, h.Node)
	return appendUint(b, headerEvents, uint64(h.Events))
}

// appendEvent appends e to a frame's Events message.
func appendEvent(b []byte, e *Event) []byte {
	b = append(b, eventsEvent)
	b = protowire.AppendVarint(b, uint64(eventMessageSize(e)))
	b = appendBytes(b, eventType, e.Type)
	b = appendUint(b, eventVersion, uint64(e.Version))
	b = appendBytes(b, eventMeta, e.Meta)
	if e.Erased {
		b = appendBytes(b, eventDigest, e.Digest[:])
		return appendUint(b, eventErased, 1)
	}
	b = appendBytes(b, eventSalt, e.Salt[:])
	b = appendBytes(b, eventPayload, e.Payload)
	return appendBytes(b, eventDigest, e.Digest[:])
}

// eventSize is what appendEvent appends.
func eventSize(e *Event) int {
	return sizeBytes(eventMessageSize(e))
}

func eventMessageSize(e *Event) int {
	if e.Erased {
		return preimageEventSize(e) + sizeUint(1)
	}
	return preimageEventSize(e) + sizeBytes(len(e.Salt)) + sizeBytes(len(e.Payload))
}

// appendPreimageEvent appends e to a Preimage: what of it the commit's hash
// covers.
func appendPreimageEvent(b []byte, e *Event) []byte {
	b = append(b, preimageEvent)
	b = protowire.AppendVarint(b, uint64(preimageEventSize(e)))
	b = appendBytes(b, eventType, e.Type)
	b = appendUint(b, eventVersion, uint64(e.Version))
	b = appendBytes(b, eventMeta, e.Meta)
	return appendBytes(b, eventDigest, e.Digest[:])
}

func preimageEventSize(e *Event) int {
	return sizeBytes(len(e.Type)) + sizeUint(uint64(e.Version)) + sizeBytes(len(e.Meta)) + sizeBytes(len(e.Digest))
}

// hashCommit is the hash of a commit with header h whose events are, as parts
// of a Preimage, events.
func hashCommit(h *Header, events []byte) Hash {
	var scratch [2 * maxHeader]byte
	header := appendHeader(scratch[:0], h)
	sum := sha256.New()
	sum.Write(appendBytes(header[len(header):], preimageHeader, header))
	sum.Write(events)
	return Hash(sum.Sum(nil))
}

// appendUint appends a varint field, unless v is 0.
func appendUint(b []byte, tag byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(append(b, tag), v)
}

// appendBytes appends a bytes, string or message field, unless v is empty.
func appendBytes[T []byte | string](b []byte, tag byte, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendVarint(append(b, tag), uint64(len(v)))
	return append(b, v...)
}

// sizeUint is what appendUint appends.
func sizeUint(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(v)
}

// sizeBytes is what appendBytes appends for a v of n bytes.
func sizeBytes(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeBytes(n)
}
