package index

import (
	"context"
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

// settle works off as much of the queue as a batch may.
func (b *batch) settle() error {
	var bad error
	err := b.scan(key{kindQueue}, upperBound(key{kindQueue}), func(k, value []byte) bool {
		item, err := decodeQueueItem(k, value)
		if err != nil {
			bad = err
			return false
		}
		b.queue[item.n] = nil
		b.pending--
		b.work = append(b.work, item)
		return len(b.work) < b.limits().visits
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return err
	}
	if err := b.propagate(); err != nil {
		return err
	}
	b.setChanged()
	return nil
}
