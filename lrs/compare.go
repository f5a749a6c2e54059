package lrs

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// maxCompare is how many bytes of statements one change compares within the
// committer, for which all others wait: some milliseconds.
const maxCompare = 128 << 10

// errCompareOutside: the statements of a change are there already, and are too
// large to be compared within the committer.
var errCompareOutside = errors.New("lrs: compare outside of the committer")

// comparison is what one change finds out about statements that are stored under
// the ids of its own. A stored statement never changes, so what was found outside
// of the committer holds within it.
type comparison struct {
	store *Store
	equal map[uuid.UUID]bool // found outside
	left  int                // bytes that may still be compared within this decision
}

// within compares what is stored with a draft of the same id, in the committer. The cost is how many bytes it has
// compared.
func (c *comparison) within(stored []byte, draft *xapi.Draft) (equal bool, cost int, err error) {
	if equal, known := c.equal[draft.ID()]; known {
		return equal, 0, nil
	}
	cost = len(stored) + len(draft.Statement().Raw)
	if c.left -= cost; c.left < 0 {
		return false, 0, errCompareOutside
	}
	equal, err = equalTo(stored, draft)
	return equal, cost, err
}

// outside compares all drafts with what is stored now. The comparisons of all
// changes take turns: each has two statements in memory, several times. Those of
// one credential take turns first, so that others wait for one of them at most.
func (c *comparison) outside(ctx context.Context, drafts []*xapi.Draft) error {
	if c.equal == nil {
		c.equal = make(map[uuid.UUID]bool)
	}
	who, _ := drafts[0].Statement().Authority.IFI() // all have the same; those without any share one turn
	done, err := c.store.comparers.turn(ctx, who)
	if err != nil {
		return fmt.Errorf("%w: waited for other comparisons of the credential: %w", ErrBusy, err)
	}
	defer done()
	select {
	case c.store.comparing <- struct{}{}:
		defer func() { <-c.store.comparing }()
	case <-ctx.Done():
		return fmt.Errorf("%w: waited for other comparisons: %w", ErrBusy, context.Cause(ctx))
	}
	view, err := c.store.View()
	if err != nil {
		return err
	}
	defer view.Close()
	for _, draft := range drafts {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: comparing took too long: %w", ErrBusy, context.Cause(ctx))
		}
		if _, known := c.equal[draft.ID()]; known {
			continue
		}
		st, err := view.Statement(draft.ID())
		if errors.Is(err, index.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: index: %w", ErrUnavailable, err)
		}
		equal, err := equalTo(st.Raw, draft)
		if err != nil {
			return err
		}
		c.equal[draft.ID()] = equal
		if !equal {
			return nil // that decides it
		}
	}
	return nil
}

func equalTo(stored []byte, draft *xapi.Draft) (bool, error) {
	equal, err := xapi.Equal(stored, draft.Statement().Raw)
	if err != nil {
		return false, fmt.Errorf("%w: compare statement %s: %w", ErrUnavailable, draft.ID(), err)
	}
	return equal, nil
}
