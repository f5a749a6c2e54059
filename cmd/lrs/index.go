package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

func newIndex(node *nodeConfig) *cobra.Command {
	cmd := &cobra.Command{Use: "index", Short: "Rebuild the index"}
	return group(cmd, newIndexRebuild(node))
}

func newIndexRebuild(node *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "Make the index again from the log",
		Long: `Makes the index again from the log. A running server fills the new one beside the
live one, and goes over to it when it has caught up; nothing is interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var rebuilt adminhttp.Rebuilt
			err := administer(cmd, *node, false, func(ctx context.Context, c *adminhttp.Client) (err error) {
				rebuilt, err = c.RebuildIndex(ctx)
				return err
			}, func(ctx context.Context, cfg nodeConfig, log *slog.Logger) error {
				// As in a running server: the old index is a witness of what the log
				// must hold, and goes only when the new one is whole.
				n, err := openNode(ctx, cfg, auth.NewRegistry(cfg.url()), prometheus.NewRegistry(), log)
				if err != nil {
					return err
				}
				rebuilt, err = n.RebuildIndex(ctx)
				return errors.Join(err, n.close(10*time.Second))
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "rebuilt from %d commits: %d statements in %.1f s\n", rebuilt.Commits, rebuilt.Statements, rebuilt.Seconds)
			return nil
		},
	}
}
