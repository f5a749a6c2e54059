//go:build race

package eventlog

// poolForgets: under the race detector a sync.Pool forgets at random, so s2 may make
// its table anew for each frame.
const poolForgets = 1
