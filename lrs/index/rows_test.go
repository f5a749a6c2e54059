package index

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

func TestRows(t *testing.T) {
	k := key("key")
	p := Position{eventlog.Head{Log: eventlog.LogID{1}, Revision: 2, Hash: eventlog.Hash{3}}, 4, 5, 6, 7, 8}
	if got, err := decodePosition(p.encode()); got != p || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	row := statementRow{flagVoided | flagReferrer, 1 << 40, 999, 333, 1 << 51}
	if got, err := decodeStatementRow(k, row.append(nil)); got != row || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	terms := []inheritedTerm{{xapi.VerbTerm("a"), 1}, {xapi.ActivityTerm("b"), 100}}
	if got, err := decodeInherited(k, encodeInherited(terms)); !reflect.DeepEqual(got, terms) || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	item := queueItem{7, uuid.New(), 8}
	if got, err := decodeQueueItem(queueKey(7), item.encode()); got != item || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	late := edge{7, referrer{8, uuid.New()}}
	if got, err := decodeLate(lateKey(8), late.encode()); got != late || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	d := event.Document{Key: event.DocumentKey{ID: "id"}, ContentType: "t", ETag: "e", Size: 2, Body: []byte("{}")}
	listed, content := encodeDocument(&d, 9)
	got := event.Document{Key: d.Key}
	if id, updated, err := decodeListed(k, listed); id != "id" || updated != 9 || err != nil {
		t.Errorf("%q, %d, %v", id, updated, err)
	}
	if err := decodeContent(k, content, &got); !reflect.DeepEqual(got, d) || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzRows: no value makes a decoder panic; what is refused is damage.
func FuzzRows(f *testing.F) {
	f.Add(Position{Next: 1}.encode())
	f.Add(statementRow{1, 2, 3, 4, 5}.append(nil))
	f.Add(encodeInherited([]inheritedTerm{{xapi.VerbTerm("a"), 1}}))
	f.Add(queueItem{1, uuid.UUID{}, 2}.encode())
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, value []byte) {
		k := queueKey(1)
		_, position := decodePosition(value)
		_, row := decodeStatementRow(k, value)
		_, inherited := decodeInherited(k, value)
		_, _, listed := decodeListed(k, value)
		_, item := decodeQueueItem(k, value)
		_, late := decodeLate(k, value)
		_, credential := decodeCredential(k, value)
		_, frame := decodeFrame(k, value)
		_, named := decodeNamed(k, value)
		for i, err := range []error{position, row, inherited, listed, item, late, decodeContent(k, value, &event.Document{}), credential, frame, named} {
			if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrStale) {
				t.Errorf("decoder %d: %v", i, err)
			}
		}
	})
}

// A row that is not what this package writes is damage to whoever needs it, not
// a panic and not an answer.
func TestDamagedRows(t *testing.T) {
	for kind := byte(kindID); kind < kinds; kind++ {
		t.Run(fmt.Sprintf("%#02x", kind), func(t *testing.T) {
			h := newHarness(t, limits{hops: 100, visits: 1, terms: 1, cheap: 1})
			h.store(about(id(1), 1, 2, 1), refer(id(2), 2, 1, id(3)), refer(id(4), 2, 3, id(1)), refer(id(5), 2, 3, id(1)), refer(id(6), 2, 3, id(1)),
				refer(id(7), 2, 3, id(8)), refer(id(9), 2, 3, id(8)), refer(id(10), 2, 3, id(7)))
			h.store(about(id(8), 1, 2, 1))
			check(t, h.x.Close())
			h.edit(func(db *pebble.DB) error {
				rows := dump(t, &Index{db: db})
				for k := range rows {
					if k[0] == kind {
						check(t, db.Set([]byte(k), []byte("?"), pebble.NoSync))
					}
				}
				return nil
			})
			h.open()
			_ = h.x.Settle(t.Context())
			h.view(func(v *View) {
				for _, q := range []Query{{}, {Verb: verbIRI(3)}, {Since: 1, Until: h.clock}} {
					q.Limit = 10
					_, _ = v.Query(t.Context(), q)
				}
				for n := range 11 {
					_, _ = v.Statement(id(n))
				}
			})
			c, drafts := h.commit(refer(id(6), 2, 3, id(4)), refer(id(7), 2, 1, id(1)), about(id(3), 1, 2, 1))
			_ = h.x.Apply(c, must(c.Events()), drafts)
			wanted := map[byte]bool{
				kindID: true, kindNumber: true, kindFrame: true, kindTime: true,
				kindReferrer: true, kindInherited: true, kindQueue: true,
			}
			if err := h.x.Err(); wanted[kind] != errors.Is(err, ErrDamaged) {
				t.Errorf("damage: %v", err)
			}
			if h.x.Err() != nil {
				wantError(t, h.x.Close(), ErrDamaged)
				check(t, h.fs.RemoveAll("index"))
				h.open()
			}
		})
	}
}

// The comparer keeps Pebble's rules for Split (pebble.Split) between all keys
// that begin with a kind, and those that Pebble derives from them.
func TestComparer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) []byte {
			k := []byte{rapid.ByteRange(kindFrame, kindTime).Draw(t, label+" kind")}
			return append(k, rapid.SliceOfN(rapid.ByteRange(0xfe, 0xff), 0, 27).Draw(t, label)...)
		}
		a, b := draw("a"), draw("b")
		if bytes.Compare(a, b) > 0 {
			a, b = b, a
		}
		split := comparer.Split
		if !bytes.Equal(a, b) {
			k := comparer.Separator(nil, a, b)
			if comparer.Compare(a, k) > 0 || comparer.Compare(k, b) >= 0 || split(k) > len(k) {
				t.Fatalf("%x is not between %x and %x", k, a, b)
			}
		}
		pa, pb := split.Prefix(a), split.Prefix(b)
		if split(pa) != len(pa) || comparer.Compare(pa, a) > 0 || comparer.Compare(pa, pb) > 0 {
			t.Fatalf("prefixes %x and %x of %x and %x", pa, pb, a, b)
		}
		if bytes.Equal(pa, pb) && comparer.Compare(a, b) != comparer.ComparePointSuffixes(a[len(pa):], b[len(pb):]) {
			t.Fatalf("%x and %x do not sort by suffixes", a, b)
		}
		next := comparer.ImmediateSuccessor(nil, pa)
		if split(next) != len(next) || comparer.Compare(pa, next) >= 0 || !bytes.Equal(pa, pb) && comparer.Compare(next, pb) > 0 {
			t.Fatalf("%x is not next to %x, before %x", next, pa, pb)
		}
	})
}

func TestKeysAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() event.DocumentKey {
			text := rapid.StringMatching(`[ab]{0,2}`)
			return event.DocumentKey{
				Kind:     rapid.SampledFrom([]event.DocumentKind{event.State, event.AgentProfile}).Draw(t, "kind"),
				Activity: text.Draw(t, "activity"), Agent: text.Draw(t, "agent"),
				Registration: text.Draw(t, "registration"), ID: text.Draw(t, "id"),
			}
		}
		a, b := draw(), draw()
		if same := bytes.Equal(documentKey(a), documentKey(b)); same != (a == b) {
			t.Errorf("%+v and %+v: the same key %v", a, b, same)
		}
	})
}

func TestCache(t *testing.T) {
	c := newCache[int, string](4 * (entryOverhead + 10))
	for n := range 7 {
		c.add(n, fmt.Sprint(n), 10)
		if n == 4 { // 0 is old now; using it keeps it
			if got := c.get(0); got != "0" {
				t.Errorf("0 is %q", got)
			}
		}
	}
	c.add(7, "7", 10) // the next generation: 4, 0, 5 and 6 are old
	for n, want := range map[int]string{0: "0", 1: "", 2: "", 7: "7"} {
		if got := c.get(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	c.add(5, "five", 10)
	if got := c.get(5); got != "five" {
		t.Errorf("5 is %q", got)
	}
	c.add(5, "too large", c.limit/4) // with its overhead
	if got := c.get(5); got != "" {
		t.Errorf("5 is %q", got)
	}
	if most := len(c.young) + len(c.old); most > 8 || c.bytes > c.limit {
		t.Errorf("%d entries, %d bytes", most, c.bytes)
	}
}
