package index

import (
	"context"
	"errors"
	"slices"
	"sort"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// maxPageBytes ends a page early, so that it does not fill the memory.
const maxPageBytes = 16 << 20

// checkEvery is how many steps pass between looks at the clock and at ctx.
const checkEvery = 256

var errLimit = errors.New("index: a page needs a limit above 0")

// Query returns a page of a list of statements. Errors: ctx's, that of q.Hold,
// ErrDamaged, ErrClosed.
func (v *View) Query(ctx context.Context, q Query) (Page, error) {
	if q.Limit <= 0 {
		return Page{}, errLimit
	}
	var p Page
	err := v.read("a list of statements", func() (err error) {
		p, err = v.page(ctx, q)
		return err
	})
	return p, err
}

func (v *View) page(ctx context.Context, q Query) (page Page, err error) {
	page.Head = v.position.Next
	if q.Head > 0 {
		page.Head = min(page.Head, q.Head)
	}
	if late := v.position.Late; late > 0 && (q.Since > 0 || q.Ascending) {
		page.Head = min(page.Head, late)
	}
	page.Next = q.After
	low, high, err := v.bounds(q, page.Head)
	if err != nil || low >= high {
		return page, err
	}
	s := &scan{ascending: q.Ascending}
	from := s.placeOf(low)
	if s.end = s.placeOf(high-1) + 1; !q.Ascending {
		from, s.end = s.placeOf(high-1), s.placeOf(low)+1
	}
	s.step = v.budget(ctx, s, &page)
	defer func() {
		s.close()
		err = errors.Join(err, s.err)
	}()
	members := s.plan(v.snapshot, q, low, high)
	if s.err != nil {
		return page, nil
	}
	g := gatherer{store: &v.store, page: &page, hold: q.Hold}
	defer func() {
		if err == nil {
			err = g.leave()
		}
	}()
	for {
		at, ok := members.seek(from)
		switch {
		case s.err != nil, !ok && at >= s.end:
			page.More = false
			return page, nil
		case !ok, len(page.Statements) == q.Limit, g.bytes >= maxPageBytes:
			page.More, page.Next = true, s.numberAt(at-1)
			return page, nil
		}
		n := s.numberAt(at)
		row, found, err := v.member(members, n)
		if err == nil && found {
			err = g.add(n, row)
		}
		if err != nil {
			return page, err
		}
		from, page.Next = at+1, n
	}
}

// member is the row of a statement of the list; found is false if it is voided.
func (v *View) member(members source, n uint64) (row statementRow, found bool, err error) {
	if l, ok := members.(*numbers); ok {
		return l.row, true, nil
	}
	row, found, err = v.store.statementRow(n)
	return row, found && row.flags&flagVoided == 0, err
}

// budget says when a page ends before it is full.
func (v *View) budget(ctx context.Context, s *scan, page *Page) (step func() bool) {
	o := &v.index.options
	steps, start := 0, time.Time{}
	stopped := false
	return func() bool {
		steps++
		if s.err != nil || stopped {
			return false
		}
		if steps%checkEvery == 0 {
			s.err = ctx.Err()
		}
		if start.IsZero() {
			start = o.Now()
		}
		switch {
		case s.err != nil:
			return false
		case steps <= o.Budget:
		case len(page.Statements) > 0:
			stopped = true
		case steps%checkEvery == 0:
			stopped = o.Now().Sub(start) >= o.Patience
		}
		return !stopped
	}
}

// bounds are the numbers low <= n < high that the list may have behind q.After.
func (v *View) bounds(q Query, head uint64) (low, high uint64, err error) {
	low, high = 1, head
	if q.Since > 0 {
		if low, err = v.firstAfter(q.Since); err != nil {
			return 0, 0, err
		}
	}
	if q.Until != 0 {
		n, err := v.firstAfter(q.Until)
		if err != nil {
			return 0, 0, err
		}
		high = min(high, n)
	}
	switch {
	case q.After > 0 && q.Ascending:
		low = max(low, q.After+1)
	case q.After > 0:
		high = min(high, q.After)
	}
	return low, high, nil
}

// firstAfter is the number of the first statement that is stored after t µs:
// first the commit that t falls into, then its rows.
func (v *View) firstAfter(t int64) (uint64, error) {
	if t < 0 {
		return 1, nil
	}
	first, next, err := v.commitAt(t)
	if err != nil {
		return 0, err
	}
	it, err := v.snapshot.NewIter(&pebble.IterOptions{LowerBound: numberKey(first), UpperBound: numberKey(next)})
	if err != nil {
		return 0, err
	}
	after := sort.Search(int(next-first), func(i int) bool {
		// A number may have no statement; then the next one decides.
		if err != nil || !it.SeekGE(numberKey(first+uint64(i))) {
			return true
		}
		var row statementRow
		row, err = decodeStatementRow(it.Key(), it.Value())
		return row.stored > t
	})
	return first + uint64(after), errors.Join(err, it.Close())
}

// commitAt gives the numbers first <= n < next of the last commit that begins at
// or before t µs; none, with first and next 1, if all begin later.
func (v *View) commitAt(t int64) (first, next uint64, err error) {
	it, err := v.snapshot.NewIter(&pebble.IterOptions{LowerBound: key{kindTime}, UpperBound: upperBound(key{kindTime})})
	if err != nil {
		return 0, 0, err
	}
	number := func(ok bool, otherwise uint64) uint64 {
		if !ok {
			return otherwise
		}
		if len(it.Value()) != 8 {
			err = errRow("time", it.Key())
			return otherwise
		}
		return lastNumber(it.Value())
	}
	next = number(it.SeekGE(timeKey(t).bytes([]byte{0})), v.position.Next)
	first = number(it.SeekLT(timeKey(t).bytes([]byte{0})), next)
	return first, next, errors.Join(err, it.Close())
}

// plan is the source of the statements that meet all filters of q.
func (s *scan) plan(r pebble.Reader, q Query, low, high uint64) source {
	post := func(t xapi.Term) source {
		prefix := postingsOf(t)
		lower, upper := slices.Clone(prefix).posting(high-1), slices.Clone(prefix).posting(low)
		return &postings{scan: s, it: s.iterator(r, lower, append(upper, 0)), prefix: prefix}
	}
	var a all
	if q.Registration.Valid {
		a = append(a, post(xapi.RegistrationTerm(q.Registration.UUID)))
	}
	if q.Agent != nil {
		if q.RelatedAgents {
			a = append(a, post(xapi.RelatedAgentTerm(*q.Agent)))
		} else {
			a = append(a, post(xapi.AgentTerm(*q.Agent)))
		}
	}
	switch {
	case q.Verb != "" && q.Activity != "" && !q.RelatedActivities:
		// The pair is posted for what has both by itself, which spares the walk
		// along two long lists. A referrer may have one or both by a target.
		a = append(a, either{
			post(xapi.VerbActivityTerm(q.Verb, q.Activity)),
			all{post(anyReferrer), post(xapi.ActivityTerm(q.Activity)), post(xapi.VerbTerm(q.Verb))},
		})
	default:
		if q.Activity != "" && q.RelatedActivities {
			a = append(a, post(xapi.RelatedActivityTerm(q.Activity)))
		} else if q.Activity != "" {
			a = append(a, post(xapi.ActivityTerm(q.Activity)))
		}
		if q.Verb != "" {
			a = append(a, post(xapi.VerbTerm(q.Verb)))
		}
	}
	if q.Authority != nil {
		a = append(a, post(xapi.AuthorityTerm(*q.Authority)))
	}
	switch len(a) {
	case 0:
		return &numbers{scan: s, it: s.iterator(r, numberKey(low), numberKey(high))}
	case 1:
		return a[0]
	}
	return a
}
