package index

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// maxSublevels is how far level 0 may grow before Apply waits for compactions.
const maxSublevels = 12

// rowOverhead is about what a row costs in a memtable beside its key and value.
const rowOverhead = 56

// writer is what the one that writes keeps between commits. Index.mu guards it.
type writer struct {
	index    *Index
	position Position
	queued   int // rows of kindQueue
	late     int // rows of kindLate

	unflushed int               // bytes in the memtable, roughly
	flushes   []<-chan struct{} // not known to be done, oldest first
	crowded   bool              // level 0 may have maxSublevels: look before the next commit

	activities cache[string, *activity]
	names      cache[xapi.AgentName, bool]
	passed     cache[uint64, []xapi.Term] // what statements pass on, by number: they had to be parsed for it
	references cache[uint64, reference]   // and to what they refer
	posts      []post                     // the memory of a batch's
}

// passedCache is how many bytes of terms stay in memory, and as many of references, twice.
const passedCache = 4 << 20

// descriptionCache is how many bytes of definitions, and as many of names, stay
// in memory, twice.
const descriptionCache = 8 << 20

func newWriter(x *Index) writer {
	return writer{
		index:      x,
		activities: newCache[string, *activity](descriptionCache),
		names:      newCache[xapi.AgentName, bool](descriptionCache),
		passed:     newCache[uint64, []xapi.Term](passedCache),
		references: newCache[uint64, reference](passedCache),
	}
}

// Apply takes the commit behind Position into the index: all its rows and the
// new position, or nothing. events are the commit's; drafts[i] is the parsed
// statement of events[i] where the caller has it: drafts may be shorter than
// events, and have nils. The others are parsed.
//
// When Apply returns nil, every View from now on shows the commit. It is durable
// in the log, not here: after a crash it may have to be applied again.
//
// Errors, with nothing applied: ErrOutOfOrder; ErrUnknownType; ErrUnwritable and
// ErrUnreadable, after which the same commit may be tried again; ErrDamaged;
// ErrClosed; any other is about the commit's content.
func (x *Index) Apply(c *eventlog.Commit, events []eventlog.Event, drafts []*xapi.Draft) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.writer.apply(c, events, drafts); err != nil {
		return fmt.Errorf("index: apply commit %d: %w", c.Revision, err)
	}
	return nil
}

func (w *writer) apply(c *eventlog.Commit, events []eventlog.Event, drafts []*xapi.Draft) error {
	if err := w.room(); err != nil {
		return err
	}
	if err := w.position.precedes(c, len(events)); err != nil {
		return err
	}
	b := w.begin()
	defer b.close()
	if err := b.commit(c, events, drafts); err != nil {
		return w.index.health.report(err)
	}
	return w.write(b)
}

// precedes checks that a commit of so many events is the one behind p.
func (p Position) precedes(c *eventlog.Commit, events int) error {
	switch {
	case c.Revision != p.Head.Revision+1:
		return fmt.Errorf("%w: revision %d is", ErrOutOfOrder, p.Head.Revision+1)
	case c.Previous != p.Head.Hash, p.Head.Revision > 0 && c.Log != p.Head.Log:
		return fmt.Errorf("%w: it follows %s in log %s, but applied is %s in log %s",
			ErrOutOfOrder, c.Previous, c.Log, p.Head.Hash, p.Head.Log)
	case events != c.Header.Events:
		return fmt.Errorf("%d events of %d", events, c.Header.Events)
	case events > 0 && c.FirstStored <= p.LastStored:
		// Lists are cut by time through numbers.
		return fmt.Errorf("%w: stored %d µs is not after %d µs", eventlog.ErrLogDamaged, c.FirstStored, p.LastStored)
	}
	return nil
}

// after is the position behind c.
func (p Position) after(c *eventlog.Commit, next uint64) Position {
	last := c.FirstStored + int64(max(c.Header.Events, 1)) - 1
	p.Head, p.LastStored, p.Next, p.Events = c.Head(), max(p.LastStored, last), next, p.Events+uint64(c.Header.Events)
	return p
}

// write makes a batch's rows readable. Only then does the writer's state follow.
func (w *writer) write(b *batch) error {
	rows := b.rows.Len() + int(b.rows.Count())*rowOverhead
	if err := b.rows.Commit(pebble.NoSync); err != nil {
		return err
	}
	// Pebble returns nil after Fatalf too.
	if err := w.index.health.damaged(); err != nil {
		return err
	}
	w.set(b.position, b.queued, b.late)
	b.remember()
	if w.unflushed += rows; w.unflushed >= memtableSize-memtableSize/8 {
		w.tick()
	}
	return nil
}

// set moves the state that Position and Pending show.
func (w *writer) set(p Position, queued, late int) {
	w.position, w.queued, w.late = p, queued, late
	w.index.shown.Store(&shown{p, queued + late})
}

// room returns when Pebble can take rows without making the caller wait where
// nothing could wake it.
func (w *writer) room() error {
	x := w.index
	for {
		select {
		case <-x.closing:
			return ErrClosed
		default:
		}
		if err := x.health.err(); err != nil {
			return err
		}
		w.forgetFlushed()
		var flushed <-chan struct{}
		if len(w.flushes) >= memtables-1 {
			flushed = w.flushes[0]
		} else if w.crowded = w.crowded && x.db.Metrics().Levels[0].Sublevels >= maxSublevels; !w.crowded {
			return nil
		}
		select {
		case <-flushed:
		case <-x.health.compacted:
		case <-x.health.failing():
		case <-x.closing:
		}
	}
}

func (w *writer) forgetFlushed() {
	for len(w.flushes) > 0 {
		select {
		case <-w.flushes[0]:
			w.flushes = w.flushes[1:]
		default:
			return
		}
	}
}

// startFlush begins to write the memtable to disk.
func (w *writer) startFlush() error {
	done, err := w.index.db.AsyncFlush()
	if err != nil {
		return err
	}
	w.forgetFlushed()
	w.flushes, w.unflushed, w.crowded = append(w.flushes, done), 0, true
	return nil
}

// flush makes all rows durable, or returns what keeps it from it.
func (w *writer) flush() error {
	if err := w.startFlush(); err != nil {
		return err
	}
	for {
		select {
		case <-w.flushes[len(w.flushes)-1]:
			return nil
		case <-w.index.health.failing():
			if err := w.index.Err(); err != nil {
				return err
			}
		}
	}
}

// tick begins to flush what came since the last flush.
func (w *writer) tick() {
	if w.unflushed == 0 || w.index.health.err() != nil {
		return
	}
	if err := w.startFlush(); err != nil {
		w.index.health.wrote(&w.index.health.flush, err)
	}
}

// begin opens a batch on top of what is applied.
func (w *writer) begin() *batch {
	return &batch{
		writer:   w,
		store:    store{Reader: w.index.db, frames: &w.index.frames},
		rows:     w.index.db.NewBatchWithSize(256 << 10),
		position: w.position,
		limits:   w.index.options.limits,
		queued:   w.queued,
		late:     w.late,
		first:    w.position.Next,
		posts:    w.posts[:0],

		references:   newReferences(),
		descriptions: newDescriptions(),
	}
}

func (b *batch) close() {
	b.writer.posts = b.posts
	_, _ = b.store.close(), b.rows.Close()
}
