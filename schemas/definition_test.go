package schemas

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestDefinitionSchemasCompile(t *testing.T) {
	for kind, load := range definition {
		if _, err := load(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	files, err := fs.Glob(FS, "definitions/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if name := strings.TrimSuffix(strings.TrimPrefix(file, "definitions/"), ".json"); name != "common" {
			found = append(found, name)
		}
	}
	want := Kinds()
	slices.Sort(want)
	if !slices.Equal(found, want) {
		t.Errorf("schemas of %q, kinds %q", found, want)
	}
}

// The rules themselves are shown by the corpus of package definition.
func TestCheckDefinition(t *testing.T) {
	got, err := CheckDefinition("survey", []byte(`{"kind":"survey","id":"s","audience":"","questions":[{}]}`))
	want := []Violation{
		{"/audience", "definitions/survey.json#/properties/audience/minLength", "length must be >= 1, but got 0: an audience is a word such as patient, staff or learner"},
		{"/id", "xapi/common.json#/$defs/iri/pattern", "must be an absolute IRI: a scheme, a colon and at least one more character, no spaces (Data 2.2, 4.3)"},
		{"/questions/0", "definitions/survey.json#/properties/questions/items/required", "missing properties: 'id', 'scale', 'topBox': a question has id, scale and topBox, and may have name and description"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := CheckDefinition("surveys", []byte(`{}`)); err == nil {
		t.Error("an unknown kind is checked")
	}
	many := `{"kind":"survey","id":"urn:s","audience":"x","questions":[` + strings.Repeat(`{},`, 1000) + `{}]}`
	if got, err := CheckDefinition("survey", []byte(many)); err != nil || len(got) != MaxDefinitionViolations {
		t.Errorf("%d violations, %v", len(got), err)
	}
}
