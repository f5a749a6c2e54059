package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	driver "modernc.org/sqlite"
)

// The writer's page cache, KiB. A build touches most pages of its tables again and again, and has the larger one.
const (
	usualCache    = 16 << 10
	buildingCache = 64 << 10
)

// After so many pages that were written to the write-ahead log they are copied into the file, beside the writer. It does
// that itself, and waits for it, only when the log has got pagesAtMost (64 MB).
const (
	checkpointPages = 4000
	pagesAtMost     = 16000
)

// sqliteFile is what a store does for its file beside reading and writing rows.
type sqliteFile struct {
	checkpoints *sql.DB
	due         chan struct{} // capacity 1
	stop        context.CancelFunc
	stopped     chan struct{}

	// Of the writer, for whoever has the turn.
	cache int // KiB
}

// openSQLite opens a file with one connection that writes, several that read while it does, and one that copies the
// write-ahead log into it. What a power cut takes from that log are whole transactions, and with them their
// checkpoints: they are made again.
func (s *Store) openSQLite(path string) (err error) {
	if path == "" || path == ":memory:" { // each connection would have a memory of its own
		return errors.New("the DSN names no file: sqlite:PATH")
	}
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=temp_store(MEMORY)"
	if s.writer, err = sql.Open("sqlite", fmt.Sprintf("%s&_pragma=cache_size(-%d)&_pragma=wal_autocheckpoint(%d)&_txlock=immediate", file, usualCache, pagesAtMost)); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.readers, err = sql.Open("sqlite", file+"&_pragma=cache_size(-4096)&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(4)
	s.readers.SetMaxIdleConns(4)

	checkpoints, err := sql.Open("sqlite", file+"&_pragma=cache_size(-64)")
	if err != nil {
		return err
	}
	checkpoints.SetMaxOpenConns(1)
	s.file = &sqliteFile{checkpoints: checkpoints, due: make(chan struct{}, 1), stopped: make(chan struct{}), cache: usualCache}
	ctx, stop := context.WithCancel(context.Background())
	s.file.stop = stop
	go s.file.run(ctx)
	return nil
}

// run copies the write-ahead log whenever that is due, until ctx ends.
func (f *sqliteFile) run(ctx context.Context) {
	defer close(f.stopped)
	for {
		select {
		case <-f.due:
			// It stops before what somebody still reads; the rest is for the next time. If it fails, the writer will fail
			// at the same, and says so.
			_, _ = f.checkpoints.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		case <-ctx.Done():
			return
		}
	}
}

func (f *sqliteFile) close() error {
	f.stop()
	<-f.stopped
	return f.checkpoints.Close()
}

// fitCache gives the writer the cache that it should have.
func (f *sqliteFile) fitCache(ctx context.Context, writer *sql.DB, building bool) error {
	cache := usualCache
	if building {
		cache = buildingCache
	}
	if cache == f.cache {
		return nil
	}
	if _, err := writer.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_size = -%d; PRAGMA shrink_memory", cache)); err != nil {
		return fmt.Errorf("readmodel: set the cache: %w", err)
	}
	f.cache = cache
	return nil
}

// wrote is called after each turn of the writer.
func (f *sqliteFile) wrote(ctx context.Context, writer *sql.DB) error {
	conn, err := writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		status, ok := c.(driver.DBStatus)
		if !ok {
			return fmt.Errorf("readmodel: a %T tells nothing of its cache", c)
		}
		if pages, _, err := status.Status(driver.DBStatusCacheWrite, false); err != nil || pages < checkpointPages {
			return err
		}
		select {
		case f.due <- struct{}{}:
		default: // it is
		}
		_, _, err := status.Status(driver.DBStatusCacheWrite, true)
		return err
	})
}
