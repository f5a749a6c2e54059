package index

import (
	"errors"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// limits of what StatementRefs can cost.
type limits struct {
	// hops is how far along a chain of StatementRefs terms are passed. It bounds
	// what one statement can be made to inherit, and is part of the format.
	hops int
	// What a batch passes on at most: visits of referrers, and terms.
	visits, terms int
}

var defaultLimits = limits{hops: 100, visits: 1_000, terms: 50_000}

// references is what a batch has of StatementRefs on top of the rows.
//
// A referrer inherits from its target t the terms of t's own and those that t
// inherits, one hop further; a row of each referrer lists them. So a change runs
// up from target to referrers, each time one edge, and ends where nothing is
// new: at statements that nobody refers to, and in cycles. A statement has one
// Object, so its chain of targets is one path, which grows at its far end only;
// the row therefore is the same whatever came first.
type references struct {
	missing   map[uuid.UUID]bool // kindMissing; looked up or changed
	voids     map[uuid.UUID]bool // kindVoid; set here
	referrers map[uuid.UUID][]referrer
	inherited map[uint64][]inheritedTerm // looked up or changed
	grown     map[uint64]bool            // inherited that changed
	edges     []edge                     // new referrers of targets that are here
	work      []queueItem                // statements whose referrers must be visited
	queue     map[uint64]*queueItem      // kindQueue as it will be, where it changes; nil: deleted
	visits    int
	inherits  int
}

// referrer is a statement with a StatementRef for an Object.
type referrer struct {
	n  uint64
	id uuid.UUID
}

type edge struct {
	target   uint64
	targetID uuid.UUID
	from     referrer
}

func newReferences() references {
	return references{
		missing:   map[uuid.UUID]bool{},
		voids:     map[uuid.UUID]bool{},
		referrers: map[uuid.UUID][]referrer{},
		inherited: map[uint64][]inheritedTerm{},
		grown:     map[uint64]bool{},
		queue:     map[uint64]*queueItem{},
	}
}

// refer makes the rows that tie a new statement to the one that it refers to,
// and to those that referred to it before it came.
func (b *batch) refer(st *xapi.Statement, n uint64) error {
	if err := b.refersTo(st, n); err != nil {
		return err
	}
	missing, err := b.isMissing(st.ID)
	if err != nil || !missing {
		return err
	}
	b.missing[st.ID] = false
	b.work = append(b.work, queueItem{n: n, id: st.ID})
	if st.IsVoiding() {
		return nil // it cannot be voided
	}
	voided, err := b.hasVoid(st.ID)
	if voided {
		b.known(n).row.flags |= flagVoided
	}
	return err
}

func (b *batch) refersTo(st *xapi.Statement, n uint64) error {
	target, ok := st.Target()
	if !ok {
		return nil
	}
	from := referrer{n, st.ID}
	b.known(n).row.flags |= flagReferrer
	b.set(referrersOf(target).number(n), st.ID[:])
	b.referrers[target] = append(b.referrers[target], from)
	t, found, err := b.lookID(target)
	if err != nil {
		return err
	}
	if found {
		b.edges = append(b.edges, edge{t, target, from})
	} else {
		b.missing[target] = true
	}
	if !st.IsVoiding() {
		return nil
	}
	b.known(n).row.flags |= flagVoiding
	if again, err := b.hasVoid(target); err != nil || again {
		return err
	}
	b.voids[target] = true
	b.set(voidKey(target), numberKey(n)[1:])
	if found {
		return b.void(t)
	}
	return nil
}

// void marks a statement voided, unless it cannot be, and takes back its
// postings. What it passes to its referrers stays.
func (b *batch) void(n uint64) error {
	st, err := b.look(n)
	if err != nil || st.row.flags&(flagVoided|flagVoiding) != 0 {
		return err
	}
	st.row.flags |= flagVoided
	if n >= b.first {
		return nil // none of its postings is set yet
	}
	st.changed = true
	own, err := b.ownTerms(st)
	if err != nil {
		return err
	}
	remove := func(t xapi.Term) { b.delete(postingsOf(t).posting(n)) }
	for _, t := range own {
		if posted(t) {
			remove(t)
		}
	}
	inherited, err := b.inheritedBy(n)
	for _, t := range inherited {
		remove(t.Term)
	}
	if st.row.flags&flagReferrer != 0 {
		remove(anyReferrer)
	}
	return err
}

// isMissing reports whether a statement has referrers, but was not here before
// this commit.
func (b *batch) isMissing(id uuid.UUID) (bool, error) {
	if missing, ok := b.missing[id]; ok {
		return missing, nil
	}
	return b.find(missingKey(id), func([]byte) error { return nil })
}

func (b *batch) hasVoid(target uuid.UUID) (bool, error) {
	if b.voids[target] {
		return true, nil
	}
	return b.has(voidKey(target))
}

// inheritedBy are the terms that a statement has from its targets.
func (b *batch) inheritedBy(n uint64) ([]inheritedTerm, error) {
	st, err := b.look(n)
	if terms, ok := b.inherited[n]; ok || err != nil {
		return terms, err
	}
	if n >= b.first || st.row.flags&flagReferrer == 0 {
		return nil, nil
	}
	k := inheritedKey(n)
	_, err = b.get(k, func(value []byte) (err error) {
		b.inherited[n], err = decodeInherited(k, value)
		return err
	})
	return b.inherited[n], err
}

// propagate passes terms along the new edges, and on from the statements that
// have work, as far as a batch may go. The rest goes to the queue.
func (b *batch) propagate() error {
	for _, e := range b.edges {
		if b.spent() {
			if err := b.enqueue(queueItem{n: e.target, id: e.targetID, done: e.from.n - 1}); err != nil {
				return err
			}
		} else if err := b.pass(e.target, e.from); err != nil {
			return err
		}
	}
	for len(b.work) > 0 {
		item := b.work[0]
		b.work = b.work[1:]
		if err := b.visit(item); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) spent() bool { return b.visits >= b.limits().visits || b.inherits >= b.limits().terms }

func (b *batch) limits() limits { return b.writer.index.options.limits }

// visit passes a statement's terms to its referrers behind item.done.
func (b *batch) visit(item queueItem) error {
	var pending []referrer
	if !b.spent() {
		prefix := referrersOf(item.id)
		var bad error
		err := b.scan(referrersOf(item.id).number(item.done+1), upperBound(prefix), func(k, value []byte) bool {
			r := referrer{n: lastNumber(k)}
			if copy(r.id[:], value) != len(r.id) {
				bad = errRow("referrer", k)
				return false
			}
			pending = append(pending, r)
			return len(pending) < b.limits().visits-b.visits
		})
		if err := errors.Join(bad, err); err != nil {
			return err
		}
		if len(pending) < b.limits().visits-b.visits {
			// All that were here before are there: now those of this commit.
			for _, r := range b.referrers[item.id] {
				if r.n > item.done {
					pending = append(pending, r)
				}
			}
		}
	}
	for _, r := range pending {
		if b.spent() {
			return b.enqueue(item)
		}
		if err := b.pass(item.n, r); err != nil {
			return err
		}
		item.done = r.n
	}
	if b.spent() {
		return b.enqueue(item) // whether there are more is for Settle to see
	}
	return nil
}

// pass gives a referrer what it does not have yet of its target's terms. If it
// gets any, its own referrers have to be visited.
func (b *batch) pass(target uint64, to referrer) error {
	b.visits++
	t, err := b.look(target)
	if err != nil {
		return err
	}
	own, err := b.ownTerms(t)
	if err != nil {
		return err
	}
	further, err := b.inheritedBy(target)
	if err != nil {
		return err
	}
	has, err := b.inheritedBy(to.n) // and look, for its flags
	if err != nil {
		return err
	}
	before := len(has)
	had := make(map[xapi.Term]bool, before+len(own)+len(further))
	for _, h := range has {
		had[h.Term] = true
	}
	add := func(t xapi.Term, hops int) {
		if hops <= b.limits().hops && !had[t] {
			had[t] = true
			has = append(has, inheritedTerm{t, byte(hops)})
			b.posts = append(b.posts, post{t, to.n})
		}
	}
	for _, t := range own {
		if passedOn(t.Facet) {
			add(t, 1)
		}
	}
	for _, f := range further {
		add(f.Term, int(f.hops)+1)
	}
	if len(has) > before {
		b.inherits += len(has) - before
		b.inherited[to.n], b.grown[to.n] = has, true
		b.work = append(b.work, queueItem{n: to.n, id: to.id})
	}
	return nil
}

// passedOn says which filter conditions a referrer meets by its target. The pair
// of verb and activity is not one: a query for both is answered from the two
// (see plan).
func passedOn(f xapi.Facet) bool {
	switch f {
	case xapi.FacetAgent, xapi.FacetRelatedAgent, xapi.FacetVerb, xapi.FacetActivity,
		xapi.FacetRelatedActivity, xapi.FacetRegistration:
		return true
	}
	return false
}

// enqueue leaves a statement's referrers to Settle.
func (b *batch) enqueue(item queueItem) error {
	old, changed := b.queue[item.n]
	if !changed {
		k := queueKey(item.n)
		_, err := b.get(k, func(value []byte) error {
			q, err := decodeQueueItem(k, value)
			old = &q
			return err
		})
		if err != nil {
			return err
		}
	}
	if old == nil {
		b.pending++
	} else {
		item.done = min(item.done, old.done)
	}
	b.queue[item.n] = &item
	return nil
}

// setReferences sets the rows that are gathered in references.
func (b *batch) setReferences() {
	for target, missing := range b.missing {
		if missing {
			b.set(missingKey(target), nil)
		} else {
			b.delete(missingKey(target))
		}
	}
	for n := range b.grown {
		b.set(inheritedKey(n), encodeInherited(b.inherited[n]))
	}
	for n, item := range b.queue {
		if item == nil {
			b.delete(queueKey(n))
		} else {
			b.set(queueKey(n), item.encode())
		}
	}
}
