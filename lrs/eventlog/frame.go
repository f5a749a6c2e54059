package eventlog

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/klauspost/compress/s2"
)

// Events are the commit's events in order. A commit that has been sealed,
// verified or yielded by Follow has them ready; else the first call decompresses
// them, and must not overlap with another. They must not be changed.
func (c *Commit) Events() ([]Event, error) {
	if c.events == nil {
		events, err := c.decodeEvents()
		if err != nil {
			return nil, err
		}
		c.events = events
	}
	return c.events, nil
}

func (c *Commit) decodeEvents() ([]Event, error) {
	events := make([]Event, 0, min(max(c.Header.Events, 0), maxEvents))
	for i, f := range c.Frames {
		var err error
		if events, err = f.appendEvents(events, c.Codec); err != nil {
			return nil, fmt.Errorf("frame %d: %w", i, err)
		}
	}
	if len(events) != c.Header.Events {
		return nil, damaged("the header has %d events, the frames %d", c.Header.Events, len(events))
	}
	return events, nil
}

func (f Frame) appendEvents(events []Event, codec Codec) ([]Event, error) {
	had := len(events)
	events, err := appendEvents(events, codec, f.Data)
	if err != nil {
		return nil, err
	}
	if n := len(events) - had; n != f.Count {
		return nil, damaged("%d events, not %d", n, f.Count)
	}
	return events, nil
}

// DecodeFrame decompresses one frame by itself. The events share one buffer,
// which is theirs.
func DecodeFrame(codec Codec, data []byte) ([]Event, error) {
	return appendEvents(nil, codec, data)
}

func appendEvents(events []Event, codec Codec, data []byte) ([]Event, error) {
	raw, err := decompress(codec, data)
	if err != nil {
		return nil, err
	}
	s := scanner{rest: raw, repeated: eventsEvent}
	for s.next() {
		if s.tag != eventsEvent {
			s.unknown()
			break
		}
		if len(events) == maxEvents {
			return nil, damaged("over %d events", maxEvents)
		}
		var e Event
		if len(events) > 0 {
			e.Type = events[len(events)-1].Type // likely the same: no new string
		}
		if err := e.decode(s.bytes); err != nil {
			return nil, fmt.Errorf("event %d: %w", len(events), err)
		}
		events = append(events, e)
	}
	if s.err != nil {
		return nil, s.err
	}
	return events, nil
}

// decompress returns a copy even where nothing is compressed: events stay when
// the commit's bytes are gone.
func decompress(codec Codec, data []byte) ([]byte, error) {
	n, err := rawLen(codec, data)
	if err != nil {
		return nil, err
	}
	if codec == CodecNone {
		return slices.Clone(data), nil
	}
	raw, err := s2.Decode(make([]byte, 0, n), data)
	if err != nil {
		return nil, damaged("%d bytes of s2: %w", len(data), err)
	}
	return raw, nil
}

// decode reads an Event message. e.Type may hold a guess.
func (e *Event) decode(b []byte) error {
	s := scanner{rest: b}
	var seen byte
	for s.next() {
		seen |= 1 << (s.tag >> 3)
		switch s.tag {
		case eventType:
			if e.Type != string(s.bytes) {
				e.Type = string(s.bytes)
			}
		case eventVersion:
			e.Version = uint32(s.upTo(1<<32 - 1))
		case eventMeta:
			e.Meta = slices.Clip(s.bytes)
		case eventSalt:
			s.fixed(e.Salt[:])
		case eventPayload:
			e.Payload = slices.Clip(s.bytes)
		case eventDigest:
			s.fixed(e.Digest[:])
		case eventErased:
			e.Erased = s.upTo(1) == 1
		default:
			s.unknown()
		}
	}
	has := func(tag byte) bool { return seen&(1<<(tag>>3)) != 0 }
	switch {
	case s.err != nil:
		return s.err
	case !has(eventType) || len(e.Type) > maxType || !utf8.ValidString(e.Type):
		return damaged("no type, or one of over %d bytes, or no UTF-8", maxType)
	case e.Version == 0 || !has(eventDigest):
		return damaged("%s without version or digest", e.Type)
	case e.Erased && (has(eventSalt) || has(eventPayload)):
		return damaged("%s is erased, but has salt or payload", e.Type)
	case !e.Erased && !has(eventSalt):
		return damaged("%s without salt", e.Type)
	}
	return nil
}
