package definition

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with a definition.
type Fault struct {
	Kind    string `json:"kind"`    // of the definition, "" if that could not be read
	ID      string `json:"id"`      // of the definition, "" if that could not be read
	Pointer string `json:"pointer"` // JSON Pointer to the value in it; "" is the whole document
	Rule    string `json:"rule"`    // a stable dotted name, such as "definition.levels.order"
	Message string `json:"message"` // a sentence that says what to do
}

func (f Fault) String() string {
	var b strings.Builder
	if f.Kind != "" || f.ID != "" {
		fmt.Fprintf(&b, "%s %s: ", f.Kind, f.ID)
	}
	if f.Pointer != "" {
		fmt.Fprintf(&b, "%s: ", f.Pointer)
	}
	fmt.Fprintf(&b, "%s (%s)", f.Message, f.Rule)
	return b.String()
}

// Faults are all that was found. As an error it is found with errors.As.
type Faults []Fault

// Error gives a line for each.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

// pointer writes a JSON Pointer (RFC 6901) of names and indices.
func pointer(tokens ...any) string {
	var b strings.Builder
	for _, token := range tokens {
		b.WriteByte('/')
		pointerEscapes.WriteString(&b, fmt.Sprint(token))
	}
	return b.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
