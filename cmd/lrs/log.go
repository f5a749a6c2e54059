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
	"github.com/bedside-lrs/bedside/lrs/natsembed"
)

func newLog(cfg *nodeConfig) *cobra.Command {
	cmd := &cobra.Command{Use: "log", Short: "Check the event log, or copy it"}
	return group(cmd, newLogVerify(cfg), newLogCopy(cfg))
}

func newLogVerify(where *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read the whole log and all attachments, check them and name the first fault",
		Long: `Reads every commit and checks its form, the digest of each event, the chain of
hashes, and that times grow; and that the log holds what DATA/head has seen. It reads
the log's files too, since a running server answers from its memory what it has
written lately, and says up to which revision: what is being written just then may
not be there yet. Then it reads every attachment and large document in DATA/blobs, and checks that it has the
hash that it is named by, and that none is missing. It prints the hash of the last
commit: whoever keeps that can tell later that nothing before it was changed, added
or removed. Exits with 1 if there is a fault.`,
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
					report = damagedFiles(damage)
					return nil
				case err != nil:
					return err
				}
				blobs, err := n.openBlobs(ctx, cfg)
				if err != nil {
					return fmt.Errorf("attachments: %w", err)
				}
				report, err = lrs.VerifyLog(ctx, n.log, blobs, headPath(cfg.dir)) // openLog has read all files
				return err
			})
			if err != nil {
				return err
			}
			printReport(cmd.OutOrStdout(), report)
			switch {
			case report.Fault != "":
				return errors.New("the log is damaged; serve nothing from it: keep it as it is and restore a backup elsewhere")
			case report.HeadFault != "":
				return errors.New("the commits are whole; whether some are missing at the end cannot be told without the head file: " +
					"restore that file, or, if you know that the log is the newest, remove it and start")
			case report.BlobFault != "":
				return errors.New("the log is whole, and an attachment or a document is damaged or missing: the server refuses that one " +
					"and serves the rest; restore its file and verify again")
			}
			return nil
		},
	}
}

func printReport(w io.Writer, r lrs.LogReport) {
	if r.Log != "" {
		fmt.Fprintf(w, "log      %s\ncommits  %d\nevents   %d (%d erased)\nbytes    %d\nfrom     %s\nto       %s\nhash     %s\nblobs    %d (%d bytes)\n",
			r.Log, r.Revision, r.Events, r.Erased, r.Bytes, r.First.Format(time.RFC3339Nano), r.Last.Format(time.RFC3339Nano), r.Hash,
			r.Blobs, r.BlobBytes)
	}
	if r.OnDisk > 0 {
		fmt.Fprintf(w, "files    read up to revision %d\n", r.OnDisk)
	}
	whole := "yes"
	if r.Fault != "" {
		fmt.Fprintf(w, "fault    behind revision %d: %s\n", r.Revision, r.Fault)
		whole = "no"
	}
	if r.HeadFault != "" {
		fmt.Fprintf(w, "fault    %s\n", r.HeadFault)
		whole = "no"
	}
	if r.BlobFault != "" {
		fmt.Fprintf(w, "fault    %s\n", r.BlobFault)
		whole = "no"
	}
	fmt.Fprintf(w, "whole    %s\n", whole)
}
