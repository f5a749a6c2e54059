// Package schemas holds the JSON Schemas (2020-12) of what the store takes in, and explains refusals with them.
//
// Of statements the parsers decide what is accepted; a schema only says, at a leisurely pace, what is wrong with what
// was refused. So a schema must never refuse what a parser accepts. Tests of package xapi hold the two to the same
// verdict over the corpus in testdata, and over what a fuzzer makes of it. Definitions are few, and so their schemas do
// decide; what those cannot express, package definition checks.
//
// A file in testdata/valid is a statement that must be accepted, and is named by what it shows. One in testdata/invalid
// must be refused, by the rule it is named after: up to the first hyphen that is xapi.Error's Rule. A name that ends in
// .v1 or .v2 is about xAPI 1.0.x or 2.0.x only.
package schemas

import (
	"embed"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// FS holds the schemas: xapi/1.0.3/statement.json, xapi/2.0.0/statement.json, and xapi/common.json, to which both refer;
// definitions/KIND.json for each kind of definition, and definitions/common.json. The definitions that are shipped are
// in definitions/builtin/NAME, with the xAPI Profile that recommends statements for them.
//
//go:embed xapi definitions
var FS embed.FS

// base makes the files' names URLs. Nothing is ever fetched: what FS lacks is an error.
const base = "bedside:///"

// statement compiles the schemas at first use, which takes some milliseconds.
var statement = map[string]func() (*compiled, error){
	"1.0": sync.OnceValues(func() (*compiled, error) { return compile("xapi/1.0.3/statement.json", "xapi/common.json") }),
	"2.0": sync.OnceValues(func() (*compiled, error) { return compile("xapi/2.0.0/statement.json", "xapi/common.json") }),
}

// A compiled schema may be used by many goroutines at once.
type compiled struct {
	schema       *jsonschema.Schema
	descriptions *descriptions
}

// compile takes the schema's file and those that it refers to.
func compile(name string, others ...string) (*compiled, error) {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.LoadURL = func(url string) (io.ReadCloser, error) { return nil, fmt.Errorf("no schema %s", url) }
	d := &descriptions{files: make(map[string]any)}
	for _, file := range append([]string{name}, others...) {
		data, err := FS.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("schemas: %w", err)
		}
		if err := c.AddResource(base+file, strings.NewReader(string(data))); err != nil {
			return nil, fmt.Errorf("schemas: %s: %w", file, err)
		}
		if err := d.add(file, data); err != nil {
			return nil, fmt.Errorf("schemas: %s: %w", file, err)
		}
	}
	schema, err := c.Compile(base + name)
	if err != nil {
		return nil, fmt.Errorf("schemas: %s: %w", path.Base(name), err)
	}
	return &compiled{schema, d}, nil
}

// forVersion gives the Statement schema for an xAPI version such as "1.0.3" or "2.0.0"; only its first two numbers
// count. It is nil for a version that has none.
func forVersion(version string) func() (*compiled, error) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return nil
	}
	return statement[parts[0]+"."+parts[1]]
}
