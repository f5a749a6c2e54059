// Package definition has the kinds of definitions that a hospital registers (DOMAIN.md, "Definitions and answers"):
// what they hold, and what is refused.
//
// Three steps, each of which finds all faults that it can:
//
//   - [Parse] judges a document alone, by its JSON Schema.
//   - [Check] and [CheckAll] judge it, or several at once, beside the definitions in force: references, orders, times,
//     and what would let two answers contradict each other or point at one person.
//   - [Plan] says what applying definitions would change.
//
// Everything here is pure. A definition is never changed once it is parsed, so it may be used by many goroutines.
package definition
