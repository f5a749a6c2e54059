package lrs

import (
	"context"
	"time"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// turns share a log out among the nodes that append to it. Each append names the revision it must get, and the node
// that is nearest to the log would win every time. So whoever has had a revision lets the others have theirs, as far as
// they want any: what arrives meanwhile goes into the next commit.
//
// Who wants any is seen by what is committed, and who loses calls (Neighbours): how long to wait for a node that is further
// away only that node knows. Where calls do not arrive, a node that never wins is not known to the others; so from time to
// time a node that commits alone makes a pause, in which one that is about as near can.
//
// It is a courtesy, not a lock: a node that waits for others in vain goes on.
type turns struct {
	others map[string]*neighbour // that have committed or called for less than contends
	own    time.Time             // when this node committed last
	turned time.Time             // when another node had its turn after that
	alone  time.Time             // since when this node has committed without a pause and without others
	pauses time.Duration         // how long it does that
	lost   bool                  // its last append met a conflict
	took   time.Duration         // what an append of this node takes, see tried
}

// neighbour is another node that appends to the log.
type neighbour struct {
	at       time.Time         // when it was seen to commit or heard last
	since    bool              // it has committed since this node did, and not called after that
	revision eventlog.Revision // of its last commit
	called   time.Time         // when it was heard last
	needs    time.Duration     // how long it must be waited for, as far as it has called
}

const (
	// contends is for how long a node that has committed or called counts as one that wants more, so also the longest that
	// one which called is waited for: nodes whose appends take half of that share the log.
	contends = time.Second
	// longestTurn bounds what a node that has not called is waited for.
	longestTurn = 20 * time.Millisecond
	// A node that commits all the time makes a pause so often: at first, and when nobody has ever used one.
	firstPauses = 100 * time.Millisecond
	lastPauses  = 2 * time.Second
)

// neighbour returns the one with a name, and notes that it wants to append.
func (t *turns) neighbour(node string, now time.Time) *neighbour {
	if t.others == nil {
		t.others = map[string]*neighbour{}
	}
	n := t.others[node]
	if n == nil {
		n = &neighbour{}
		t.others[node] = n
	}
	n.at, t.alone = now, time.Time{}
	return n
}

// saw notes a commit of another node.
func (t *turns) saw(node string, revision eventlog.Revision, now time.Time) {
	n := t.neighbour(node, now)
	if !n.since {
		t.turned = now
	}
	n.since, n.revision = true, revision
}

// heard notes that another node has lost a revision, and how long its appends take: one that is sent when it hears of this
// node's last commit, and perhaps one before that, which is still to be refused.
func (t *turns) heard(node string, lost eventlog.Revision, took time.Duration, now time.Time) {
	if n := t.others[node]; n != nil && n.revision > lost {
		return // the call is older than what it has committed since
	}
	n := t.neighbour(node, now)
	n.since, n.called, n.needs = false, now, min(2*took, contends)
}

// tried notes how long an append of this node took. What takes longer than before counts at once: who is waited for too short
// is waited for in vain.
func (t *turns) tried(took time.Duration) {
	t.took = max(took, t.took+(took-t.took)/8)
}

// won notes a commit of this node.
func (t *turns) won(now time.Time) {
	t.own, t.lost = now, false
	if t.alone.IsZero() {
		t.alone, t.pauses = now, firstPauses
	}
	for _, n := range t.others {
		n.since = false
	}
}

// wait is until when this node lets others go first; a time that has passed if it is its turn.
func (t *turns) wait(now time.Time) (until time.Time) {
	if t.lost || t.own.IsZero() { // it has waited enough
		return until
	}
	turn := min(2*t.took, longestTurn)
	missing, end := 0, t.own.Add(turn)
	for node, n := range t.others {
		switch {
		case now.Sub(n.at) > contends:
			delete(t.others, node)
			continue
		case !n.since:
			missing++
		}
		end = end.Add(max(turn, n.needs)) // also of those that have had theirs, which the others have waited for
	}
	if missing > 0 {
		return t.waitFor(end, now)
	}
	pause := t.own.Add(longestTurn)
	switch {
	case len(t.others) > 0: // all have had theirs; the next goes to who has lost it, if anybody has
		return t.turned.Add(turn / 2)
	case now.After(pause):
		t.alone = now
	case now.Sub(t.alone) > t.pauses:
		t.alone, t.pauses = pause, min(2*t.pauses, lastPauses)
		return pause
	}
	return until
}

// waitFor is until when nodes are waited for that have not had their turn: all that miss it until end, and whoever has called
// since for as long as it needs. One that calls and was waited for in vain is not again until it commits or calls.
func (t *turns) waitFor(end, now time.Time) time.Time {
	for _, n := range t.others {
		if own := n.called.Add(n.needs); !n.since && own.After(end) {
			end = own
		}
	}
	if !end.After(now) {
		for node, n := range t.others {
			if !n.since && n.needs > 0 {
				delete(t.others, node)
			}
		}
	}
	return end
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
		case other := <-c.calls:
			c.heard(other)
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}
