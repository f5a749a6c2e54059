// Package blob keeps attachments and large documents by their SHA-2 hash: a port with drivers. File is the driver for
// one node; its directory belongs to one process. Package natsblob has the driver for many nodes.
package blob

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// Store keeps blobs by id: the lower-case hex SHA-2 of the content: of 56 (SHA-224), 64 (SHA-256), 96 (SHA-384) or 128
// digits (SHA-512). The same content under hashes of two lengths is two blobs. All methods may overlap in every way,
// also for the same id. Another id is ErrInvalidID in every method.
type Store interface {
	// Create begins a blob. want is the id that the content must turn out to have; "" names it by SHA-256.
	Create(ctx context.Context, want string) (Writer, error)
	// Open reads a blob and tells its size in bytes. A reader keeps its content even if the blob is then written again
	// or swept. No byte is handed out before the content was compared with the id since the store was opened. Errors:
	// ErrNotFound, wrapped with the id; ErrDamaged, wrapped with what to restore.
	Open(ctx context.Context, id string) (io.ReadSeekCloser, int64, error)
	// Has tells whether Open would find the blob.
	Has(ctx context.Context, id string) (bool, error)
	// Sweep removes the blobs whose last Commit began before a time and for which keep returns false, and counts them.
	// A Commit that began at or after that time is safe, also while Sweep runs: its blob stays. keep is called for one
	// blob at a time; its error ends the sweep and comes back wrapped, as does ctx's.
	//
	// Between keep's answer and the removal the caller admits no new reference to a blob that it has not committed
	// itself since before: it shuts sealing out, or asks Has again when it seals.
	Sweep(ctx context.Context, before time.Time, keep func(id string) (bool, error)) (removed int, err error)
	// Verify reads every blob and compares it with its id. It counts the blobs and their bytes up to the first that is
	// damaged: ErrDamaged, wrapped as by Open, which refuses that blob from then on. Those that are committed or swept
	// meanwhile may be counted or not.
	Verify(ctx context.Context) (blobs int, bytes int64, err error)
}

// Writer takes the content of one blob, in constant memory, for one goroutine.
type Writer interface {
	io.Writer
	// Commit stores what was written. When it returns nil the blob is durable: it survives the power going off. A blob
	// that is already there stays one blob, and counts as committed now. Size is in bytes. Errors: ErrHashMismatch,
	// wrapped with both hashes; the error of a failed Write; ErrFinished. After any error nothing that was not there
	// before may be relied on, and the Writer is finished.
	Commit(ctx context.Context) (id string, size int64, err error)
	// Abort drops what was written. After Commit or Abort it does nothing and returns nil, so it can be deferred.
	Abort() error
}

// The errors that callers tell apart.
var (
	ErrNotFound     = errors.New("blob not found")
	ErrHashMismatch = errors.New("content does not have the expected hash")
	ErrDamaged      = errors.New("stored content does not have its hash any more")
	ErrInvalidID    = errors.New("not a lower-case hex SHA-2 hash")
	ErrFinished     = errors.New("blob writer is already committed or aborted")
	// ErrUnavailable, wrapped with what an operator can do, may come from each method of a store that is on other
	// machines: there was no answer, or there is no room.
	ErrUnavailable = errors.New("blobs cannot be reached now")
)

// NewHash is the hash that an id of this length is made by, SHA-256 for "". Error: ErrInvalidID, wrapped, if id is
// not lower-case hex of a SHA-2 length. Drivers check every id with it, so an id never holds a path.
func NewHash(id string) (hash.Hash, error) {
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return nil, fmt.Errorf("%w: %.140q", ErrInvalidID, id)
		}
	}
	switch len(id) {
	case 0, 2 * sha256.Size:
		return sha256.New(), nil
	case 2 * sha256.Size224:
		return sha256.New224(), nil
	case 2 * sha512.Size384:
		return sha512.New384(), nil
	case 2 * sha512.Size:
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("%w: %d digits", ErrInvalidID, len(id))
}

// CheckID checks that id names a blob. Error: ErrInvalidID, wrapped.
func CheckID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: it is empty", ErrInvalidID)
	}
	_, err := NewHash(id)
	return err
}
