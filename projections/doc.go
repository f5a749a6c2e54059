// Package projections is the runtime of the read side. Each projection reads the
// event log by itself, from its own checkpoint, and writes rows of a readmodel.Store
// in the same transaction as the checkpoint: an event that is delivered again
// changes nothing, and a crash at any moment loses and doubles nothing.
//
// What a projection makes of the log depends on the log only, never on the clock,
// on batches or on restarts: a replay gives the same rows, byte for byte.
package projections
