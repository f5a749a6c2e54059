package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
)

// administer does something with the server that runs on --data, or, if none
// does, with the directory itself, which it owns meanwhile.
func administer(
	cmd *cobra.Command,
	running func(context.Context, *adminhttp.Client) error,
	stopped func(context.Context, nodeConfig, *slog.Logger) error,
) (err error) {
	cfg := defaultNode
	if cfg.dir, err = cmd.Flags().GetString("data"); err != nil {
		return err
	}
	ctx := cmd.Context()
	err = running(ctx, adminhttp.NewClient(socketPath(cfg.dir)))
	if !errors.Is(err, adminhttp.ErrNoServer) {
		return err
	}
	lock, err := lockData(cfg.dir)
	if errors.Is(err, errInUse) {
		return fmt.Errorf("a server is starting or stopping on %s; try again in a moment: %w", cfg.dir, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return stopped(ctx, cfg, log)
}
