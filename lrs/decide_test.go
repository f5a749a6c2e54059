package lrs

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// refill is a client that is always back before the queue is empty: each of its
// changes comes to no event, and queues the next while it is decided.
type refill struct {
	*bench
	compared int            // of each change
	most     int            // changes after which it gives up
	enough   func(int) bool // asked with the number of changes so far, in the committer's goroutine

	done sync.WaitGroup
	gone int // changes, when done
}

// start queues the first change. Wait on done for the last.
func (r *refill) start(t *testing.T) {
	t.Helper()
	r.done.Add(1)
	if err := r.enqueue(r.change(0)); err != nil {
		t.Fatal(err)
	}
}

func (r *refill) change(n int) *change {
	return &change{answer: make(chan answer, 1), ctx: context.Background(), decide: func(*transaction) (decision, error) {
		if n == r.most || r.enough(n) {
			r.gone = n
			r.done.Done()
		} else if err := r.enqueue(r.change(n + 1)); err != nil {
			panic(err) // it is the only one in the queue
		}
		return decision{compared: r.compared}, nil
	}}
}

// TestSealedWhileQueueRefills: a write is sealed although the queue is never
// empty, because clients send again and again what comes to no event.
func TestSealedWhileQueueRefills(t *testing.T) {
	for name, compared := range map[string]int{"many": 0, "large": comparedMost / 2} {
		t.Run(name, func(t *testing.T) {
			b, log := held(t)
			most := 1 << 17
			if compared > 0 {
				most = 16
			}
			before := b.Head().Revision + 1 // of the commit that holds the committer while the others queue
			r := &refill{bench: b, compared: compared, most: most}
			r.enough = func(int) bool { return b.Head().Revision > before }
			errs := gather(t, b, log, func() { r.start(t) }, func() error {
				_, err := b.put(t, draft(t, uuid.New(), "passed"))
				return err
			})
			r.done.Wait()
			if errs[0] != nil {
				t.Error(errs[0])
			}
			if r.gone == most {
				t.Errorf("the write was not sealed before %d changes behind it were decided", most)
			}
		})
	}
}

// TestWatermarkWhileQueueRefills: it moves on although the queue is never empty
// and nothing comes to an event.
func TestWatermarkWhileQueueRefills(t *testing.T) {
	b := newBench(t)
	const most = 1 << 17
	var first time.Time // the watermark as the first change finds it
	r := &refill{bench: b, most: most, enough: func(n int) bool {
		if n == 0 {
			first = b.ConsistentThrough()
		}
		return b.ConsistentThrough().After(first)
	}}
	r.start(t)
	r.done.Wait()
	if r.gone == most {
		t.Errorf("the watermark stood still at %s for %d changes", first, most)
	}
}

// TestComparedCounts: what is compared with stored statements counts towards the
// bound, and so does what was made for a change that is refused.
func TestComparedCounts(t *testing.T) {
	b := newBench(t)
	known := draft(t, uuid.New(), "passed")
	if _, err := b.put(t, known); err != nil {
		t.Fatal(err)
	}
	v := b.Index().View()
	defer v.Close()
	st, err := v.Statement(known.ID())
	if err != nil {
		t.Fatal(err)
	}
	for name, again := range map[string]*xapi.Draft{"equal": draft(t, known.ID(), "passed"), "other": draft(t, known.ID(), "failed")} {
		added := draft(t, uuid.New(), "passed")
		d, err := decideStatements(newTransaction(v, 1), []*xapi.Draft{added, again}, true, &comparison{left: maxCompare})
		compared := len(st.Raw) + len(again.Statement().Raw)
		if name == "equal" && d.compared != compared {
			t.Errorf("%d bytes compared, want %d; error %v", d.compared, compared, err)
		}
		if inVain := len(added.Statement().Raw); name == "other" && d.compared < compared+inVain {
			t.Errorf("refused: %d bytes count, want %d and %d made in vain; error %v", d.compared, compared, inVain, err)
		}
	}
}

// TestRefusedCounts: a change that no commit can hold counts what was compressed to find that out.
func TestRefusedCounts(t *testing.T) {
	b := newBench(t)
	c := &committer{Store: b.Store, builder: eventlog.NewBuilder(eventlog.DefaultLimits)}
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	large := &change{ctx: t.Context(), answer: make(chan answer, 1), decide: func(*transaction) (decision, error) {
		return decision{events: []eventlog.Event{{Type: "StatementStored", Version: 1, Payload: noise}}}, nil
	}}
	v := b.Index().View()
	defer v.Close()
	if p, cost, err := c.decide(newTransaction(v, 1), large); p != nil || err != nil || cost < len(noise) {
		t.Errorf("a statement that no commit holds counts %d: %v, %v", cost, p, err)
	}
	if a := <-large.answer; !errors.Is(a.err, ErrTooLarge) {
		t.Errorf("its answer is %v", a.err)
	}
}
