// Package lrs is the write path of the learning record store: it decides what
// clients ask for, appends it to the event log, applies it to the index, and
// only then answers.
//
//	parse, validate   in the callers' goroutines, in parallel (lrs/xapi)
//	decide, seal      one committer goroutine, against the index and the open commit
//	append            one commit, one append, durable before it returns (lrs/eventlog)
//	apply             to the local index, so that a client reads its own writes (lrs/index)
//	answer
//
// A nil error of a writing method of Store is the promise of the whole project:
// the change is in the log, durable, and every later read of this node shows it.
package lrs
