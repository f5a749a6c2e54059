package lrs

import (
	"context"
	"errors"

	"github.com/bedside-lrs/bedside/lrs/blob"
)

// guardedBlobs takes new blobs only while a commit could name them: an attachment
// of a request that is refused stays for a day, and would fill the space that
// Config.MinFree keeps for what was acknowledged. And it says that it has a blob only
// if that can be served.
type guardedBlobs struct {
	blob.Store
	store *Store
}

// guardEvery is how many bytes of a blob are written between two looks at what is
// free.
const guardEvery = 1 << 20

// Create implements blob.Store. Beside that port's errors it and Write return
// those of a write that is refused, ErrNoSpace above all.
func (b guardedBlobs) Create(ctx context.Context, want string) (blob.Writer, error) {
	if err := b.store.writable(); err != nil {
		return nil, err
	}
	w, err := b.Store.Create(ctx, want)
	if err != nil {
		return nil, err
	}
	return &guardedBlob{Writer: w, store: b.store, left: guardEvery}, nil
}

// Has implements blob.Store. It finds a damaged blob too, as Open would: who asks is
// about to announce the blob, and could not take that back.
func (b guardedBlobs) Has(ctx context.Context, id string) (bool, error) {
	r, _, err := b.Store.Open(ctx, id)
	if errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, r.Close()
}

type guardedBlob struct {
	blob.Writer
	store *Store
	left  int // bytes until the next look
}

func (w *guardedBlob) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		if err := w.store.writable(); err != nil {
			return 0, err
		}
		w.left = guardEvery
	}
	return w.Writer.Write(p)
}
