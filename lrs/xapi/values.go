package xapi

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The checks of this file decide whether a string is a value of a certain format. They allocate nothing when it is.

// What the formats are called in messages.
const (
	anIRI      = "an IRI (a scheme, a colon and more, without spaces)"
	aUUID      = "a UUID of the form 8-4-4-4-12"
	aTimestamp = "an RFC 3339 timestamp such as 2015-11-18T12:17:00.250Z"
)

// CheckIRI checks a query parameter that has to be an IRI by the rule for IRIs in Statements (C 2.1.3, D 2.2).
func CheckIRI(text string) error {
	if !isIRI(text) {
		return fmt.Errorf("xapi: %s is not %s", shorten(text), anIRI)
	}
	return nil
}

// ParseUUID reads a UUID in its standard form, 8-4-4-4-12 hexadecimal digits of either case (D 4.4). Any version and
// any variant will do; braces, "urn:uuid:" and the form without hyphens will not.
func ParseUUID(text string) (uuid.UUID, error) {
	id, ok := parseUUID(text)
	if !ok {
		return id, fmt.Errorf("xapi: %s is not %s", shorten(text), aUUID)
	}
	return id, nil
}

func parseUUID(text string) (uuid.UUID, bool) {
	if len(text) != 36 {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}

// isIRI is a best-effort check (D 2.2 allows one) of an absolute IRI as of RFC 3987: a scheme, a colon, at least one
// character, and none that an IRI may not have. Brackets, and more than one "#", are let pass wherever they are.
func isIRI(text string) bool {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || rest == "" || scheme == "" || !isAlpha(scheme[0]) || !allBytes(scheme, isSchemeByte) {
		return false
	}
	ascii := true
	for i := range len(rest) {
		switch c := rest[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case !iriBytes[c]:
			return false
		case c == '%' && (i+2 >= len(rest) || !isHex(rest[i+1]) || !isHex(rest[i+2])):
			return false
		}
	}
	return ascii || allRunes(rest, isIRIRune)
}

// iriBytes are the ASCII characters that an IRI can have: all but the controls, the space and those that RFC 3986 gives
// no place at all.
var iriBytes = func() (set [utf8.RuneSelf]bool) {
	for c := byte('!'); c <= '~'; c++ {
		set[c] = strings.IndexByte("<>\"{}|\\^`", c) < 0
	}
	return set
}()

// isIRIRune refuses controls, the replacement character (which also stands for bad UTF-8) and non-characters.
func isIRIRune(r rune) bool {
	return r < utf8.RuneSelf || r >= 0xA0 && r != utf8.RuneError && r&0xFFFE != 0xFFFE && (r < 0xFDD0 || r > 0xFDEF)
}

// isMbox checks a mailto IRI with one address and nothing else (D 2.4.2.3).
func isMbox(text string) bool {
	address, ok := strings.CutPrefix(text, "mailto:")
	if !ok || !isIRI(text) {
		return false
	}
	local, domain, _ := strings.Cut(address, "@")
	return local != "" && domain != "" && !strings.ContainsAny(address, "?#") && !strings.Contains(domain, "@")
}

// canonicalMbox has the domain, the part that ignores case (D 2.3.1), in lower case.
func canonicalMbox(mbox string) string {
	at := strings.LastIndexByte(mbox, '@')
	return mbox[:at+1] + lowerASCII(mbox[at+1:])
}

// isSHA1 checks an mbox_sha1sum: 40 hexadecimal digits.
func isSHA1(text string) bool { return len(text) == 40 && allBytes(text, isHex) }

// isSHA2 checks the sha2 of an attachment: SHA-224, -256, -384 or -512 in hexadecimal digits.
func isSHA2(text string) bool {
	switch len(text) {
	case 56, 64, 96, 128:
		return allBytes(text, isHex)
	}
	return false
}

// isMediaType checks that there are a type and a subtype; parameters may follow, of any form (RFC 2046) that a header can
// have: it is sent back in one.
func isMediaType(text string) bool { return hasMediaType(text) && IsFieldValue(text) }

// hasMediaType is isMediaType with parameters of any form at all, which once were accepted.
func hasMediaType(text string) bool {
	essence, _, _ := strings.Cut(text, ";")
	kind, subtype, ok := strings.Cut(strings.TrimRight(essence, " \t"), "/")
	return ok && kind != "" && subtype != "" && allBytes(kind, isTokenByte) && allBytes(subtype, isTokenByte)
}

// IsFieldValue tells whether a header can have a value: there are no controls but tabs in it (RFC 9110, 5.5).
func IsFieldValue(text string) bool {
	return allBytes(text, func(c byte) bool { return c >= ' ' && c != 0x7F || c == '\t' })
}

// isStatementVersion checks the version of a Statement, which under 2.0 may also be a 1.0 one.
func isStatementVersion(text string, v Version) bool {
	return isRelease(text, "1.0") || v == V2 && isRelease(text, "2.0")
}

// isInteractionType checks an interactionType (D 2.4.4.1).
func isInteractionType(text string) bool {
	switch text {
	case "true-false", "choice", "fill-in", "long-fill-in", "matching", "performance", "sequencing", "likert", "numeric",
		"other":
		return true
	}
	return false
}

// shorten quotes a value for a message, the beginning only if it is long.
func shorten(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) <= most {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%.*q…", most, text)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isSchemeByte(c byte) bool { return isAlnum(c) || c == '+' || c == '-' || c == '.' }
func isTokenByte(c byte) bool  { return isAlnum(c) || strings.IndexByte("!#$&-^_.+", c) >= 0 }

func countDigits(text string) int {
	n := 0
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	return n
}

func allBytes(text string, ok func(byte) bool) bool {
	for i := range len(text) {
		if !ok(text[i]) {
			return false
		}
	}
	return true
}

func allRunes(text string, ok func(rune) bool) bool {
	for _, r := range text {
		if !ok(r) {
			return false
		}
	}
	return true
}

// lowerASCII leaves all other characters as they are: a domain is not to become another one.
func lowerASCII(text string) string {
	for i := range len(text) {
		if 'A' <= text[i] && text[i] <= 'Z' {
			lower := []byte(text)
			for ; i < len(lower); i++ {
				if 'A' <= lower[i] && lower[i] <= 'Z' {
					lower[i] |= 0x20
				}
			}
			return string(lower)
		}
	}
	return text
}
