package index

import "bytes"

// isSmall says whether a part of a frame is to be copied rather than keep all size
// bytes of that in memory. So what is kept is twice what was asked for at most, and
// neighbours, of which most lists are, are not copied.
func isSmall(part, size int) bool { return 2*part < size }

// gatherer puts statements on a page. Those of one frame follow one another, since the
// page is in the order of their numbers; what they keep of it is settled behind the last.
type gatherer struct {
	store *store
	page  *Page
	hold  func(int64) error // Query.Hold, or nil
	bytes int               // of the statements so far

	place framePlace // of the last statement's frame
	size  int        // bytes of it that hold was told; 0: there is none
	first int        // of its statements, on the page
	part  int        // bytes of these
}

// add puts the statement at row on the page.
func (g *gatherer) add(n uint64, row statementRow) error {
	st, size, err := g.store.payload(row)
	if err != nil {
		return err
	}
	if place := row.place(); g.size == 0 || place != g.place {
		if err := g.leave(); err != nil {
			return err
		}
		if err := g.tell(size); err != nil {
			return err
		}
		g.place, g.size, g.first, g.part = place, size, len(g.page.Statements), 0
	}
	g.page.Statements = append(g.page.Statements, row.statement(n, st))
	g.part += len(st.Statement)
	g.bytes += len(st.Statement)
	return nil
}

// leave lets go of the last statement's frame, if little of it is on the page.
func (g *gatherer) leave() error {
	size := g.size
	if g.size = 0; !isSmall(g.part, size) {
		return nil
	}
	for i := range g.page.Statements[g.first:] {
		st := &g.page.Statements[g.first+i]
		st.Raw = bytes.Clone(st.Raw)
	}
	return g.tell(g.part - size)
}

func (g *gatherer) tell(bytes int) error {
	if g.hold == nil {
		return nil
	}
	return g.hold(int64(bytes))
}
