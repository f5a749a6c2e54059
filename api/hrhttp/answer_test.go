package hrhttp

import (
	"bytes"
	"testing"
)

func TestPrefersCSV(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/csv": true, "TEXT/CSV": true, "text/csv; charset=utf-8": true,
		"text/csv;q=0": false, "text/csv;q=0.1, application/json": false, "application/json;q=0.5, text/csv": true,
		"text/csv, application/json": true, "application/json, text/csv": false, "text/html, text/csv;q=0.5, */*;q=0.1": true,
		"text/csv;q=x": false, ";;, text/csv": true,
	} {
		if got := prefersCSV(accept); got != want {
			t.Errorf("Accept %q: %v", accept, got)
		}
	}
}

// TestTable: a field is what it was, line breaks of every kind included.
func TestTable(t *testing.T) {
	var b bytes.Buffer
	table{{"a", "", "b c"}, {"1,2", "say \"x\"", "a\rb\nc\r\nd"}}.write(&b)
	if want := "a,,b c\r\n\"1,2\",\"say \"\"x\"\"\",\"a\rb\nc\r\nd\"\r\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
