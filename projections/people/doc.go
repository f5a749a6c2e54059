// Package people knows who works where: the tree of units, people, their assignments in time and the identities that
// statements know them by (DOMAIN.md, "Two clocks" and "units.csv").
//
// A [History] is built from the log's events and gives the [State] as known at any time. A State answers queries and
// decides writes: a write that is allowed becomes events, any other a [Refusal]. Files in CSV are read, planned and
// written here too. The package has no clock and no storage, so the same events always give the same answers.
package people
