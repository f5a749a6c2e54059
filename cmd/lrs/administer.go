package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
)

// administer does something with the server that runs on --data, or, if none
// does, with the directory itself, which it owns meanwhile.
//
// Only with create may there be no store yet: a mistyped --data must not pass
// for an empty one.
func administer(
	cmd *cobra.Command, cfg nodeConfig, create bool,
	running func(context.Context, *adminhttp.Client) error,
	stopped func(context.Context, nodeConfig, *slog.Logger) error,
) (err error) {
	if err := cfg.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	err = running(ctx, adminhttp.NewClient(socketPath(cfg.dir)))
	if !errors.Is(err, adminhttp.ErrNoServer) {
		return err
	}
	if _, err := os.Stat(filepath.Join(cfg.dir, "log")); err != nil && !create && !cfg.engine.shared() {
		return fmt.Errorf("there is no store in %s (--data): %w", cfg.dir, err)
	}
	lock, err := lockData(cfg.dir)
	if errors.Is(err, errInUse) {
		return fmt.Errorf("a server is starting or stopping on %s; try again in a moment: %w", cfg.dir, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	cfg.port = natsPort{} // nobody subscribes to a command
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return stopped(ctx, cfg, log)
}
