// Package notice tells others that answers may have changed, so that they ask again.
//
// A notice names a projection, a key of what it answers about and the position in the
// log that the projection has reached; an answer asked for with ?after=POSITION has the
// change. It goes out on the NATS subject bedside.changes.PROJECTION.TOKEN, see Subject,
// as {"projection":…,"key":…,"position":"REVISION.INDEX"}, and to subscribers in this
// process.
//
// The key "*" (All), token =2A, stands for every key of its projection: anything may have
// changed. It comes with changes that are of that kind, and in the place of notices that
// were too many to keep for somebody slow. Who subscribes to single keys subscribes to it
// too. Several changes of a key that nobody was told of yet are one notice, with the last
// position.
//
// Notices may be lost: nothing is kept for who is not connected, and a subscriber that is
// too slow may be cut off. Who begins, or begins again, to listen therefore first asks
// for the answers that it needs.
package notice
