package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/lrs/auth"
)

func newIndex() *cobra.Command {
	cmd := &cobra.Command{Use: "index", Short: "Rebuild the index"}
	cmd.AddCommand(newIndexRebuild())
	return cmd
}

func newIndexRebuild() *cobra.Command {
	return &cobra.Command{
		Use:   "rebuild",
		Short: "Make the index again from the log",
		Long: `Makes the index again from the log. A running server fills the new one beside the
live one, and goes over to it when it has caught up; nothing is interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var rebuilt adminhttp.Rebuilt
			err := administer(cmd, func(ctx context.Context, c *adminhttp.Client) (err error) {
				rebuilt, err = c.RebuildIndex(ctx)
				return err
			}, func(ctx context.Context, cfg nodeConfig, log *slog.Logger) error {
				start := time.Now()
				if err := os.RemoveAll(filepath.Join(cfg.dir, "index")); err != nil {
					return fmt.Errorf("index: %w", err)
				}
				n, err := openNode(ctx, cfg, auth.NewRegistry("http://127.0.0.1:8080"), prometheus.NewRegistry(), log)
				if err != nil {
					return err
				}
				p := n.index.Position()
				rebuilt = adminhttp.Rebuilt{Commits: uint64(p.Head.Revision), Statements: p.Next - 1, Seconds: time.Since(start).Seconds()}
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
