package xapi

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bedside-lrs/bedside/schemas"
)

// corpus is where the statements are that show the rules. A file in valid/ is accepted; one in invalid/ is refused by
// the rule it is named after, up to the first hyphen. Names that end in .v1 or .v2 are about that version only; if
// valid, the statement is refused under the other.
const corpus = "../../schemas/testdata"

// inexpressible are the rules that JSON Schema has no words for, and why.
var inexpressible = map[string]string{
	ruleSyntax:      "there is no document",
	ruleUTF8:        "there is no document",
	ruleTrailing:    "there is no document",
	ruleTwice:       "a schema sees one of the two members",
	ruleDepth:       "schemas do not count levels",
	ruleComponentID: "uniqueItems compares whole items, not their ids",
	ruleScoreOrder:  "a schema cannot compare two members",
	ruleScoreRaw:    "a schema cannot compare two members",
}

// cannotExpress also knows the two parts of value.timestamp that take a calendar.
func cannotExpress(e *Error) bool {
	if e.Rule == ruleTimestamp {
		return strings.Contains(e.Message, "-02-29T") || strings.Contains(e.Message, ":60")
	}
	return inexpressible[e.Rule] != ""
}

type corpusFile struct {
	name     string // without directory and ending
	versions []Version
	raw      []byte
}

func (f corpusFile) rule() string {
	rule, _, _ := strings.Cut(f.name, "-")
	return rule
}

func readCorpus(t testing.TB, kind string) []corpusFile {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(corpus, kind, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no corpus in %s: %v", corpus, err)
	}
	var files []corpusFile
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f := corpusFile{name: strings.TrimSuffix(filepath.Base(path), ".json"), versions: []Version{V1, V2}, raw: raw}
		for i, suffix := range []string{".v1", ".v2"} {
			if name, ok := strings.CutSuffix(f.name, suffix); ok {
				f.name, f.versions = name, f.versions[i:i+1]
			}
		}
		files = append(files, f)
	}
	return files
}

func TestCorpusValid(t *testing.T) {
	for _, f := range readCorpus(t, "valid") {
		for _, v := range []Version{V1, V2} {
			t.Run(f.name+"/"+v.String(), func(t *testing.T) {
				_, err := ParseStatement(f.raw, v)
				violations := schemas.Explain(v.String(), f.raw)
				if accepted := slices.Contains(f.versions, v); accepted && (err != nil || violations != nil) {
					t.Errorf("parser: %v\nschema: %v", err, violations)
				} else if !accepted && (err == nil || violations == nil) {
					t.Errorf("accepted, though valid under the other version only\nparser: %v\nschema: %v", err, violations)
				}
			})
		}
	}
}

func TestCorpusInvalid(t *testing.T) {
	shown := map[string]bool{}
	for _, f := range readCorpus(t, "invalid") {
		shown[f.rule()] = true
		for _, v := range f.versions {
			t.Run(f.name+"/"+v.String(), func(t *testing.T) {
				_, err := ParseStatement(f.raw, v)
				var refusal *Error
				if !errors.As(err, &refusal) || refusal.Rule != f.rule() {
					t.Fatalf("parser: %v", err)
				}
				if schemas.Explain(v.String(), f.raw) == nil && !cannotExpress(refusal) {
					t.Errorf("the schema accepts what the parser refuses: %v", err)
				}
			})
		}
	}
	for rule := range inexpressible {
		if !shown[rule] {
			t.Errorf("the corpus shows nothing of the rule %s", rule)
		}
	}
}

// FuzzParserAgreesWithSchema changes statements of the corpus here and there. Parser and schema must agree on each.
func FuzzParserAgreesWithSchema(f *testing.F) {
	var statements [][]byte
	for _, kind := range []string{"valid", "invalid"} {
		for _, file := range readCorpus(f, kind) {
			if _, err := parseTree(file.raw); err == nil {
				statements = append(statements, file.raw)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 4 * len(statements) {
		f.Add(uint16(i), random.Uint64(), random.Uint64(), mutants[random.IntN(len(mutants))])
	}
	f.Fuzz(func(t *testing.T, which uint16, first, second uint64, text string) {
		raw := mutate(statements[int(which)%len(statements)], first, text)
		raw = mutate(raw, second, text)
		for _, v := range []Version{V1, V2} {
			checkAgreement(t, raw, v)
		}
	})
}

func checkAgreement(t *testing.T, raw []byte, v Version) {
	t.Helper()
	if len(raw) > schemas.MaxExplained {
		return // the schema has no opinion on what is as large
	}
	_, err := ParseStatement(raw, v)
	violations := schemas.Explain(v.String(), raw)
	if err == nil {
		if violations != nil {
			t.Errorf("%s: the schema refuses what the parser accepts: %v\n%s", v, violations, raw)
		}
		return
	}
	refusal := err.(*Error)
	if violations == nil && !cannotExpress(refusal) && CheckJSON(raw) == nil {
		t.Errorf("%s: the schema accepts what the parser refuses: %v\n%s", v, err, raw)
	}
}

// mutants are texts that mean something somewhere.
var mutants = []string{
	"", "x", "urn:x", "mailto:a@b.example", "en", "en-US-x-1", "PT1H", "2024-02-29T12:00:60.5Z", "Agent", "Group",
	"Activity", "StatementRef", "SubStatement", "contextAgent", Voided, SignatureUsage, "1.0", "2.0.0", "choice",
	"5b4bcb1c-9c2b-4a53-9d0e-2f3a5c1d7e60", "id", "objectType", "member", "revision", "contextAgents", "definition",
	"application/octet-stream", "%41", "\u00a0", "\ufffe", "a b",
}

// mutate changes one place of a JSON text, chosen by seed.
func mutate(raw []byte, seed uint64, text string) []byte {
	n, err := parseTree(raw)
	if err != nil {
		return raw
	}
	random := rand.New(rand.NewPCG(seed, 0))
	var values []*jsonNode
	var members []*jsonMember
	var walk func(n *jsonNode)
	walk = func(n *jsonNode) {
		values = append(values, n)
		for i := range n.members {
			members = append(members, &n.members[i])
			walk(&n.members[i].value)
		}
		for i := range n.items {
			walk(&n.items[i])
		}
	}
	walk(n)
	s := splicer{src: raw}
	value := values[random.IntN(len(values))]
	quoted := appendString(nil, text)
	switch change := random.IntN(7); {
	case change == 0: // a text in place of a value
		s.replace(value.start, value.end(), quoted)
	case change == 1: // any other value
		others := []string{"null", "true", "0", "-1", "1.5", "1e400", "[]", "{}", `[""]`, string(values[random.IntN(len(values))].raw)}
		s.replace(value.start, value.end(), []byte(others[random.IntN(len(others))]))
	case change == 2 && value.kind == '"' && value.start+1 < value.end(): // a character less or more
		at := value.start + 1 + random.IntN(len(value.raw)-1)
		s.replace(at, at, quoted[1:len(quoted)-1])
	case change <= 3 && len(members) > 0: // another name
		m := members[random.IntN(len(members))]
		s.replace(m.start, m.value.start, concat(quoted, ':', nil))
	case change == 4 && value.kind == '{': // a member less
		gone := random.IntN(len(value.members) + 1)
		s.keep(jsonValue{value.kind, value.start, value.raw}, func(i int, _ []byte) bool { return i != gone }, nil)
	default: // a member more, taken from elsewhere
		if value.kind != '{' || len(members) == 0 {
			return raw
		}
		m := members[random.IntN(len(members))]
		more := fmt.Sprintf("%s,", raw[m.start:m.value.end()])
		if len(value.members) == 0 {
			more = strings.TrimSuffix(more, ",")
		}
		s.replace(value.start+1, value.start+1, []byte(more))
	}
	return s.bytes()
}
