package eventlog

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// noise is n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{9}).Read(b)
	return b
}

func event(payload []byte) Event { return Event{Type: "Tested", Version: 1, Payload: payload} }

func TestAddRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		events []Event
		want   error // nil: an error of no kind
	}{
		"no type":       {[]Event{{Version: 1}}, nil},
		"long type":     {[]Event{{Type: strings.Repeat("T", maxType+1), Version: 1}}, nil},
		"type no UTF-8": {[]Event{{Type: "T\xff", Version: 1}}, nil},
		"no version":    {[]Event{{Type: "T"}}, nil},
		"erased":        {[]Event{{Type: "T", Version: 1, Erased: true}}, nil},
		"second is bad": {[]Event{event(nil), {}}, nil},
		"too many":      {repeat(maxEvents+1, event(nil)), ErrTooLarge},
		"too much raw":  {repeat(5, event(make([]byte, 900_000))), ErrTooLarge},
		"too large":     {[]Event{event(noise(900_000))}, ErrTooLarge},
		"too large together, in frames that do not compress": {repeat(10, event(noise(90_000))), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			for _, before := range []int{0, 1} {
				b := NewBuilder(Limits{})
				if err := b.Add(repeat(before, event([]byte("before")))...); err != nil {
					t.Fatal(err)
				}
				err := b.Add(c.events...)
				if err == nil || !errors.Is(err, c.want) && c.want != nil {
					t.Fatalf("with %d events before: %v, not %v", before, err, c.want)
				}
				if c.want == nil && (errors.Is(err, ErrFull) || errors.Is(err, ErrTooLarge)) {
					t.Fatalf("%v says that another commit could hold it", err)
				}
				if b.Len() != before {
					t.Fatalf("%d events after the error, not %d", b.Len(), before)
				}
			}
		})
	}
}

// TestLimitIsExact grows an event that has a frame to itself by single bytes: the
// last that is taken fills the commit but for what a header can need.
func TestLimitIsExact(t *testing.T) {
	source := noise(maxFrame + 3_000)
	b := NewBuilder(Limits{Encoded: maxFrame + 2_000})
	for n := maxFrame + 1_000; ; n++ {
		if err := b.Add(event(source[:n])); errors.Is(err, ErrTooLarge) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		s := mustSeal(t, b)
		if len(s.Data) > b.limits.Encoded {
			t.Fatalf("%d bytes, over %d", len(s.Data), b.limits.Encoded)
		}
		if err := b.Add(event(source[:n+1])); err != nil && len(s.Data) < b.limits.Encoded-maxHeader {
			t.Fatalf("%d bytes are all of %d that are used", len(s.Data), b.limits.Encoded)
		}
		b.Reset()
	}
}

// TestAddCompresses adds what fits only because it compresses: in one event, and in
// the many of one request.
func TestAddCompresses(t *testing.T) {
	for _, events := range [][]Event{{event(make([]byte, 2_000_000))}, statements(maxEvents)} {
		b := NewBuilder(Limits{})
		if err := b.Add(events...); err != nil {
			t.Fatal(err)
		}
		s := mustSeal(t, b)
		if rawOf(s) < DefaultLimits.Encoded {
			t.Fatalf("%d bytes fit anyway", rawOf(s))
		}
		within(t, s, Limits{})
	}
}

func repeat(n int, e Event) []Event { return slices.Repeat([]Event{e}, n) }

// TestAddFills adds until ErrFull, at each limit, and checks how near it came.
func TestAddFills(t *testing.T) {
	large := noise(2_000_000)
	for name, c := range map[string]struct {
		add  func(i int) Event
		near func(Sealed) bool
	}{
		"events":                    {func(int) Event { return event(nil) }, func(s Sealed) bool { return s.Commit.Header.Events == maxEvents }},
		"raw":                       {func(int) Event { return event(make([]byte, 60_000)) }, func(s Sealed) bool { return rawOf(s) > maxRaw-61_000 }},
		"encoded":                   {func(i int) Event { return event(large[i*10_000:][:10_000]) }, func(s Sealed) bool { return len(s.Data) > 900_000-10_000-2*maxHeader }},
		"encoded, an event a frame": {func(i int) Event { return event(large[i*100_000:][:100_000]) }, func(s Sealed) bool { return len(s.Commit.Frames) == 8 }},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBuilder(Limits{Encoded: 1 << 30, Events: 1 << 30, Raw: 1 << 30}) // no more than the format takes
			n := 0
			for ; ; n++ {
				if err := b.Add(c.add(n)); errors.Is(err, ErrFull) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			s := mustSeal(t, b)
			if s.Commit.Header.Events != n {
				t.Fatalf("%d events in the commit, %d added", s.Commit.Header.Events, n)
			}
			within(t, s, Limits{})
			if !c.near(s) {
				t.Fatalf("full at %d events, %d bytes, %d raw", n, len(s.Data), rawOf(s))
			}
		})
	}
}

func rawOf(s Sealed) (n int) {
	for _, f := range s.Commit.Frames {
		n += f.RawLen
	}
	return n
}

func mustSeal(tb testing.TB, b *Builder) Sealed {
	tb.Helper()
	s, err := b.Seal(SealInfo{Log: testLog, FirstStored: 1e15, Node: strings.Repeat("n", maxNode)})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// within checks that a commit keeps to limits and frames to theirs, and that it
// reads back as it is.
func within(tb rapid.TB, s Sealed, l Limits) {
	tb.Helper()
	l = NewBuilder(l).limits
	if len(s.Data) > l.Encoded || s.Commit.Header.Events > l.Events || rawOf(s) > l.Raw {
		tb.Fatalf("%d bytes, %d events, %d raw; the limits are %+v", len(s.Data), s.Commit.Header.Events, rawOf(s), l)
	}
	for i, f := range s.Commit.Frames {
		if f.RawLen > maxFrame && f.Count > 1 {
			tb.Fatalf("frame %d has %d bytes and %d events", i, f.RawLen, f.Count)
		}
	}
	c, err := Decode(s.Data)
	if err != nil {
		tb.Fatalf("what was sealed does not decode: %v", err)
	}
	if err := c.Verify(); err != nil {
		tb.Fatalf("what was sealed does not verify: %v", err)
	}
	same(tb, s.Commit, c)
}

// same compares two commits: headers, frames, events.
func same(tb rapid.TB, a, b *Commit) {
	tb.Helper()
	if a.Header != b.Header {
		tb.Fatalf("headers differ:\n%+v\n%+v", a.Header, b.Header)
	}
	if len(a.Frames)+len(b.Frames) > 0 && !reflect.DeepEqual(a.Frames, b.Frames) {
		tb.Fatalf("frames differ:\n%+v\n%+v", a.Frames, b.Frames)
	}
	ae, aerr := a.Events()
	be, berr := b.Events()
	if aerr != nil || berr != nil {
		tb.Fatalf("%v, %v", aerr, berr)
	}
	if !slices.EqualFunc(ae, be, sameEvent) {
		tb.Fatalf("events differ:\n%v\n%v", ae, be)
	}
}

func sameEvent(a, b Event) bool {
	return a.Type == b.Type && a.Version == b.Version && bytes.Equal(a.Meta, b.Meta) && bytes.Equal(a.Payload, b.Payload) &&
		a.Salt == b.Salt && a.Digest == b.Digest && a.Erased == b.Erased
}

// events draws the events of one call to Add: small ones, some larger than a
// frame, of bytes that compress and that do not.
func drawEvents(t *rapid.T, most int) []Event {
	source := noise(200_000)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Event {
		n := rapid.OneOf(rapid.IntRange(0, 2_000), rapid.IntRange(0, most)).Draw(t, "size")
		payload := make([]byte, n)
		if rapid.Bool().Draw(t, "noise") {
			copy(payload, source)
		}
		e := Event{Type: rapid.SampledFrom([]string{"StatementStored", "T"}).Draw(t, "type"), Version: rapid.Uint32Min(1).Draw(t, "version"), Payload: payload}
		if rapid.Bool().Draw(t, "has meta") {
			e.Meta = []byte(`{"define":false}`)
		}
		return e
	}), 0, 12).Draw(t, "events")
}

// TestBuilderProperties builds commits by random calls against a model: all events
// of a call or none; ErrFull only for what fits into an empty commit, ErrTooLarge
// only for what does not; limits kept; rolled back is as if never added.
func TestBuilderProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limits{
			Encoded: rapid.IntRange(600, 200_000).Draw(t, "encoded"),
			Events:  rapid.IntRange(1, 40).Draw(t, "events"),
			Raw:     rapid.IntRange(100, 400_000).Draw(t, "raw"),
		}
		b := NewBuilder(l)
		type state struct {
			mark  Mark
			model []Event
		}
		states := []state{{}}
		var model []Event
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				events := drawEvents(t, 150_000)
				err := b.Add(events...)
				switch alone := NewBuilder(l).Add(events...); {
				case err == nil:
					model = append(model, events...)
				case errors.Is(err, ErrFull):
					if alone != nil {
						t.Fatalf("full, but alone: %v", alone)
					}
				case errors.Is(err, ErrTooLarge):
					if !errors.Is(alone, ErrTooLarge) {
						t.Fatalf("too large, but alone: %v", alone)
					}
				default:
					t.Fatal(err)
				}
			},
			"mark": func(*rapid.T) { states = append(states, state{b.Mark(), slices.Clone(model)}) },
			"rollback": func(t *rapid.T) {
				i := rapid.IntRange(0, len(states)-1).Draw(t, "to")
				b.Rollback(states[i].mark)
				model, states = slices.Clone(states[i].model), states[:i+1]
			},
			"seal": func(t *rapid.T) {
				s, err := b.Seal(SealInfo{Log: testLog, Node: strings.Repeat("n", maxNode), FirstStored: -1})
				if err != nil {
					t.Fatal(err)
				}
				within(t, s, l)
				events, err := s.Commit.Events()
				if err != nil || len(events) != len(model) {
					t.Fatalf("%d events (%v), not %d", len(events), err, len(model))
				}
				for i, e := range events {
					if e.Type != model[i].Type || e.Version != model[i].Version || !bytes.Equal(e.Meta, model[i].Meta) || !bytes.Equal(e.Payload, model[i].Payload) {
						t.Fatalf("event %d is not the one added", i)
					}
				}
				model, states = nil, []state{{}}
			},
			"": func(t *rapid.T) {
				if b.Len() != len(model) {
					t.Fatalf("%d events, not %d", b.Len(), len(model))
				}
			},
		})
	})
}

// TestSealIsTheCallers checks that nothing the Builder does later changes a commit.
func TestSealIsTheCallers(t *testing.T) {
	b := NewBuilder(Limits{})
	var sealed []Sealed
	var data [][]byte
	for i := range 5 {
		if err := b.Add(statements(100 + i)...); err != nil {
			t.Fatal(err)
		}
		s := mustSeal(t, b)
		sealed, data = append(sealed, s), append(data, bytes.Clone(s.Data))
	}
	for i, s := range sealed {
		if !bytes.Equal(s.Data, data[i]) {
			t.Fatalf("commit %d was changed by a later one", i)
		}
		within(t, s, Limits{})
	}
}

func TestSaltsAreFresh(t *testing.T) {
	seen := map[[16]byte]bool{{}: true}
	for range 2 { // builders
		b := NewBuilder(Limits{})
		for range 3 { // commits
			m := b.Mark()
			for range 2 {
				b.Rollback(m)
				if err := b.Add(repeat(400, event(nil))...); err != nil {
					t.Fatal(err)
				}
				for _, e := range b.events {
					if seen[e.Salt] {
						t.Fatalf("salt %x was used before", e.Salt)
					}
					seen[e.Salt] = true
				}
			}
			mustSeal(t, b)
		}
	}
	b := NewBuilder(Limits{})
	b.random = strings.NewReader("too short")
	if err := b.Add(event(nil)); err == nil || b.Len() != 0 {
		t.Fatalf("without randomness: %v, %d events", err, b.Len())
	}
}

func TestSealRefuses(t *testing.T) {
	previous := Head{Log: testLog, Revision: 4, Hash: Hash{1}}
	for name, info := range map[string]SealInfo{
		"no log":             {},
		"another log":        {Log: LogID{1}, Previous: previous},
		"a hash before all":  {Log: testLog, Previous: Head{Log: testLog, Hash: Hash{1}}},
		"a long node":        {Log: testLog, Previous: previous, Node: strings.Repeat("n", maxNode+1)},
		"a node of no UTF-8": {Log: testLog, Previous: previous, Node: "\xff"},
	} {
		b := NewBuilder(Limits{})
		if err := b.Add(event(nil)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Seal(info); err == nil {
			t.Errorf("%s was sealed", name)
		}
		if b.Len() != 1 {
			t.Errorf("%s: %d events are left, not 1", name, b.Len())
		}
	}
}

// TestAllocations holds sealing and reading to what they may leave for the
// collector, however many events there are: the commit, its events, frames and
// bytes, the hash; and to read, a buffer and the events.
func TestAllocations(t *testing.T) {
	b := NewBuilder(Limits{})
	for _, n := range []int{10, 300} {
		events := statements(n)
		var s Sealed
		if allocs := testing.AllocsPerRun(20, func() {
			if err := b.Add(events...); err != nil {
				t.Fatal(err)
			}
			s = mustSeal(t, b)
		}); allocs > float64(8+poolForgets*len(s.Commit.Frames)) {
			t.Errorf("%d events cost %.0f allocations to seal", n, allocs)
		}
		if allocs := testing.AllocsPerRun(20, func() {
			if _, err := s.Commit.decodeEvents(); err != nil {
				t.Fatal(err)
			}
		}); allocs > float64(3+len(s.Commit.Frames)) {
			t.Errorf("%d events in %d frames cost %.0f allocations to read", n, len(s.Commit.Frames), allocs)
		}
	}
}
