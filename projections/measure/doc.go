// Package measure is the arithmetic of the domain (DOMAIN.md): the score of a statement, what a person's evidence for a
// competency adds up to, and how that stands against what the person's roles require; statistics of patients' answers with
// their control limits and what of them may be published; gains by person, differences between units, and what gaps,
// evaluations and objectives come to.
//
// Everything here is pure: no I/O, no clock, nothing that blocks, no shared state. Arguments are read, not changed, but
// by Kept.
// What is refused when definitions are registered (unknown levels, negative weights, numbers that are not finite) is
// not reported again: such input gives some answer, never a panic or an endless loop.
//
// # The same bits everywhere
//
// A replay gives the same bits as the first run, on whatever processor it runs. IEEE 754 promises this for + − × ÷ and
// √ alone. So sums run in one order, and every product is rounded, float64(x*y), before anything is added to it: Go
// may otherwise fuse the two on some processors. math.Exp, math.Exp2, math.Log and math.Lgamma make no such promise
// (assembly or fused operations here, none there), nor does gonum; what is needed of them is in portable.go and beta.go.
package measure
