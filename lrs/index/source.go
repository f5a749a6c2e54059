package index

import (
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// place is where a list has come: a statement's number n in ascending lists, ^n
// in descending ones. So every list goes up in places, whatever its direction.
type place = uint64

func (s *scan) placeOf(n uint64) place {
	if s.ascending {
		return n
	}
	return ^n
}

func (s *scan) numberAt(p place) uint64 { return s.placeOf(p) }

// source is a set of statements that can be walked in the order of places.
//
// seek returns the first member at or behind from, and may only be called with
// growing places. When the scan stops on the way, it returns false and a place
// before which there is no member; when there are no more, false and the end.
type source interface {
	seek(from place) (place, bool)
}

// postings are the members of one term.
type postings struct {
	*scan
	it     *pebble.Iterator
	prefix key
	at     place
	valid  bool // the iterator is at the posting of place at
	ended  bool
}

// nearby is how many postings are passed one by one before a seek is cheaper.
const nearby = 8

func (l *postings) seek(from place) (place, bool) {
	if l.ended {
		return l.end, false
	}
	if l.valid && l.at >= from {
		return l.at, true
	}
	for range nearby {
		if !l.valid {
			break
		}
		if !l.step() {
			return from, false
		}
		if l.ascending {
			l.land(l.it.Prev())
		} else {
			l.land(l.it.Next())
		}
		if l.ended {
			return l.end, false
		}
		if l.at >= from {
			return l.at, true
		}
	}
	if !l.step() {
		return from, false
	}
	k := l.prefix.posting(l.numberAt(from))
	if l.ascending {
		// The postings of numbers from n up end with that of n.
		l.land(l.it.SeekLT(append(k, 0)))
	} else {
		// By the Bloom filters it passes over tables without the term.
		l.land(l.it.SeekPrefixGE(k))
	}
	return l.at, l.valid
}

// land takes over where the iterator is.
func (l *postings) land(ok bool) {
	l.valid, l.ended = ok, !ok
	l.at = l.end
	if ok {
		l.at = l.placeOf(postedNumber(l.it.Key()))
	} else {
		l.fail(l.it.Error())
	}
}

// numbers are all statements that are not voided.
type numbers struct {
	*scan
	it      *pebble.Iterator
	started bool
	at      place
	row     statementRow // of the statement at at
}

func (l *numbers) seek(from place) (place, bool) {
	for {
		if l.started && l.at >= from && (l.at == l.end || l.row.flags&flagVoided == 0) {
			return l.at, l.at != l.end
		}
		if !l.step() {
			return max(from, l.at), false
		}
		var ok bool
		switch k := numberKey(l.numberAt(from)); {
		case l.started && l.ascending:
			ok = l.it.Next()
		case l.started:
			ok = l.it.Prev()
		case l.ascending:
			ok = l.it.SeekGE(k)
		default:
			ok = l.it.SeekLT(append(k, 0))
		}
		l.started = true
		if l.at = l.end; !ok {
			l.fail(l.it.Error())
			return l.end, false
		}
		value, err := l.it.ValueAndErr()
		if err == nil {
			l.row, err = decodeStatementRow(l.it.Key(), value)
		}
		if err != nil {
			l.fail(err)
			return l.end, false
		}
		l.at = l.placeOf(lastNumber(l.it.Key()))
	}
}

// all are the statements that every source has.
type all []source

func (a all) seek(from place) (place, bool) {
	for agreed := 0; agreed < len(a); {
		for _, s := range a {
			p, ok := s.seek(from)
			if !ok {
				return p, false
			}
			if p > from {
				from, agreed = p, 0
			}
			if agreed++; agreed == len(a) {
				break
			}
		}
	}
	return from, true
}

// either are the statements that at least one source has.
type either []source

func (e either) seek(from place) (place, bool) {
	first, found := ^place(0), false
	for _, s := range e {
		// A source that was stopped may have a member at p: nothing behind it
		// counts.
		if p, ok := s.seek(from); p < first || p == first && !ok {
			first, found = p, ok
		}
	}
	return first, found
}

// scan is what the sources of one page share.
type scan struct {
	ascending bool
	end       place       // behind the last place of the list
	step      func() bool // counts a step; false: stop here
	err       error       // of a row or of Pebble; it stops everything
	iterators []*pebble.Iterator
}

func (s *scan) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *scan) iterator(r pebble.Reader, lower, upper []byte) *pebble.Iterator {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper, UseL6Filters: true})
	if err != nil {
		s.fail(err)
		return nil
	}
	s.iterators = append(s.iterators, it)
	return it
}

func (s *scan) close() {
	for _, it := range slices.Backward(s.iterators) {
		s.fail(it.Close())
	}
}
