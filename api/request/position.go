package request

import (
	"strconv"
	"strings"

	"github.com/bedside-lrs/bedside/api/problem"
)

// HeaderPosition tells where in the log a write stands, "revision.index". A client that sends it back reads what it has
// written, on whatever node.
const HeaderPosition = "X-Bedside-Position"

// Position gives the revision of a position as HeaderPosition has it; a revision alone stands for the whole commit. A
// text that is none is 400, by a rule and with the name of what has it.
func Position(name, rule, text string) (revision uint64, err error) {
	first, index, found := strings.Cut(text, ".")
	revision, err = strconv.ParseUint(first, 10, 63)
	if err == nil && found {
		_, err = strconv.ParseUint(index, 10, 31)
	}
	if err != nil {
		return 0, problem.BadRequest(rule, "The %s is %q; it is a position such as 4711.0, from the header %s.", name, text, HeaderPosition)
	}
	return revision, nil
}
