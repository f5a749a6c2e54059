package people

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bedside-lrs/bedside/lrs/event"
	"pgregory.net/rapid"
)

// At any time a History answers as a naive replay of the events until then does, in whatever order the times are asked,
// and a State that was handed out stays as it was.
func TestHistoryIsReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, m := NewHistory(), &model{}
		now := int64(1000)
		want := []string{m.dump()}
		times := []int64{now - 1} // want[i] holds from times[i] on
		handed := map[*State]string{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now += rapid.Int64Range(1, 3).Draw(t, "later")
			ev := drawEvent(t)
			err := h.Apply(now, ev)
			if sense := m.apply(ev); sense != (err == nil) {
				t.Fatalf("Apply(%#v): %v; makes sense: %v", ev, err, sense)
			}
			var refusal *Refusal
			if err != nil && (!errors.Is(err, event.ErrInvalid) || !errors.As(err, &refusal) || refusal.Message == "") {
				t.Fatalf("Apply(%#v): %v does not tell why", ev, err)
			}
			want, times = append(want, m.dump()), append(times, now)
			if rapid.Bool().Draw(t, "ask") {
				s := h.At(now)
				handed[s] = dump(s)
				if handed[s] != m.dump() {
					t.Fatalf("after %#v\n%s\nwant\n%s", ev, handed[s], m.dump())
				}
			}
		}
		for range 30 {
			asOf := rapid.Int64Range(998, now+2).Draw(t, "asOf")
			last := 0
			for i := range times {
				if times[i] <= asOf {
					last = i
				}
			}
			if got := dump(h.At(asOf)); got != want[last] {
				t.Fatalf("at %d\n%s\nwant\n%s", asOf, got, want[last])
			}
		}
		for s, before := range handed {
			if dump(s) != before {
				t.Fatalf("a State changed from\n%s\nto\n%s", before, dump(s))
			}
		}
	})
}

func TestHistoryOrder(t *testing.T) {
	h := NewHistory()
	person := func(id string) event.Event { return event.PersonRegistered{Person: id} }
	for _, step := range []struct {
		t  int64
		ev event.Event
		ok bool
	}{
		{10, person("a"), true}, {9, person("b"), false}, {10, person("c"), true},
		{5, event.DefinitionRegistered{}, true}, {11, event.PersonRemoved{Person: "b"}, false}, {12, person("d"), true},
	} {
		if err := h.Apply(step.t, step.ev); (err == nil) != step.ok || err != nil && !errors.Is(err, event.ErrInvalid) {
			t.Errorf("Apply(%d, %#v): %v, want ok %v", step.t, step.ev, err, step.ok)
		}
	}
	for asOf, want := range map[int64]string{9: "[]", 10: "[{a } {c }]", 11: "[{a } {c }]", 12: "[{a } {c } {d }]", 99: "[{a } {c } {d }]"} {
		if got := fmt.Sprint(h.At(asOf).People()); got != want {
			t.Errorf("at %d: %s, want %s", asOf, got, want)
		}
	}
}

func TestHistoryKeepsStates(t *testing.T) {
	h := NewHistory()
	for i := range int64(2 * maxPast) {
		if err := h.Apply(i, event.PersonRegistered{Person: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if h.At(99) != h.At(100) {
		t.Error("the newest State was made twice")
	}
	first := h.At(0)
	for i := range int64(maxPast - 1) {
		h.At(i + 1)
	}
	if h.At(0) != first {
		t.Errorf("a past State was made again after %d others", maxPast-1)
	}
	for i := range int64(maxPast) {
		h.At(i + 1)
	}
	if len(h.past) != maxPast || h.At(0) == first {
		t.Errorf("%d past States are kept, want %d", len(h.past), maxPast)
	}
}

// With -race this shows that readers and the writer do not meet.
func TestHistoryConcurrently(t *testing.T) {
	h := NewHistory()
	var readers sync.WaitGroup
	for i := range int64(200) {
		if err := h.Apply(i, event.PersonRegistered{Person: fmt.Sprintf("p%03d", i)}); err != nil {
			t.Fatal(err)
		}
		if i%10 != 0 {
			continue
		}
		for _, asOf := range []int64{i, i / 2} {
			readers.Go(func() {
				s := h.At(asOf)
				if n := len(s.People()); n < int(asOf)+1 || asOf < i && n != int(asOf)+1 {
					t.Errorf("%d people at %d", n, asOf)
				}
			})
		}
	}
	readers.Wait()
}

func TestWith(t *testing.T) {
	s := newState()
	next, err := s.With(event.UnitRegistered{Unit: "top"}, event.UnitRegistered{Unit: "ward", Parent: "top"})
	if err != nil || len(next.Subtree("top")) != 2 || len(s.Units()) != 0 {
		t.Errorf("%v, %v; the State before has %v", next.Units(), err, s.Units())
	}
	if _, err = next.With(event.UnitRemoved{Unit: "top"}); !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "below it") {
		t.Errorf("%v", err)
	}
}
