//go:build !race

package demo_test

// seeds of each effect.
const seeds = 20
