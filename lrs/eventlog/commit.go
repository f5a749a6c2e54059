package eventlog

import "encoding/hex"

// Hash is a SHA-256 sum.
type Hash [32]byte

// String is h in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// LogID tells logs apart: 16 random bytes, drawn when a log is created.
type LogID [16]byte

// String is id in hexadecimal.
func (id LogID) String() string { return hex.EncodeToString(id[:]) }

// Event is one fact. Its time is its commit's FirstStored plus its index in the
// commit in microseconds. The Builder draws Salt and computes Digest.
type Event struct {
	Type    string   // past tense: "StatementStored"
	Version uint32   // of the payload's form, from 1
	Meta    []byte   // what the server adds to what the client sent: a small JSON object, or nil
	Payload []byte   // nil once erased
	Salt    [16]byte // random; zero once erased, lest payloads be tried out against Digest
	Digest  Hash     // SHA-256(Salt ‖ Payload); stays when the payload is erased
	Erased  bool
}

// Header says where a commit stands in which log.
type Header struct {
	Format      uint32
	Log         LogID
	Revision    Revision
	Previous    Hash // the hash of revision-1; zero for revision 1
	Hash        Hash // over the header without this field, and every event's type, version, meta and digest
	Codec       Codec
	FirstStored int64  // time of the first event, µs since the Unix epoch
	Node        string // the node that sealed it, for operators
	Events      int    // how many events the frames hold together
}

// Commit is what one append stores.
type Commit struct {
	Header
	Frames []Frame

	// events are the frames' events once they have been decoded (by Events or
	// Verify) or, after Seal, those that were added.
	events []Event
}

// Frame is a run of a commit's events, compressed by itself, so that one event
// can be read without its neighbours' frames.
type Frame struct {
	First  int    // index in the commit of its first event
	Count  int    // events in it
	RawLen int    // bytes when decompressed
	Data   []byte // compressed, exactly as in the log
}

// Codec says how frames are compressed.
type Codec uint32

// Codecs.
const (
	CodecNone Codec = 0
	CodecS2   Codec = 1
)
