//go:build race

package main

// raceFactor is how many times more memory the race detector makes a program
// take.
const raceFactor = 8
