package index

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// A referrer meets each condition by itself or by its target: one by one.
func TestReferrerMeetsConditionsSeparately(t *testing.T) {
	each(t, func() []testEvent {
		return []testEvent{about(id(1), 1, 2, 1), refer(id(2), 2, 3, id(1)), refer(id(3), 3, 4, id(2)), about(id(4), 1, 3, 2)}
	}, func(t *testing.T, h *harness) {
		h.wantList(Query{Agent: agent(1)}, 4, 3, 2, 1)
		h.wantList(Query{Agent: agent(2)}, 3, 2)
		h.wantList(Query{Verb: verbIRI(2)}, 3, 2, 1)
		h.wantList(Query{Verb: verbIRI(3), Activity: activityIRI(1)}, 3, 2) // own verb, target's activity; both from targets
		h.wantList(Query{Verb: verbIRI(2), Activity: activityIRI(1)}, 3, 2, 1)
		h.wantList(Query{Verb: verbIRI(3), Activity: activityIRI(2)}, 4)
		h.wantList(Query{Agent: agent(1), Verb: verbIRI(4)}, 3)
		h.wantList(Query{Authority: &testAuthority.Actor}, 4, 3, 2, 1)
	})
}

// The authority stands for a right to read, and is nobody's but its own.
func TestAuthorityIsNotPassedOn(t *testing.T) {
	h := newHarness(t, limits{})
	h.store(about(id(1), 1, 2, 1))
	other := sentBy(fmt.Sprintf(`{"id":"%s","actor":%s,"verb":{"id":"x:y"},"object":{"objectType":"StatementRef","id":"%s"}}`,
		id(2), agentJSON(2, ""), id(1)), authorities[2])
	h.store(other)
	h.wantList(Query{Authority: &testAuthority.Actor}, 1)
	h.wantList(Query{Authority: &authorities[2].Actor}, 2)
}

func TestReferrerBeforeTarget(t *testing.T) {
	each(t, func() []testEvent {
		return []testEvent{refer(id(3), 3, 4, id(2)), refer(id(2), 2, 3, id(1)), about(id(1), 1, 2, 1)}
	}, func(t *testing.T, h *harness) {
		h.wantList(Query{Activity: activityIRI(1)}, 3, 2, 1)
		h.wantList(Query{Agent: agent(2)}, 2, 1)
		s := store{Reader: h.x.db}
		if n := must(s.count(key{kindMissing})); n != 0 {
			t.Errorf("%d targets are still missing", n)
		}
	})
}

func TestReferenceCycles(t *testing.T) {
	each(t, func() []testEvent {
		return []testEvent{refer(id(1), 1, 2, id(2)), refer(id(2), 2, 3, id(3)), refer(id(3), 3, 4, id(1)), refer(id(4), 1, 2, id(4))}
	}, func(t *testing.T, h *harness) {
		for n := 1; n <= 3; n++ {
			want := []uint64{3, 2, 1}
			if n == 1 {
				want = []uint64{4, 3, 2, 1}
			}
			h.wantList(Query{Agent: agent(n)}, want...)
		}
	})
}

// A chain is followed for 100 hops, whatever its end came first or last.
func TestChainIsBounded(t *testing.T) {
	for _, backwards := range []bool{false, true} {
		l := defaultLimits
		l.visits, l.cheap = 50, 1
		h := newHarness(t, l)
		events := []testEvent{about(id(0), 1, 2, 1)}
		for n := 1; n <= 120; n++ {
			events = append(events, refer(id(n), 2, 3, id(n-1)))
		}
		if backwards {
			slices.Reverse(events)
		}
		h.store(events...)
		if h.x.Pending() == 0 {
			t.Error("one commit did it all: the limit on visits is not tested")
		}
		check(t, h.x.Settle(context.Background()))
		if got := len(h.list(Query{Activity: activityIRI(1)})); got != 101 {
			t.Errorf("backwards %v: %d statements", backwards, got)
		}
		h.checkRebuilt()
	}
}

func TestVoiding(t *testing.T) {
	const target, voider, second, referrer = 1, 2, 3, 4
	orders := map[string][]int{
		"target first":  {target, voider, second, referrer},
		"voider first":  {voider, second, referrer, target},
		"between":       {referrer, voider, target, second},
		"twice at once": {second, voider, target, referrer},
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			each(t, func() (events []testEvent) {
				for _, n := range order {
					switch n {
					case target:
						events = append(events, about(id(target), 1, 2, 1))
					case voider:
						events = append(events, refer(id(voider), 2, 1, id(target)))
					case second:
						events = append(events, refer(id(second), 3, 1, id(voider))) // voids nothing
					case referrer:
						events = append(events, refer(id(referrer), 3, 3, id(target)))
					}
				}
				return events
			}, func(t *testing.T, h *harness) {
				number := func(n int) uint64 { return uint64(slices.Index(order, n) + 1) }
				all := []uint64{number(voider), number(second), number(referrer)}
				slices.Sort(all)
				slices.Reverse(all)
				h.wantList(Query{}, all...)
				// All three meet it by the voided target.
				h.wantList(Query{Activity: activityIRI(1)}, all...)
				h.wantList(Query{Verb: verbIRI(2)}, all...)
				h.view(func(v *View) {
					for n := target; n <= referrer; n++ {
						if st := must(v.Statement(id(n))); st.Voided != (n == target) {
							t.Errorf("statement %d: voided %v", n, st.Voided)
						}
					}
				})
				for k := range dump(t, h.x) {
					if k[0] == kindPosting && lastNumber([]byte(k)) == ^number(target) {
						t.Errorf("posting %x of the voided statement", k)
					}
				}
			})
		})
	}
}

// A voided referrer is in no list, but its own referrers meet conditions through
// it, and the postings that it inherited are gone.
func TestVoidedReferrer(t *testing.T) {
	each(t, func() []testEvent {
		return []testEvent{about(id(1), 1, 2, 1), refer(id(2), 2, 3, id(1)), refer(id(3), 2, 3, id(2)), refer(id(4), 3, 1, id(2))}
	}, func(t *testing.T, h *harness) {
		h.wantList(Query{Activity: activityIRI(1)}, 4, 3, 1)
		for k := range dump(t, h.x) {
			if k[0] == kindPosting && postedNumber([]byte(k)) == 2 {
				t.Errorf("posting %x of the voided statement", k)
			}
		}
	})
}
