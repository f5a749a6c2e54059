package index

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gate is the file system as Pebble sees it.
//
// Flushes and compactions begin a table without Pebble's mutex: here a failed one
// waits before it is tried again, and after damage until Close.
//
// What comes of reading a file is told apart here, since behind Pebble nobody can
// say whether an error came of reading or of writing, and of which file. A file
// that is shorter than Pebble wrote it, and one that the disk cannot give back
// (EIO, EUCLEAN, EISDIR …), are ErrDamaged: the rows are lost, and a rebuild makes
// them again, in other places of the disk. ErrUnreadable is what a rebuild cannot
// mend, because it would meet the same: see troubles. What is neither known to be
// the one nor the other counts as damage: to rebuild an index that was whole costs
// minutes, to refuse reads until somebody looks may cost days.
type gate struct {
	vfs.FS
	health *health
}

// troubles are those of the machine or of how the server was set up: too many
// open files, no memory, no permission. They say nothing about the rows.
var troubles = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS, syscall.EACCES, syscall.EPERM,
	syscall.EINTR, syscall.EAGAIN, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS,
}

// readError is the error of reading a file as this package's. A file that is not
// there stays fs.ErrNotExist, for which Pebble looks; report takes it for damage.
func readError(name string, err error) error {
	var errno syscall.Errno
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrClosed):
		return err
	case errors.As(err, &errno) && slices.Contains(troubles, errno):
		return fmt.Errorf("%w: %s: %w", ErrUnreadable, name, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
}

// Open implements vfs.FS.
func (g gate) Open(name string, options ...vfs.OpenOption) (vfs.File, error) {
	f, err := g.FS.Open(name, options...)
	if err != nil {
		return nil, readError(name, err)
	}
	return readFile{f, name}, nil
}

// readFile is a file that was opened to be read.
type readFile struct {
	vfs.File
	name string
}

// Read implements vfs.File. Its io.EOF is no error: that is how who reads from
// the front finds the end.
func (f readFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if err == io.EOF {
		return n, err
	}
	return n, readError(f.name, err)
}

// ReadAt implements vfs.File. Pebble asks for what it has written, so an end in
// front of that is damage.
func (f readFile) ReadAt(p []byte, offset int64) (int, error) {
	n, err := f.File.ReadAt(p, offset)
	switch {
	case err == io.EOF && n == len(p):
		return n, nil
	case err == io.EOF:
		err = fmt.Errorf("it ends at byte %d, before byte %d: %w", offset+int64(n), offset+int64(len(p)), io.ErrUnexpectedEOF)
	}
	return n, readError(f.name, err)
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
