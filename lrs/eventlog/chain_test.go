package eventlog

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
)

// chain is a log of three commits: one event; a few in two frames; none.
func chain(tb testing.TB) []Record {
	first := seal(tb, Head{}, Event{Type: "LogCreated", Version: 1, Payload: []byte(`{}`)})
	events := statements(3)
	events[1].Meta = []byte(`{"define":false}`)
	events = append(events, event(bytes.Repeat([]byte("larger than a frame "), maxFrame/20+1)))
	second := seal(tb, first.Commit.Head(), events...)
	third := seal(tb, second.Commit.Head())
	return []Record{{1, first.Data}, {2, second.Data}, {3, third.Data}}
}

// sequence yields records, and then err if there is one.
func sequence(records []Record, err error) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// follow is what Follow yields: commits, and the error that ends them.
func follow(records []Record, after Head) (commits []*Commit, err error) {
	for c, err := range Follow(sequence(records, nil), after) {
		if err != nil {
			return commits, err
		}
		commits = append(commits, c)
	}
	return commits, nil
}

func TestFollow(t *testing.T) {
	records := chain(t)
	commits, err := follow(records, Head{})
	if err != nil || len(commits) != 3 {
		t.Fatalf("%d commits, %v", len(commits), err)
	}
	for i, c := range commits {
		if c.Revision != Revision(i+1) || c.Log != testLog {
			t.Fatalf("commit %d: %+v", i, c.Header)
		}
	}
	if n := commits[1].Header.Events; n != 4 {
		t.Fatalf("%d events, not 4", n)
	}
	for i := range records {
		rest, err := follow(records[i+1:], commits[i].Head())
		if err != nil || len(rest) != 2-i {
			t.Fatalf("after revision %d: %d commits, %v", i+1, len(rest), err)
		}
	}
	if _, err := follow(records, Head{Log: testLog}); err != nil {
		t.Fatalf("the first commit of a log that is known: %v", err)
	}

	// It ends where its reader does, and where its source does.
	pulled := 0
	counted := func(yield func(Record, error) bool) {
		for r := range sequence(records, nil) {
			pulled++
			if !yield(r, nil) {
				return
			}
		}
	}
	for range Follow(counted, Head{}) {
		break
	}
	if pulled != 1 {
		t.Fatalf("%d records were read for one commit", pulled)
	}
	broken := errors.New("broken")
	var last error
	n := 0
	for c, err := range Follow(sequence(records, broken), Head{}) {
		if last = err; c != nil {
			n++
		}
	}
	if n != 3 || last != broken {
		t.Fatalf("%d commits and then %v", n, last)
	}
}

// TestFollowRefuses breaks the chain in every way but by changing bytes; the error
// names both values.
func TestFollowRefuses(t *testing.T) {
	records := chain(t)
	other, err := Decode(records[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	other.Log = LogID{0xff}
	otherFirst := Record{1, rehash(t, other)}
	commits, err := follow(records, Head{})
	if err != nil {
		t.Fatal(err)
	}
	forked := seal(t, Head{Log: testLog, Revision: 1, Hash: Hash{0xaa}})
	stranger := seal(t, Head{Log: testLog, Revision: 2, Hash: commits[1].Hash})
	stranger.Commit.Log = LogID{0xff}

	for name, c := range map[string]struct {
		records []Record
		after   Head
		commits int // that are good
		want    []string
	}{
		"gap":               {[]Record{records[0], records[2]}, Head{}, 1, []string{"revision 3", "revision 1"}},
		"gap at the start":  {records[1:], Head{}, 0, []string{"revision 2", "revision 0"}},
		"twice":             {[]Record{records[0], records[0]}, Head{}, 1, []string{"revision 1 after revision 1"}},
		"order":             {[]Record{records[0], records[2], records[1]}, Head{}, 1, []string{"revision 3", "revision 1"}},
		"numbered anew":     {[]Record{records[0], {2, records[2].Data}}, Head{}, 1, []string{"revision 2", "revision 3"}},
		"not from the head": {records, commits[0].Head(), 0, []string{"revision 1 after revision 1"}},
		"another log":       {[]Record{otherFirst}, Head{Log: testLog}, 0, []string{"revision 1", testLog.String(), other.Log.String()}},
		"goes on with another log": {[]Record{records[0], records[1], {3, rehash(t, stranger.Commit)}}, Head{}, 2,
			[]string{"revision 3", testLog.String(), other.Log.String()}},
		"after another first":       {[]Record{records[1]}, Head{testLog, 1, Hash{0xbb}}, 0, []string{"revision 2", commits[0].Hash.String(), "bb00"}},
		"goes on after another":     {[]Record{records[0], {2, forked.Data}}, Head{}, 1, []string{"revision 2", "aa00", commits[0].Hash.String()}},
		"a record without a commit": {[]Record{records[0], {2, nil}}, Head{}, 1, []string{"revision 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			commits, err := follow(c.records, c.after)
			if !is(err, ErrLogDamaged) || len(commits) != c.commits {
				t.Fatalf("%d commits and then %v", len(commits), err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
	newer := withCRC(write(field{tag: commitHeader, b: write(field{tag: headerFormat, n: 7})}))
	if commits, err := follow([]Record{records[0], {2, newer}}, Head{}); !is(err, ErrFormat) || len(commits) != 1 {
		t.Fatalf("a newer format: %d commits and then %v", len(commits), err)
	}
}

// TestVerify changes what a commit says without changing how it is written: each
// part must be held by a digest or the hash.
func TestVerify(t *testing.T) {
	data := chain(t)[1].Data
	for name, change := range map[string]func(c *Commit, events []Event){
		"format":               func(c *Commit, _ []Event) { c.Format = 0 },
		"log":                  func(c *Commit, _ []Event) { c.Log[3]++ },
		"revision":             func(c *Commit, _ []Event) { c.Revision++ },
		"previous":             func(c *Commit, _ []Event) { c.Previous[31]++ },
		"hash":                 func(c *Commit, _ []Event) { c.Hash[0]++ },
		"first stored":         func(c *Commit, _ []Event) { c.FirstStored-- },
		"node":                 func(c *Commit, _ []Event) { c.Node += "'" },
		"events in the header": func(c *Commit, _ []Event) { c.Header.Events-- },
		"type":                 func(_ *Commit, e []Event) { e[0].Type = "StatementVoided" },
		"version":              func(_ *Commit, e []Event) { e[0].Version++ },
		"meta":                 func(_ *Commit, e []Event) { e[1].Meta = []byte(`{"define":true}`) },
		"no meta":              func(_ *Commit, e []Event) { e[1].Meta = nil },
		"more meta":            func(_ *Commit, e []Event) { e[2].Meta = []byte(`{"define":false}`) },
		"payload":              func(_ *Commit, e []Event) { e[2].Payload[0]++ },
		"no payload":           func(_ *Commit, e []Event) { e[2].Payload = nil },
		"salt":                 func(_ *Commit, e []Event) { e[2].Salt[0]++ },
		"digest":               func(_ *Commit, e []Event) { e[2].Digest[0]++ },
		"payload and digest": func(_ *Commit, e []Event) {
			e[2].Payload, e[2].Salt, e[2].Digest = e[1].Payload, e[1].Salt, e[1].Digest
		},
		"order":            func(_ *Commit, e []Event) { e[0], e[1] = e[1], e[0] },
		"digest of erased": func(_ *Commit, e []Event) { e[2] = Event{Type: e[2].Type, Version: 1, Erased: true, Digest: Hash{1}} },
		"a frame too few":  func(c *Commit, _ []Event) { c.Frames = c.Frames[1:] },
		"frames' order":    func(c *Commit, _ []Event) { slices.Reverse(c.Frames) },
		"a frame's count":  func(c *Commit, _ []Event) { c.Frames[0].Count--; c.Header.Events-- },
		"frames' counts":   func(c *Commit, _ []Event) { c.Frames[0].Count--; c.Frames[1].Count++ },
		"last event gone":  func(c *Commit, _ []Event) { c.Frames = c.Frames[:1]; c.Header.Events = 3 },
		"nothing":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			events, err := c.Events()
			if err != nil {
				t.Fatal(err)
			}
			frames := slices.Clone(c.Frames)
			if change != nil {
				change(c, events)
			}
			if slices.EqualFunc(frames, c.Frames, func(a, b Frame) bool { return a.First == b.First && a.Count == b.Count }) {
				for i, f := range c.Frames {
					var raw []byte
					for _, e := range events[f.First:][:f.Count] {
						raw = appendEvent(raw, &e)
					}
					c.Frames[i] = Frame{First: f.First, Count: f.Count, RawLen: len(raw), Data: pack(raw)}
				}
			}
			err = c.Verify()
			if change == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !is(err, ErrLogDamaged) {
				t.Fatalf("%v", err)
			}
			again, err := Decode(encodeCommit(c))
			if err == nil {
				err = again.Verify()
			}
			if !is(err, ErrLogDamaged) {
				t.Fatalf("written and read again: %v", err)
			}
		})
	}
}

// TestVerifyCounts has a commit whose hash is right but whose header does not count
// its events right: a reader that trusts the one must not be told another by the
// other.
func TestVerifyCounts(t *testing.T) {
	for _, wrong := range []int{-1, 1} {
		c := seal(t, Head{}, statements(3)...).Commit
		c.Header.Events += wrong
		data := rehash(t, c)
		if err := c.Verify(); !is(err, ErrLogDamaged) {
			t.Errorf("%d too many: %v", wrong, err)
		}
		if _, err := Decode(data); !is(err, ErrLogDamaged) {
			t.Errorf("%d too many, decoded: %v", wrong, err)
		}
	}
}
