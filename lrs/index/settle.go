package index

import (
	"context"
	"errors"
	"fmt"
)

// Settle passes on what commits left to it, in small batches between which Apply
// has its turn, until Pending is 0. It returns early with ctx's error, or as Apply
// does; what is left then stays queued.
func (x *Index) Settle(ctx context.Context) error {
	for x.Pending() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.SettleSome(); err != nil {
			return err
		}
	}
	return nil
}

// SettleSome does one batch of Settle's work, some milliseconds long.
func (x *Index) SettleSome() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.Pending() == 0 {
		return nil
	}
	if err := x.writer.settle(); err != nil {
		return fmt.Errorf("index: settle: %w", err)
	}
	return nil
}

func (w *writer) settle() error {
	if err := w.room(); err != nil {
		return err
	}
	b := w.begin()
	defer b.close()
	b.limits = b.limits.tenth()
	if err := b.settle(); err != nil {
		return w.index.health.report(err)
	}
	return w.write(b)
}

// settle works off as much as a batch may: first what is late, since whoever reads
// lists again from where they ended waits for it.
func (b *batch) settle() error {
	if err := b.settleLate(); err != nil {
		return err
	}
	if err := b.settleQueue(); err != nil {
		return err
	}
	b.setChanged()
	b.set(key{kindPosition}, b.position.encode())
	return nil
}

// settleQueue visits referrers of the statements in the queue. It reads an item
// only when there is work left to spend on it.
func (b *batch) settleQueue() error {
	if b.spent() {
		return nil
	}
	var bad error
	err := b.scan(key{kindQueue}, upperBound(key{kindQueue}), func(k, value []byte) bool {
		var item queueItem
		if item, bad = decodeQueueItem(k, value); bad != nil {
			return false
		}
		b.queue[item.n] = nil
		b.queued--
		b.work = append(b.work, item)
		bad = b.visitAll()
		return bad == nil && !b.spent()
	})
	return errors.Join(bad, err)
}
