package xapi

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// greedy are statements of about a megabyte that are many times that as a tree of values.
func greedy() map[string]string {
	many := func(n int, part func(i int) string) string {
		var list strings.Builder
		for i := range n {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString(part(i))
		}
		return list.String()
	}
	extension := func(value string) string {
		return statementWith("result", `{"extensions":{"http://e.example/e":`+value+`}}`)
	}
	return map[string]string{
		"elements": extension(`[` + many(500_000, func(int) string { return "0" }) + `]`),
		"arrays":   extension(`[` + many(350_000, func(int) string { return "[]" }) + `]`),
		"names":    extension(`{` + many(100_000, func(i int) string { return fmt.Sprintf(`"%x":0`, i) }) + `}`),
		"members": statementWith("actor", `{"objectType":"Group","member":[`+
			many(20_000, func(i int) string { return fmt.Sprintf(`{"mbox":"mailto:%d@example.com","name":"x"}`, i) })+`]}`),
		"languages": statementWith("verb", `{"id":"http://v.example/v","display":{`+
			many(80_000, func(i int) string { return fmt.Sprintf(`"en-x-%x":""`, i) })+`}}`),
	}
}

// allocated is how many bytes f allocates, those included that are free again.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// TestNoTrees: formatting, comparing and verifying take a few times the memory of the statement, whatever is in it, and all
// that they have allocated on the way counts here.
func TestNoTrees(t *testing.T) {
	none := func(string) []byte { return nil }
	jws := []byte(sign(statementWith(), jose.RS256, testPKI().key, nil))
	for name, text := range greedy() {
		raw := []byte(text)
		other := []byte(strings.Replace(text, `"verb"`, `"id":"33cff416-e331-4c9d-969e-5373a1756120","verb"`, 1))
		withSignature := []byte(strings.TrimSuffix(text, "}") + `,"attachments":[` + signatureAttachment + `]}`)
		for what, does := range map[string]struct {
			most int // times the statement
			f    func()
		}{
			"ids":       {3, func() { FormatIDs(raw) }},
			"canonical": {5, func() { FormatCanonical(raw, none, Languages{}) }},
			"equal": {20, func() {
				if equal, err := Equal(raw, other); !equal || err != nil {
					t.Errorf("%s: %v, %v", name, equal, err)
				}
			}},
			"verify": {20, func() {
				if err := VerifySignature(withSignature, jws, V1, nil, time.Time{}); err == nil {
					t.Errorf("%s: accepted", name)
				}
			}},
		} {
			got := allocated(does.f)
			t.Logf("%s, %s: %.1f times", name, what, float64(got)/float64(len(raw)))
			if got > does.most*len(raw) {
				t.Errorf("%s, %s: %d bytes allocated for %d", name, what, got, len(raw))
			}
		}
	}
}

// TestMergeOfManyNames: two documents of very many names are merged in a few times their memory, and that is told before.
func TestMergeOfManyNames(t *testing.T) {
	var names strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&names, `"%x":0,`, i)
	}
	old := []byte("{" + names.String() + `"a":1}`)
	for _, new := range []string{`{"b":2}`, `{"3":` + "4}", string(old)} {
		told := 0
		within := Budget{Hold: func(n int64) error { told += int(n); return nil }}
		size := len(old) + len(new)
		got := allocated(func() {
			if _, err := within.MergeDocument(old, []byte(new)); err != nil {
				t.Error(err)
			}
		})
		t.Logf("%d bytes: %d allocated, %d told", size, got, told)
		if got > 16*size || told < got/2 {
			t.Errorf("%d bytes allocated for %d, %d told", got, size, told)
		}
		within.Hold = func(int64) error { return errNoMemory }
		if _, err := within.MergeDocument(old, []byte(new)); err != errNoMemory { //nolint:errorlint // as it is
			t.Errorf("refused: %v", err)
		}
	}
}
