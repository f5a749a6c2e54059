package eventlog

import (
	"crypto/sha256"
	"fmt"
	"iter"
)

// Head is the commit's identity in the chain.
func (c *Commit) Head() Head {
	return Head{Log: c.Log, Revision: c.Revision, Hash: c.Hash}
}

// Verify recomputes the digest of every event that is not erased, and from the
// digests the commit's hash. It wraps ErrLogDamaged with what differs. A commit's
// bytes that Decode accepts and Verify too say what was sealed under that Hash.
func (c *Commit) Verify() error {
	events, err := c.decodeEvents()
	if err != nil {
		return err
	}
	sum := sha256.New()
	preimage := make([]byte, 0, len(events)*96)
	for i := range events {
		e := &events[i]
		if !e.Erased {
			var digest Hash
			sum.Reset()
			sum.Write(e.Salt[:])
			sum.Write(e.Payload)
			if sum.Sum(digest[:0]); digest != e.Digest {
				return damaged("event %d (%s) has digest %s, computed %s", i, e.Type, e.Digest, digest)
			}
		}
		preimage = appendPreimageEvent(preimage, e)
	}
	if hash := hashCommit(&c.Header, preimage); hash != c.Hash {
		return damaged("hash %s, computed %s", c.Hash, hash)
	}
	c.events = events
	return nil
}

// Follow decodes and verifies what a Log's Read or Subscribe yields, and that it
// continues the chain after the given Head: revision + 1, the same log, the
// previous commit's hash. After Head{} any log may begin; a Head with only a log
// id waits for that log's first commit.
//
// What does not fit is ErrLogDamaged with both values, or ErrFormat, and the last
// thing yielded; so is an error of records, as it is.
func Follow(records iter.Seq2[Record, error], after Head) iter.Seq2[*Commit, error] {
	return func(yield func(*Commit, error) bool) {
		head := after
		for r, err := range records {
			if err != nil {
				yield(nil, err)
				return
			}
			c, err := head.next(r)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(c, nil) {
				return
			}
			head = c.Head()
		}
	}
}

// next is r's commit if it is the one after h.
func (h Head) next(r Record) (*Commit, error) {
	if r.Revision != h.Revision+1 {
		return nil, damaged("revision %d after revision %d", r.Revision, h.Revision)
	}
	c, err := Decode(r.Data)
	if err != nil {
		return nil, fmt.Errorf("revision %d: %w", r.Revision, err)
	}
	switch {
	case c.Revision != r.Revision:
		err = damaged("the commit says it is revision %d", c.Revision)
	case h.Log != LogID{} && c.Log != h.Log:
		err = damaged("of log %s, after one of log %s", c.Log, h.Log)
	case c.Previous != h.Hash:
		err = damaged("follows %s, but revision %d is %s", c.Previous, h.Revision, h.Hash)
	default:
		err = c.Verify()
	}
	if err != nil {
		return nil, fmt.Errorf("revision %d: %w", r.Revision, err)
	}
	return c, nil
}
