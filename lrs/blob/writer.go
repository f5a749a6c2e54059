package blob

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"time"
)

// fileWriter writes a blob of a File to a temporary file and hashes it on the way.
type fileWriter struct {
	store *File
	want  string
	hash  hash.Hash
	tmp   *os.File // nil once finished
	size  int64
	err   error // the first failed Write
}

// Write implements io.Writer. After an error the blob cannot be committed any more.
func (w *fileWriter) Write(p []byte) (int, error) {
	if w.tmp == nil {
		return 0, ErrFinished
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.tmp.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	if err != nil {
		w.err = fmt.Errorf("blob: write: %w", err)
	}
	return n, w.err
}

// Commit implements Writer.
func (w *fileWriter) Commit(ctx context.Context) (id string, size int64, err error) {
	if w.tmp == nil {
		return "", 0, ErrFinished
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("blob: commit: %w", err), w.Abort())
		}
	}()
	if err := errors.Join(w.err, ctx.Err()); err != nil {
		return "", 0, err
	}
	id = hex.EncodeToString(w.hash.Sum(nil))
	if w.want != "" && w.want != id {
		return "", 0, fmt.Errorf("%w: expected %s, got %s", ErrHashMismatch, w.want, id)
	}
	if err := w.place(id); err != nil {
		return "", 0, err
	}
	return id, w.size, nil
}

// place makes the temporary file the blob, in the order that File explains.
func (w *fileWriter) place(id string) error {
	// The age of a blob counts from here, not from its last Write.
	if err := os.Chtimes(w.tmp.Name(), time.Time{}, time.Now()); err != nil {
		return err
	}
	if err := w.store.disk.syncFile(w.tmp); err != nil {
		return err
	}
	if err := w.tmp.Close(); err != nil {
		return err
	}
	path := w.store.path(id)
	w.store.placing.Lock()
	err := w.store.disk.rename(w.tmp.Name(), path)
	w.store.placing.Unlock()
	if err != nil {
		return err
	}
	w.tmp = nil
	return w.store.disk.syncDir(filepath.Dir(path))
}

// Abort implements Writer.
func (w *fileWriter) Abort() error {
	if w.tmp == nil {
		return nil
	}
	name := w.tmp.Name()
	closed := w.tmp.Close()
	if errors.Is(closed, os.ErrClosed) {
		closed = nil
	}
	w.tmp = nil
	return errors.Join(closed, os.Remove(name))
}
