package measure

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Attempts says which of several attempts at one activity under one rule counts.
type Attempts string

const (
	Latest Attempts = "latest" // the default: every other value means the same
	First  Attempts = "first"
	Best   Attempts = "best" // of equals the earliest
	All    Attempts = "all"
)

// Evidence is one scored statement that counts under one rule for one person and one competency. A statement counts
// once under a rule, whatever number of ways it names the person or the competency.
type Evidence struct {
	Statement string    // its id in the form that is compared, lower case
	Timestamp time.Time // when it happened; `stored` where the statement does not say
	Score     float64   // see [Score]

	Rule         string // unique over all rule sets
	Kind         string
	Weight       float64 // the rule's, before decay; not negative
	HalfLifeDays float64 // after which half the weight is left; 0: no decay
	Attempts     Attempts

	Activity string // the activity attempted; "": the object is none, so that this attempt is the only one
}

// attempted is what attempts at the same thing have in common.
type attempted struct{ rule, activity string }

// Supersede divides the evidence of one person for one competency into what counts and the attempts that others have
// superseded (DOMAIN.md, "Competency"). Attempts are judged at the moment asked about: give it only what had
// happened by then. Both parts are sorted by (timestamp, statement id).
func Supersede(evidence []Evidence) (kept, superseded []Evidence) {
	evidence = inOrder(evidence)
	counts := map[attempted]int{} // the index of the attempt that counts, of those seen
	for i := range evidence {
		e := &evidence[i]
		if e.alone() {
			continue
		}
		if j, ok := counts[e.attempted()]; !ok || e.supersedes(&evidence[j]) {
			counts[e.attempted()] = i
		}
	}
	for i := range evidence {
		if e := &evidence[i]; e.alone() || counts[e.attempted()] == i {
			kept = append(kept, *e)
		} else {
			superseded = append(superseded, *e)
		}
	}
	return kept, superseded
}

// alone tells whether nothing can supersede e.
func (e *Evidence) alone() bool { return e.Attempts == All || e.Activity == "" }

func (e *Evidence) attempted() attempted { return attempted{e.Rule, e.Activity} }

// supersedes tells whether e counts in place of an earlier attempt.
func (e *Evidence) supersedes(earlier *Evidence) bool {
	switch e.Attempts {
	case First:
		return false
	case Best:
		return e.Score > earlier.Score
	}
	return true
}

// inOrder gives evidence sorted by (timestamp, statement id), as it is if it is sorted already. The rule decides
// between pieces that one statement is under several rules.
func inOrder(evidence []Evidence) []Evidence {
	if slices.IsSortedFunc(evidence, compare) {
		return evidence
	}
	evidence = slices.Clone(evidence)
	slices.SortFunc(evidence, compare)
	return evidence
}

func compare(a, b Evidence) int {
	return cmp.Or(
		a.Timestamp.Compare(b.Timestamp),
		strings.Compare(a.Statement, b.Statement),
		strings.Compare(a.Rule, b.Rule),
	)
}
