package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/api/adminhttp"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
)

func newLog(cfg *nodeConfig) *cobra.Command {
	cmd := &cobra.Command{Use: "log", Short: "Check the event log"}
	return group(cmd, newLogVerify(cfg))
}

func newLogVerify(where *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read the whole log, check its chain and name the first fault",
		Long: `Reads every commit and checks its form, the digest of each event, the chain of
hashes, and that times grow; and that the log holds what DATA/head has seen. It
prints the hash of the last commit: whoever keeps that can tell later that nothing
before it was changed, added or removed. Exits with 1 if there is a fault.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var report lrs.LogReport
			err := administer(cmd, *where, false, func(ctx context.Context, c *adminhttp.Client) (err error) {
				report, err = c.VerifyLog(ctx)
				return err
			}, func(ctx context.Context, cfg nodeConfig, log *slog.Logger) (err error) {
				n := &node{}
				defer func() { err = errors.Join(err, n.close(10*time.Second)) }()
				var damage *natsembed.DamageError
				switch err := n.openLog(ctx, cfg, log); {
				case errors.As(err, &damage):
					// A sequence is a revision.
					report = lrs.LogReport{Revision: eventlog.Revision(damage.Sequence - 1), Fault: damage.Error()}
					return nil
				case err != nil:
					return err
				}
				report, err = lrs.VerifyLog(ctx, n.log, headPath(cfg.dir))
				return err
			})
			if err != nil {
				return err
			}
			printReport(cmd.OutOrStdout(), report)
			if report.Fault != "" {
				return errors.New("the log is damaged; serve nothing from it: keep it as it is and restore a backup elsewhere")
			}
			return nil
		},
	}
}

func printReport(w io.Writer, r lrs.LogReport) {
	if r.Log != "" {
		fmt.Fprintf(w, "log      %s\ncommits  %d\nevents   %d (%d erased)\nbytes    %d\nfrom     %s\nto       %s\nhash     %s\n",
			r.Log, r.Revision, r.Events, r.Erased, r.Bytes, r.First.Format(time.RFC3339Nano), r.Last.Format(time.RFC3339Nano), r.Hash)
	}
	if r.Fault != "" {
		fmt.Fprintf(w, "fault    behind revision %d: %s\n", r.Revision, r.Fault)
		return
	}
	fmt.Fprintln(w, "whole    yes")
}
