package xapi

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// FuzzParseStatement feeds anything to the parser. It must not panic; a refusal says why; what is accepted under 1.0 is
// accepted under 2.0 and in a batch; and its stored form is valid, the same Statement, and found by the same terms.
func FuzzParseStatement(f *testing.F) {
	for _, seed := range []string{benchStatement, everything, statementWith(), "[" + statementWith() + "]", withAttachment(testAttachment), withSub("id", "1"),
		withDefinition(`"interactionType":"choice","choices":[{"id":"a"},{"id":"a"}],"moreInfo":"http://a.b"`), withResult(`"score":{"scaled":-1e0,"raw":1,"min":0.0,"max":2E1}`),
		withContext(`"contextActivities":{"parent":` + testObject + `},"extensions":{"http://a.b":[null]}`), statementWith("timestamp", `"2015-11-18T12:17:00+01:00"`),
		statementWith("version", `"1.0.3"`, "st\\u006fred", `"2015-11-18T12:17:00Z"`, "authority", testActor), "", "{", "null", "\xff", nested(200)} {
		f.Add([]byte(seed))
	}
	credential := authority(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		underV1 := false
		for _, v := range []Version{V1, V2} {
			s, err := ParseStatement(raw, v)
			list, array, batchErr := ParseStatements(append(append([]byte("["), raw...), ']'), v)
			if !bytes.Equal(raw, before) {
				t.Fatal("the input was changed")
			}
			if err != nil {
				refusal := new(Error)
				if !errors.As(err, &refusal) || refusal.Rule == "" || refusal.Message == "" || refusal.Statement != -1 ||
					refusal.Pointer != "" && !strings.HasPrefix(refusal.Pointer, "/") {
					t.Fatalf("the refusal is %#v", err)
				}
				if underV1 {
					t.Fatalf("accepted under 1.0 only: %v", err)
				}
				continue
			}
			underV1 = v == V1
			if batchErr != nil || !array || len(list) != 1 || !bytes.Equal(list[0].Raw, s.Raw) || CheckJSON(raw) != nil {
				t.Fatalf("alone it is accepted, in a batch: %v", batchErr)
			}
			draft := NewDraft(s, credential, v)
			final := draft.Stamp(1_700_000_000_123_456)
			again, err := ParseStatement(final, V2)
			if err != nil {
				t.Fatalf("the stored form is refused: %v: %s", err, final)
			}
			if again.ID != draft.ID() || !slices.Equal(Terms(again), draft.Terms()) || !slices.Equal(Names(again), Names(s)) {
				t.Fatalf("the stored form is another Statement: %s", final)
			}
			if equal, err := Equal(raw, final); err != nil || !equal {
				t.Fatalf("the stored form does not equal what was sent: %v: %s", err, final)
			}
		}
	})
}
