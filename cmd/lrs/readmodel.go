package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// modelFile is the read model where --read-model names no other.
func (cfg *nodeConfig) modelFile() string { return filepath.Join(cfg.dir, "read", "model.db") }

// readDSN names the read model.
func (cfg *nodeConfig) readDSN() (string, error) {
	if cfg.read != "" {
		return cfg.read, nil
	}
	if err := os.MkdirAll(filepath.Dir(cfg.modelFile()), 0o700); err != nil {
		return "", fmt.Errorf("read model: %w", err)
	}
	return "sqlite:" + cfg.modelFile(), nil
}

// openModel opens the read model. A damaged one in the data directory is moved aside, and
// a new one begun, which the projections fill from the log. One that an operator has named
// is left to him: others may read it.
func openModel(ctx context.Context, cfg nodeConfig, log *slog.Logger) (*readmodel.Store, error) {
	dsn, err := cfg.readDSN()
	if err != nil {
		return nil, err
	}
	model, err := readmodel.Open(ctx, dsn)
	if cfg.read != "" || !errors.Is(err, readmodel.ErrDamaged) {
		return model, err
	}
	kept, failed := moveAside(cfg.modelFile(), time.Now())
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	log.Warn("the read model cannot be used and is made again from the log; until then /api/v1 lags", "reason", err, "kept", kept)
	return readmodel.Open(ctx, dsn)
}

// moveAside renames a file of SQLite, and those that go with it, and returns its new name.
func moveAside(file string, now time.Time) (kept string, err error) {
	kept = file + ".damaged-" + now.UTC().Format("20060102T150405.000000000Z")
	// The file goes first: it is never without its write-ahead log, and SQLite removes that of a file that is new.
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(file+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("move it aside: %w", err)
		}
	}
	return kept, nil
}
