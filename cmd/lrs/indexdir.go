package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/lrs/index"
)

// indexDir is where a node keeps its index: DATA/index, with one folder for each
// index (two while one is rebuilt beside the other) and a file `live` with the
// name of the folder that counts. All of it may be removed while nothing runs.
type indexDir struct {
	path    string
	options index.Options
	log     *slog.Logger
}

// firstIndex is the live folder where no file says another.
const firstIndex = "1"

func (d indexDir) livePath() string { return filepath.Join(d.path, "live") }

// live is the name of the folder that counts.
func (d indexDir) live() (string, error) {
	b, err := os.ReadFile(d.livePath())
	if errors.Is(err, fs.ErrNotExist) {
		return firstIndex, nil
	}
	if err != nil {
		return "", fmt.Errorf("index: %w", err)
	}
	name := strings.TrimSpace(string(b))
	if _, err := strconv.ParseUint(name, 10, 8); err != nil { // as after a power cut: it is not synced
		return firstIndex, nil // an index that is not there is rebuilt
	}
	return name, nil
}

// open opens the live index and removes others that a crash left. If it has
// another format or is damaged, it begins a new one: the store fills it from the
// log.
func (d indexDir) open() (*index.Index, error) {
	if info, err := os.Stat(d.path); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("index: %s is a file, and must be a folder; nothing was changed: move it away and start again: "+
			"the index is then made again from the log", d.path)
	}
	name, err := d.live()
	if err != nil {
		return nil, err
	}
	if err := d.removeAllBut(name); err != nil {
		return nil, err
	}
	dir := filepath.Join(d.path, name)
	x, err := index.Open(dir, d.options)
	switch {
	case err == nil:
		return x, nil
	case !errors.Is(err, index.ErrStale) && !errors.Is(err, index.ErrDamaged): // it may be whole
		return nil, fmt.Errorf("%w; nothing was changed: see to the machine or the disk; or, while nothing runs, move %s away: "+
			"the index is then made again from the log", err, d.path)
	}
	d.log.Warn("the index cannot be used and is rebuilt from the log", "reason", err)
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return index.Open(dir, d.options)
}

// next opens an empty index beside the live one, and returns what makes it the
// live one.
func (d indexDir) next() (x *index.Index, name string, adopt func() error, err error) {
	live, err := d.live()
	if err != nil {
		return nil, "", nil, err
	}
	name = "1"
	if live == name {
		name = "2"
	}
	dir := filepath.Join(d.path, name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, "", nil, fmt.Errorf("index: %w", err)
	}
	if x, err = index.Open(dir, d.options); err != nil {
		return nil, "", nil, err
	}
	return x, name, func() error {
		tmp := d.livePath() + ".new"
		if err := os.WriteFile(tmp, []byte(name+"\n"), 0o600); err != nil {
			return err
		}
		// Not synced: whichever index a start finds live, it is whole, or is rebuilt.
		return os.Rename(tmp, d.livePath())
	}, nil
}

// removeAllBut removes every folder but one.
func (d indexDir) removeAllBut(name string) error {
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != name {
			if err := os.RemoveAll(filepath.Join(d.path, e.Name())); err != nil {
				return fmt.Errorf("index: %w", err)
			}
		}
	}
	return nil
}

// keepIndex rebuilds the index beside the serving one when damage is found in it, until ctx ends. What a rebuild cannot
// do is left for the next start, which does it too.
func (n *node) keepIndex(ctx context.Context, log *slog.Logger) {
	for ctx.Err() == nil { // the damage stays told when a stop has ended the rebuild
		select {
		case <-n.store.Index().Damaged():
		case <-n.reindexed: // there is another index to watch
			continue
		case <-ctx.Done():
			return
		}
		log.Warn("the index is damaged and is rebuilt from the log; until then reads are refused")
		if _, err := n.RebuildIndex(ctx); errors.Is(err, adminhttp.ErrRebuilding) { // an operator was faster
			select {
			case <-n.reindexed:
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		} else if err != nil && ctx.Err() == nil {
			log.Error("the index could not be rebuilt; restart the server, or look at its disk", "error", err)
			select {
			case <-time.After(rebuildPause):
			case <-ctx.Done():
			}
		}
	}
}

// rebuildPause is between two tries to rebuild a damaged index.
const rebuildPause = time.Minute

// RebuildIndex implements adminhttp.Maintenance: it fills a new index from the
// log beside the live one, and serves from it.
func (n *node) RebuildIndex(ctx context.Context) (adminhttp.Rebuilt, error) {
	if !n.rebuilding.TryLock() {
		return adminhttp.Rebuilt{}, adminhttp.ErrRebuilding
	}
	defer n.rebuilding.Unlock()
	if err := n.wholeFiles(ctx); err != nil {
		return adminhttp.Rebuilt{}, err
	}
	start := time.Now()
	next, name, adopt, err := n.indexDir.next()
	if err != nil {
		return adminhttp.Rebuilt{}, err
	}
	if err := n.store.Rebuild(ctx, next, adopt); err != nil {
		live, failed := n.indexDir.live()
		err = errors.Join(err, next.Close(), failed)
		if failed == nil {
			err = errors.Join(err, n.indexDir.removeAllBut(live))
		}
		return adminhttp.Rebuilt{}, err
	}
	select {
	case n.reindexed <- struct{}{}:
	default: // keepIndex has not seen the one before yet
	}
	p := next.Position()
	rebuilt := adminhttp.Rebuilt{
		Commits: uint64(p.Head.Revision), Statements: p.Next - 1, Seconds: time.Since(start).Seconds(),
	}
	return rebuilt, n.indexDir.removeAllBut(name)
}
