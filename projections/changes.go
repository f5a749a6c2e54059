package projections

import (
	"context"
	"maps"
	"slices"
)

// Changes are what a Writer has to tell of. Embedded they give it Forget.
type Changes struct {
	keys   map[string]bool
	voided map[string]bool
}

// Add notes the key of an answer.
func (c *Changes) Add(key string) { note(&c.keys, key) }

// Void notes a statement that was voided. Which answers that changes is looked up when somebody asks, because the rows
// of a generation that is being built cannot be found by their statements yet (readmodel.Table.Lookups).
func (c *Changes) Void(statement string) { note(&c.voided, statement) }

func note(set *map[string]bool, s string) {
	if *set == nil {
		*set = map[string]bool{}
	}
	(*set)[s] = true
}

// Forget implements Writer.
func (c *Changes) Forget() {
	clear(c.keys)
	clear(c.voided)
}

// Take gives the keys, sorted, and leaves none. lookup, nil if nothing is ever voided, adds those of a voided statement.
func (c *Changes) Take(ctx context.Context, lookup func(ctx context.Context, statement string) error) ([]string, error) {
	for statement := range c.voided {
		if err := lookup(ctx, statement); err != nil {
			return nil, err
		}
	}
	all := slices.Sorted(maps.Keys(c.keys))
	c.Forget()
	return all, nil
}
