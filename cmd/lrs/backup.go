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
	"github.com/bedside-lrs/bedside/lrs/archive"
)

func newBackup(where *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the event log and all attachments into one file, also while the server runs",
		Long: `Writes all that was in the event log when the command began, with the attachments and
large documents that it names, into FILE: one tar stream, readable by its owner only.
A running server is asked for it and goes on serving; of a stopped one the command
opens the directory itself. With --log it is a backup of that cluster's log.

Everything acknowledged before the command began is in it. FILE appears when it is
whole, was checked and is on disk; a former FILE is replaced then. With - it goes to
standard output: it is whole if the command exits with 0, and lrs restore refuses one
that is not. What the log names and the store has lost is told and left out; the
command then exits with 1, though FILE is there.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			said := cmd.OutOrStdout()
			if args[0] == standard {
				said = cmd.ErrOrStderr()
			}
			var made madeBackup
			err := replaceFile(args[0], cmd.OutOrStdout(), func(w io.Writer) (err error) {
				made, err = backup(cmd, *where, w)
				return err
			})
			if err != nil {
				return err
			}
			made.print(said)
			if n := len(made.counts.Missing); n > 0 {
				return fmt.Errorf("the backup has everything but %d attachments or documents, which the store has lost or which are damaged: "+
					"see `lrs log verify`", n)
			}
			return nil
		},
	}
}

// madeBackup is what a backup has in it.
type madeBackup struct {
	meta   archive.Meta
	counts archive.Counts
}

func (m madeBackup) print(w io.Writer) {
	fmt.Fprintf(w, "log      %s\ncommits  %d\nhash     %s\nblobs    %d (%d bytes)\n",
		m.meta.Log, m.counts.Commits, m.meta.Hash, m.counts.Blobs, m.counts.BlobBytes)
	for _, lost := range m.counts.Missing {
		fmt.Fprintf(w, "missing  %s\n", lost.ID)
	}
}

// backup writes a backup of the server that runs on --data, which is checked on its way, or of the directory.
func backup(cmd *cobra.Command, where nodeConfig, w io.Writer) (made madeBackup, err error) {
	err = administer(cmd, where, false, func(ctx context.Context, c *adminhttp.Client) (err error) {
		r, sent := io.Pipe()
		go func() { sent.CloseWithError(c.Backup(ctx, sent)) }()
		made.meta, made.counts, err = archive.Check(ctx, io.TeeReader(r, w))
		r.CloseWithError(err)
		return err
	}, func(ctx context.Context, cfg nodeConfig, log *slog.Logger) (err error) {
		n := &node{}
		defer func() { err = errors.Join(err, n.close(10*time.Second)) }()
		if err := n.openLog(ctx, cfg, log); err != nil {
			return err
		}
		blobs, err := n.openBlobs(ctx, cfg)
		if err != nil {
			return err
		}
		if err := lrs.CheckNotes(ctx, n.log, headPath(cfg.dir)); err != nil {
			return err
		}
		made.meta, made.counts, err = archive.Write(ctx, w, archive.Store{Log: n.log, Blobs: blobs}, func() (int64, error) {
			return lrs.ReadLease(headPath(cfg.dir))
		})
		return err
	})
	return made, err
}

// Backup implements adminhttp.Maintenance.
func (n *node) Backup(ctx context.Context, w io.Writer) error {
	if err := n.wholeFiles(ctx); err != nil {
		return err
	}
	_, _, err := archive.Write(ctx, w, archive.Store{Log: n.log, Blobs: n.store.Blobs()}, func() (int64, error) { return n.store.Lease(), nil })
	return err
}
