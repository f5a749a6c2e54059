package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/archive"
)

// logCopy is what `lrs log copy` is told beside what every command is.
type logCopy struct {
	from, to string
	target   engine // where it differs from the source's; see flagsOf
}

func newLogCopy(where *nodeConfig) *cobra.Command {
	c := &logCopy{}
	cmd := &cobra.Command{
		Use:   "copy --from PLACE --to PLACE",
		Short: "Copy the log and all attachments to another engine, while no server runs on either",
		Long: `Copies an event log with its attachments and large documents from one place to another,
verifies all of the copy and prints the same report as lrs log verify. A place is a
data directory, the nats://HOST,HOST,HOST (or tls://…) of a cluster as for --log, or the
esdb://… (or kurrentdb://…) of an EventStoreDB as for --log, whose attachments are in the
NATS cluster of --nats; --log-name, --log-creds and so on are about both, and
--to-log-name, --to-log-creds, --to-nats and so on about the target where that differs.

Commits keep their bytes, so revisions, positions in old answers, more links and hashes
stay what they are. Stop every server on both places before. A copy that was cut off
goes on where it ended when the command is run again. Meanwhile no server starts on it:
a directory has the file restoring, and in a cluster the object log-copy beside the
attachments tells where the log will end.

A target is refused if it has another log, or has commits that the source has not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.from == "" || c.to == "" {
				return errors.New("--from and --to are needed")
			}
			return c.run(cmd, *where)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.from, "from", "", "`place` to copy from: a data directory, nats://HOST,… or esdb://…")
	f.StringVar(&c.to, "to", "", "`place` to copy to")
	f.StringVar(&c.target.nats, "to-nats", "", "of --to, where it differs: `URL` of the NATS cluster that goes with an EventStoreDB")
	c.target.flagsOf(f, "to-", "of --to, where it differs: ")
	return cmd
}

func (c *logCopy) run(cmd *cobra.Command, where nodeConfig) (err error) {
	ctx := cmd.Context()
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	from, err := newLocation(c.from, where, where.engine)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := newLocation(c.to, where, where.engine.with(c.target))
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if !from.cfg.engine.eventStore() && !to.cfg.engine.eventStore() && (where.engine.nats != "" || c.target.nats != "") {
		return errors.New("--nats and --to-nats go with an EventStoreDB (esdb://…) only")
	}
	if from.same(to) {
		return errors.New("--from and --to are the same place")
	}
	if err := from.openSource(ctx, log); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, from.close()) }()
	if err := to.openTarget(ctx, log); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, to.close()) }()
	copying, err := archive.BeginCopy(ctx, from.store, to.store)
	if err != nil {
		return err
	}
	if err := to.mark(ctx, copying.Head); err != nil {
		return err
	}
	counts, report, err := copying.Run(ctx)
	if err != nil {
		return err
	}
	lease, err := from.lease()
	if err != nil {
		return err
	}
	if err := to.finish(ctx, copying.Head, lease); err != nil {
		return err
	}
	return told(cmd.OutOrStdout(), copying, counts, report, to, lease)
}

// told prints what a copy came to.
func told(w io.Writer, c *archive.Copy, counts archive.Counts, report lrs.LogReport, to *location, lease int64) error {
	fmt.Fprintf(w, "copied   %d commits behind revision %d, %d blobs (%d bytes)\n", counts.Commits, c.Resumes.Revision, counts.Blobs, counts.BlobBytes)
	printReport(w, report)
	// A directory keeps the lease in its head file. Nodes of a cluster keep none: their watermark is the log's last time.
	if promised := time.UnixMicro(lease).UTC(); to.dir == "" && promised.After(report.Last) {
		fmt.Fprintf(w, "start no node before its clock is past %s: clients may have been told that nothing older will be stored\n",
			promised.Format(time.RFC3339Nano))
	}
	if report.BlobFault != "" {
		return errors.New("everything that the source has is copied; an attachment or a document is missing there too")
	}
	return nil
}
