package eventlog

import (
	"fmt"

	"github.com/klauspost/compress/s2"
)

// Erase returns a commit's bytes without the payloads and salts of the events
// with the given indices. Type, version, meta and digest stay, so the commit has
// the hash it had and the chain still holds; frames keep their events. To erase
// again changes nothing. A commit that does not verify is ErrLogDamaged.
func Erase(data []byte, events ...int) ([]byte, error) {
	c, err := Decode(data)
	if err != nil {
		return nil, err
	}
	if err := c.Verify(); err != nil {
		return nil, err
	}
	touched := make(map[int]bool) // by index of the frame
	for _, i := range events {
		if i < 0 || i >= len(c.events) {
			return nil, fmt.Errorf("eventlog: no event %d in a commit of %d", i, len(c.events))
		}
		e := &c.events[i]
		e.Payload, e.Salt, e.Erased = nil, [16]byte{}, true
		touched[c.frameOf(i)] = true
	}
	for i := range touched {
		f := &c.Frames[i]
		raw := make([]byte, 0, f.RawLen)
		for j := range f.Count {
			raw = appendEvent(raw, &c.events[f.First+j])
		}
		f.RawLen = len(raw)
		f.Data = raw
		if c.Codec == CodecS2 {
			f.Data = s2.Encode(nil, raw)
		}
	}
	erased := encodeCommit(c)
	if len(erased) > maxCommit {
		return nil, fmt.Errorf("%w: %d bytes after erasing", ErrTooLarge, len(erased))
	}
	return erased, nil
}

// frameOf is the index of the frame that holds event i.
func (c *Commit) frameOf(i int) int {
	n := 0
	for i >= c.Frames[n].First+c.Frames[n].Count {
		n++
	}
	return n
}
