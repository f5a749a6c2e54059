package definition

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// base is where the shipped definitions have their ids.
const base = "https://w3id.org/bedside/patient-service/"

// shipped gives the shipped definitions.
func shipped(t testing.TB) []Definition {
	t.Helper()
	directory, err := Builtin("patient-service")
	if err != nil {
		t.Fatal(err)
	}
	return read(t, directory)
}

// shared gives the definitions of the small hospital of the domain's vectors.
func shared(t testing.TB) []Definition {
	t.Helper()
	directory := "../../../shared/domain/hospital-1/definitions"
	if _, err := os.Stat(directory); err != nil {
		t.Fatalf("the domain's vectors are needed beside the repository: %v", err)
	}
	return read(t, os.DirFS(directory))
}

func read(t testing.TB, directory fs.FS) []Definition {
	t.Helper()
	files, err := ReadFiles(directory)
	if err != nil {
		t.Fatal(err)
	}
	var definitions []Definition
	for _, f := range files {
		definitions = append(definitions, f.Definition)
	}
	return definitions
}

// edit is a change of a definition's JSON.
type edit struct {
	pointer string
	value   string // JSON; "" removes the member. After an array's last index it is added
}

// edited parses a definition's JSON with changes.
func edited(t testing.TB, d Definition, edits ...edit) Definition {
	t.Helper()
	var document any
	if err := json.Unmarshal(d.JSON(), &document); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		var value any
		if e.value != "" {
			if err := json.Unmarshal([]byte(e.value), &value); err != nil {
				t.Fatalf("%s: %v", e.value, err)
			}
		}
		tokens := strings.Split(e.pointer, "/")[1:]
		document = put(t, document, tokens, value, e.value == "")
	}
	body, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := Parse(body)
	if err != nil {
		t.Fatalf("%s: %v", RefTo(d), err)
	}
	return changed
}

func put(t testing.TB, at any, tokens []string, value any, remove bool) any {
	t.Helper()
	if len(tokens) == 0 {
		return value
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(tokens[0])
	switch at := at.(type) {
	case map[string]any:
		if remove && len(tokens) == 1 {
			delete(at, name)
		} else {
			at[name] = put(t, at[name], tokens[1:], value, remove)
		}
		return at
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i > len(at) {
			t.Fatalf("no index %s", name)
		}
		if remove && len(tokens) == 1 {
			return append(at[:i:i], at[i+1:]...)
		}
		if i == len(at) {
			return append(at, put(t, nil, tokens[1:], value, remove))
		}
		at[i] = put(t, at[i], tokens[1:], value, remove)
		return at
	}
	t.Fatalf("nothing at %q", tokens)
	return nil
}
