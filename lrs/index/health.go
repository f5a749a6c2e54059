package index

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
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
// A flush or compaction that failed is tried again at once and for ever. While
// it fails the creation of tables is slowed down (see gate), and Apply returns
// ErrUnwritable before Pebble could make it wait without end.
type health struct {
	log    *slog.Logger
	mark   func() // leaves damagedFile
	closed <-chan struct{}

	compacted chan struct{} // holds a token after a compaction

	mu         sync.Mutex
	damage     error         // for good
	unwritable error         // until a flush or compaction succeeds
	failed     chan struct{} // closed while damage or unwritable is set
}

func newHealth(log *slog.Logger, mark func(), closed <-chan struct{}) *health {
	return &health{log: log, mark: mark, closed: closed, compacted: make(chan struct{}, 1), failed: make(chan struct{})}
}

// err is the first of damage and unwritable that is set.
func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return cmpError(h.damage, h.unwritable)
}

func cmpError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// damaged is the damage alone: what reads must know.
func (h *health) damaged() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.damage
}

// failing is closed while err is not nil.
func (h *health) failing() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

// set changes damage or unwritable.
func (h *health) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := cmpError(h.damage, h.unwritable) != nil
	change()
	switch is := cmpError(h.damage, h.unwritable) != nil; {
	case is && !was:
		close(h.failed)
	case !is && was:
		h.failed = make(chan struct{})
	}
}

// report takes an error of Pebble and returns it as this package's.
func (h *health) report(err error) error {
	switch {
	case err == nil:
		return h.damaged()
	case errors.Is(err, ErrDamaged):
	case pebble.IsCorruptionError(err), errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	default:
		return err
	}
	first := false
	h.set(func() {
		first = h.damage == nil
		if first {
			h.damage = err
		}
	})
	if first {
		h.log.Error("the index is damaged and must be rebuilt", "error", err)
		h.mark()
	}
	return err
}

// background takes the error of a flush or compaction.
func (h *health) background(err error) {
	if err = h.report(err); errors.Is(err, ErrDamaged) {
		return
	}
	h.set(func() { h.unwritable = fmt.Errorf("%w: %w", ErrUnwritable, err) })
	h.log.Error("the index cannot write its rows to disk; it tries again", "error", err)
}

// succeeded says that a flush or compaction has written its tables.
func (h *health) succeeded() { h.set(func() { h.unwritable = nil }) }

func (h *health) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: h.background,
		DataCorruption:  func(info pebble.DataCorruptionInfo) { h.fatal(info.String()) },
		FlushEnd: func(info pebble.FlushInfo) {
			if info.Err == nil {
				h.succeeded()
			}
		},
		CompactionEnd: func(info pebble.CompactionInfo) {
			if info.Err == nil {
				h.succeeded()
			}
			select {
			case h.compacted <- struct{}{}:
			default:
			}
		},
	}
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

// gate is the file system as Pebble sees it. Flushes and compactions begin a
// table without Pebble's mutex: here a failed one waits before it is tried
// again, and after damage until Close.
type gate struct {
	vfs.FS
	health *health
}

// Create implements vfs.FS.
func (g gate) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		if err := g.health.damaged(); err != nil {
			<-g.health.closed
			return nil, err
		}
		if g.health.err() != nil {
			select {
			case <-time.After(retryDelay):
			case <-g.health.closed:
			}
		}
	}
	return g.FS.Create(name, category)
}
