// Package index is the projection of the log that answers every xAPI read:
// statements by id and by filters, documents, definitions of Activities, names
// of Agents, credentials, and which blobs are named. It is local to a node and
// kept in Pebble.
//
// Nothing in it is truth: Apply takes the log's commits in order, and an index
// that is lost, damaged or of another format is removed and built again from
// revision 1, with the same rows. That is why there is no write-ahead log: rows
// reach the disk when a memtable is flushed, always an oldest part of them, and
// the position is in the same batch as the rows it covers. After a crash the
// index is a little older than the log, and whole.
//
// A statement's number is its order in the log, from 1. All lists are lists of
// numbers, because `stored` grows strictly with them.
//
// # StatementRefs
//
// A statement whose Object is a StatementRef, the referrer, meets a filter
// condition that its target meets (xAPI 1.0.3, Communication 2.1.3), along a
// chain of at most 100 targets, through voided ones too, whichever came first.
// Each parameter is a condition of its own: a referrer may meet the verb by
// itself and the activity by its target. Terms are passed to referrers when
// either arrives; what does not fit into a commit's share of work is left to
// Settle: see propagate in late.go for what holds meanwhile. The authority is not passed on: it stands for a right to read.
//
// A referrer inherits at most 1,000 terms from its chain of targets, the near
// ones' first. Of one target the verb, the activity, the registration and the
// Agents of actor and object come first, then the related Agents, then the
// related Activities, each sorted by hash. A statement is always found by all
// of its own terms.
//
// # Voiding
//
// A statement is voided when a voiding statement targets it, whichever came
// first, unless it is a voiding statement itself (Data 2.3.2). It then is in no
// list; what it passes to its referrers stays.
//
// # What is merged
//
// An Activity's definition is merged from all statements, and stops at 64 KB: a
// definition that would make it larger leaves it as it is, and one that is
// larger by itself counts as none. A commit merges as much as takes some tenths of
// a second, and for one Activity a quarter of that; what comes after that in the
// commit is passed over too. Of an Agent's names the first 100 of at most 640
// bytes are kept. The statements themselves keep what they say. All of this
// depends on the commits alone.
package index
