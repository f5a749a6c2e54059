package xapi

import (
	"fmt"
	"time"
)

// ParseTimestamp reads a timestamp (D 4.5) of a parameter or a Statement: RFC 3339 with its upper-case letters, any
// number of fraction digits (the time keeps nine), and any offset but the unknown "-00:00". A leap second, 23:59:60
// UTC, is the second after it. The time is UTC.
func ParseTimestamp(text string) (time.Time, error) {
	t, ok := parseTimestamp(text)
	if !ok {
		return t, fmt.Errorf("xapi: %s is not %s", shorten(text), aTimestamp)
	}
	return t, nil
}

// parseTimestamp is written by hand because time.Parse takes "-00:00" and a comma, and refuses leap seconds.
func parseTimestamp(text string) (time.Time, bool) {
	const shape = "0000-00-00T00:00:00" // what every timestamp begins with
	if len(text) <= len(shape) {
		return time.Time{}, false
	}
	for i := range len(shape) {
		if shape[i] == '0' && !isDigit(text[i]) || shape[i] != '0' && shape[i] != text[i] {
			return time.Time{}, false
		}
	}
	year, month, day := number(text[:4]), number(text[5:7]), number(text[8:10])
	hour, minute, second := number(text[11:13]), number(text[14:16]), number(text[17:19])
	nanos, rest, ok := cutFraction(text[len(shape):])
	if !ok {
		return time.Time{}, false
	}
	offset, ok := parseOffset(rest)
	if !ok || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	if second == 60 && (hour*60+minute-offset+2*1440)%1440 != 1439 {
		return time.Time{}, false
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if date.Day() != day { // the month is not that long
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute-offset, second, nanos, time.UTC), true
}

// parseOffset reads "Z" or "+hh:mm", in minutes east of UTC.
func parseOffset(text string) (minutes int, ok bool) {
	if text == "Z" {
		return 0, true
	}
	if len(text) != 6 || text[3] != ':' || !allBytes(text[1:3], isDigit) || !allBytes(text[4:], isDigit) {
		return 0, false
	}
	hours, rest := number(text[1:3]), number(text[4:])
	minutes = hours*60 + rest
	switch {
	case hours > 23 || rest > 59:
		return 0, false
	case text[0] == '+':
		return minutes, true
	}
	return -minutes, text[0] == '-' && minutes != 0
}

// cutFraction reads ".25" into nanoseconds, and nothing into none.
func cutFraction(text string) (nanos int, rest string, ok bool) {
	if text == "" || text[0] != '.' {
		return 0, text, true
	}
	n := countDigits(text[1:])
	for i := range 9 {
		nanos *= 10
		if i < n {
			nanos += int(text[1+i] - '0')
		}
	}
	return nanos, text[1+n:], n > 0
}

func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// inUTC spells a valid timestamp in UTC (IEEE 9274.1.1), with the fraction digits it has, but at least three. What has
// no offset stays as it is, and so does what would leave the years that RFC 3339 can write.
func inUTC(t Timestamp) string {
	const seconds = len("2006-01-02T15:04:05")
	_, rest, _ := cutFraction(t.Text[seconds:])
	if offset, _ := parseOffset(rest); offset == 0 || t.Time.Year() < 0 || t.Time.Year() > 9999 {
		return t.Text
	}
	whole := t.Time.Truncate(time.Second)
	leap := t.Text[seconds-2:seconds] == "60"
	if leap {
		whole = whole.Add(-time.Second)
	}
	text := whole.AppendFormat(make([]byte, 0, 40), "2006-01-02T15:04:05")
	if leap {
		text = append(text[:seconds-2], "60"...)
	}
	fraction := t.Text[seconds : len(t.Text)-len(rest)]
	if fraction == "" {
		fraction = "."
	}
	text = append(text, fraction...)
	for range 4 - len(fraction) {
		text = append(text, '0')
	}
	return string(append(text, 'Z'))
}

// stampLayout is how `stored` is spelled, always 27 bytes.
const stampLayout = "2006-01-02T15:04:05.000000Z"

// putStamp writes a time in µs since 1970 over 27 bytes, in stampLayout. Its years are 0 to 9999; the clock does not
// leave them.
func putStamp(dst []byte, micros int64) {
	t := time.UnixMicro(micros).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	_ = dst[len(stampLayout)-1]
	copy(dst, stampLayout)
	putDigits(dst[0:4], max(0, min(year, 9999)))
	putDigits(dst[5:7], int(month))
	putDigits(dst[8:10], day)
	putDigits(dst[11:13], hour)
	putDigits(dst[14:16], minute)
	putDigits(dst[17:19], second)
	putDigits(dst[20:26], t.Nanosecond()/1000)
}

func putDigits(dst []byte, value int) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + value%10)
		value /= 10
	}
}
