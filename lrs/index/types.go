package index

import (
	"errors"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// Options of an Index. The zero value is ready for production.
type Options struct {
	// Logger hears what Pebble has to say. Default: slog.Default().
	Logger *slog.Logger

	// CacheSize is how many bytes of blocks and memtables are kept in memory;
	// default, and at least, 128 MiB.
	CacheSize int64

	// Budget is how many steps a page may take before it ends early; default
	// 20,000, some tens of milliseconds. See Page.More.
	Budget int

	// Patience is how long a page that is still empty goes on behind its budget;
	// default 2 s. Now is the clock it is measured with, default time.Now.
	Patience time.Duration
	Now      func() time.Time

	// Tick says when to flush the rows that came since the last tick. Default:
	// every 10 s.
	Tick <-chan time.Time

	// FS is where the directory is. Default: the disk.
	FS vfs.FS

	limits limits // for tests
}

// Position says how much of the log is in the index. That of an empty index has
// Next 1, and is zero otherwise.
type Position struct {
	Head       eventlog.Head
	LastStored int64  // time of the last event, µs; an empty commit counts as one event
	Next       uint64 // number that the next statement gets
	Events     uint64 // how many there were, of all types

	// Late is the number of the first statement that does not meet all filters yet that its target meets, though the target
	// came before it: Settle has that left to do. LateStored is when it was stored, µs. Both are 0 if there is none.
	Late       uint64
	LateStored int64
}

// Stored is a statement as the log has it. Raw may be kept when the View is
// closed, and keeps about twice its bytes in memory at most. Statements of a page
// share memory: nobody may change it.
type Stored struct {
	Raw    []byte
	Number uint64 // its order in the log, from 1
	Stored int64  // µs; the same time as in Raw
	Voided bool
	Sent   []int // see event.StatementStored
}

// Query asks for a list of statements (xAPI 1.0.3, Communication 2.1.3).
type Query struct {
	// The filters. All that are set must hold; a zero one is not set.
	Agent             *xapi.IFI
	RelatedAgents     bool // widens Agent
	Verb              string
	Activity          string
	RelatedActivities bool // widens Activity
	Registration      uuid.NullUUID
	Authority         *xapi.Actor // only what was stored with this authority

	Since, Until int64 // µs: stored > Since, and stored <= Until; 0 for no bound
	Ascending    bool  // oldest first; else newest first
	Limit        int   // statements in the page, above 0

	// A list that has Since or is Ascending is one of those who ask again from where they ended. It ends before
	// Position.Late, so that they miss nothing and see nothing twice.

	// After and Head go on with a list: the Next and Head of the page before, or
	// 0 for its first page. What was stored since the first page is not in the
	// list, so that it ends in both directions.
	After, Head uint64

	// Hold, if it is set, is told how many bytes the page takes in memory while it is
	// gathered, and with a negative number what it gives back; its error ends the
	// search and comes back.
	Hold func(bytes int64) error
}

// Page is a part of the list that a Query asks for.
type Page struct {
	Statements []Stored

	// More: the list may go on behind Next. It is also set when the page ended
	// early because it had become long in bytes or in time; only after
	// Options.Patience may such a page be empty.
	More bool
	Next uint64 // for Query.After
	Head uint64 // for Query.Head: the first number that is not in the list
}

// Document is a document and when it was stored.
type Document struct {
	event.Document
	Updated int64 // µs
}

// Metrics are sizes of the index, for operators.
type Metrics struct {
	DiskBytes     uint64 // of all files
	MemtableBytes uint64 // of the memory that holds rows not flushed yet
	CacheBytes    int64  // of blocks and memtables in memory
	Pending       int    // as Index.Pending
}

// The errors that callers tell apart. They match through wrapping.
var (
	// ErrNotFound: there is no such statement or document.
	ErrNotFound = errors.New("index: not found")

	// ErrClosed: the index is closed.
	ErrClosed = errors.New("index: closed")

	// ErrStale: the directory was written by a release with another format.
	// Remove it and rebuild.
	ErrStale = errors.New("index: another format")

	// ErrDamaged: the directory, or a row in it, is not what was written. Nothing
	// of it may be served. Remove it and rebuild.
	ErrDamaged = errors.New("index: damaged")

	// ErrUnreadable: rows cannot be read now, and that is not for damage: the
	// process has too many files open, or no permission. The same read may be tried
	// again; a rebuild would meet the same.
	ErrUnreadable = errors.New("index: cannot be read now")

	// ErrUnwritable: rows cannot be written to disk now; it may be full. The
	// index goes on reading, tries again by itself, and applies nothing until it
	// has succeeded.
	ErrUnwritable = errors.New("index: cannot write to disk")

	// ErrUnknownType: the log has an event that this release does not know.
	ErrUnknownType = event.ErrUnknownType

	// ErrOutOfOrder: the commit is not the one behind Position.
	ErrOutOfOrder = errors.New("index: not the next commit")
)
