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
	counts := counting(evidence)
	for i := range evidence {
		if counts(i) {
			kept = append(kept, evidence[i])
		} else {
			superseded = append(superseded, evidence[i])
		}
	}
	return kept, superseded
}

// Kept gives what [Supersede] keeps, and uses the memory of evidence for it: evidence is not to be read again.
func Kept(evidence []Evidence) []Evidence {
	evidence = inOrder(evidence)
	counts := counting(evidence)
	kept := evidence[:0]
	for i := range evidence {
		if counts(i) {
			kept = append(kept, evidence[i])
		}
	}
	return kept
}

// counting tells which pieces of evidence, by their place in the order of time, count.
func counting(evidence []Evidence) func(i int) bool {
	things := map[attempted]int{}
	thing := make([]int, len(evidence)) // that a piece is an attempt at; -1 if it is alone
	var counts []int                    // by thing, the attempt that counts, of those seen
	for i := range evidence {
		e := &evidence[i]
		if e.alone() {
			thing[i] = -1
			continue
		}
		n, seen := things[e.attempted()]
		if !seen {
			n = len(counts)
			things[e.attempted()], counts = n, append(counts, i)
		} else if e.supersedes(&evidence[counts[n]]) {
			counts[n] = i
		}
		thing[i] = n
	}
	return func(i int) bool { return thing[i] < 0 || counts[thing[i]] == i }
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
	for i := range evidence {
		if i > 0 && compare(&evidence[i-1], &evidence[i]) > 0 {
			evidence = slices.Clone(evidence)
			slices.SortFunc(evidence, InOrder)
			break
		}
	}
	return evidence
}

func compare(a, b *Evidence) int {
	return cmp.Or(
		a.Timestamp.Compare(b.Timestamp),
		strings.Compare(a.Statement, b.Statement),
		strings.Compare(a.Rule, b.Rule),
	)
}

// InOrder is the order in which evidence is added up: by timestamp and statement id.
func InOrder(a, b Evidence) int { return compare(&a, &b) }
