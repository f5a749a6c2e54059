package index

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// propagate passes terms along the edges of a commit's new referrers, and to the
// referrers that were here before their targets.
//
// Whoever reads a list again from where it ended relies on this: a statement whose
// target came first meets its filters when it can be read, or is late, and then
// Position.Late is no further than it. So an edge is passed along only when all that
// its target inherits is there: the targets that refer to nothing are first, and for
// those that refer to others their own chain is completed before, whatever else waits.
// A commit does what is cheap before all else, so that nobody is late for what
// others sent.
func (b *batch) propagate() error {
	plain, chained, err := b.pricedEdges()
	if err != nil {
		return err
	}
	for _, e := range plain {
		if err := b.passOrDelay(e); err != nil {
			return err
		}
	}
	if err := b.visitAll(); err != nil {
		return err
	}
	for _, e := range chained {
		done := false
		if !b.spent() {
			if done, err = b.complete(e.target); err == nil && done {
				err = b.pass(e.target, e.from)
			}
		}
		if err != nil {
			return err
		}
		if !done {
			b.delay(e)
		}
	}
	return b.visitAll()
}

// complete gives a referrer all that it inherits, past what is late or in the queue of its chain of targets: from the far
// end on. done is false when a batch may parse no more; what it has found out is kept, so that the next comes further.
func (b *batch) complete(n uint64) (done bool, err error) {
	if b.queued == 0 && b.late == 0 && len(b.work) == 0 {
		return true, nil
	}
	chain := []referrer{{n: n}}
	for range b.limits.hops {
		last := &chain[len(chain)-1]
		st, err := b.look(last.n)
		if err != nil {
			return false, err
		}
		if st.row.flags&flagReferrer == 0 {
			break
		}
		to, done, err := b.reference(last.n)
		if err != nil || !done {
			return false, err
		}
		last.id = to.id
		target, found, err := b.lookID(to.target)
		if err != nil {
			return false, err
		}
		if !found {
			break
		}
		b.looks++
		chain = append(chain, referrer{n: target})
	}
	for i := len(chain) - 2; i >= 0; i-- {
		if err := b.pass(chain[i+1].n, chain[i]); err != nil {
			return false, err
		}
	}
	return true, nil
}

// reference is who a referrer is and to what it refers.
type reference struct{ id, target uuid.UUID }

// reference finds it out; done is false if that takes more than a batch may parse.
func (b *batch) reference(n uint64) (r reference, done bool, err error) {
	if r := b.writer.references.get(n); r != (reference{}) {
		return r, true, nil
	}
	if b.parsed >= b.limits.parsed {
		return r, false, nil
	}
	st, err := b.look(n)
	if err != nil {
		return r, false, err
	}
	if n >= b.first {
		return b.targets[n], true, nil
	}
	stored, _, err := b.payload(st.row)
	if err != nil {
		return r, false, err
	}
	b.parsed += len(stored.Statement)
	parsed, _, err := parse(stored.Statement, nil)
	if err != nil {
		return r, false, err
	}
	target, _ := parsed.Target()
	r = reference{parsed.ID, target}
	b.writer.references.add(n, r, 0)
	return r, true, nil
}

// pricedEdge is an edge with what passing along it comes to.
type pricedEdge struct {
	edge
	terms int
	known bool // terms is: the target could be read within what a commit may parse
}

// pricedEdges gives the edges to targets that refer to nothing, the cheapest first, and those to referrers, in the order
// of who refers.
func (b *batch) pricedEdges() (plain []pricedEdge, chained []edge, err error) {
	for _, e := range b.edges {
		target, err := b.lookPassed(e.target)
		if err != nil {
			return nil, nil, err
		}
		if target.row.flags&flagReferrer != 0 {
			chained = append(chained, e)
			continue
		}
		p := pricedEdge{edge: e, known: target.passed != nil || b.parsed < b.limits.parsed}
		if p.known {
			own, err := b.passedTerms(e.target)
			if err != nil {
				return nil, nil, err
			}
			p.terms = len(own)
		}
		plain = append(plain, p)
	}
	slices.SortFunc(plain, func(x, y pricedEdge) int {
		return cmp.Or(cmp.Compare(x.terms, y.terms), cmp.Compare(x.from.n, y.from.n))
	})
	return plain, chained, nil
}

// passOrDelay passes terms along an edge, or leaves it to Settle. What is cheap is passed in any case, and not counted.
func (b *batch) passOrDelay(e pricedEdge) error {
	if e.known && e.terms <= b.limits.cheap {
		visits, inherits := b.visits, b.inherits
		err := b.pass(e.target, e.from)
		b.visits, b.inherits = visits, inherits
		return err
	}
	if b.spent() {
		b.delay(e.edge)
		return nil
	}
	return b.pass(e.target, e.from)
}

// delay leaves an edge to Settle.
func (b *batch) delay(e edge) {
	b.set(lateKey(e.from.n), e.encode())
	b.late++
	if p := &b.position; p.Late == 0 || e.from.n < p.Late {
		p.Late, p.LateStored = e.from.n, b.known(e.from.n).row.stored
	}
}

// settleLate passes terms along the edges that are late, in the order of who refers, as far as a batch may go.
func (b *batch) settleLate() error {
	first, bad := b.position.Late, error(nil)
	b.position.Late, b.position.LateStored = 0, 0
	err := b.scan(lateKey(first), upperBound(key{kindLate}), func(k, value []byte) bool {
		var done bool
		done, bad = b.settleEdge(k, value)
		return done && bad == nil
	})
	if err := errors.Join(bad, err); err != nil {
		return err
	}
	if b.position.Late == 0 && b.late != 0 {
		return fmt.Errorf("%w: %d late statements are before the first", ErrDamaged, b.late)
	}
	return nil
}

// settleEdge returns whether it could pass terms along a late edge.
func (b *batch) settleEdge(k, value []byte) (done bool, err error) {
	e, err := decodeLate(k, value)
	if err != nil {
		return false, err
	}
	from, err := b.look(e.from.n)
	if err != nil {
		return false, err
	}
	target, err := b.look(e.target)
	if err != nil {
		return false, err
	}
	if done = !b.spent(); done && target.row.flags&flagReferrer != 0 {
		done, err = b.complete(e.target)
	}
	if err != nil || !done {
		b.position.Late, b.position.LateStored = e.from.n, from.row.stored
		return false, err
	}
	b.delete(lateKey(e.from.n))
	b.late--
	if err := b.pass(e.target, e.from); err != nil {
		return false, err
	}
	return true, b.visitAll()
}

// Late reports whether a statement does not meet all filters yet that its target meets, though that came before it; and
// its number.
func (v *View) Late(id uuid.UUID) (n uint64, late bool, err error) {
	err = v.read("whether a statement is late", func() (err error) {
		found := false
		if n, found, err = v.store.number(id); err == nil && found {
			late, err = v.store.has(lateKey(n))
		}
		return err
	})
	return n, late, err
}
