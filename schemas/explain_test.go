package schemas

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const plain = `"actor":{"mbox":"mailto:a@ward.example"},"verb":{"id":"urn:v"}`

func TestSchemasCompile(t *testing.T) {
	for version, load := range statement {
		if _, err := load(); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestExplain(t *testing.T) {
	tests := []struct {
		name, statement string
		want            []Violation
	}{
		{"valid", `{` + plain + `,"object":{"id":"urn:o"}}`, nil},
		{"a format", `{` + plain + `,"object":{"id":"o"}}`, []Violation{
			{"/object/id", "xapi/common.json#/$defs/iri/pattern", "must be an absolute IRI: a scheme, a colon and at least one more character, no spaces (Data 2.2, 4.3)"},
		}},
		{"a choice is one violation", `{"actor":{"name":"A"},"verb":{"id":"urn:v"},"object":{"id":"urn:o"}}`, []Violation{
			{"/actor", "xapi/common.json#/$defs/agent/oneOf", `an Agent has exactly one of mbox, mbox_sha1sum, openid and account, and may have objectType "Agent" and name (Data 2.4.2.1)`},
		}},
		{"a rule of one version", `{` + plain + `,"object":{"id":"urn:o"},"version":"2.0.0"}`, []Violation{
			{"/version", "xapi/1.0.3/statement.json#/properties/version/pattern", "must be 1.0 or 1.0.x, the version of a statement (Data 2.4.10)"},
		}},
		{"the deepest first", `{` + plain + `,"object":{"id":"urn:o","definition":{"name":{"_":"x"}}},"mood":"calm"}`, []Violation{
			{"/object/definition/name/_", "xapi/common.json#/$defs/languageTag/pattern", "must be an RFC 5646 language tag such as en-US (Data 2.2, 4.2)"},
			{"", "xapi/1.0.3/statement.json#/additionalProperties", "additionalProperties 'mood' not allowed: a Statement has actor, verb and object, and no other members than those of Data 2.4"},
		}},
		{"names are escaped as JSON Pointer wants", `{` + plain + `,"object":{"id":"urn:o"},"context":{"extensions":{"a b/c~":1}}}`, []Violation{
			{"/context/extensions/a b~1c~0", "xapi/common.json#/$defs/iri/pattern", "must be an absolute IRI: a scheme, a colon and at least one more character, no spaces (Data 2.2, 4.3)"},
		}},
		{"voiding", `{"actor":{"openid":"urn:a"},"verb":{"id":"http://adlnet.gov/expapi/verbs/voided"},"object":{"id":"urn:o"}}`, []Violation{
			{"/object", "xapi/common.json#/$defs/voiding/then/properties/object/required", `missing properties: 'objectType': the Verb "voided" must have a StatementRef as its object (Data 2.3.2)`},
		}},
		{"of another kind", `7`, []Violation{
			{"", "xapi/1.0.3/statement.json#/type", "expected object, but got number: a Statement has actor, verb and object, and no other members than those of Data 2.4"},
		}},
		{"not JSON", `{"actor":`, nil},
		{"two values", `{} {}`, nil},
		{"empty", ``, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Explain("1.0.3", []byte(test.statement)); !slices.Equal(got, test.want) {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestExplainVersions(t *testing.T) {
	statement := []byte(`{` + plain + `,"object":{"id":"urn:o"},"context":{"contextAgents":[]}}`)
	for version, violations := range map[string]int{
		"1.0.3": 1, "1.0.0": 1, "1.0": 1, "2.0.0": 0, "2.0": 0, "2.0.7": 0, "0.9": 0, "": 0, "1": 0, "3.0.0": 0,
	} {
		if got := Explain(version, statement); len(got) != violations {
			t.Errorf("%s: %q", version, got)
		}
	}
}

// What is said is bounded, however much is wrong.
func TestExplainBounds(t *testing.T) {
	var wide strings.Builder
	for i := range 25 {
		fmt.Fprintf(&wide, `,"%d€%s":1`, i, strings.Repeat("x", 500))
	}
	for name, statement := range map[string]string{
		"unknown members":     `{` + plain + `,"object":{"id":"urn:o"}` + wide.String() + `}`,
		"bad extension keys":  `{` + plain + `,"object":{"id":"urn:o"},"context":{"extensions":{` + wide.String()[1:] + `}}}`,
		"bad array elements":  `{` + plain + `,"object":{"id":"urn:o"},"attachments":[` + strings.Repeat("1,", 5_000) + `1]}`,
		"a very long pointer": `{` + plain + `,"object":{"id":"urn:o"},"context":{"extensions":{"` + strings.Repeat(" ", 10_000) + `":1}}}`,
	} {
		got := Explain("2.0.0", []byte(statement))
		if len(got) == 0 || len(got) > MaxViolations {
			t.Errorf("%s: %d violations", name, len(got))
		}
		for _, v := range got {
			if len(v.Message) > 600 || len(v.Pointer) > 300 || !utf8.ValidString(v.Message) {
				t.Errorf("%s: %q", name, v)
			}
		}
	}
	large := `{` + plain + `,"object":{"id":"urn:o"},"attachments":[` + strings.Repeat("1,", MaxExplained/2) + `1]}`
	if got := Explain("2.0.0", []byte(large)); got != nil {
		t.Errorf("%d violations of a document that is too large to be explained", len(got))
	}
}

// Numbers that would take gigabytes to calculate with are as good as any others.
func TestExplainNumbers(t *testing.T) {
	long := strings.Repeat("9", 2_000)
	for number, valid := range map[string]bool{
		"1": true, "-1.0": true, "1.0000000000000000000001": false, "1e999999999": false, "-1e999999999": false,
		"1e-999999999": true, "0e999999999": true, "1e99999999999999999999": false, "0." + long: true, long: false,
		"1." + strings.Repeat("0", 2_000): true, "1e400": false, "1e-400": true, "10e-1": true,
	} {
		got := Explain("1.0.3", []byte(`{`+plain+`,"object":{"id":"urn:o"},"result":{"score":{"scaled":`+number+`}}}`))
		if (got == nil) != valid {
			t.Errorf("scaled %.30s: %q", number, got)
		}
	}
	attachment := `{"usageType":"urn:u","display":{},"contentType":"a/b","sha2":"` + strings.Repeat("a", 64) + `","length":`
	zeros := strings.Repeat("0", 2_000)
	for length, valid := range map[string]bool{
		"0": true, "9223372036854775807": true, "9223372036854775808": false, "1e3": true, "-1": false, "0.5": false,
		"9223372036854775807." + zeros: true, "1e999999999": false, "-0": true, "9223372036854775807" + zeros + "e-2000": true,
	} {
		got := Explain("1.0.3", []byte(`{`+plain+`,"object":{"id":"urn:o"},"attachments":[`+attachment+length+`}]}`))
		if (got == nil) != valid {
			t.Errorf("length %.30s: %q", length, got)
		}
	}
}

func TestExplainCorpus(t *testing.T) {
	paths, err := filepath.Glob("testdata/valid/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("no corpus", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range []string{"1.0.3", "2.0.0"} {
			if strings.HasSuffix(path, ".v2.json") && version == "1.0.3" {
				continue
			}
			if got := Explain(version, raw); got != nil {
				t.Errorf("%s, %s: %q", path, version, got)
			}
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add([]byte(`{` + plain + `,"object":{"id":"o","":[1e999]}}`))
	f.Fuzz(func(t *testing.T, statement []byte) {
		for _, version := range []string{"1.0.3", "2.0.0"} {
			if got := Explain(version, statement); len(got) > MaxViolations {
				t.Errorf("%d violations", len(got))
			}
		}
	})
}

func BenchmarkExplain(b *testing.B) {
	statement := []byte(`{` + plain + `,"object":{"id":"o"}}`)
	for b.Loop() {
		Explain("1.0.3", statement)
	}
}
