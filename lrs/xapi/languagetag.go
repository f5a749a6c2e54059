package xapi

import "strings"

// isLanguageTag checks the sequence of subtags and their lengths against RFC 5646, section 2.1 (D 2.2, 4.2). It does
// not look them up in the registry.
func isLanguageTag(tag string) bool {
	language, rest, more := strings.Cut(tag, "-")
	switch {
	case len(language) == 1:
		return isUnlisted(language[0]|0x20, rest)
	case len(language) == 0 || len(language) > 8 || !allBytes(language, isAlpha):
		return false
	}
	// What may still come, in this order: extlang (after a language of two or three letters), script, region, variants.
	const (
		extlang = iota
		script
		region
		variant
	)
	stage, extlangs := extlang, 0
	if len(language) > 3 {
		stage = script
	}
	for more {
		var subtag string
		after := rest
		subtag, rest, more = strings.Cut(rest, "-")
		if subtag == "" || len(subtag) > 8 || !allBytes(subtag, isAlnum) {
			return false
		}
		switch n := len(subtag); {
		case n == 1:
			return areExtensions(after)
		case n == 3 && stage == extlang && extlangs < 3 && allBytes(subtag, isAlpha):
			extlangs++
		case n == 4 && stage <= script && allBytes(subtag, isAlpha):
			stage = region
		case stage <= region && (n == 2 && allBytes(subtag, isAlpha) || n == 3 && allBytes(subtag, isDigit)):
			stage = variant
		case n > 4 || n == 4 && isDigit(subtag[0]):
			stage = variant
		default:
			return isIrregular(tag)
		}
	}
	return true
}

// isUnlisted checks what follows the "x-" of private use, or the "i-" of the old registrations.
func isUnlisted(first byte, rest string) bool {
	return first == 'x' && areExtensions("x-"+rest) || first == 'i' && len(rest) > 2 && len(rest) <= 8 && allBytes(rest, isAlpha)
}

// areExtensions checks the end of a tag: singletons, each with subtags of two to eight characters; after "x", which
// must come last, of one to eight.
func areExtensions(text string) bool {
	shortest, count := 2, 1
	for subtag := range strings.SplitSeq(text, "-") {
		switch n := len(subtag); {
		case n == 0 || n > 8 || !allBytes(subtag, isAlnum):
			return false
		case n >= shortest:
			count++
		case count == 0:
			return false
		default:
			count = 0
			if subtag[0]|0x20 == 'x' {
				shortest = 1
			}
		}
	}
	return count > 0
}

// isIrregular lists the tags of RFC 5646 that were registered before its syntax and do not fit it, but for the "i-" ones.
func isIrregular(tag string) bool {
	for _, irregular := range [...]string{"en-GB-oed", "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE"} {
		if strings.EqualFold(tag, irregular) {
			return true
		}
	}
	return false
}
