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
// It is a courtesy, not a lock: a node waits for contends at most, does not while another goes on without waiting (one of an
// earlier release does not hear calls), and waits ever more seldom for a node that calls and does not commit.
type turns struct {
	others map[string]*neighbour // by name
	own    time.Time             // when this node committed last
	begun  time.Time             // when it first had to wait after that; zero: not yet
	turned time.Time             // when another node had its turn after that
	last   time.Time             // when another node committed last
	pushed bool                  // one has committed twice since this node did, so does not wait for it
	alone  time.Time             // since when this node has committed without a pause and without others
	pauses time.Duration         // how long it does that
	lost   time.Time             // when its last append met a conflict; zero: it did not
	told   bool                  // the others were told that
	took   time.Duration         // what an append of this node takes, see tried
}

// neighbour is another node that appends to the log.
type neighbour struct {
	at        time.Time         // when it was seen to commit or heard last; zero: it was waited for in vain since
	since     bool              // it has committed since this node did, and not called after that
	committed time.Time         // when it was seen to commit last
	revision  eventlog.Revision // of that commit
	called    time.Time         // when it was first heard after that commit and this node's
	needs     time.Duration     // how long it must be waited for, as far as it has called
	vain      int               // how often that was in vain since it committed
	ignored   time.Time         // until when it is not heard
}

const (
	// contends is for how long a node that has committed or called counts as one that wants more, and the longest that others
	// are waited for.
	contends = time.Second
	// longestTurn bounds what a node that has not called is waited for.
	longestTurn = 20 * time.Millisecond
	// remembered is for how long a node that has committed or called is known.
	remembered = time.Minute
	// longestIgnored bounds for how long a node is not heard that never commits.
	longestIgnored = 32 * contends
	// strangers is the name of all nodes that call and are not known by a commit: anybody may call in any number of names.
	strangers = ""
	// A node that commits all the time makes a pause so often: at first, and when nobody has ever used one.
	firstPauses = 100 * time.Millisecond
	lastPauses  = 2 * time.Second
)

// neighbour returns the one with a name, new if it is not known.
func (t *turns) neighbour(node string) *neighbour {
	n := t.others[node]
	if n == nil {
		if t.others == nil {
			t.others = map[string]*neighbour{}
		}
		n = &neighbour{}
		t.others[node] = n
	}
	return n
}

// saw notes a commit of another node.
func (t *turns) saw(node string, revision eventlog.Revision, now time.Time) {
	n := t.neighbour(node)
	if s := t.others[strangers]; s != nil && n.committed.IsZero() { // it may have been one of them
		n.needs, s.at = s.needs, time.Time{}
	}
	if n.since {
		t.pushed = true
	} else {
		t.turned = now
	}
	*n = neighbour{at: now, committed: now, since: true, revision: revision, needs: n.needs}
	t.last, t.alone = now, time.Time{}
}

// heard notes that another node has lost a revision, and how long its appends take. It needs one that is sent when it sees that
// all others wait, and that they have heard.
func (t *turns) heard(node string, lost eventlog.Revision, took time.Duration, now time.Time) {
	if t.others[node] == nil {
		node = strangers
	}
	n := t.neighbour(node)
	if n.revision > lost || now.Before(n.ignored) {
		return // the call is older than what it has committed since, or it calls in vain
	}
	if n.since || !n.called.After(t.own) { // or it was called for before, and is waited for no longer
		n.called = now
	}
	took = min(took, contends)
	n.at, n.since, n.needs = now, false, min(took+took/2+min(took, longestTurn), contends)
	t.alone = time.Time{}
}

// tried notes how long an append of this node took. What takes longer than before counts at once: who is waited for too short
// is waited for in vain. One that an outage held up says nothing of the way to the log.
func (t *turns) tried(took time.Duration) {
	took = min(took, contends)
	t.took = max(took, t.took+(took-t.took)/8)
}

// missed notes that another node had the revision that this one wanted, and whether the others were told.
func (t *turns) missed(told bool, now time.Time) {
	t.lost, t.told, t.begun = now, told, time.Time{}
}

// won notes a commit of this node.
func (t *turns) won(now time.Time) {
	t.inVain(now)
	t.own, t.begun, t.lost, t.pushed = now, time.Time{}, time.Time{}, false
	if t.alone.IsZero() {
		t.alone, t.pauses = now, firstPauses
	}
	for _, n := range t.others {
		n.since = false
	}
}

// wait is until when this node lets others go first; a time that has passed if it is its turn.
func (t *turns) wait(now time.Time) (until time.Time) {
	switch {
	case !t.lost.IsZero() && t.told:
		return t.quiet()
	case !t.lost.IsZero() || t.own.IsZero() || t.pushed: // it has waited enough
		return until
	}
	if t.begun.IsZero() {
		t.begun = now
	}
	turn := min(2*t.took, longestTurn)
	active, missing, end := 0, 0, t.own.Add(turn)
	for node, n := range t.others {
		if now.Sub(n.at) > contends {
			if now.After(n.ignored) && now.Sub(n.committed) > remembered && now.Sub(n.called) > remembered {
				delete(t.others, node)
			}
			continue
		}
		active++
		if !n.since {
			missing++
		}
		end = end.Add(max(turn, n.needs)) // also of those that have had theirs, which the others have waited for
	}
	pause := t.own.Add(longestTurn)
	switch {
	case missing > 0:
		return t.waitFor(end)
	case active > 0: // all have had theirs; the next goes to who has lost it, if anybody has
		return t.turned.Add(turn / 2)
	case now.After(pause):
		t.alone = now
	case now.Sub(t.alone) > t.pauses:
		t.alone, t.pauses = pause, min(2*t.pauses, lastPauses)
		return pause
	}
	return until
}

// quiet is when a node that has lost a revision tries for another: when it sees that the others have begun to wait, or after
// what an append takes. Before, it would mostly lose again.
func (t *turns) quiet() time.Time {
	from, enough := t.lost, min(t.took/2, longestTurn)
	if t.last.After(from) {
		from = t.last
	}
	until, latest := from.Add(enough), t.lost.Add(t.took+2*enough)
	if until.Before(latest) {
		return until
	}
	return latest
}

// waitFor is until when nodes are waited for that have not had their turn: all that miss it until end, and whoever has called
// since for as long as it needs; contends in all.
func (t *turns) waitFor(end time.Time) time.Time {
	for _, n := range t.others {
		if until := n.called.Add(n.needs); !n.since && until.After(end) {
			end = until
		}
	}
	if latest := t.begun.Add(contends); end.After(latest) {
		end = latest
	}
	return end
}

// inVain notes who was waited for and did not commit before this node did, also when another went on without waiting: it is not
// waited for again until it commits or calls, and if that happens again it is not heard for a while.
func (t *turns) inVain(now time.Time) {
	for _, n := range t.others {
		if n.since || n.needs == 0 || n.at.IsZero() || n.called.Add(n.needs/2).After(now) { // it called too late
			continue
		}
		n.at = time.Time{}
		if n.vain++; n.vain > 1 {
			n.ignored = now.Add(min(contends<<min(n.vain, 10), longestIgnored))
		}
	}
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
