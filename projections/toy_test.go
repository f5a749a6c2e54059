package projections_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// Types of events of which the toy makes no row.
const (
	ignored  = "Ignored"  // it does not digest them
	odd      = "Odd"      // Digest gives an error
	shocking = "Shocking" // Digest panics
	refused  = "Refused"  // Apply wraps ErrIndigestible
	fragile  = "Fragile"  // Apply panics half-way
	zero     = "Zero"     // Apply adds a row that cannot be stored, after another
)

// badTypes are those that are set aside, with the reason.
var badTypes = map[string]string{
	odd:      "odd: p",
	shocking: "panic: shocked",
	refused:  projections.ErrIndigestible.Error() + ": refused",
	fragile:  "panic: half-way",
	zero:     `readmodel: INSERT INTO`,
}

// toy is a projection of any events: a list of them, numbered, and a tally of each
// type. What it keeps in memory, the numbers, must be that of its tables.
type toy struct {
	name    string
	version int

	// Called before the work on a generation, if set; an error is that of the call.
	load  atomic.Pointer[func(g readmodel.Generation, past projections.Past) error]
	apply atomic.Pointer[func(g readmodel.Generation, e *projections.Digested) error]

	digest atomic.Pointer[gate] // the next Digest waits at it, cancelled or not
}

func newToy(name string) *toy { return &toy{name: name, version: 1} }

func (p *toy) onLoad(do func(g readmodel.Generation, past projections.Past) error) { p.load.Store(&do) }

func (p *toy) onApply(do func(g readmodel.Generation, e *projections.Digested) error) {
	p.apply.Store(&do)
}

func (p *toy) Schema() readmodel.Schema {
	return readmodel.Schema{Projection: p.name, Version: p.version, Tables: []readmodel.Table{
		{Name: p.name + "_list", Columns: "n BIGINT NOT NULL, revision BIGINT NOT NULL, event BIGINT NOT NULL, t BIGINT NOT NULL, type TEXT NOT NULL, payload TEXT NOT NULL", Key: "n"},
		{Name: p.name + "_tally", Columns: "type TEXT NOT NULL, n BIGINT NOT NULL, last BIGINT NOT NULL", Key: "type", Indexes: []string{"n"}, Lookups: []string{"last"}},
	}}
}

func (p *toy) Digest(e *projections.Event) (any, error) {
	if held := p.digest.Swap(nil); held != nil {
		held.pass()
	}
	switch e.Encoded.Type {
	case ignored:
		return nil, nil
	case odd:
		return nil, fmt.Errorf("odd: %s", e.Encoded.Payload[:1])
	case shocking:
		panic("shocked")
	}
	return string(e.Encoded.Payload), nil
}

func (p *toy) Load(ctx context.Context, tx *readmodel.Tx, g readmodel.Generation, past projections.Past) (projections.Writer, error) {
	if do := p.load.Load(); do != nil {
		if err := (*do)(g, past); err != nil {
			return nil, err
		}
	}
	w := &toyWriter{toy: p, g: g, tally: map[string]int64{}}
	if _, err := tx.One(ctx, "SELECT coalesce(max(n), 0) FROM "+g.Table(p.name+"_list"), nil, &w.n); err != nil {
		return nil, err
	}
	return w, tx.Each(ctx, "SELECT type, n FROM "+g.Table(p.name+"_tally"), nil, func(scan func(...any) error) error {
		var typ string
		var n int64
		err := scan(&typ, &n)
		w.tally[typ] = n
		return err
	})
}

type toyWriter struct {
	projections.Changes
	toy   *toy
	g     readmodel.Generation
	n     int64
	tally map[string]int64

	tx   *readmodel.Tx
	list *readmodel.Inserter // of tx
}

func (w *toyWriter) Apply(ctx context.Context, tx *readmodel.Tx, e *projections.Digested) error {
	if do := w.toy.apply.Load(); do != nil {
		if err := (*do)(w.g, e); err != nil {
			return err
		}
	}
	typ := e.Encoded.Type
	if typ == refused {
		return fmt.Errorf("%w: refused", projections.ErrIndigestible)
	}
	if w.tx != tx {
		w.tx, w.list = tx, tx.Insert(w.g.Table(w.toy.name+"_list"), "n", "revision", "event", "t", "type", "payload")
	}
	w.n++
	w.Add(typ)
	if err := w.list.Add(ctx, w.n, int64(e.Revision), e.Index, e.T, typ, e.Digest.(string)); err != nil {
		return err
	}
	switch typ {
	case fragile:
		panic("half-way")
	case zero:
		return w.list.Add(ctx, w.n+1, 0, 0, 0, "\x00", "")
	}
	w.tally[typ]++
	if w.tally[typ] == 1 {
		return tx.Exec(ctx, "INSERT INTO "+w.g.Table(w.toy.name+"_tally")+" (type, n, last) VALUES (?, 1, ?)", typ, e.T)
	}
	changed, err := tx.Affect(ctx, "UPDATE "+w.g.Table(w.toy.name+"_tally")+" SET n = n + 1, last = ? WHERE type = ?", e.T, typ)
	if err == nil && changed != 1 {
		err = errors.New("the tally is not there")
	}
	return err
}

func (w *toyWriter) Changed(ctx context.Context, _ *readmodel.Tx) ([]string, error) {
	return w.Take(ctx, nil)
}
