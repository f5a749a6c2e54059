package index

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPoll asks again and again from where the last answer ended, while Settle is behind: nothing is missed whose targets
// came before it, and nothing is seen twice.
func TestPoll(t *testing.T) {
	behind := 0
	rapid.Check(t, func(t *rapid.T) {
		h, m := newHarness(t, limits{
			visits: rapid.SampledFrom([]int{1, 3, 20}).Draw(t, "visits"),
			terms:  rapid.SampledFrom([]int{1, 5, 100}).Draw(t, "terms"),
			cheap:  rapid.SampledFrom([]int{1, 3, 5}).Draw(t, "cheap"),
			parsed: rapid.SampledFrom([]int{1, 300, 8 << 20}).Draw(t, "parsed"),
		}), newModel(100)
		var pollers []*poller
		for _, q := range []modelQuery{
			{}, {verb: 2}, {agent: 1}, {activity: 1}, {agent: 2, relatedAgents: true}, {registration: 1, verb: 3},
		} {
			q.since = 1 // before all
			q.ascending = rapid.Bool().Draw(t, "ascending")
			pollers = append(pollers, &poller{q: q})
		}
		poll := func(t *rapid.T) {
			for _, p := range pollers {
				p.poll(t, h)
			}
			if h.x.Position().Late > 0 {
				behind++
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				var events []testEvent
				for i := range rapid.IntRange(0, 6).Draw(t, "events") {
					if e, ok := drawEvent(t, m, h.clock+int64(i)); ok {
						events = append(events, e)
					}
				}
				h.store(events...)
			},
			"settle some": func(t *rapid.T) { check(t, h.x.SettleSome()) },
			"reopen":      func(*rapid.T) { h.reopen() },
			"poll":        poll,
		})
		check(t, h.x.Settle(t.Context()))
		if p := h.x.Position(); p.Late != 0 || p.LateStored != 0 {
			t.Fatalf("settled, but late is %d at %d", p.Late, p.LateStored)
		}
		poll(t)
		m.earlier = true
		for _, p := range pollers {
			p.q.since = 0
			for _, n := range m.list(p.q) {
				if !slices.Contains(p.seen, n) {
					t.Fatalf("%+v: statement %d was never seen, only %v", p.q, n, p.seen)
				}
			}
		}
		h.checkRebuilt()
	})
	if behind == 0 {
		t.Error("no statement was late: nothing is tested")
	}
}

// poller asks for what was stored since it asked last.
type poller struct {
	q    modelQuery
	seen []uint64
}

func (p *poller) poll(t *rapid.T, h *harness) {
	for _, n := range h.list(p.q.query()) {
		if slices.Contains(p.seen, n) {
			t.Fatalf("%+v: statement %d is seen twice", p.q, n)
		}
		p.seen = append(p.seen, n)
	}
	position := h.x.Position()
	if p.q.since = max(1, position.LastStored); position.Late > 0 {
		p.q.since = position.LateStored - 1
	}
}

// Who refers to a referrer does not wait for what others have in the queue.
func TestStrangersDoNotWait(t *testing.T) {
	h := newHarness(t, limits{visits: 20})
	var waiting []testEvent
	for n := range 100 {
		waiting = append(waiting, refer(id(100+n), 2, 3, id(1)))
	}
	h.store(waiting...)
	h.store(about(id(1), 1, 2, 1))
	h.store(about(id(2), 3, 4, 2), refer(id(3), 2, 3, id(2)))
	h.store(refer(id(4), 2, 3, id(3)))
	if p := h.x.Position(); p.Late != 0 || h.x.Pending() == 0 {
		t.Fatalf("late %d, pending %d", p.Late, h.x.Pending())
	}
	h.wantList(Query{Activity: activityIRI(2)}, 104, 103, 102)
	// And one whose chain has what is in the queue gets that at once, before the others.
	h.store(refer(id(5), 2, 3, id(199)))
	if p := h.x.Position(); p.Late != 0 || h.x.Pending() == 0 {
		t.Fatalf("late %d, pending %d", p.Late, h.x.Pending())
	}
	h.view(func(v *View) {
		p := must(v.Query(t.Context(), Query{Activity: activityIRI(1), Since: h.commits[3].FirstStored, Limit: 10}))
		if len(p.Statements) != 1 || p.Statements[0].Number != 105 {
			t.Errorf("%+v", p.Statements)
		}
	})
	h.checkRebuilt()
}

// What a commit has still to visit may be of the chain of a later one of its statements.
func TestChainOfOneCommit(t *testing.T) {
	h := newHarness(t, limits{visits: 4})
	h.store(about(id(1), 1, 2, 1), refer(id(2), 2, 3, id(1)), refer(id(3), 2, 3, id(4)))
	h.store(refer(id(4), 2, 3, id(2)), refer(id(5), 2, 3, id(3)))
	if late := h.x.Position().Late; late != 0 || h.x.Pending() == 0 {
		t.Fatalf("late %d, pending %d", late, h.x.Pending())
	}
	h.view(func(v *View) {
		p := must(v.Query(t.Context(), Query{Activity: activityIRI(1), Since: h.commits[0].FirstStored + 2, Limit: 10}))
		if len(p.Statements) != 2 {
			t.Errorf("%d of 4 and 5 are found by what 1 is about", len(p.Statements))
		}
	})
	h.checkRebuilt()
}
