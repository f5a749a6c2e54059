package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// store reads rows, of the database as it is or of a snapshot. It belongs to one
// goroutine, which closes it.
type store struct {
	pebble.Reader
	frames  *frames
	finders [kinds]*pebble.Iterator // by kind of row, opened when first needed
}

// get calls read with the value of a row, if there is one. The value is valid
// during the call only.
func (s *store) get(k key, read func(value []byte) error) (found bool, err error) {
	value, closer, err := s.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(read(value), closer.Close())
}

func (s *store) has(k key) (bool, error) {
	return s.get(k, func([]byte) error { return nil })
}

// scan calls each with the rows from lower up to, and without, upper, in order,
// until it returns false. Key and value are valid during the call only.
func (s *store) scan(lower, upper key, each func(key, value []byte) bool) error {
	it, err := s.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return errors.Join(err, it.Close())
		}
		if !each(it.Key(), value) {
			break
		}
	}
	return it.Close() // with the error that ended the loop, if any
}

// count is the number of rows that begin with prefix.
func (s *store) count(prefix key) (n int, err error) {
	err = s.scan(prefix, upperBound(prefix), func(_, _ []byte) bool { n++; return true })
	return n, err
}

// find is get for rows that are seldom there: nearly every write asks for an id
// and for referrers that do not exist. Get would look for them in the blocks of
// the last level, whose Bloom filters it does not use.
func (s *store) find(k key, read func(value []byte) error) (found bool, err error) {
	it := s.finders[k[0]]
	if it == nil {
		it, err = s.NewIter(&pebble.IterOptions{LowerBound: k[:1], UpperBound: upperBound(k[:1]), UseL6Filters: true})
		if err != nil {
			return false, err
		}
		s.finders[k[0]] = it
	}
	if !it.SeekPrefixGE(k) {
		return false, it.Error()
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return false, err
	}
	return true, read(value)
}

// close ends what find keeps open.
func (s *store) close() (err error) {
	for i, it := range s.finders {
		if it != nil {
			err = errors.Join(err, it.Close())
			s.finders[i] = nil
		}
	}
	return err
}

// number is the number of the statement with an id.
func (s *store) number(id uuid.UUID) (n uint64, found bool, err error) {
	k := idKey(id)
	found, err = s.find(k, func(value []byte) error {
		if len(value) != 8 {
			return errRow("id", k)
		}
		n = binary.BigEndian.Uint64(value)
		return nil
	})
	return n, found, err
}

func (s *store) statementRow(n uint64) (row statementRow, found bool, err error) {
	k := numberKey(n)
	found, err = s.get(k, func(value []byte) (err error) {
		row, err = decodeStatementRow(k, value)
		return err
	})
	return row, found, err
}

// payload is the statement at row. Its JSON is a part of its frame, and keeps all of
// that in memory: size bytes.
func (s *store) payload(row statementRow) (st event.StatementStored, size int, err error) {
	f, err := s.frame(row)
	if err != nil {
		return st, 0, err
	}
	if row.event < len(f.events) {
		e := &f.events[row.event]
		ev, err := event.Decode(event.Encoded{Type: e.Type, Version: e.Version, Meta: e.Meta, Payload: e.Payload})
		if st, ok := ev.(event.StatementStored); ok && err == nil {
			return st, f.size, nil
		}
	}
	return st, 0, errRow("frame", frameKey(row.revision, row.frame))
}

// frame is the decoded frame that a statement is in.
func (s *store) frame(row statementRow) (frame, error) {
	place := row.place()
	if f := s.frames.get(place); f.events != nil {
		return f, nil
	}
	k := frameKey(row.revision, row.frame)
	var f frame
	found, err := s.get(k, func(value []byte) (err error) {
		f, err = decodeFrame(k, value)
		return err
	})
	if err == nil && !found {
		err = errRow("missing frame", k)
	}
	if err != nil {
		return frame{}, err
	}
	s.frames.add(place, f)
	return f, nil
}

// frames are decoded frames that all readers share. A frame never changes, so
// that one cache serves every snapshot.
type frames struct {
	mu    sync.Mutex
	cache cache[framePlace, frame]
}

// frame is a decoded one, which has size bytes.
type frame struct {
	events []eventlog.Event
	size   int
}

type framePlace struct {
	revision eventlog.Revision
	frame    int
}

func (r statementRow) place() framePlace { return framePlace{r.revision, r.frame} }

func (f *frames) get(p framePlace) frame {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cache.get(p)
}

func (f *frames) add(p framePlace, added frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cache.add(p, added, added.size)
}

func encodeFrame(codec eventlog.Codec, data []byte) []byte {
	return append(append(make([]byte, 0, 1+len(data)), byte(codec)), data...)
}

// decodeFrame gives events that share nothing with value.
func decodeFrame(k key, value []byte) (f frame, err error) {
	if len(value) == 0 {
		return f, errRow("frame", k)
	}
	if f.events, err = eventlog.DecodeFrame(eventlog.Codec(value[0]), value[1:]); err != nil {
		return f, fmt.Errorf("%w: %w", errRow("frame", k), err)
	}
	for i := range f.events {
		e := &f.events[i]
		f.size += int(unsafe.Sizeof(*e)) + len(e.Payload) + len(e.Meta)
	}
	return f, nil
}
