package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// manyVoided is an index with statement 1 and many voided ones behind it: a walk
// over all statements that finds next to nothing.
func manyVoided(t *testing.T) *harness {
	h := newHarness(t, limits{})
	h.store(about(id(1), 1, 2, 1))
	var targets, voiders []testEvent
	for range 700 {
		target := uuid.New()
		targets = append(targets, about(target, 1, 2, 1))
		voiders = append(voiders, refer(uuid.New(), 2, 1, target))
	}
	h.store(voiders[:350]...)
	h.store(targets...)
	h.store(voiders[350:]...)
	return h
}

// A page that has spent its budget ends early, but not empty before its time.
func TestBudget(t *testing.T) {
	h := manyVoided(t)
	now := time.Unix(0, 0)
	o := &h.x.options
	o.Now = func() time.Time { now = now.Add(300 * time.Millisecond); return now }
	o.Budget = 10
	ask := func(q Query) (p Page) {
		h.view(func(v *View) { p = must(v.Query(context.Background(), q)) })
		return p
	}
	// Behind the 350 voiders that are newest come 700 voided statements.
	behind := Query{Limit: 10, After: 1052}
	p := ask(behind)
	if len(p.Statements) != 1 || p.Statements[0].Number != 351 || !p.More {
		t.Errorf("page %+v, want the first that is not voided, long behind the budget", p)
	}
	o.Patience = time.Millisecond
	p = ask(behind)
	if len(p.Statements) != 0 || !p.More || p.Next >= 1052 || p.Next < 700 {
		t.Errorf("%d statements, more %v, next %d", len(p.Statements), p.More, p.Next)
	}
	pages, all := 0, []uint64(nil)
	for q := behind; ; pages++ {
		p := ask(q)
		for _, st := range p.Statements {
			all = append(all, st.Number)
		}
		if q.After, q.Head = p.Next, p.Head; !p.More {
			break
		}
	}
	if len(all) != 351 || !slices.IsSortedFunc(all, func(a, b uint64) int { return int(b) - int(a) }) || pages < 30 {
		t.Errorf("%d statements in %d pages", len(all), pages)
	}
}

func TestQueryStopsWithContext(t *testing.T) {
	h := manyVoided(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.view(func(v *View) {
		_, err := v.Query(ctx, Query{Limit: 10, After: 1052})
		wantError(t, err, context.Canceled)
	})
	check(t, h.x.Err())
}

func TestPageEndsByBytes(t *testing.T) {
	h := newHarness(t, limits{})
	big := fmt.Sprintf(`{"actor":%s,"verb":{"id":"x:y"},"object":{"id":"x:a"},"result":{"response":"%s"}}`,
		agentJSON(1, ""), bytes.Repeat([]byte("a"), 3<<20))
	for range 7 {
		h.store(sent(big))
	}
	h.view(func(v *View) {
		p := must(v.Query(context.Background(), Query{Limit: 100}))
		if len(p.Statements) != 6 || !p.More || p.Next != 2 {
			t.Errorf("%d statements, more %v, next %d", len(p.Statements), p.More, p.Next)
		}
	})
	h.wantList(Query{}, 7, 6, 5, 4, 3, 2, 1)
}

func TestLimitIsNeeded(t *testing.T) {
	h := newHarness(t, limits{})
	h.view(func(v *View) {
		if _, err := v.Query(context.Background(), Query{}); !errors.Is(err, errLimit) {
			t.Error(err)
		}
		p := must(v.Query(context.Background(), Query{Limit: 1}))
		if p.More || p.Statements != nil || p.Head != 1 {
			t.Errorf("of nothing: %+v", p)
		}
	})
}

// What a page returned stays as it is when the View and the index are closed.
func TestRawOutlivesView(t *testing.T) {
	h := newHarness(t, limits{})
	c, drafts := h.commit(about(id(1), 1, 2, 1))
	apply(t, h.x, c, drafts)
	v := h.x.View()
	st := must(v.Statement(id(1)))
	check(t, v.Close())
	check(t, v.Close())
	_, err := v.Statement(id(1))
	wantError(t, err, ErrClosed)
	h.reopen()
	if want := must(c.Events())[0].Payload; !bytes.Equal(st.Raw, want) {
		t.Errorf("%s, want %s", st.Raw, want)
	}
}

// places is a source over a slice, which may stop.
type places struct {
	*scan
	members []place
}

func (l *places) seek(from place) (place, bool) {
	if !l.step() {
		return from, false
	}
	i, _ := slices.BinarySearch(l.members, from)
	if i == len(l.members) {
		return l.end, false
	}
	return l.members[i], true
}

// Sources that stop at any step lose nothing and double nothing.
func TestSources(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const end = 40
		steps := 0
		s := &scan{end: end, step: func() bool { steps--; return steps >= 0 }}
		var build func(depth int) (source, func(place) bool)
		build = func(depth int) (source, func(place) bool) {
			kind := rapid.IntRange(0, 2).Draw(t, "kind")
			if depth == 0 || kind == 0 {
				members := rapid.SliceOfDistinct(rapid.Uint64Range(0, end-1), rapid.ID).Draw(t, "members")
				slices.Sort(members)
				return &places{s, members}, func(p place) bool { return slices.Contains(members, p) }
			}
			var parts []source
			var has []func(place) bool
			for range rapid.IntRange(1, 3).Draw(t, "parts") {
				part, h := build(depth - 1)
				parts, has = append(parts, part), append(has, h)
			}
			if kind == 1 {
				return all(parts), func(p place) bool {
					return !slices.ContainsFunc(has, func(h func(place) bool) bool { return !h(p) })
				}
			}
			return either(parts), func(p place) bool {
				return slices.ContainsFunc(has, func(h func(place) bool) bool { return h(p) })
			}
		}
		members, has := build(3)
		var got, want []place
		for p := range place(end) {
			if has(p) {
				want = append(want, p)
			}
		}
		for from, stops := place(0), 0; ; {
			steps = rapid.IntRange(0, 20).Draw(t, "steps") + stops
			p, ok := members.seek(from)
			switch {
			case ok:
				got, from, stops = append(got, p), p+1, 0
			case p < from:
				t.Fatalf("stopped at %d, asked from %d", p, from)
			case p >= end:
				if !slices.Equal(got, want) {
					t.Fatalf("%v, want %v", got, want)
				}
				return
			default:
				from, stops = p, stops+1
			}
		}
	})
}

// A page keeps at most twice its statements' bytes in memory, however few of each frame
// they are; and Hold is told of all it keeps, of one frame before the next is read.
func TestPageKeepsLittle(t *testing.T) {
	const pairs, long = 40, 60 << 10
	h := newHarness(t, limits{})
	var sparse, dense []testEvent
	for n := range pairs {
		sparse = append(sparse, about(id(n), 1, 2, 1), sent(fmt.Sprintf(
			`{"actor":%s,"verb":{"id":"x:y"},"object":{"id":"x:a"},"result":{"response":"%s"}}`,
			agentJSON(2, ""), bytes.Repeat([]byte("a"), long))))
		dense = append(dense, about(id(100+n), 3, 4, 1))
	}
	h.store(sparse...)
	h.store(dense...)
	for name, n := range map[string]int{"sparse": 1, "long": 2, "dense": 3} {
		t.Run(name, func(t *testing.T) {
			var told, most int64
			q := Query{Agent: agent(n), Limit: 1000}
			q.Hold = func(n int64) error { told += n; most = max(most, told); return nil }
			h.view(func(v *View) {
				p := must(v.Query(context.Background(), q))
				own, kept := int64(0), int64(0)
				whole := map[framePlace]bool{}
				for _, st := range p.Statements {
					own += int64(len(st.Raw))
					row, _, err := v.store.statementRow(st.Number)
					check(t, err)
					f := must(v.store.frame(row))
					switch shares := &st.Raw[0] == &f.events[row.event].Payload[0]; {
					case !shares:
						kept += int64(cap(st.Raw))
					case !whole[row.place()]:
						whole[row.place()] = true
						kept += int64(f.size)
					}
				}
				if len(p.Statements) != pairs || kept > 2*own+1<<10 {
					t.Errorf("%d statements of %d bytes keep %d", len(p.Statements), own, kept)
				}
				if told < own || told > kept || most > told+2*long {
					t.Errorf("%d bytes are kept; told were %d, on the way %d", kept, told, most)
				}
				if (name == "sparse") != (len(whole) == 0) {
					t.Errorf("the memory of %d frames is shared", len(whole))
				}
			})
			// Whenever there is no more, the page ends.
			for limit := most - 1; limit > 0; limit /= 4 {
				held := int64(0)
				q.Hold = func(n int64) error {
					if held += n; held > limit {
						return errLimit
					}
					return nil
				}
				h.view(func(v *View) {
					_, err := v.Query(context.Background(), q)
					wantError(t, err, errLimit)
				})
			}
			check(t, h.x.Err())
		})
	}
	h.view(func(v *View) {
		st := must(v.Statement(id(7)))
		row, _, err := v.store.statementRow(st.Number)
		check(t, err)
		if f := must(v.store.frame(row)); &st.Raw[0] == &f.events[row.event].Payload[0] {
			t.Errorf("a statement of %d bytes keeps a frame of %d", len(st.Raw), f.size)
		}
	})
}
