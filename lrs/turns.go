package lrs

import (
	"context"
	"time"
)

// turns share a log out among the nodes that append to it. Each append names the revision it must get, and the node
// that is nearest to the log would win every time. So whoever has had a revision lets the others have theirs, as far as
// they want any: what arrives meanwhile goes into the next commit. Nodes that never win are not known to the others, so
// from time to time a node makes a pause in which they can.
//
// It is a courtesy, not a lock: a node that waits for others in vain goes on.
type turns struct {
	others map[string]time.Time // when each other node committed last
	since  map[string]bool      // those that did since this one
	own    time.Time            // when this one did last
	last   time.Time            // when anyone did
	alone  time.Time            // since when this node has committed without a pause and without others
	pauses time.Duration        // how long it does that
	lost   bool                 // its last append met a conflict
	took   time.Duration        // what an append of this node takes, smoothed
}

const (
	// contends is for how long a node that has committed counts as one that wants more.
	contends = time.Second
	// longestTurn bounds what one node is waited for.
	longestTurn = 20 * time.Millisecond
	// A node that commits all the time makes a pause so often: at first, and when nobody has ever used one.
	firstPauses = 100 * time.Millisecond
	lastPauses  = 2 * time.Second
)

// saw notes a commit of another node.
func (t *turns) saw(node string, now time.Time) {
	if t.others == nil {
		t.others, t.since = map[string]time.Time{}, map[string]bool{}
	}
	t.others[node], t.since[node] = now, true
	t.last, t.alone, t.pauses = now, time.Time{}, firstPauses
}

// won notes a commit of this node, and how long its append took.
func (t *turns) won(took time.Duration, now time.Time) {
	t.took += (took - t.took) / 8
	t.own, t.last, t.lost = now, now, false
	if t.alone.IsZero() {
		t.alone = now
	}
	clear(t.since)
}

// wait is until when this node lets others go first; a time that has passed if it is its turn.
func (t *turns) wait(now time.Time) (until time.Time) {
	if t.lost || t.own.IsZero() { // it has waited enough
		return until
	}
	active, missing := 0, 0
	for node, at := range t.others {
		if now.Sub(at) > contends {
			delete(t.others, node)
			continue
		}
		active++
		if !t.since[node] {
			missing++
		}
	}
	turn := min(2*t.took, longestTurn)
	pause := t.own.Add(longestTurn)
	switch {
	case missing > 0:
		return t.own.Add(time.Duration(active+1) * turn)
	case active > 0: // all have had theirs; the next goes to who has lost it, if anybody has
		return t.last.Add(turn / 2)
	case now.After(pause):
		t.alone = now
	case now.Sub(t.alone) > t.pauses:
		t.alone, t.pauses = pause, min(2*t.pauses, lastPauses)
		return pause
	}
	return until
}

// giveWay lets other nodes go first if it is their turn.
func (c *committer) giveWay(ctx context.Context) {
	for c.others != nil {
		wait := time.Until(c.turns.wait(time.Now()))
		if wait <= 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case r := <-c.others:
			c.take(ctx, r)
		case <-timer.C:
			return
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}
