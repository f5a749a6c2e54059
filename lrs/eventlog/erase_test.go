package eventlog

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestErase erases in the middle of a log, which must follow as before, under the
// same hashes, without what was erased.
func TestErase(t *testing.T) {
	records := chain(t)
	before, err := follow(records, Head{})
	if err != nil {
		t.Fatal(err)
	}
	secret, salt := before[1].events[2].Payload, before[1].events[2].Salt
	data, err := Erase(records[1].Data, 2)
	if err != nil {
		t.Fatal(err)
	}
	records[1].Data = data
	after, err := follow(records, Head{})
	if err != nil || len(after) != 3 {
		t.Fatalf("%d commits, %v", len(after), err)
	}
	for i := range after {
		if after[i].Header != before[i].Header {
			t.Fatalf("revision %d was\n%+v, is\n%+v", i+1, before[i].Header, after[i].Header)
		}
	}
	for i, f := range after[1].Frames {
		if was := before[1].Frames[i]; f.First != was.First || f.Count != was.Count {
			t.Fatalf("frame %d held events %d + %d, holds %d + %d", i, was.First, was.Count, f.First, f.Count)
		}
		raw, err := decompress(CodecS2, f.Data)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, salt[:]) || bytes.Contains(raw, secret) {
			t.Fatalf("frame %d still has what was erased", i)
		}
	}
	for i, e := range after[1].events {
		was := before[1].events[i]
		if i == 2 {
			was.Payload, was.Salt, was.Erased = nil, [16]byte{}, true
		}
		if !sameEvent(e, was) {
			t.Fatalf("event %d is\n%+v, not\n%+v", i, e, was)
		}
	}

	again, err := Erase(data, 2)
	if err != nil || !bytes.Equal(again, data) {
		t.Fatalf("to erase again changes %d bytes to %d, %v", len(data), len(again), err)
	}
	for _, i := range []int{-1, 4} {
		if _, err := Erase(data, i); err == nil {
			t.Fatalf("event %d was erased", i)
		}
	}
}

func TestEraseNeedsAWholeCommit(t *testing.T) {
	data := chain(t)[1].Data
	c, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	c.Hash[0]++
	for _, bad := range [][]byte{data[:100], encodeCommit(c)} {
		if _, err := Erase(bad, 0); !is(err, ErrLogDamaged) {
			t.Fatalf("erased in a damaged commit: %v", err)
		}
	}
}

// TestEraseProperties erases any events of any commit, by turns.
func TestEraseProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBuilder(Limits{})
		if err := b.Add(drawEvents(t, 100_000)...); err != nil {
			t.Fatal(err)
		}
		s, err := b.Seal(SealInfo{Log: testLog})
		if err != nil {
			t.Fatal(err)
		}
		want, err := s.Commit.Events()
		if err != nil {
			t.Fatal(err)
		}
		want = slices.Clone(want)
		data := s.Data
		for range 2 {
			var erase []int
			if len(want) > 0 {
				erase = rapid.SliceOf(rapid.IntRange(0, len(want)-1)).Draw(t, "erase")
			}
			before := bytes.Clone(data)
			erased, err := Erase(data, erase...)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, data) {
				t.Fatal("the argument was changed")
			}
			for _, i := range erase {
				want[i].Payload, want[i].Salt, want[i].Erased = nil, [16]byte{}, true
			}
			c, err := Decode(erased)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Verify(); err != nil {
				t.Fatal(err)
			}
			if c.Header != s.Commit.Header || !slices.EqualFunc(c.events, want, sameEvent) {
				t.Fatalf("after erasing %v: %+v", erase, c)
			}
			data = erased
		}
	})
}
