package adminhttp

import (
	"context"
	"io"
	"net/http"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
)

// Maintenance is what an operator has a node do, beside credentials.
type Maintenance interface {
	// VerifyLog reads the whole log, see lrs.VerifyLog.
	VerifyLog(ctx context.Context) (lrs.LogReport, error)
	// Backup writes a backup of the log and its blobs, see package archive. When it returns nil, all of it was written.
	Backup(ctx context.Context, w io.Writer) error
	// RebuildIndex makes the index again from the log, beside the one that serves.
	// ErrRebuilding if that is under way.
	RebuildIndex(ctx context.Context) (Rebuilt, error)
}

// Rebuilt is what a rebuild came to.
type Rebuilt struct {
	Commits    uint64  `json:"commits"`
	Statements uint64  `json:"statements"`
	Seconds    float64 `json:"seconds"`
}

// ErrRebuilding refuses a second rebuild beside one that is under way.
var ErrRebuilding = problem.New(http.StatusConflict, "index.rebuilding", "The index is being rebuilt already.")
