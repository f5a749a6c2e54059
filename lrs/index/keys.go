package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// format names everything in this file and the values beside it. A directory
// with another one is not read.
const format = 4

// The rows. Numbers are big-endian, so that they sort; n is a statement's
// number; ^n sorts the newest first, which is the way lists are read most.
const (
	kindPosition   = 0x01 // → format, position
	kindID         = 0x02 // statement id → n
	kindNumber     = 0x03 // n → flags, place in the frames, stored
	kindFrame      = 0x04 // revision, frame (16 bits) → codec, bytes as in the log
	kindPosting    = 0x05 // facet, hash, ^n → ∅
	kindTime       = 0x06 // stored of a commit's first statement → n
	kindReferrer   = 0x07 // target's id, n of the referrer → id of the referrer
	kindMissing    = 0x08 // target's id → ∅; it has referrers, but is not here
	kindVoid       = 0x09 // target's id → n of the first statement that voids it; also before the target arrives
	kindInherited  = 0x0a // n of a referrer → terms that its targets pass to it
	kindQueue      = 0x0b // n → referrers visited so far, id; for Settle
	kindActivity   = 0x0c // hash of the IRI → merged definition
	kindName       = 0x0d // hash of the Agent's key, hash of the name → n where first seen, name
	kindDocument   = 0x0e // hash of the scope, hash of the id → updated, id
	kindContent    = 0x0f // the same → the rest of the document
	kindCredential = 0x10 // key → payload of CredentialAdded
	kindBlob       = 0x11 // hex SHA-2 → ∅
	kindNamed      = 0x12 // hash of the Agent's key → how many names it has
	kindRegistered = 0x13 // → time of the last event about people, units or definitions
	kindLate       = 0x14 // n of a referrer → n of its target, its own id; for Settle
	kinds          = 0x14
)

type hash = [16]byte

// postingPrefix is what all postings of a term begin with: kind, facet, hash.
const postingPrefix = 1 + 1 + len(hash{})

// anyReferrer is the term of all statements with a StatementRef for an Object.
var anyReferrer = xapi.Term{Facet: xapi.FacetReferrer}

// comparer sorts by bytes. It makes a posting's term its prefix, so that the
// Bloom filters and the blocks hold a term once and not once a posting.
var comparer = func() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "bedside.index.1"
	c.Split = func(key []byte) int {
		if len(key) > postingPrefix && key[0] == kindPosting {
			return postingPrefix
		}
		return len(key)
	}
	// For range keys only, which the index has none of.
	c.ImmediateSuccessor = func(dst, prefix []byte) []byte {
		if len(prefix) == postingPrefix && prefix[0] == kindPosting {
			return append(dst, upperBound(prefix)...)
		}
		return append(append(dst, prefix...), 0)
	}
	return &c
}()

// key is a row's key under construction.
type key []byte

func newKey(kind byte) key                { return append(make(key, 0, 48), kind) }
func (k key) number(n uint64) key         { return binary.BigEndian.AppendUint64(k, n) }
func (k key) bytes(b []byte) key          { return append(k, b...) }
func (k key) hash(h hash) key             { return append(k, h[:]...) }
func (k key) id(id uuid.UUID) key         { return append(k, id[:]...) }
func idKey(id uuid.UUID) key              { return newKey(kindID).id(id) }
func numberKey(n uint64) key              { return newKey(kindNumber).number(n) }
func timeKey(stored int64) key            { return newKey(kindTime).number(uint64(stored)) }
func referrersOf(target uuid.UUID) key    { return newKey(kindReferrer).id(target) }
func missingKey(target uuid.UUID) key     { return newKey(kindMissing).id(target) }
func voidKey(target uuid.UUID) key        { return newKey(kindVoid).id(target) }
func inheritedKey(n uint64) key           { return newKey(kindInherited).number(n) }
func lateKey(n uint64) key                { return newKey(kindLate).number(n) }
func queueKey(n uint64) key               { return newKey(kindQueue).number(n) }
func activityKey(iri string) key          { return newKey(kindActivity).hash(hashOf(iri)) }
func namesOf(agent string) key            { return newKey(kindName).hash(hashOf(agent)) }
func namedKey(agent string) key           { return newKey(kindNamed).hash(hashOf(agent)) }
func nameKey(agent, name string) key      { return namesOf(agent).hash(hashOf(name)) }
func credentialKey(name string) key       { return newKey(kindCredential).bytes([]byte(name)) }
func blobKey(sha string) key              { return newKey(kindBlob).bytes(bytes.ToLower([]byte(sha))) }
func documentsOf(d event.DocumentKey) key { return newKey(kindDocument).hash(scopeOf(d)) }
func contentsOf(d event.DocumentKey) key  { return newKey(kindContent).hash(scopeOf(d)) }

func frameKey(r eventlog.Revision, frame int) key {
	return binary.BigEndian.AppendUint16(newKey(kindFrame).number(uint64(r)), uint16(frame))
}

func documentKey(d event.DocumentKey) key { return documentsOf(d).hash(hashOf(d.ID)) }
func contentKey(d event.DocumentKey) key  { return contentsOf(d).hash(hashOf(d.ID)) }

// hashOf is SHA-256 cut to 128 bits: keys of a fixed length for texts that
// clients choose, and no two texts that anyone could find share one.
func hashOf(text string) hash {
	sum := sha256.Sum256([]byte(text))
	return hash(sum[:])
}

// scopeOf stands for all of a key but its id. Lengths keep the parts apart.
func scopeOf(d event.DocumentKey) hash {
	var b []byte
	for _, part := range []string{string(d.Kind), d.Activity, d.Agent, d.Registration} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return hashOf(string(b))
}

// upperBound is the first key behind all that begin with prefix, which has a
// byte below 0xff.
func upperBound(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			b := bytes.Clone(prefix[:i+1])
			b[i]++
			return b
		}
	}
	return nil
}

func postingsOf(t xapi.Term) key { return appendTerm(newKey(0)[:0], t) }

func appendTerm(k key, t xapi.Term) key { return append(k, kindPosting, byte(t.Facet)).hash(t.Hash) }

// posting completes the key of a posting of statement n.
func (k key) posting(n uint64) key { return k.number(^n) }

// postedNumber is the number at the end of a posting's key.
func postedNumber(key []byte) uint64 { return ^lastNumber(key) }

// lastNumber is the number at the end of a key.
func lastNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }
