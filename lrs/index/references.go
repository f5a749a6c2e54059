package index

import (
	"errors"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// references is what a batch has of StatementRefs on top of the rows.
//
// A referrer inherits from its target t the terms of t's own and those that t
// inherits, one hop further; a row of each referrer lists them. So a change runs
// up from target to referrers, each time one edge, and ends where nothing is
// new: at statements that nobody refers to, and in cycles. A statement has one
// Object, so its chain of targets is one path, which grows at its far end only,
// and the row lists the near targets' terms before the far ones'. So it grows at
// its end too, up to limits.inherited, and is the same whatever came first.
type references struct {
	missing   map[uuid.UUID]bool // kindMissing; looked up or changed
	voids     map[uuid.UUID]bool // kindVoid; set here
	referrers map[uuid.UUID][]referrer
	targets   map[uint64]reference       // of referrers, by number
	inherited map[uint64][]inheritedTerm // looked up or changed
	grown     map[uint64]bool            // inherited that changed
	edges     []edge                     // new referrers of targets that are here
	work      []queueItem                // statements whose referrers must be visited
	queue     map[uint64]*queueItem      // kindQueue as it will be, where it changes; nil: deleted
	visits    int                        // of referrers
	looks     int                        // for referrers of statements that have none
	inherits  int                        // terms
	parsed    int                        // bytes of older statements
	unposted  int                        // postings of voided statements that were taken back
}

// referrer is a statement with a StatementRef for an Object.
type referrer struct {
	n  uint64
	id uuid.UUID
}

type edge struct {
	target uint64
	from   referrer
}

func newReferences() references {
	return references{
		missing:   map[uuid.UUID]bool{},
		voids:     map[uuid.UUID]bool{},
		referrers: map[uuid.UUID][]referrer{},
		targets:   map[uint64]reference{},
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
	b.targets[n] = reference{st.ID, target}
	t, found, err := b.lookID(target)
	if err != nil {
		return err
	}
	if found {
		b.edges = append(b.edges, edge{t, from})
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
// postings, as far as a commit may. What it passes to its referrers stays.
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
	if b.unposted >= b.limits.unposted {
		return nil
	}
	own, err := b.ownTerms(st)
	if err != nil {
		return err
	}
	remove := func(t xapi.Term) {
		b.delete(postingsOf(t).posting(n))
		b.unposted++
	}
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

// visitAll passes terms on from the statements that have work, as far as a batch
// may go. The rest goes to the queue.
func (b *batch) visitAll() error {
	for len(b.work) > 0 {
		item := b.work[0]
		b.work = b.work[1:]
		if err := b.visit(item); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) spent() bool {
	l := b.limits
	return b.visits >= l.visits || b.looks >= l.visits || b.inherits >= l.terms || b.parsed >= l.parsed
}

// visit passes a statement's terms to its referrers behind item.done.
func (b *batch) visit(item queueItem) error {
	if b.spent() {
		return b.enqueue(item)
	}
	most := b.limits.visits - b.visits
	pending, err := b.referrersBehind(item, most)
	if err != nil {
		return err
	}
	if len(pending) == 0 {
		b.looks++
		return nil
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
	if len(pending) >= most {
		return b.enqueue(item) // whether there are more is for Settle to see
	}
	return nil
}

// referrersBehind gives a statement's referrers behind item.done: all of them if
// they are less than most.
func (b *batch) referrersBehind(item queueItem, most int) (pending []referrer, err error) {
	prefix := referrersOf(item.id)
	var bad error
	err = b.scan(referrersOf(item.id).number(item.done+1), upperBound(prefix), func(k, value []byte) bool {
		r := referrer{n: lastNumber(k)}
		if copy(r.id[:], value) != len(r.id) {
			bad = errRow("referrer", k)
			return false
		}
		pending = append(pending, r)
		return len(pending) < most
	})
	if len(pending) < most {
		// All that were here before are there: now those of this commit.
		for _, r := range b.referrers[item.id] {
			if r.n > item.done {
				pending = append(pending, r)
			}
		}
	}
	return pending, errors.Join(bad, err)
}

// pass gives a referrer what it does not have yet of its target's terms, up to
// limits.inherited. If it gets any, its own referrers have to be visited.
func (b *batch) pass(target uint64, to referrer) error {
	b.visits++
	limits := b.limits
	has, err := b.inheritedBy(to.n) // and look, for its flags
	if err != nil || len(has) >= limits.inherited {
		return err
	}
	own, err := b.passedTerms(target)
	if err != nil {
		return err
	}
	further, err := b.inheritedBy(target)
	if err != nil {
		return err
	}
	before := len(has)
	had := make(map[xapi.Term]bool, before+len(own)+len(further))
	for _, h := range has {
		had[h.Term] = true
	}
	add := func(t xapi.Term, hops int) {
		if hops <= limits.hops && len(has) < limits.inherited && !had[t] {
			had[t] = true
			has = append(has, inheritedTerm{t, byte(hops)})
			b.posts = append(b.posts, post{t, to.n})
		}
	}
	for _, t := range own {
		add(t, 1)
	}
	for _, f := range further {
		add(f.Term, int(f.hops)+1)
	}
	if len(has) > before {
		b.inherits += len(has) - before
		b.inherited[to.n], b.grown[to.n] = has, true
		if b.mayHaveReferrers(to) {
			b.work = append(b.work, queueItem{n: to.n, id: to.id})
		}
	}
	return nil
}

// mayHaveReferrers is false for a statement of this commit that nobody referred to before it came: those that came after
// it have edges of their own.
func (b *batch) mayHaveReferrers(r referrer) bool {
	_, awaited := b.missing[r.id]
	return r.n < b.first || awaited
}

// passedFacets are the filter conditions that a referrer meets by its target, in
// the order in which a target's terms are passed on: first those of which it has
// one, then those of which a statement may have very many. The pair of verb and
// activity is not one: a query for both is answered from the two (see plan).
var passedFacets = [...]xapi.Facet{
	xapi.FacetVerb, xapi.FacetActivity, xapi.FacetRegistration,
	xapi.FacetAgent, xapi.FacetRelatedAgent, xapi.FacetRelatedActivity,
}

// passedTerms are the own terms that a statement passes on to its referrers, as
// many as one of them may inherit.
func (b *batch) passedTerms(n uint64) ([]xapi.Term, error) {
	st, err := b.lookPassed(n)
	if err != nil || st.passed != nil {
		return st.passed, err
	}
	own, err := b.ownTerms(st) // sorted
	if err != nil {
		return nil, err
	}
	for _, f := range passedFacets {
		for _, t := range own {
			if t.Facet == f && len(st.passed) < b.limits.inherited {
				st.passed = append(st.passed, t)
			}
		}
	}
	if n < b.first {
		b.writer.passed.add(n, st.passed, len(st.passed)*inheritedSize)
	}
	return st.passed, nil
}

// lookPassed finds a statement by number, with the terms that it passes on if they are known.
func (b *batch) lookPassed(n uint64) (*statement, error) {
	st, err := b.look(n)
	if err != nil {
		return &statement{}, err
	}
	if st.passed == nil && n < b.first {
		st.passed = b.writer.passed.get(n)
	}
	return st, nil
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
		b.queued++
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
