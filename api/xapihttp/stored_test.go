package xapihttp_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// What the LRS does not have to change comes back byte for byte.
func TestStoredAsItCame(t *testing.T) {
	l := newLab(t)
	tests := map[string]string{
		"number literals": `"result":{"score":{"raw":1.50e1,"min":-0,"max":1E+2,"scaled":0.10000000000000000000001},"extensions":{"urn:n":[1.0,1e400,-0.0,123456789012345678901234567890]}}`,
		"key order":       `"result":{"success":true,"completion":false,"extensions":{"urn:z":{"z":1,"a":2},"urn:a":0},"response":"r"}`,
		"extensions":      `"result":{"extensions":{"urn:x":{"any":[null,{"deep":{"null":null,"":""}}],"objectType":"Nonsense"}}}`,
		"escapes":         `"result":{"response":"\u0041\u00e9\/\"\\\b\f\n\r\t\u2028 \ud83d\ude00 é 😀","extensions":{"urn:\u0041":"\u0000"}}`,
		"duration":        `"result":{"duration":"P1DT0012H36M00.12370S"}`,
		"spaces":          `"result" : { "response" :` + "\t" + `"x" , "success" : true }`,
		"language tags":   `"context":{"language":"EN-us","extensions":{"urn:c":{"de-DE":null}}}`,
		"unicode forms":   `"result":{"response":"é e\u0301 ﬁ \u200d"}`,
	}
	n := 0
	for name, part := range tests {
		n++
		t.Run(name, func(t *testing.T) {
			sent := simple(n, part)
			l.post(t, sent)
			got := l.statement(t, id(n))
			if whole := strings.TrimSuffix(sent, "}"); !strings.HasPrefix(got, whole) {
				t.Errorf("sent %s\ngot  %s", sent, got)
			}
			list := l.get(t, "/statements?limit=1").page()
			if len(list.Statements) != 1 || string(list.Statements[0]) != got {
				t.Errorf("the list has it as %s\nthe id as %s", list.Statements, got)
			}
		})
	}
}

var microseconds = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,}Z$`)

// What the LRS adds: each time with a fraction, in UTC.
func TestStoredAdditions(t *testing.T) {
	l := newLab(t)
	for i, test := range []struct{ version, wantVersion string }{{v1, "1.0.0"}, {v2, "2.0.0"}} {
		l.post(t, `[`+simple(i+1)+`]`, versionHeader, test.version)
		got := l.statement(t, id(i+1))
		stored := member(t, got, "stored")
		if !microseconds.MatchString(stored) {
			t.Errorf("stored %q", stored)
		}
		if at, err := time.Parse(time.RFC3339Nano, stored); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("stored %q, %v", stored, err)
		}
		if timestamp := member(t, got, "timestamp"); timestamp != stored {
			t.Errorf("%s: timestamp %q, stored %q: an absent timestamp is the time of storing", test.version, timestamp, stored)
		}
		if v := member(t, got, "version"); v != test.wantVersion {
			t.Errorf("%s: version %q, want %q", test.version, v, test.wantVersion)
		}
		if name := member(t, got, "authority.account.name"); name != "everything" {
			t.Errorf("authority's account %q", name)
		}
	}
}

// What a client says of stored and authority is not believed; its version and
// timestamp stay as they are, but for the zone under 2.0.
func TestStoredOverwrites(t *testing.T) {
	l := newLab(t)
	claims := `"stored":"2001-01-01T00:00:00Z","authority":{"mbox":"mailto:boss@example.com"}`
	tests := []struct{ version, sent, timestamp, statementVersion string }{
		{v1, `"version":"1.0","timestamp":"2020-02-29T23:59:59.123456789+05:30"`, "2020-02-29T23:59:59.123456789+05:30", "1.0"},
		{v1, `"version":"1.0.9","timestamp":"2020-02-29T23:59:59Z"`, "2020-02-29T23:59:59Z", "1.0.9"},
		{v2, `"version":"2.0.0","timestamp":"2020-02-29T23:59:59.120+05:30"`, "2020-02-29T18:29:59.120Z", "2.0.0"},
	}
	for i, test := range tests {
		l.post(t, simple(i+1, claims, test.sent), versionHeader, test.version)
		got := l.statement(t, id(i+1))
		if v := member(t, got, "stored"); strings.HasPrefix(v, "2001") {
			t.Errorf("stored %s is the client's", v)
		}
		if v := member(t, got, "authority"); strings.Contains(v, "boss") || strings.Count(got, `"authority"`) != 1 {
			t.Errorf("authority %s is the client's", v)
		}
		if v := member(t, got, "timestamp"); v != test.timestamp {
			t.Errorf("timestamp %q, want %q", v, test.timestamp)
		}
		if v := member(t, got, "version"); v != test.statementVersion {
			t.Errorf("version %q, want %q", v, test.statementVersion)
		}
	}
}

// PUT takes the id of the parameter; a single contextActivity becomes an array.
func TestStoredForm(t *testing.T) {
	l := newLab(t)
	noID := strings.Replace(simple(1, `"context":{"contextActivities":{"parent":{"id":"urn:p"},"other":[{"id":"urn:o"}]}}`),
		`"id":"`+id(1)+`",`, "", 1)
	a := l.do(t, "PUT", "/statements"+query("statementId", id(1)), noID).want(204)
	if a.body != "" || a.header.Get("X-Bedside-Position") == "" {
		t.Errorf("body %q, position %q", a.body, a.header.Get("X-Bedside-Position"))
	}
	got := l.statement(t, id(1))
	if v := member(t, got, "id"); v != id(1) {
		t.Errorf("id %q", v)
	}
	if v := member(t, got, "context.contextActivities"); v != `{"parent":[{"id":"urn:p"}],"other":[{"id":"urn:o"}]}` {
		t.Errorf("contextActivities %s", v)
	}
	// POST answers with the ids in order, also for one, also for made ones.
	ids := l.post(t, `[`+simple(3)+`,`+simple(2)+`]`).body
	if ids != `["`+id(3)+`","`+id(2)+`"]` {
		t.Errorf("ids %s", ids)
	}
	made := l.post(t, noID).body
	if !regexp.MustCompile(`^\["[0-9a-f-]{36}"\]$`).MatchString(made) || strings.Contains(made, id(1)) {
		t.Errorf("made id %s", made)
	}
	if got := l.post(t, `[]`).body; got != `[]` {
		t.Errorf("an empty batch: %s", got)
	}
}
