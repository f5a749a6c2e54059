package index

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	memtableSize = 16 << 20
	// memtables wait to be flushed, or are filled, at most. Their memory counts as
	// the cache's, which therefore is twice as large.
	memtables    = 3
	minCacheSize = 96 << 20

	// frameCache is how many bytes of decoded frames stay in memory, twice.
	frameCache = 24 << 20

	flushInterval = 10 * time.Second
)

// Index is the projection of the log that answers xAPI's reads. Apply and Settle
// take turns; a View is a snapshot beside them. All methods may be called
// concurrently.
type Index struct {
	options Options
	db      *pebble.DB
	lock    io.Closer
	health  *health
	closing chan struct{}  // closed by Close, before anything else
	flusher sync.WaitGroup // the goroutine that flushes at ticks

	views struct {
		sync.Mutex
		closed bool
		open   sync.WaitGroup
	}

	shown  atomic.Pointer[shown] // what the writer last made readable
	frames frames                // for all readers

	mu     sync.Mutex // held by whoever writes
	writer writer     // guarded by mu
}

type shown struct {
	Position
	pending int
}

// Open opens the index in dir, or creates it. ErrStale and ErrDamaged (wrapped)
// say that the directory must be removed and the index built again; with any
// other error, as when another process has the directory open, it must be left
// alone.
func Open(dir string, o Options) (*Index, error) {
	x := &Index{options: o.withDefaults(), closing: make(chan struct{})}
	if err := x.open(dir); err != nil {
		return nil, fmt.Errorf("index: open %s: %w", dir, err)
	}
	x.flusher.Go(x.flushAtTicks)
	return x, nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Budget <= 0 {
		o.Budget = 20_000
	}
	if o.Patience <= 0 {
		o.Patience = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.limits = o.limits.withDefaults()
	o.CacheSize = max(o.CacheSize, minCacheSize)
	return o
}

func (x *Index) open(dir string) (err error) {
	fs := x.options.FS
	if info, err := fs.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%w: it is no folder", ErrDamaged)
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// The lock comes first: its failure says nothing about the rows.
	lock, err := pebble.LockDirectory(dir, fs)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	mark := fs.PathJoin(dir, damagedFile)
	if _, err := fs.Stat(mark); err == nil {
		return fmt.Errorf("%w: it was found damaged before", ErrDamaged)
	}
	x.lock = lock
	x.health = newHealth(x.options.Logger, func() {
		if f, err := fs.Create(mark, vfs.WriteCategoryUnspecified); err == nil {
			_ = f.Close()
		}
	}, x.closing)
	if x.db, err = openPebble(dir, x.pebbleOptions(lock)); err != nil {
		return err
	}
	if err := x.load(); err != nil {
		close(x.closing)
		return errors.Join(x.health.report(err), x.db.Close())
	}
	return nil
}

func (x *Index) pebbleOptions(lock *pebble.Lock) *pebble.Options {
	o := &pebble.Options{
		FS:                 gate{FS: x.options.FS, health: x.health},
		Lock:               lock,
		Logger:             pebbleLogger{x.health},
		EventListener:      x.health.listener(),
		Comparer:           comparer,
		FormatMajorVersion: pebble.FormatNewest,
		DisableWAL:         true,
		CacheSize:          x.options.CacheSize,
		MemTableSize:       memtableSize,
		// writer.room makes Apply wait earlier, where it can be woken.
		MemTableStopWritesThreshold: 2 * memtables,
		L0StopWritesThreshold:       4 * maxSublevels,
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].Compression = func() *block.CompressionProfile { return block.FastestCompression }
	}
	return o
}

// openPebble opens the rows. Whatever is wrong with them is ErrDamaged. Errors of
// the operating system are as gate says when they came of reading a file; others,
// as of writing one, say nothing about the rows, but for a file that is missing.
func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("%w: pebble: %v", ErrDamaged, r)
		}
	}()
	db, err = pebble.Open(dir, o)
	var errno syscall.Errno
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, ErrDamaged), errors.Is(err, ErrUnreadable):
		return nil, err
	case errors.As(err, &errno) && errno != syscall.ENOENT:
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
}

// load reads what the writer keeps in memory.
func (x *Index) load() error {
	x.writer = newWriter(x)
	x.frames.cache = newCache[framePlace, frame](frameCache)
	rows := store{Reader: x.db}
	p := Position{Next: 1}
	found, err := rows.get(key{kindPosition}, func(value []byte) (err error) {
		p, err = decodePosition(value)
		return err
	})
	if err != nil {
		return err
	}
	if !found {
		any := false
		err := rows.scan(nil, nil, func(_, _ []byte) bool { any = true; return false })
		if err == nil && any {
			err = fmt.Errorf("%w: rows without a position", ErrDamaged)
		}
		if err != nil {
			return err
		}
	}
	queued, err := rows.count(key{kindQueue})
	if err != nil {
		return err
	}
	late, err := rows.count(key{kindLate})
	x.writer.set(p, queued, late)
	return err
}

// Position is how much of the log is applied, durable or not. A View may show a
// moment earlier what Position shows.
func (x *Index) Position() Position { return x.shown.Load().Position }

// Pending is how many statements Settle must visit: those that are late, and those whose referrers are to be visited since
// they came after these. While it is not 0, lists may lack referrers.
func (x *Index) Pending() int { return x.shown.Load().pending }

// Err says why the index cannot be read (ErrDamaged) or written (ErrUnwritable)
// now.
func (x *Index) Err() error { return x.health.err() }

// Unreadable is why a read failed a moment ago with ErrUnreadable, nil if none did.
func (x *Index) Unreadable() error { return x.health.unreadable() }

// Damaged is closed when damage is found: the index must be rebuilt.
func (x *Index) Damaged() <-chan struct{} { return x.health.broken }

// Metrics reads sizes. It may wait for a flush to finish; do not call it with
// every request.
func (x *Index) Metrics() Metrics {
	if x.enter() != nil {
		return Metrics{}
	}
	defer x.leave()
	m := x.db.Metrics()
	return Metrics{
		DiskBytes: m.DiskSpaceUsage(), MemtableBytes: m.MemTable.Size, CacheBytes: m.BlockCache.Size, Pending: x.Pending(),
	}
}

// flushAtTicks makes rows durable that a slow trickle of commits leaves in
// memory, so that a crash costs seconds of replay.
func (x *Index) flushAtTicks() {
	tick := x.options.Tick
	if tick == nil {
		ticker := time.NewTicker(flushInterval)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-x.closing:
			return
		case <-tick:
			x.mu.Lock()
			x.writer.tick()
			x.mu.Unlock()
		}
	}
}

// Close waits for the open views, makes all rows durable and closes the index.
// Apply and Settle return ErrClosed from now on.
func (x *Index) Close() error {
	x.views.Lock()
	if x.views.closed {
		x.views.Unlock()
		return ErrClosed
	}
	x.views.closed = true
	x.views.Unlock()
	close(x.closing)
	x.flusher.Wait()
	x.views.open.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.Err()
	if err == nil {
		// Without a write-ahead log Pebble's Close drops what is not flushed.
		err = x.writer.flush()
	}
	return errors.Join(err, x.db.Close(), x.lock.Close())
}
