package xapi

import (
	"fmt"
	"strings"
)

// Error is a refusal: what is wrong with the input, and where. All refusals of this package are of this type; find it
// with errors.As. The client sees it as 400.
type Error struct {
	// Statement is the index of the refused Statement in the batch, from 0. It is -1 if the input was a single
	// Statement or no Statement at all.
	Statement int
	// Pointer is a JSON Pointer (RFC 6901) inside the Statement (or the whole input, if that is none): "/actor/mbox".
	// A missing member is reported at the object that lacks it; the empty Pointer is the Statement itself.
	Pointer string
	// Rule is a stable dotted name, such as "actor.ifi.single", for clients, tests and metrics.
	Rule string
	// Message is a sentence for a person.
	Message string
}

// Error gives all parts in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Statement >= 0 {
		fmt.Fprintf(&b, "statement %d: ", e.Statement)
	}
	if e.Pointer != "" {
		b.WriteString(e.Pointer)
		b.WriteString(": ")
	}
	fmt.Fprintf(&b, "%s (%s)", e.Message, e.Rule)
	return b.String()
}
