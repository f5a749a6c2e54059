package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// File is the driver for one node. Below its directory blobs are at xy/ID, xy being the first two digits, and blobs
// being written in tmp. All files are 0600: blobs are personal data.
//
// Why a committed blob survives a crash: its content is synced before it gets its name, so a name never stands for
// less than the whole content; the directory of the name is synced before Commit returns; the 256 directories and
// their own names are synced before NewFile returns. A blob that is there already is replaced by the new, equal file:
// that renews its age and needs no other proof that the older one is durable.
type File struct {
	dir  string
	disk disk
	// placing orders the renames of Commit and the removals of Sweep, so that no sweep removes a blob which it judged
	// by an older file of the same name.
	placing sync.Mutex
	checks  checks
}

// disk has the calls on whose order durability rests, so that tests can watch it.
type disk interface {
	syncFile(f *os.File) error
	rename(from, to string) error
	syncDir(dir string) error
}

const tmpDir = "tmp"

// run marks this process's temporary files; those with another mark are left over from a crash.
var run = rand.Text()

// NewFile opens the store in dir, which is made if its parent exists, and removes what a crashed process left half
// written. Only one process may have dir open.
func NewFile(dir string) (*File, error) { return newFile(dir, osDisk{}) }

func newFile(dir string, d disk) (*File, error) {
	f := &File{dir: dir, disk: d}
	err := f.makeDirs()
	if err == nil {
		err = f.removeLeftovers()
	}
	if err != nil {
		return nil, fmt.Errorf("blob: open %s: %w", dir, err)
	}
	return f, nil
}

// makeDirs makes all directories and syncs their names, also when they exist: the process that made them may have
// crashed before its sync.
func (f *File) makeDirs() error {
	names := []string{"", tmpDir}
	for i := range 256 {
		names = append(names, fmt.Sprintf("%02x", i))
	}
	for _, name := range names {
		err := os.Mkdir(filepath.Join(f.dir, name), 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return errors.Join(f.disk.syncDir(f.dir), f.disk.syncDir(filepath.Dir(f.dir)))
}

func (f *File) removeLeftovers() error {
	return f.eachFile(tmpDir, func(e fs.DirEntry) error {
		if strings.HasPrefix(e.Name(), run) {
			return nil
		}
		return os.Remove(filepath.Join(f.dir, tmpDir, e.Name()))
	})
}

// path is where the blob is. The id is valid, so it is at least two digits and no path.
func (f *File) path(id string) string { return filepath.Join(f.dir, id[:2], id) }

// Create implements Store. ctx is looked at only now.
func (f *File) Create(ctx context.Context, want string) (Writer, error) {
	hash, err := NewHash(want)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("blob: create: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Join(f.dir, tmpDir), run+"-*")
	if err != nil {
		return nil, fmt.Errorf("blob: create: %w", err)
	}
	return &fileWriter{store: f, want: want, hash: hash, tmp: tmp}, nil
}

// Open implements Store. A file that this process has not seen whole yet is read to its end first.
func (f *File) Open(ctx context.Context, id string) (io.ReadSeekCloser, int64, error) {
	if err := CheckID(id); err != nil {
		return nil, 0, fmt.Errorf("blob: open: %w", err)
	}
	file, err := os.Open(f.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("blob: open %s: %w", id, err)
	}
	size, err := f.checks.once(ctx, file, id)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("blob: open %s: %w", id, err), file.Close())
	}
	return file, size, nil
}

// Has implements Store.
func (f *File) Has(_ context.Context, id string) (bool, error) {
	if err := CheckID(id); err != nil {
		return false, fmt.Errorf("blob: has: %w", err)
	}
	_, err := os.Stat(f.path(id))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("blob: has %s: %w", id, err)
	}
	return true, nil
}

// Sweep implements Store. Files that are no blobs stay. A removal is not synced: one that a crash undoes is done again
// by the next sweep.
func (f *File) Sweep(ctx context.Context, before time.Time, keep func(id string) (bool, error)) (removed int, err error) {
	for i := range 256 {
		err := f.eachFile(fmt.Sprintf("%02x", i), func(e fs.DirEntry) error {
			if err := ctx.Err(); err != nil || CheckID(e.Name()) != nil {
				return err
			}
			gone, err := f.sweep(e.Name(), before, keep)
			if gone {
				removed++
			}
			return err
		})
		if err != nil {
			return removed, fmt.Errorf("blob: sweep: %w", err)
		}
	}
	return removed, nil
}

// sweep removes one blob if it is old and not kept. Its age is looked at again before the removal, when no Commit can
// put a new file in its place.
func (f *File) sweep(id string, before time.Time, keep func(id string) (bool, error)) (gone bool, err error) {
	if old, err := f.olderThan(before, id); !old {
		return false, err
	}
	if kept, err := keep(id); kept || err != nil {
		return false, err
	}
	f.placing.Lock()
	defer f.placing.Unlock()
	if old, err := f.olderThan(before, id); !old {
		return false, err
	}
	err = os.Remove(f.path(id))
	return err == nil, err
}

// Verify implements Store. It relies on nothing that was checked before. Files that are no blobs do not count.
func (f *File) Verify(ctx context.Context) (blobs int, bytes int64, err error) {
	for i := range 256 {
		err := f.eachFile(fmt.Sprintf("%02x", i), func(e fs.DirEntry) error {
			if CheckID(e.Name()) != nil {
				return nil
			}
			file, err := os.Open(f.path(e.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				return nil // swept since, or none of this directory's
			}
			if err != nil {
				return err
			}
			defer file.Close()
			size, err := f.checks.again(ctx, file, e.Name())
			if err == nil {
				blobs, bytes = blobs+1, bytes+size
			}
			return err
		})
		if err != nil {
			return blobs, bytes, fmt.Errorf("blob: verify: %w", err)
		}
	}
	return blobs, bytes, nil
}

// olderThan tells whether the blob is there and was last committed before a time.
func (f *File) olderThan(before time.Time, id string) (bool, error) {
	info, err := os.Stat(f.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.ModTime().Before(before), err
}

// eachFile calls do for the entries of a directory of the store, which do may remove.
func (f *File) eachFile(name string, do func(fs.DirEntry) error) error {
	dir, err := os.Open(filepath.Join(f.dir, name))
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(512)
		for _, e := range entries {
			if err := do(e); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// osDisk is the real disk.
type osDisk struct{}

func (osDisk) syncFile(f *os.File) error    { return f.Sync() }
func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
