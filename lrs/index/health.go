package index

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// damagedFile is in a directory that was found damaged, so that the next Open
// knows it too.
const damagedFile = "DAMAGED"

// retryDelay is how long a failed flush or compaction waits for its next try.
const retryDelay = 200 * time.Millisecond

// health is what is known to be wrong with the rows on disk. It is what becomes
// of the places where Pebble would end the process or turn in circles:
//
// Logger.Fatalf. Pebble calls it with its mutex held, in goroutines of its own
// and in those of callers, and is ready for its return: after a failed write of
// the MANIFEST the edit is given up with the error, after a failed invariant the
// iterator goes on. So it must not panic (nobody could recover it), end the
// goroutine or block (the mutex would stay locked). It records the damage and
// returns. From then on nothing is applied, no read succeeds, no table is
// written, and so no later edit reaches the MANIFEST that could miss this one:
// the directory stays as it was, or is refused by Open.
//
// EventListener.DataCorruption calls Fatalf unless it is set.
//
// A flush that failed is tried again at once and for ever, and so is a compaction
// within level 0. While one of them fails the creation of tables is slowed down (see
// gate), and Apply returns ErrUnwritable before Pebble could make it wait without end.
// After a compaction that had tables of other levels Pebble leaves these alone for 30 s,
// and then until something makes it look, as the end of a flush. It may be that this
// needs a commit first, so such a failure keeps nobody from writing for longer than it
// lasts.
type health struct {
	log    *slog.Logger
	mark   func() // leaves damagedFile
	closed <-chan struct{}

	compacted chan struct{} // holds a token after a compaction

	broken chan struct{} // closed when damage was found

	mu      sync.Mutex
	damage  error         // for good
	flush   error         // of the last flush, ErrUnwritable
	compact error         // of the last compaction, ErrUnwritable
	failed  chan struct{} // closed while one of them is set
	flushed error         // what FlushEnd said of the last flush
	running int           // compactions
	ended   time.Time     // of the last compaction
	unread  error         // of the last read that failed, ErrUnreadable
	missed  time.Time     // when that was
}

func newHealth(log *slog.Logger, mark func(), closed <-chan struct{}) *health {
	return &health{
		log: log, mark: mark, closed: closed,
		compacted: make(chan struct{}, 1), failed: make(chan struct{}), broken: make(chan struct{}),
	}
}

// err is what keeps the index from being written.
func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.compact != nil && h.running == 0 && time.Since(h.ended) > retryDelay {
		h.setLocked(&h.compact, nil) // Pebble has given it up
	}
	return h.errLocked()
}

func (h *health) errLocked() error { return cmp.Or(h.damage, h.flush, h.compact) }

// damaged is what keeps it from being read too.
func (h *health) damaged() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.damage
}

// failing is closed while something fails, and until err was called after that.
func (h *health) failing() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

// set sets one of the errors, and returns what it was.
func (h *health) set(field *error, err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.setLocked(field, err)
}

func (h *health) setLocked(field *error, err error) error {
	before, failed := *field, h.errLocked() != nil
	*field = err
	switch {
	case !failed && h.errLocked() != nil:
		close(h.failed)
	case failed && h.errLocked() == nil:
		h.failed = make(chan struct{})
	}
	return before
}

// report takes an error of Pebble, or none, and returns it as this package's:
// ErrDamaged if the rows are, now or since earlier. What reading a file came to
// is told apart already, see gate.
func (h *health) report(err error) error {
	switch {
	case err == nil:
		return h.damaged()
	case errors.Is(err, ErrDamaged):
	case errors.Is(err, ErrUnreadable):
		h.missedRead(err)
		return err
	case pebble.IsCorruptionError(err), errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	default:
		return err
	}
	if h.set(&h.damage, err) == nil {
		h.log.Error("the index is damaged and must be rebuilt", "error", err)
		close(h.broken)
		h.mark()
	}
	return err
}

// missedRead notes a read that failed without damage. It says so once in
// unreadLasts, since every read may meet the same.
func (h *health) missedRead(err error) {
	h.mu.Lock()
	known := h.unread != nil && time.Since(h.missed) < unreadLasts
	if !known {
		h.unread, h.missed = err, time.Now()
	}
	h.mu.Unlock()
	if !known {
		h.log.Error("the index cannot be read now; a rebuild would not mend that: see to the machine", "error", err)
	}
}

// unreadable is a read that failed within unreadLasts.
func (h *health) unreadable() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.missed) >= unreadLasts {
		return nil
	}
	return h.unread
}

// unreadLasts is how long a failed read is told of. After that the next read
// finds out whether it still fails.
const unreadLasts = 10 * time.Second

// wrote takes the outcome of a flush or a compaction.
func (h *health) wrote(field *error, err error) {
	if err == nil {
		h.set(field, nil)
		return
	}
	if err = h.report(err); errors.Is(err, ErrDamaged) {
		return
	}
	h.set(field, fmt.Errorf("%w: %w", ErrUnwritable, err))
	h.log.Error("the index cannot write its rows to disk; it tries again", "error", err)
}

func (h *health) listener() *pebble.EventListener {
	return &pebble.EventListener{
		DataCorruption: func(info pebble.DataCorruptionInfo) { h.fatal(info.String()) },
		// A flush of nothing ends with an error that is none. So a flush has failed
		// when its error comes again here, where others come too.
		BackgroundError: func(err error) {
			if h.saidByFlush(err) {
				h.wrote(&h.flush, err)
			} else {
				_ = h.report(err)
			}
		},
		FlushEnd: func(info pebble.FlushInfo) {
			h.flushEnded(info.Err)
			if info.Err == nil {
				h.wrote(&h.flush, nil)
			}
		},
		CompactionBegin: func(pebble.CompactionInfo) { h.compacts(1) },
		CompactionEnd: func(info pebble.CompactionInfo) {
			h.compacts(-1)
			if !errors.Is(info.Err, pebble.ErrCancelledCompaction) {
				h.wrote(&h.compact, info.Err)
			}
			select {
			case h.compacted <- struct{}{}:
			default:
			}
		},
	}
}

// compacts notes that one more compaction runs, or one less.
func (h *health) compacts(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running, h.ended = h.running+n, time.Now()
}

func (h *health) flushEnded(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flushed = err
}

func (h *health) saidByFlush(err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return errors.Is(err, h.flushed)
}

func (h *health) fatal(message string) { _ = h.report(fmt.Errorf("%w: %s", ErrDamaged, message)) }

// pebbleLogger is health as Pebble's Logger.
type pebbleLogger struct{ *health }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.fatal("pebble: " + fmt.Sprintf(format, args...))
}
