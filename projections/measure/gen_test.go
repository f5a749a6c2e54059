package measure

import (
	"fmt"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 7, 15, 0, 0, 0, 0, time.UTC)

// ago is the moment that many days before epoch.
func ago(days float64) time.Time { return epoch.Add(-time.Duration(days * float64(day))) }

// rules are such as a hospital has, one of each way to count attempts. As in the domain, all evidence under one rule
// agrees in what the rule says.
var rules = []Evidence{
	{Rule: "r1", Kind: "test", Weight: 1, HalfLifeDays: 180, Attempts: Latest},
	{Rule: "r2", Kind: "simulation", Weight: 3, HalfLifeDays: 365, Attempts: Best},
	{Rule: "r3", Kind: "observation", Weight: 2, HalfLifeDays: 120, Attempts: All},
	{Rule: "r4", Kind: "certificate", Weight: 1.5, Attempts: First},
	{Rule: "r5", Kind: "quiz", Weight: 0.01, HalfLifeDays: 0.5},
	{Rule: "r6", Kind: "note", Weight: 0, HalfLifeDays: 10, Attempts: Best},
}

// someEvidence is of one person for one competency, with equal timestamps, scores and statements
// (under two rules) among it, in no order.
func someEvidence(most int) *rapid.Generator[[]Evidence] {
	return rapid.Custom(func(t *rapid.T) []Evidence {
		evidence := make([]Evidence, rapid.IntRange(0, most).Draw(t, "n"))
		for i := range evidence {
			e := rapid.SampledFrom(rules).Draw(t, "rule")
			e.Statement = fmt.Sprintf("%04x-%d", rapid.IntRange(0, 0xffff).Draw(t, "id"), i)
			e.Timestamp = epoch.Add(-time.Duration(rapid.OneOf(
				rapid.SampledFrom([]int64{0, int64(day), 2 * int64(day)}), rapid.Int64Range(0, 900*int64(day)),
			).Draw(t, "age")))
			e.Activity = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "activity")
			e.Score = rapid.OneOf(
				rapid.SampledFrom([]float64{0, 0.25, 0.5, 1}), rapid.Float64Range(0, 1),
			).Draw(t, "score")
			evidence[i] = e
			if rapid.IntRange(0, 9).Draw(t, "two rules") == 0 {
				e.Rule = "also " + e.Rule
				evidence = append(evidence, e)
			}
		}
		return evidence
	})
}
