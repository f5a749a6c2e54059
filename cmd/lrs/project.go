package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/bedside-lrs/bedside/api/hrhttp"
	"github.com/bedside-lrs/bedside/projections"
	"github.com/bedside-lrs/bedside/projections/catalog"
	"github.com/bedside-lrs/bedside/projections/competency"
	"github.com/bedside-lrs/bedside/projections/people"
	"github.com/bedside-lrs/bedside/projections/readmodel"
)

// allProjections are those of this program.
func allProjections() []projections.Projection {
	return []projections.Projection{people.Projection{}, catalog.Projection{}, competency.Projection{}}
}

// readDSN names the read model.
func (cfg *nodeConfig) readDSN() (string, error) {
	if cfg.read != "" {
		return cfg.read, nil
	}
	dir := filepath.Join(cfg.dir, "read")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("read model: %w", err)
	}
	return "sqlite:" + filepath.Join(dir, "model.db"), nil
}

// project opens the read model and starts the projections.
func (n *node) project(ctx context.Context, cfg nodeConfig, log *slog.Logger) error {
	dsn, err := cfg.readDSN()
	if err != nil {
		return err
	}
	if n.model, err = readmodel.Open(ctx, dsn); err != nil {
		return fmt.Errorf("read model (--read-model): %w", err)
	}
	n.runtime = projections.Start(projections.Config{
		Log: n.log, Store: n.model, Projections: allProjections(), Logger: log,
	})
	return nil
}

// hr configures the resources of /api/v1.
func (n *node) hr(log *slog.Logger) hrhttp.Config {
	return hrhttp.Config{Store: n.store, Runtime: n.runtime, Model: n.model, Log: log}
}
