package xapi

import "strings"

// isDuration checks an ISO 8601 duration (D 4.6): PnYnMnDTnHnMnS with at least one part, or PnW alone. Only the last
// part can have a fraction.
func isDuration(text string) bool {
	rest, ok := strings.CutPrefix(text, "P")
	if !ok {
		return false
	}
	if weeks, ok := strings.CutSuffix(rest, "W"); ok {
		whole, fraction := cutNumber(weeks)
		return len(whole)+len(fraction) == len(weeks) && whole != ""
	}
	date, clock, timed := strings.Cut(rest, "T")
	if timed {
		return clock != "" && areParts(date, "YMD", false) && areParts(clock, "HMS", true)
	}
	return date != "" && areParts(date, "YMD", true)
}

// areParts checks numbers, each followed by one of the units in their order; the last may have a fraction if it is the
// last of the duration.
func areParts(text, units string, last bool) bool {
	for text != "" {
		whole, fraction := cutNumber(text)
		text = text[len(whole)+len(fraction):]
		if whole == "" || text == "" {
			return false
		}
		unit := strings.IndexByte(units, text[0])
		if unit < 0 {
			return false
		}
		units, text = units[unit+1:], text[1:]
		if fraction != "" && (text != "" || !last) {
			return false
		}
	}
	return true
}

// cutNumber splits off the digits that text begins with, and the fraction that follows them, if there is one.
func cutNumber(text string) (whole, fraction string) {
	end := countDigits(text)
	whole = text[:end]
	if end < len(text) && (text[end] == '.' || text[end] == ',') {
		if digits := countDigits(text[end+1:]); digits > 0 {
			fraction = text[end : end+1+digits]
		}
	}
	return whole, fraction
}
