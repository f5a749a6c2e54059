// Package fact reads what the projections ask of a statement, and names the people and things in it in one way.
//
// A statement in the log was validated when it was written. So [FeaturesOf] does not check it again: it picks out what
// evidence rules, KPIs and evaluations look at (DOMAIN.md), in one pass, for every statement of the log.
package fact
