package xapi

import (
	"errors"
	"strings"
	"testing"
)

var errNoMemory = errors.New("no memory")

// TestBudgetCounts: what parsing a greedy statement takes is told while it grows, at least by the half of what is allocated
// on the way, and a refusal ends it early.
func TestBudgetCounts(t *testing.T) {
	for name, text := range greedy() {
		raw, told := []byte(text), 0
		within := Budget{Hold: func(n int64) error { told += int(n); return nil }}
		got := allocated(func() {
			if _, _, err := within.ParseStatements(raw, V2); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		t.Logf("%s: %d bytes, %d allocated, %d told", name, len(raw), got, told)
		if told < got/2 || told > 20*len(raw) {
			t.Errorf("%s: %d bytes are told of %d that were allocated for %d", name, told, got, len(raw))
		}
		if told < 2*len(raw) { // a copy is all it takes
			continue
		}
		left := int64(2 * len(raw))
		within.Hold = func(n int64) error {
			if left -= n; left < 0 {
				return errNoMemory
			}
			return nil
		}
		refused := allocated(func() {
			if _, _, err := within.ParseStatements(raw, V2); err != errNoMemory { //nolint:errorlint // as it is
				t.Errorf("%s: %v", name, err)
			}
		})
		if refused > 3*got/4 {
			t.Errorf("%s: refused after %d bytes, and parsed with %d", name, refused, got)
		}
	}
}

// TestBudgetLimits: too many statements, or one that is too long, are refused before they are parsed, by what is kept of them.
func TestBudgetLimits(t *testing.T) {
	long := strings.Repeat("x", 1000)
	response := func(text string) string { return statementWith("result", `{"response":"`+text+`"}`) }
	authority := func(name string) string {
		return statementWith("authority", `{"mbox":"mailto:a@b.example","name":"`+name+`"}`)
	}
	within := Budget{Statements: 3, Statement: 900}
	for _, test := range []struct {
		name, body string
		want       error
	}{
		{"three", "[" + strings.Repeat(statementWith()+",", 2) + statementWith() + "]", nil},
		{"four", "[" + strings.Repeat(statementWith()+",", 3) + statementWith() + "]", ErrManyStatements},
		{"what is wrong in the fourth", "[" + strings.Repeat(statementWith()+",", 3) + "{}]", ErrManyStatements},
		{"long", response(long), ErrLongStatement},
		{"long in a batch", "[" + statementWith() + " , " + response(long) + "]", ErrLongStatement},
		{"spaces around", strings.Repeat(" ", 1000) + statementWith(), nil},
		{"spaces between members", strings.Replace(statementWith(), ",", strings.Repeat(" ", 1000)+",", 1), nil},
		{"what is not kept", authority(long), nil},
		{"together, not one", "[" + response(long[:500]) + "," + response(long[:500]) + "]", nil},
	} {
		if _, _, err := within.ParseStatements([]byte(test.body), V1); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	for _, broken := range []string{"", "[", "{", `{"a`, `{"a":`, `["`, `[{"a":1`, "]", `{"a":1,`, `[,`, `{:`} {
		within := Budget{Statement: 1}
		within.tooLong([]byte(broken + strings.Repeat(" ", 10))) // does not panic
		within.tooLong([]byte(strings.Repeat(" ", 10) + broken))
	}
}

// TestTermsOfMany: a member that is there often is there once among the terms, and does not take memory again and again.
func TestTermsOfMany(t *testing.T) {
	const many = 50_000
	s, err := ParseStatement([]byte(statementWith("actor", `{"objectType":"Group","member":[`+
		strings.TrimSuffix(strings.Repeat(`{"mbox_sha1sum":"`+strings.Repeat("a", 40)+`"},`, many), ",")+`]}`)), V1)
	if err != nil {
		t.Fatal(err)
	}
	var terms []Term
	if got := allocated(func() { terms = Terms(s) }); got > many*17 {
		t.Errorf("%d bytes for %d terms", got, len(terms))
	}
	if len(terms) != len(Terms(s)) || len(terms) > 10 {
		t.Errorf("%d terms", len(terms))
	}
}
