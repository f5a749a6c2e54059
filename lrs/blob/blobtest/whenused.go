package blobtest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// WhenUsed is a blob.File in a directory that is opened when a blob is first asked for: for tests that seldom have one.
// To make and remove the directories of a blob.File takes longer than all else that most of them do.
func WhenUsed(dir string) blob.Store {
	return whenUsed{dir, sync.OnceValues(func() (*blob.File, error) { return blob.NewFile(dir) })}
}

type whenUsed struct {
	dir  string
	open func() (*blob.File, error)
}

func (s whenUsed) Create(ctx context.Context, want string) (blob.Writer, error) {
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	return f.Create(ctx, want)
}

func (s whenUsed) Open(ctx context.Context, id string) (io.ReadSeekCloser, int64, error) {
	f, err := s.open()
	if err != nil {
		return nil, 0, err
	}
	return f.Open(ctx, id)
}

func (s whenUsed) Has(ctx context.Context, id string) (bool, error) {
	f, err := s.open()
	if err != nil {
		return false, err
	}
	return f.Has(ctx, id)
}

// Sweep does nothing where there is nothing yet: each lrs.Store begins with one.
func (s whenUsed) Sweep(ctx context.Context, before time.Time, keep func(id string) (bool, error)) (int, error) {
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return 0, ctx.Err()
	}
	f, err := s.open()
	if err != nil {
		return 0, err
	}
	return f.Sweep(ctx, before, keep)
}

func (s whenUsed) Verify(ctx context.Context) (int, int64, error) {
	f, err := s.open()
	if err != nil {
		return 0, 0, err
	}
	return f.Verify(ctx)
}
