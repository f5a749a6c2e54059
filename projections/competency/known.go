package competency

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// maxKnown bounds the rows that are kept: 70 MB of them.
const maxKnown = 1 << 19

// known keeps the rows of shelves that were asked for. A row never changes and none is
// removed, so that only what was added since is read again.
type known struct {
	mu      sync.Mutex
	live    readmodel.Generation
	shelves map[shelf]stock
	rows    int // in all shelves
}

// stock is all rows of a shelf with a t up to through. It is never changed.
type stock struct {
	through int64
	rows    []row // in order
}

// load gives the rows of identities under revisions of rules, all that the snapshot has and
// perhaps some that it has not yet.
func (k *known) load(ctx context.Context, tx *readmodel.Tx, keys []string, revisions []int64) (map[shelf]stock, error) {
	if len(revisions) == 0 {
		return nil, nil
	}
	live, _, err := tx.Live(ctx, Name)
	if err != nil {
		return nil, err
	}
	found, never, behind := k.find(live, keys, revisions)
	if err := found.read(ctx, tx, never, revisions, math.MinInt64); err != nil {
		return nil, err
	}
	since := int64(math.MaxInt64)
	for _, key := range behind {
		for _, r := range revisions {
			since = min(since, found[shelf{key, r}].through)
		}
	}
	if err := found.read(ctx, tx, behind, revisions, since); err != nil {
		return nil, err
	}
	k.keep(live, found, slices.Concat(never, behind), revisions)
	return found, nil
}

type found map[shelf]stock

// find gives what is kept, and the identities of which rows are missing: those that
// were never read, and those that were read before the snapshot.
func (k *known) find(live readmodel.Checkpoint, keys []string, revisions []int64) (all found, never, behind []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.live != live.Generation {
		k.live, k.shelves, k.rows = live.Generation, map[shelf]stock{}, 0
	}
	all = make(found, len(keys)*len(revisions))
	for _, key := range keys {
		read, through := true, int64(math.MaxInt64)
		for _, r := range revisions {
			s, ok := k.shelves[shelf{key, r}]
			all[shelf{key, r}] = s
			read, through = read && ok, min(through, s.through)
		}
		switch {
		case !read:
			for _, r := range revisions {
				all[shelf{key, r}] = stock{through: math.MinInt64}
			}
			never = append(never, key)
		case through < live.Through:
			behind = append(behind, key)
		}
	}
	return all, never, behind
}

// read adds the rows with a t after since, of those that are not there.
func (f found) read(ctx context.Context, tx *readmodel.Tx, keys []string, revisions []int64, since int64) error {
	more := map[shelf][]row{}
	err := readRows(ctx, tx, keys, revisions, since, func(of shelf, r row) {
		if r.t > f[of].through {
			more[of] = append(more[of], r)
		}
	})
	for of, rows := range more {
		s := f[of]
		rows = append(slices.Clip(s.rows), rows...)
		slices.SortFunc(rows, func(a, b row) int { return inOrder(&a, &b) })
		f[of] = stock{s.through, rows}
	}
	return err
}

// keep keeps what was read of identities on a snapshot with a checkpoint. What there is
// no room for is read again.
func (k *known) keep(live readmodel.Checkpoint, f found, keys []string, revisions []int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.live != live.Generation {
		return
	}
	for _, key := range keys {
		for _, r := range revisions {
			of := shelf{key, r}
			s := stock{live.Through, f[of].rows}
			kept, ok := k.shelves[of]
			if ok && kept.through >= s.through || r > live.Through { // the rows of r are still to come
				continue
			}
			k.rows += len(s.rows) - len(kept.rows)
			k.shelves[of] = s
		}
	}
	for of, s := range k.shelves { // in no order
		if k.rows+len(k.shelves) <= maxKnown {
			break
		}
		k.rows -= len(s.rows)
		delete(k.shelves, of)
	}
}
