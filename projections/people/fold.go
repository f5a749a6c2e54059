package people

import (
	"strings"
	"unicode"
)

// folded has, for each plain form, the small letters of Latin scripts that are read as it. It is short of Unicode's own
// tables on purpose: what it misses is one match fewer among those that someone looks at anyway.
var folded = func() map[rune]string {
	letters := map[rune]string{}
	for plain, all := range map[string]string{
		"a": "àáâãäåāăą", "ae": "æ", "c": "çćĉċč", "d": "ďđð", "e": "èéêëēĕėęě", "g": "ĝğġģ", "h": "ĥħ",
		"i": "ìíîïĩīĭįı", "j": "ĵ", "k": "ķ", "l": "ĺļľŀł", "n": "ñńņň", "o": "òóôõöøōŏő", "oe": "œ", "r": "ŕŗř",
		"s": "śŝşšș", "ss": "ß", "t": "ţťŧț", "th": "þ", "u": "ùúûüũūŭůűų", "w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	} {
		for _, letter := range all {
			letters[letter] = plain
		}
	}
	return letters
}()

// fold makes texts equal that differ in case or in the marks of Latin letters.
func fold(text string) string {
	var b strings.Builder
	for _, r := range text {
		r = unicode.ToLower(r)
		switch plain, ok := folded[r]; {
		case ok:
			b.WriteString(plain)
		case !unicode.Is(unicode.Mn, r): // a mark that is written after its letter
			b.WriteRune(r)
		}
	}
	return b.String()
}
