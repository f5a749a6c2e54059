package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Prefix is what the subjects of all notices begin with.
const Prefix = "bedside.changes."

// All is the key of a notice that is about every key of its projection.
const All = "*"

// Position is the place of an event in the log: the revision of its commit, and its
// index in it.
type Position struct {
	Revision uint64
	Index    int
}

// String gives REVISION.INDEX.
func (p Position) String() string {
	return strconv.FormatUint(p.Revision, 10) + "." + strconv.Itoa(p.Index)
}

// MarshalText implements encoding.TextMarshaler, for JSON.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Notice says that what a projection answers about a key may have changed.
type Notice struct {
	Projection string   `json:"projection"`
	Key        string   `json:"key"`
	Position   Position `json:"position"` // that the projection has reached
}

// Data is the notice as JSON, in one line.
func (n Notice) Data() ([]byte, error) {
	// An invalid key is none that anybody asks for, but no reason to tell nothing.
	b, err := json.Marshal(n, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("notice: %w", err)
	}
	return b, nil
}

// Subject is the NATS subject of the notices about a key.
func Subject(projection, key string) string { return Prefix + Token(projection) + "." + Token(key) }

// longKey is how many bytes of a key are written out.
const longKey = 200

// Token writes a key as one token of a NATS subject. ASCII letters, digits, - and _
// stand for themselves, every other byte is = and two digits 0-9A-F; the empty key is =.
// A key of more than 200 bytes is =h and its SHA-256 in 64 digits 0-9a-f. Two keys have
// the same token only if they have the same SHA-256.
func Token(key string) string {
	const digits = "0123456789ABCDEF"
	switch {
	case key == "":
		return "="
	case len(key) > longKey:
		sum := sha256.Sum256([]byte(key))
		return "=h" + hex.EncodeToString(sum[:])
	}
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			b.Write([]byte{'=', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
