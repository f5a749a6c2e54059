package xapi

import (
	"fmt"
	"strings"
)

// Version is the family of xAPI rules that a request is judged by. It comes from the X-Experience-API-Version header
// and has nothing to do with the revision of a commit.
type Version uint8

const (
	V1 Version = 1 // 1.0.x, of which 1.0.3 is the last
	V2 Version = 2 // 2.0.x (IEEE 9274.1.1)
)

// String gives the version a response names: "1.0.3" or "2.0.0".
func (v Version) String() string {
	if v == V2 {
		return "2.0.0"
	}
	return "1.0.3"
}

// assumed is the version a stored Statement gets that came without one. D 2.4.10 wants 1.0.0, whatever the 1.0.x of
// the header.
func (v Version) assumed() string {
	if v == V2 {
		return "2.0.0"
	}
	return "1.0.0"
}

// ParseVersion reads an X-Experience-API-Version header (C 3.3): "1.0" and "1.0.n" are V1, "2.0" and "2.0.n" are V2.
// Anything else, the empty string too, is an error.
func ParseVersion(header string) (Version, error) {
	switch {
	case isRelease(header, "1.0"):
		return V1, nil
	case isRelease(header, "2.0"):
		return V2, nil
	}
	return 0, fmt.Errorf("xapi: version %q is neither 1.0.x nor 2.0.x", header)
}

// isRelease reports whether text is the minor release itself ("1.0") or one of its patches ("1.0.3").
func isRelease(text, minor string) bool {
	patch, ok := strings.CutPrefix(text, minor)
	if !ok || patch == "" {
		return ok
	}
	digits, ok := strings.CutPrefix(patch, ".")
	return ok && digits != "" && allBytes(digits, isDigit)
}
