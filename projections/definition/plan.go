package definition

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Change is what applying one definition would do.
type Change struct {
	Definition Definition
	Action     Action
	Diff       string // lines of the JSON, each after "+ ", "- " or two spaces; "" if nothing changes
}

// Action says how a definition differs from those in force.
type Action string

// The actions.
const (
	Added     Action = "added"
	Changed   Action = "changed"
	Unchanged Action = "unchanged"
)

// Plan says what registering definitions would change, in their order. Two that differ in white space, the order of
// members or the spelling of a number only are the same.
func Plan(inForce Set, definitions []Definition) []Change {
	changes := make([]Change, len(definitions))
	for i, d := range definitions {
		c := Change{Definition: d, Action: Unchanged}
		lines := readable(d)
		if old, ok := inForce[RefTo(d)]; !ok {
			c.Action, c.Diff = Added, diff(nil, lines)
		} else if before := readable(old); strings.Join(before, "\n") != strings.Join(lines, "\n") {
			c.Action, c.Diff = Changed, diff(before, lines)
		}
		changes[i] = c
	}
	return changes
}

// readable gives the lines of a definition's JSON in its canonical order (RFC 8785).
func readable(d Definition) []string {
	value := canonical(jsontext.Value(d.JSON()))
	if err := value.Indent(jsontext.WithIndent("  ")); err != nil { // Parse has let it pass
		return []string{string(value)}
	}
	return strings.Split(string(value), "\n")
}
