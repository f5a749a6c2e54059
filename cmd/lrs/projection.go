package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
)

func newProjection(node *nodeConfig) *cobra.Command {
	cmd := &cobra.Command{Use: "projection", Short: "Look at the projections"}
	return group(cmd, newProjectionStatus(node))
}

func newProjectionStatus(node *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Tell how far each projection is, and which events it has set aside",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withServer(cmd, node, false, func(ctx context.Context, c *adminhttp.Client) error {
				all, err := c.ProjectionStatus(ctx)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "PROJECTION\tPOSITION\tTHROUGH\tBEHIND\tSET ASIDE\tSTATE")
				for _, s := range all {
					state := "following"
					switch {
					case s.Error != "":
						state = "stands still: " + s.Error
					case s.Building != "":
						state = "is built anew, at " + s.Building
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%d events\t%d\t%s\n", s.Name, s.Position, s.Through, s.LagEvents, s.SetAside, state)
				}
				if err := w.Flush(); err != nil {
					return err
				}
				for _, s := range all {
					for _, e := range s.Events {
						fmt.Fprintf(cmd.OutOrStdout(), "%s set aside %s at %s: %s\n", s.Name, e.Type, e.Position, e.Reason)
					}
				}
				return nil
			})
		},
	}
}

func newReplay(node *nodeConfig) *cobra.Command {
	var names []string
	var all bool
	var until, into string
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Build projections anew from the log",
		Long: `Builds projections anew from the log beside the live ones and puts them in their
place when they have come as far; readers see the old answers until then.

With --until and --into it builds what the projections were at a position of the
log (such as 4711.0) or at a time, into a database of its own, and leaves the live
ones alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			past := until != "" || into != ""
			switch {
			case past && (until == "" || into == ""):
				return errors.New("--until and --into go together")
			case past && (all || len(names) > 0):
				return errors.New("--until builds all projections; leave --projection and --all out")
			case !past && all == (len(names) > 0):
				return errors.New("name the projections with --projection, or say --all")
			}
			return withServer(cmd, node, false, func(ctx context.Context, c *adminhttp.Client) error {
				if past {
					into, err := absoluteDSN(into) // the server may run in another directory
					if err != nil {
						return err
					}
					built, err := c.Build(ctx, until, into)
					if err == nil {
						fmt.Fprintf(cmd.OutOrStdout(), "built until %s (%s): %d events in %.1f s\n", built.Position, built.Through, built.Events, built.Seconds)
					}
					return err
				}
				replayed, err := c.Replay(ctx, names)
				for _, r := range replayed {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %d events in %.1f s\n", r.Name, r.Events, r.Seconds)
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&names, "projection", nil, "`name` of a projection; may be repeated")
	f.BoolVar(&all, "all", false, "all projections")
	f.StringVar(&until, "until", "", "`position` or time of the last event")
	f.StringVar(&into, "into", "", "`DSN` of an empty database: sqlite:PATH or postgres://…")
	return cmd
}

// absoluteDSN makes the path of an SQLite database absolute.
func absoluteDSN(dsn string) (string, error) {
	path, isSQLite := strings.CutPrefix(dsn, "sqlite:")
	if !isSQLite || path == "" || path == ":memory:" {
		return dsn, nil
	}
	path, err := filepath.Abs(path)
	return "sqlite:" + path, err
}
