package natsembed

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/minio/highwayhash"
)

// A record is, little-endian: its length (4 bytes; the top bit says that it has
// headers), sequence (8), time (8), length of the subject (2), the subject, the
// length of the headers (4, only with headers), headers and payload, checksum (8).
// The checksum is HighwayHash-64 over all but the lengths, keyed by stream and
// block. Blocks that JetStream compressed or encrypted do not look like this.
const (
	recordHead    = 22
	recordSum     = 8
	recordLeast   = recordHead + recordSum
	recordHeaders = 1 << 31
	recordMax     = 32 << 20
)

// Marks in a sequence, JetStream's: a message that was erased in place, and a
// tombstone, which says that a sequence was given away and is gone.
const (
	erasedMark    = 1 << 63
	tombstoneMark = 1 << 62
)

// Message headers begin and end like this. The checksum does not cover where
// they end; this does.
var (
	headersBegin = []byte("NATS/1.0")
	headersEnd   = []byte("\r\n\r\n")
)

// checker checks the records of one block.
type checker struct{ sum hash.Hash }

func newChecker(stream string, number uint32) (checker, error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, number))
	sum, err := highwayhash.NewDigest64(key[:])
	return checker{sum}, err
}

// record returns the size and the sequence, with its marks, of the whole record
// at the head of b; size 0 when there is none.
func (c checker) record(b []byte) (size int, sequence uint64) {
	if len(b) < recordLeast {
		return 0, 0
	}
	length := binary.LittleEndian.Uint32(b)
	size = declared(length)
	if size > min(len(b), recordMax) || !c.checksOut(b[:size], length&recordHeaders != 0) {
		return 0, 0
	}
	return size, binary.LittleEndian.Uint64(b[4:])
}

// declared is the size that a record's first four bytes say.
func declared(length uint32) int { return int(length &^ recordHeaders) }

// checksOut tells whether b is a record, its first four bytes aside.
func (c checker) checksOut(b []byte, headers bool) bool {
	if len(b) < recordLeast {
		return false
	}
	head, body := b[:recordHead], b[recordHead:len(b)-recordSum]
	subject := int(binary.LittleEndian.Uint16(head[20:]))
	rest := subject
	if headers {
		rest += 4
	}
	if len(body) < rest {
		return false
	}
	if headers {
		n := binary.LittleEndian.Uint32(body[subject:])
		if int64(n) > int64(len(body)-rest) || !bytes.HasPrefix(body[rest:], headersBegin) || !bytes.HasSuffix(body[rest:rest+int(n)], headersEnd) {
			return false
		}
	}
	c.sum.Reset()
	c.sum.Write(head[4:20])
	c.sum.Write(body[:subject])
	c.sum.Write(body[rest:])
	return bytes.Equal(c.sum.Sum(nil), b[len(b)-recordSum:])
}

// torn tells whether rest, which begins at a byte of the file and is what follows
// the block's last whole record, looks like a write that a crash cut off, and not
// like records that were whole once. next is the sequence that must come. A torn
// write is one whose end is not there, or reads as zeros; where a whole record
// follows, or all of it is there but for its length, something else has happened.
func (c checker) torn(rest []byte, at int, next uint64) bool {
	if len(rest) < recordLeast {
		return true
	}
	if c.checksOut(rest, true) || c.checksOut(rest, false) || c.follows(rest, next) {
		return false
	}
	const sector = 512
	end := at + len(rest)
	lastSector := max(at, (end-1)/sector*sector) - at
	return declared(binary.LittleEndian.Uint32(rest)) > len(rest) || len(bytes.Trim(rest[lastSector:], "\x00")) == 0
}

// follows tells whether b has a whole record anywhere behind its first byte.
func (c checker) follows(b []byte, next uint64) bool {
	most := uint64(len(b) / recordLeast)
	for at := 1; at+recordLeast <= len(b); at++ {
		if sequence := binary.LittleEndian.Uint64(b[at+4:]); sequence-next <= most {
			if size, _ := c.record(b[at:]); size > 0 {
				return true
			}
		}
	}
	return false
}
