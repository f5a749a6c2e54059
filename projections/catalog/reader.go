package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/bedside-lrs/bedside/projections/definition"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Entry is a definition as it was registered.
type Entry struct {
	definition.Definition
	Revision int64
	T        int64  // from when it is in force, µs
	Body     string // the JSON as registered
}

// Reader reads the definitions in force from the live table. It keeps what it has
// read. Its methods may be called concurrently.
type Reader struct {
	mu      sync.Mutex
	live    readmodel.Generation
	entries []Entry // of all times, by T
	at      map[int]*Definitions
}

// Definitions are those in force at one time. They never change.
type Definitions struct {
	entries map[definition.Ref]Entry
	Set     definition.Set // the same, for checks

	asked      map[string]bool // questions of all revisions of all surveys
	registered map[definition.Ref]int64
}

// Registered tells when a definition was registered first, µs.
func (d *Definitions) Registered(kind, id string) (t int64, ok bool) {
	t, ok = d.registered[definition.Ref{Kind: kind, ID: id}]
	return t, ok
}

// Asked tells whether a survey asks, or ever asked, a question: what responds to it is an answer, under the rules for
// small numbers, and stays one. Before its first survey it is a statement as any other, also for who asks about that time
// now: what would be withheld is in numbers, and these must stay as they were given.
func (d *Definitions) Asked(question string) bool { return d.asked[question] }

// Get finds a definition.
func (d *Definitions) Get(kind, id string) (Entry, bool) {
	e, ok := d.entries[definition.Ref{Kind: kind, ID: id}]
	return e, ok
}

// Of gives those of a kind, by id.
func (d *Definitions) Of(kind string) []Entry {
	var all []Entry
	for key, e := range d.entries {
		if key.Kind == kind {
			all = append(all, e)
		}
	}
	sortEntries(all)
	return all
}

// kept bounds the moments whose definitions are kept.
const kept = 64

// At gives the definitions in force at asOf, µs, as far as the snapshot has them.
func (r *Reader) At(ctx context.Context, tx *readmodel.Tx, asOf int64) (*Definitions, error) {
	c, _, err := tx.Live(ctx, Name)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil || r.live != c.Generation {
		r.live, r.entries, r.at = c.Generation, nil, map[int]*Definitions{}
	}
	if c.Live {
		if err := r.load(ctx, tx); err != nil {
			return nil, err
		}
	}
	n := r.before(min(asOf, c.Through)) // another snapshot may have been newer
	if d := r.at[n]; d != nil {
		return d, nil
	}
	if len(r.at) >= kept {
		clear(r.at)
	}
	d := &Definitions{entries: map[definition.Ref]Entry{}, asked: map[string]bool{}, registered: map[definition.Ref]int64{}}
	for _, e := range r.entries[:n] {
		ref := definition.RefTo(e.Definition)
		d.entries[ref] = e
		if _, known := d.registered[ref]; !known {
			d.registered[ref] = e.T
		}
		if s, ok := e.Definition.(*definition.Survey); ok {
			for _, q := range s.Questions {
				d.asked[q.ID] = true
			}
		}
	}
	d.Set = set(d.entries)
	r.at[n] = d
	return d, nil
}

// load reads the revisions behind those that are known.
func (r *Reader) load(ctx context.Context, tx *readmodel.Tx) error {
	var last int64
	if n := len(r.entries); n > 0 {
		last = r.entries[n-1].T
	}
	return tx.Each(ctx, "SELECT t, revision, definition FROM definitions_revisions WHERE t > ? ORDER BY t", []any{last},
		func(scan func(...any) error) error {
			var e Entry
			if err := scan(&e.T, &e.Revision, &e.Body); err != nil {
				return err
			}
			var err error
			if e.Definition, err = definition.Parse([]byte(e.Body)); err != nil {
				return fmt.Errorf("a definition in the read model: %w", err)
			}
			r.entries = append(r.entries, e)
			return nil
		})
}

// before is how many of the entries are in force at asOf, replaced ones included.
func (r *Reader) before(asOf int64) int {
	n, _ := slices.BinarySearchFunc(r.entries, asOf, func(e Entry, t int64) int {
		if e.T <= t {
			return -1
		}
		return 1
	})
	return n
}

func sortEntries(all []Entry) {
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.ID(), b.ID()) })
}

func set(entries map[definition.Ref]Entry) definition.Set {
	s := make(definition.Set, len(entries))
	for ref, e := range entries {
		s[ref] = e.Definition
	}
	return s
}
