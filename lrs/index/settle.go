package index

import (
	"context"
	"errors"
	"fmt"
)

// Settle passes on what commits left in the queue, in small batches between
// which Apply has its turn, until Pending is 0. It returns early with ctx's
// error, or as Apply does; what is left then stays queued.
func (x *Index) Settle(ctx context.Context) error {
	for x.Pending() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.settleSome(); err != nil {
			return fmt.Errorf("index: settle: %w", err)
		}
	}
	return nil
}

func (x *Index) settleSome() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	w := &x.writer
	if err := w.room(); err != nil {
		return err
	}
	b := w.begin()
	defer b.close()
	if err := b.settle(); err != nil {
		return x.health.report(err)
	}
	return w.write(b)
}

// settle works off as much of the queue as a batch may. It reads an item only
// when there is work left to spend on it.
func (b *batch) settle() error {
	var bad error
	err := b.scan(key{kindQueue}, upperBound(key{kindQueue}), func(k, value []byte) bool {
		var item queueItem
		if item, bad = decodeQueueItem(k, value); bad != nil {
			return false
		}
		b.queue[item.n] = nil
		b.pending--
		b.work = append(b.work, item)
		bad = b.propagate()
		return bad == nil && !b.spent()
	})
	if err := errors.Join(bad, err); err != nil {
		return err
	}
	b.setChanged()
	return nil
}
