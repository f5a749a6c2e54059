package xapi

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseTimestamp(t *testing.T) {
	for text, want := range map[string]string{
		"2015-11-18T12:17:00Z":                "2015-11-18T12:17:00Z",
		"2015-11-18T12:17:00.25Z":             "2015-11-18T12:17:00.25Z",
		"2008-09-15T15:53:00.601+00:00":       "2008-09-15T15:53:00.601Z",
		"2023-05-04T12:00:00-05:00":           "2023-05-04T17:00:00Z",
		"2024-02-29T00:30:00+05:45":           "2024-02-28T18:45:00Z",
		"2015-01-01T00:00:00.1234567890123Z":  "2015-01-01T00:00:00.123456789Z",
		"0000-01-01T00:00:00Z":                "0000-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999999+00:00": "9999-12-31T23:59:59.999999999Z",
		"2016-12-31T23:59:60Z":                "2017-01-01T00:00:00Z",
		"2016-12-31T18:59:60.5-05:00":         "2017-01-01T00:00:00.5Z",
		"2017-01-01T05:29:60+05:30":           "2017-01-01T00:00:00Z",
	} {
		got, err := ParseTimestamp(text)
		if err != nil || got.Format(time.RFC3339Nano) != want || got.Location() != time.UTC {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "should fail", "01/011/2015", "2015-11-18", "2015-11-18T12:17", "2015-11-18T12:17:00", "2015-11-18 12:17:00Z", "2015-11-18t12:17:00z",
		"2008-09-15T15:53:00.601-00", "2008-09-15T15:53:00.601-0000", "2008-09-15T15:53:00.601-00:00", "2008-09-15T15:53:00.601+0000", "2008-09-15T15:53:00,601Z",
		"2008-09-15T15:53:00.Z", "2008-09-15T15:53:00.601", "2008-13-15T15:53:00Z", "2008-00-15T15:53:00Z", "2008-09-31T15:53:00Z", "2023-02-29T00:00:00Z",
		"2008-09-00T15:53:00Z", "2008-09-15T24:00:00Z", "2008-09-15T15:60:00Z", "2008-09-15T15:53:60Z", "2008-09-15T23:59:60+01:00", "2008-09-15T23:59:61Z",
		"2008-09-15T15:53:00+24:00", "2008-09-15T15:53:00+01:60", "2008-09-15T15:53:00Z ", "20080915T155300Z", "2008-09-15T15:53:00+1:00", "2008-09-15T15:53:00*01:00",
		"2008-09-15T15:53:00+0a:00", "+2008-09-15T15:53:00Z", "2008-9-15T15:53:00Z"} {
		if got, err := ParseTimestamp(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

// What time.Parse accepts we accept with the same result, but for what RFC 3339 forbids.
func TestParseTimestampAsTimeDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,12})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`).Draw(t, "timestamp")
		want, err := time.Parse(time.RFC3339Nano, text)
		got, ok := parseTimestamp(text)
		if strings.HasSuffix(text, "-00:00") {
			if ok {
				t.Fatalf("%s is accepted", text)
			}
			return
		}
		if ok != (err == nil) || ok && !got.Equal(want) {
			t.Fatalf("%s: got %v, %v, want %v, %v", text, got, ok, want, err)
		}
	})
}

func TestInUTC(t *testing.T) {
	for sent, want := range map[string]string{
		"2023-05-04T12:00:00-05:00":              "2023-05-04T17:00:00.000Z",
		"2023-05-04T12:00:00.5-05:00":            "2023-05-04T17:00:00.500Z",
		"2023-05-04T12:00:00.123456789012+02:00": "2023-05-04T10:00:00.123456789012Z",
		"2023-01-01T01:00:00.250+02:00":          "2022-12-31T23:00:00.250Z",
		"2016-12-31T18:59:60.25-05:00":           "2016-12-31T23:59:60.250Z",
		"2023-05-04T12:00:00Z":                   "2023-05-04T12:00:00Z",
		"2023-05-04T12:00:00+00:00":              "2023-05-04T12:00:00+00:00",
		"0000-01-01T00:00:00+01:00":              "0000-01-01T00:00:00+01:00", // would be the year −1
		"9999-12-31T23:59:59-01:00":              "9999-12-31T23:59:59-01:00", // would be the year 10000
	} {
		at, ok := parseTimestamp(sent)
		if got := inUTC(Timestamp{at, sent}); !ok || got != want {
			t.Errorf("%s: got %s, want %s", sent, got, want)
		}
		if same, ok := parseTimestamp(inUTC(Timestamp{at, sent})); !ok || !same.Equal(at) {
			t.Errorf("%s: the time is now %v", sent, same)
		}
	}
}

func TestPutStamp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-62_135_596_800_000_000, 253_402_300_799_999_999).Draw(t, "micros")
		dst := []byte(strings.Repeat("x", len(stampLayout)) + "after")
		putStamp(dst, micros)
		if want := time.UnixMicro(micros).UTC().Format(stampLayout) + "after"; string(dst) != want {
			t.Fatalf("%d: got %s, want %s", micros, dst, want)
		}
	})
	dst := make([]byte, len(stampLayout))
	for _, micros := range []int64{-1 << 63, 1<<63 - 1} {
		if putStamp(dst, micros); len(dst) != 27 {
			t.Error("a stamp is 27 bytes")
		}
		if _, ok := parseTimestamp(string(dst)); !ok {
			t.Errorf("%d becomes %s", micros, dst)
		}
	}
}
