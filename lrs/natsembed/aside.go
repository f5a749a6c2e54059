package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Names inside Config.Dir, beside JetStream's own directory.
const (
	cleanMark  = "clean"    // there only while the server is stopped, and was stopped well
	asideDir   = "aside"    // copies of blocks, until JetStream has recovered
	damagedDir = "damaged-" // … and the time: copies that JetStream did not keep whole
	reportFile = "changes.txt"
)

// aside is what was there before JetStream recovered.
type aside struct {
	dir   string
	sizes map[string]int64 // bytes of the blocks without a copy, by path below dir
}

// setAside checks every block, see check, and notes its size. It copies those that
// end with a torn record and, unless the server was stopped well, those that
// their stream's index does not cover: JetStream reads these and cuts each off at
// its first bad record. From here on the directory does not count as stopped
// well. A copy from an earlier start that did not get as far as settle stays: it
// shows the block before JetStream first touched it.
func setAside(dir string, log *slog.Logger) (*aside, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	clean, err := exists(filepath.Join(dir, cleanMark))
	if err != nil {
		return nil, err
	}
	blocks, err := listBlocks(dir)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	torn, err := check(dir, blocks)
	if err != nil {
		return nil, err
	}
	if len(blocks) > 0 {
		log.Info("checked the message blocks", "blocks", len(blocks), "stopped_well", clean, "took", time.Since(start).Round(time.Millisecond))
	}
	a := &aside{dir: dir, sizes: map[string]int64{}}
	for _, b := range blocks {
		target := filepath.Join(dir, asideDir, b.path)
		if done, err := exists(target); err != nil {
			return nil, err
		} else if done {
			continue
		}
		if !torn[b.path] && (clean || b.age < 0) {
			a.sizes[b.path] = b.size
		} else if err := copyFile(filepath.Join(dir, b.path), target); err != nil {
			return nil, fmt.Errorf("copying %s aside, before JetStream may mend it (is there space?): %w", b.path, err)
		}
	}
	if !clean {
		if err := renew(dir, blocks); err != nil {
			return nil, fmt.Errorf("making the last records durable (is there space?): %w", err)
		}
	}
	if clean {
		if err := os.Remove(filepath.Join(dir, cleanMark)); err != nil {
			return nil, err
		}
	}
	return a, syncDir(dir)
}

// renew writes the blocks anew whose last records may not be on the disk: who reads
// a record from here on may take it for durable. A process that was killed between
// a write and its sync leaves it in the page cache, and after a sync that failed the
// kernel holds there as clean what the disk has not, so that to sync is not enough.
func renew(dir string, blocks []block) error {
	for _, b := range blocks {
		if !b.last && b.age < 0 {
			continue
		}
		file := filepath.Join(dir, b.path)
		if err := copyFile(file, file); err != nil {
			return fmt.Errorf("%s: %w", b.path, err)
		}
	}
	return nil
}

// settle compares the blocks with what was set aside, once JetStream has
// recovered and before anybody can append. Without a difference it removes the
// copies; else it keeps them, with a list of the changes, and says where.
func (a *aside) settle() (changes []string, kept string, err error) {
	from := filepath.Join(a.dir, asideDir)
	copies, err := fs.Glob(os.DirFS(from), blockFiles)
	if err != nil {
		return nil, "", err
	}
	for _, block := range copies {
		what, err := compare(filepath.Join(from, block), filepath.Join(a.dir, block))
		if err != nil {
			return nil, "", err
		}
		if what != "" {
			changes = append(changes, block+" was "+what)
		}
	}
	for _, block := range slices.Sorted(maps.Keys(a.sizes)) {
		switch fi, err := os.Stat(filepath.Join(a.dir, block)); {
		case errors.Is(err, fs.ErrNotExist):
			changes = append(changes, block+" was removed; there is no copy")
		case err != nil:
			return nil, "", err
		case fi.Size() < a.sizes[block]:
			changes = append(changes, fmt.Sprintf("%s was cut from %d to %d bytes; there is no copy", block, a.sizes[block], fi.Size()))
		}
	}
	if len(changes) == 0 {
		return nil, "", os.RemoveAll(from)
	}
	kept = filepath.Join(a.dir, damagedDir+time.Now().UTC().Format("20060102T150405.000000000Z"))
	if err := os.MkdirAll(from, 0o700); err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(from, reportFile), []byte(strings.Join(changes, "\n")+"\n"), 0o600); err != nil {
		return nil, "", err
	}
	if err := os.Rename(from, kept); err != nil {
		return nil, "", err
	}
	return changes, kept, syncDir(a.dir)
}

// markClean notes that the server was stopped well: no block is newer than its
// index, which JetStream writes last of all. It notes nothing when JetStream
// could not write one.
func markClean(dir string) error {
	blocks, err := listBlocks(dir)
	if err != nil {
		return fmt.Errorf("natsembed: after stopping: %w", err)
	}
	if slices.ContainsFunc(blocks, func(b block) bool { return b.age > 0 }) {
		return nil
	}
	f, err := os.Create(filepath.Join(dir, cleanMark))
	if err != nil {
		return fmt.Errorf("natsembed: after stopping: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close(), syncDir(dir)); err != nil {
		return fmt.Errorf("natsembed: after stopping: %w", err)
	}
	return nil
}
