package schemas

import (
	"fmt"
	"slices"
	"sync"
)

// kinds of definitions, each with a schema definitions/KIND.json; none refers to a later one.
var kinds = []string{"survey", "kpi", "framework", "evidence-rules", "programme", "evaluation"}

// definition compiles the schemas at first use.
var definition = func() map[string]func() (*compiled, error) {
	schemas := make(map[string]func() (*compiled, error))
	for _, kind := range kinds {
		schemas[kind] = sync.OnceValues(func() (*compiled, error) {
			return compile("definitions/"+kind+".json", "definitions/common.json", "xapi/common.json")
		})
	}
	return schemas
}()

// Kinds gives the kinds of definitions, in an order in which none refers to a later one.
func Kinds() []string { return slices.Clone(kinds) }

// CheckDefinition says what the schema of a kind finds wrong with a definition: at most [MaxDefinitionViolations], in
// the order of their pointers; none if it is valid by the schema. What is not JSON is for the caller to find. An error
// means that there is no such kind.
func CheckDefinition(kind string, body []byte) ([]Violation, error) {
	load := definition[kind]
	if load == nil {
		return nil, fmt.Errorf("schemas: there is no kind %.40q", kind)
	}
	c, err := load()
	if err != nil {
		return nil, err // the schemas are part of the program: TestDefinitionSchemasCompile
	}
	found := c.explain(body)
	slices.SortFunc(found, compareViolations)
	found = slices.CompactFunc(found, sameViolation)
	return found[:min(len(found), MaxDefinitionViolations)], nil
}

// MaxDefinitionViolations bounds what CheckDefinition returns.
const MaxDefinitionViolations = 100
