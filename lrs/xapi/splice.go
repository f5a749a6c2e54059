package xapi

// A splicer copies a document but for the parts that it is told to replace, from the beginning to the end: what was
// replaced is not kept, so that it needs no more memory than the outcome.
type splicer struct {
	src    []byte
	out    []byte
	at     int // src up to here is in out
	edited bool
}

// replace puts text in place of src[start:end], which must be behind all that was replaced before.
func (s *splicer) replace(start, end int, text []byte) {
	if !s.edited {
		s.edited, s.out = true, make([]byte, 0, len(s.src)+len(text))
	}
	s.out = append(append(s.out, s.src[s.at:start]...), text...)
	s.at = end
}

// keep takes every member out of the object but those for which keep is true. Kept members stay as they were written,
// but for what inside, if it is not nil, replaces of their values.
func (s *splicer) keep(n jsonValue, keep func(i int, name []byte) bool, inside func(name []byte, value jsonValue)) {
	from, dropped, kept := n.start+1, false, false // from: the end of the last kept member
	for i, m := range n.members() {
		name := m.name()
		if !keep(i, name) {
			dropped = true
			continue
		}
		if dropped {
			var comma []byte
			if kept {
				comma = []byte{','}
			}
			s.replace(from, m.start, comma)
		}
		if inside != nil {
			inside(name, m.value)
		}
		from, dropped, kept = m.value.end(), false, true
	}
	if dropped {
		s.replace(from, n.end()-1, nil)
	}
}

// bytes is the edited document: src itself if nothing was replaced, else a new slice.
func (s *splicer) bytes() []byte {
	if !s.edited {
		return s.src
	}
	return append(s.out, s.src[s.at:]...)
}
