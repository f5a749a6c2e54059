package lrs

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// TestPoller: whoever takes Consistent-Through as the next `since` sees every
// statement once, while many write.
func TestPoller(t *testing.T) {
	t.Run("statements", func(t *testing.T) {
		pollWhile(t, newBench(t), index.Query{Ascending: true}, 60, 7, func() *xapi.Draft { return draft(t, uuid.New(), "passed") })
	})
	// Each referrer has 500 terms from its target, which no commit does for so many at once.
	for name, ascending := range map[string]bool{"ascending": true, "descending": false} {
		t.Run("references to a large statement/"+name, func(t *testing.T) {
			b, target := newBench(t), uuid.New()
			if _, err := b.put(t, crowd(t, target, 250)); err != nil {
				t.Fatal(err)
			}
			q := index.Query{Verb: "https://v.example/met", Since: b.ConsistentThrough().UnixMicro(), Ascending: ascending}
			pollWhile(t, b, q, 5, 12, func() *xapi.Draft { return refersTo(t, target) })
		})
	}
}

// crowd is a statement with a Group of so many members for an actor.
func crowd(t *testing.T, id uuid.UUID, members int) *xapi.Draft {
	t.Helper()
	list := make([]string, members)
	for i := range list {
		list[i] = fmt.Sprintf(`{"mbox":"mailto:%d@example.com"}`, i)
	}
	return parseDraft(t, fmt.Sprintf(`{"id":"%s","actor":{"objectType":"Group","member":[%s]},"verb":{"id":"https://v.example/met"},"object":{"id":"https://a.example/1"}}`,
		id, strings.Join(list, ",")))
}

func refersTo(t *testing.T, target uuid.UUID) *xapi.Draft {
	t.Helper()
	return parseDraft(t, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/commented"},"object":{"objectType":"StatementRef","id":"%s"}}`,
		uuid.New(), target))
}

// pollWhile asks for a list while eight writers store what next gives, in so many batches of up to so many statements.
func pollWhile(t *testing.T, b *bench, q index.Query, batches, most int, next func() *xapi.Draft) {
	var mu sync.Mutex
	acknowledged := map[uuid.UUID]bool{}
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for i := range batches {
				var drafts []*xapi.Draft
				for range 1 + i%most {
					drafts = append(drafts, next())
				}
				if _, err := b.StoreStatements(t.Context(), drafts, true); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, d := range drafts {
					acknowledged[d.ID()] = true
				}
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()

	seen := map[uuid.UUID]bool{}
	since := q.Since
	poll := func() {
		v, err := b.View()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		through := v.ConsistentThrough.UnixMicro()
		q := q
		q.Since, q.Limit = since, 50
		for {
			page, err := v.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range page.Statements {
				if st.Stored > through {
					t.Fatalf("a statement stored at %d is shown with a watermark of %d", st.Stored, through)
				}
				parsed, err := xapi.ParseStatement(st.Raw, xapi.V2)
				if err != nil {
					t.Fatal(err)
				}
				if seen[parsed.ID] {
					t.Fatalf("%s is seen twice", parsed.ID)
				}
				seen[parsed.ID] = true
			}
			if !page.More {
				break
			}
			q.After, q.Head = page.Next, page.Head
		}
		if through < since {
			t.Fatalf("the watermark went back from %d to %d", since, through)
		}
		since = through
	}
	for writing := true; writing; {
		select {
		case <-done:
			writing = false // and one more poll, when all is found by what it refers to
			if err := b.AwaitThrough(t.Context(), math.MaxInt64); err != nil {
				t.Fatal(err)
			}
		default:
		}
		poll()
	}
	for id := range acknowledged {
		if !seen[id] {
			t.Errorf("%s was missed", id)
		}
	}
	if len(seen) != len(acknowledged) {
		t.Errorf("%d seen, %d stored", len(seen), len(acknowledged))
	}
}

// TestClock: whatever the machine's clock does, and however often the process
// is restarted with or without a clean stop, event times grow, and none is at
// or before a watermark that was published.
func TestClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var last, published, lease int64 // last event in the log; greatest watermark seen; what the head file says
		c := &clock{now: func() time.Time { return now }}
		renew := func() {
			lease = c.nextLease()
			c.extend(lease)
		}
		start := func() {
			c = &clock{now: func() time.Time { return now }}
			c.start(last, lease)
			renew()
		}
		start()
		see := func() {
			w := c.watermark()
			if w < published {
				t.Fatalf("the watermark went back from %d to %d", published, w)
			}
			published = w
		}
		t.Repeat(map[string]func(*rapid.T){
			"step": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "step")))
			},
			"pass": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "pass")))
			},
			"renew": func(*rapid.T) { renew() },
			"see":   func(*rapid.T) { see() },
			"commit": func(t *rapid.T) {
				first, err := c.openCommit()
				if err != nil {
					return // refused: the clock is behind
				}
				if first <= last || first <= published {
					t.Fatalf("an event at %d, after one at %d and a watermark of %d", first, last, published)
				}
				events := rapid.Int64Range(1, 1000).Draw(t, "events")
				if rapid.Bool().Draw(t, "seen while open") {
					see()
					if published >= first {
						t.Fatalf("a watermark of %d while a commit from %d on is open", published, first)
					}
				}
				if rapid.Bool().Draw(t, "fails") {
					c.dropCommit()
					return
				}
				last = first + events - 1
				c.closeCommit(last)
			},
			"crash": func(*rapid.T) { start() },
			"stop":  func(*rapid.T) { lease = c.bound(); start() },
		})
	})
}

// TestWatermarkAdvances: with nothing in flight it follows the clock, as
// Communication 2.1.3 expects of an idle store.
func TestWatermarkAdvances(t *testing.T) {
	b := newBench(t)
	first := b.ConsistentThrough()
	b.clock.Step(time.Second)
	if got := b.ConsistentThrough(); got.Sub(first) < time.Second {
		t.Errorf("a second later the watermark is %v after %v", got, first)
	}
}

// TestPollerThroughRestarts is TestPoller while the machine's clock jumps by an
// hour in both directions and the store is stopped, killed, and killed between
// append and apply, all while clients write and poll. The poller goes on with
// what it has: its `since`, or its place in a list.
func TestPollerThroughRestarts(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := newWard(t, seed)
	var working, polling sync.WaitGroup
	for range 4 {
		working.Go(w.write)
	}
	polling.Go(w.poll)
	for range 40 {
		w.results.await(w.rng.Int64N(120))
		w.upheaval(t)
	}
	w.awaitStored(50)
	close(w.closing)
	working.Wait()
	w.polls.await(2) // the second begins after the last write
	close(w.closed)
	polling.Wait()
	w.check(t)
}
