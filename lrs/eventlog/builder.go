package eventlog

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/klauspost/compress/s2"
)

// Limits of a commit. A field that is 0, or larger than in DefaultLimits, stands
// for the value there.
type Limits struct {
	Encoded int // bytes of Sealed.Data
	Events  int
	Raw     int // bytes of all frames before compression
}

// DefaultLimits are the format's. 900,000 bytes leave room for headers under
// JetStream's default max_payload and EventStoreDB's 1 MiB.
var DefaultLimits = Limits{Encoded: 900_000, Events: maxEvents, Raw: maxRaw}

// maxFrame is where a frame is closed. Only an event that is longer by itself
// makes a longer frame, which it has to itself.
const maxFrame = 64 << 10

// maxFrameCost is more than a frame adds to the bytes of events that do not
// compress.
const maxFrameCost = 40

const saltSize = len(Event{}.Salt)

// Builder collects the events of one commit after the other. It belongs to one
// goroutine, and keeps its buffers from commit to commit.
type Builder struct {
	limits Limits
	random io.Reader
	salts  []byte // read from random, not yet used; none is used twice
	digest hash.Hash

	// The commit so far. Its frames are appended to raw one after another; when
	// one is closed it is compressed into packed. raw is kept until the commit is
	// sealed, so that Rollback can open a frame again.
	events   []Event
	raw      []byte
	packed   []byte
	preimage []byte // the events' part of the commit's Preimage
	frames   []closedFrame
	open     struct{ event, raw int } // where the open frame begins in events and raw
	closed   int                      // bytes of the commit that the closed frames make
}

type closedFrame struct{ count, rawLen, dataLen int }

// NewBuilder returns an empty Builder.
func NewBuilder(l Limits) *Builder {
	within := func(v, limit int) int {
		if v <= 0 {
			return limit
		}
		return min(v, limit)
	}
	return &Builder{
		limits: Limits{
			Encoded: within(l.Encoded, DefaultLimits.Encoded),
			Events:  within(l.Events, maxEvents),
			Raw:     within(l.Raw, maxRaw),
		},
		random: rand.Reader,
		digest: sha256.New(),
	}
}

// Len is the number of events added since the last Seal or Reset.
func (b *Builder) Len() int { return len(b.events) }

// Add adds all events to the commit, or none. Type and Version must be set; Salt
// and Digest are made here, whatever they hold. Meta and Payload must not change
// any more: the sealed commit's events point to them.
//
// ErrFull: the commit could pass a limit; seal it first. Every frame that is
// closed counts as it is, the open one as if it would not compress at all.
// ErrTooLarge: an empty commit would pass a limit too. Any other error is an
// event that no commit can hold.
func (b *Builder) Add(events ...Event) error {
	raw := 0
	for i := range events {
		if err := check(&events[i]); err != nil {
			return err
		}
		// Salt and Digest have the same length, filled or not.
		raw += eventSize(&events[i])
	}
	if len(events) > b.limits.Events || raw > b.limits.Raw {
		return fmt.Errorf("%w: %d events of %d bytes; it takes %d of %d",
			ErrTooLarge, len(events), raw, b.limits.Events, b.limits.Raw)
	}
	if err := b.drawSalts(len(events)); err != nil {
		return err
	}
	if len(b.events)+len(events) <= b.limits.Events && len(b.raw)+raw <= b.limits.Raw && b.tryAdd(events) {
		return nil
	}
	if len(b.events) == 0 {
		return fmt.Errorf("%w: %d events of %d bytes pass %d bytes compressed",
			ErrTooLarge, len(events), raw, b.limits.Encoded)
	}
	if maxHeader+raw+len(events)*maxFrameCost+crcSize > b.limits.Encoded {
		// Rare: they could be too large for any commit. Only trying tells.
		if err := NewBuilder(b.limits).Add(events...); err != nil {
			return err
		}
	}
	return ErrFull
}

// tryAdd adds all events, or none if that would pass limits.Encoded.
func (b *Builder) tryAdd(events []Event) bool {
	mark := b.Mark()
	for i := range events {
		b.add(&events[i])
		if b.bound() > b.limits.Encoded {
			b.Rollback(mark)
			return false
		}
	}
	return true
}

func check(e *Event) error {
	switch {
	case e.Type == "" || len(e.Type) > maxType || !utf8.ValidString(e.Type):
		return fmt.Errorf("eventlog: event type %q is empty, over %d bytes, or no UTF-8", e.Type, maxType)
	case e.Version == 0:
		return fmt.Errorf("eventlog: %s without a version", e.Type)
	case e.Erased:
		return fmt.Errorf("eventlog: %s is erased already", e.Type)
	}
	return nil
}

func (b *Builder) add(event *Event) {
	if frame := len(b.raw) - b.open.raw; frame > 0 && frame+eventSize(event) > maxFrame {
		b.closeFrame()
	}
	b.events = append(b.events, *event)
	e := &b.events[len(b.events)-1]
	b.salts = b.salts[copy(e.Salt[:], b.salts):]
	b.digest.Reset()
	b.digest.Write(e.Salt[:])
	b.digest.Write(e.Payload)
	b.digest.Sum(e.Digest[:0])
	b.raw = appendEvent(b.raw, e)
	b.preimage = appendPreimageEvent(b.preimage, e)
	if len(b.raw)-b.open.raw >= maxFrame {
		b.closeFrame()
	}
}

// drawSalts sees to it that salts holds n of them.
func (b *Builder) drawSalts(n int) error {
	if len(b.salts) >= n*saltSize {
		return nil
	}
	b.salts = slices.Grow(b.salts[:0], maxEvents*saltSize)[:maxEvents*saltSize]
	_, err := io.ReadFull(b.random, b.salts)
	return err
}

func (b *Builder) closeFrame() {
	count, raw := len(b.events)-b.open.event, b.raw[b.open.raw:]
	if count == 0 {
		return
	}
	b.packed = slices.Grow(b.packed, s2.MaxEncodedLen(len(raw)))
	data := s2.Encode(b.packed[len(b.packed):cap(b.packed)], raw)
	b.packed = b.packed[:len(b.packed)+len(data)]
	b.frames = append(b.frames, closedFrame{count: count, rawLen: len(raw), dataLen: len(data)})
	b.closed += frameSize(count, len(raw), len(data))
	b.open.event, b.open.raw = len(b.events), len(b.raw)
}

// bound is the most bytes that the commit can have if it is sealed now.
func (b *Builder) bound() int {
	n := maxHeader + b.closed + crcSize
	if raw := len(b.raw) - b.open.raw; raw > 0 {
		n += frameSize(len(b.events)-b.open.event, raw, s2.MaxEncodedLen(raw))
	}
	return n
}

// Mark is a state of a Builder. It holds until the next Seal or Reset, or until a
// Rollback to an earlier one.
type Mark struct {
	events, raw, packed, preimage, frames, openEvent, openRaw, closed int
}

// Mark remembers the events that are in the commit now.
func (b *Builder) Mark() Mark {
	return Mark{
		events: len(b.events), raw: len(b.raw), packed: len(b.packed), preimage: len(b.preimage),
		frames: len(b.frames), openEvent: b.open.event, openRaw: b.open.raw, closed: b.closed,
	}
}

// Rollback takes out of the commit what was added since m.
func (b *Builder) Rollback(m Mark) {
	clear(b.events[m.events:]) // payloads are the caller's; do not hold them
	b.events, b.raw, b.packed = b.events[:m.events], b.raw[:m.raw], b.packed[:m.packed]
	b.preimage, b.frames = b.preimage[:m.preimage], b.frames[:m.frames]
	b.open.event, b.open.raw, b.closed = m.openEvent, m.openRaw, m.closed
}

// Reset empties the commit.
func (b *Builder) Reset() { b.Rollback(Mark{}) }

// SealInfo is what a Builder does not know of its commit.
type SealInfo struct {
	Log         LogID
	Previous    Head   // the commit that it follows; Head{} for the first of a log
	FirstStored int64  // µs since the Unix epoch
	Node        string // at most 255 bytes of UTF-8
}

// Sealed is a commit and its bytes for Log.Append. Both are the caller's for as
// long as it likes, and shared with no later commit; the commit's frames point
// into Data.
type Sealed struct {
	Commit *Commit
	Data   []byte
}

// Seal makes the commit, with no events if none were added, and leaves the
// Builder empty. After an error nothing has changed.
func (b *Builder) Seal(info SealInfo) (Sealed, error) {
	switch {
	case len(info.Node) > maxNode || !utf8.ValidString(info.Node):
		return Sealed{}, fmt.Errorf("eventlog: node name %.40q has over %d bytes, or is no UTF-8", info.Node, maxNode)
	case info.Log == LogID{}:
		return Sealed{}, errors.New("eventlog: a commit without a log id")
	case info.Previous.Revision > 0 && info.Previous.Log != info.Log:
		return Sealed{}, fmt.Errorf("eventlog: a commit of log %s cannot follow one of log %s", info.Log, info.Previous.Log)
	case info.Previous.Revision == 0 && info.Previous.Hash != Hash{}:
		return Sealed{}, errors.New("eventlog: the first commit of a log follows no hash")
	}
	b.closeFrame()
	c := &Commit{
		Header: Header{
			Format: Format, Log: info.Log, Revision: info.Previous.Revision + 1, Previous: info.Previous.Hash,
			Codec: CodecS2, FirstStored: info.FirstStored, Node: info.Node, Events: len(b.events),
		},
		Frames: make([]Frame, 0, len(b.frames)),
		events: slices.Clone(b.events),
	}
	first, packed := 0, b.packed
	for _, f := range b.frames {
		c.Frames = append(c.Frames, Frame{First: first, Count: f.count, RawLen: f.rawLen, Data: packed[:f.dataLen]})
		first, packed = first+f.count, packed[f.dataLen:]
	}
	c.Hash = hashCommit(&c.Header, b.preimage)
	sealed := Sealed{Commit: c, Data: encodeCommit(c)}
	b.Reset()
	return sealed, nil
}
