package archive

import (
	"crypto/sha256"
	"hash"
	"io"
)

// trailing hashes what is read through it, but for the last block: when a tar.Reader has read the header of the last entry,
// which is one block, the sum is that of everything before. (It reads no further than it must; a test of every byte holds
// it to that.)
type trailing struct {
	r       io.Reader
	sum     hash.Hash
	last    []byte // at most a block that is not in sum
	holding bool
	held    []byte // since hold
}

func newTrailing(r io.Reader) *trailing {
	return &trailing{r: r, sum: sha256.New(), last: make([]byte, 0, 2*blockSize)}
}

// Read implements io.Reader.
func (t *trailing) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	p = p[:n]
	switch {
	case t.holding:
		t.held = append(t.held, p...)
	case n >= blockSize:
		t.sum.Write(t.last)
		t.sum.Write(p[:n-blockSize])
		t.last = append(t.last[:0], p[n-blockSize:]...)
	default:
		t.last = append(t.last, p...)
		if over := len(t.last) - blockSize; over > 0 {
			t.sum.Write(t.last[:over])
			t.last = append(t.last[:0], t.last[over:]...)
		}
	}
	return n, err
}

// hold returns the sum of all but the last block, and keeps that block and what is read from now on.
func (t *trailing) hold() []byte {
	t.holding, t.held = true, append([]byte(nil), t.last...)
	return t.sum.Sum(nil)
}
