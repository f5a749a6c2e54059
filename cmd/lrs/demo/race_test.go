//go:build race

package demo_test

// seeds of each effect: under the race detector a few show that nothing races; `make intervals` runs all.
const seeds = 1
