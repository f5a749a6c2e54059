package readmodel

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxKeyText bounds a text that is part of a key or an index, bytes: that of a PostgreSQL table takes no row beyond
// 2.7 kB, and what somebody sends must not stop a projection.
const maxKeyText = 600

// Hashed begins what KeyText makes of texts that are too long; neither an IRI nor the key of an identity begins so.
const Hashed = "sha256 "

// KeyText is a text as it is in the keys of tables: itself, or its hash if an index could not hold it.
func KeyText(text string) string {
	if len(text) <= maxKeyText && strings.IndexByte(text, 0) < 0 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return Hashed + hex.EncodeToString(sum[:])
}
