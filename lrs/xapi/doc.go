// Package xapi is the language of the store: the typed model of an xAPI Statement, the one-pass parser that decides what
// is accepted, the JSON that is stored, the terms a Statement is found by, and the rules by which Statements, documents
// and definitions are compared, merged and formatted.
//
// Everything here is pure: no I/O, no clock, nothing that blocks. Functions may be called from many goroutines at once;
// values are not to be shared while they are changed.
//
// The rules are those of the xAPI 1.0.3 text ("D" is its part two, xAPI-Data.md; "C" its part three,
// xAPI-Communication.md) and of xAPI 2.0 (IEEE 9274.1.1). What is accepted under 1.0.x is accepted under 2.0 too, so
// that whoever reads a stored Statement parses it as V2 without knowing what it was sent as.
//
// Input is never trusted: nothing that is sent can make a function of this package panic or recurse deeper than
// [MaxDepth].
package xapi
