package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/archive"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

func newRestore(where *nodeConfig) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory from a backup",
		Long: `Fills --data, which must be empty, with the log and the attachments of a backup (- for
standard input), verifies all of it and prints the same report as lrs log verify.
Revisions, positions and hashes are what they were, and times that the store gives out
begin after the last that it had told anybody when the backup was begun.

A backup that is cut off or was changed is refused with what is wrong. A directory
whose restore did not end well has the file DATA/restoring, and no command opens it:
remove everything in it, and restore again. The index and the read model are built
from the log at the first start; with --read-model give it an empty database.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if where.engine.shared() {
				return errors.New("a backup is restored into a data directory, without --log; `lrs log copy` takes it from there to a cluster")
			}
			in := cmd.InOrStdin()
			if args[0] != standard {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			report, err := restore(cmd, *where, in)
			if err != nil {
				return err
			}
			printReport(cmd.OutOrStdout(), report)
			if report.BlobFault != "" {
				return errors.New("everything in the backup is restored; an attachment or a document was missing when it was made: " +
					"the server refuses that one and serves the rest")
			}
			return nil
		},
	}
}

// restore fills the data directory and takes its mark away.
func restore(cmd *cobra.Command, cfg nodeConfig, in io.Reader) (report lrs.LogReport, err error) {
	if err := cfg.check(); err != nil {
		return report, err
	}
	lock, err := lockData(cfg.dir)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if err := wantEmpty(cfg.dir); err != nil {
		return report, err
	}
	if err := beginFilling(cfg.dir, byRestore); err != nil {
		return report, err
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	if report, err = bring(cmd.Context(), cfg, in, log); err != nil {
		return report, fmt.Errorf("nothing in %s may be served; remove everything in it: %w", cfg.dir, err)
	}
	return report, endFilling(cfg.dir)
}

// bring brings a backup into the directory, and leaves its head file.
func bring(ctx context.Context, cfg nodeConfig, in io.Reader, log *slog.Logger) (report lrs.LogReport, err error) {
	n := &node{}
	defer func() { err = errors.Join(err, n.close(10*time.Second)) }()
	cfg.port = natsPort{} // nobody subscribes to a command
	if err := n.openEmbedded(ctx, cfg, log); err != nil {
		return report, err
	}
	blobs, err := n.openBlobs(ctx, cfg)
	if err != nil {
		return report, err
	}
	meta, report, err := archive.Restore(ctx, in, archive.Store{Log: n.log, Blobs: blobs, Room: cfg.room})
	if err != nil {
		return report, err
	}
	var head eventlog.Head
	if head, err = meta.Head(); err != nil {
		return report, err
	}
	return report, lrs.WriteHead(headPath(cfg.dir), head, meta.Lease)
}

// wantEmpty refuses a directory in which a server has been, or something has begun to be filled in.
func wantEmpty(dir string) error {
	if err := unfinished(dir); err != nil {
		return err
	}
	for _, name := range []string{"log", "head", "head.tip", "blobs", "index", "read"} {
		_, err := os.Lstat(filepath.Join(dir, name))
		if err == nil {
			return fmt.Errorf("%s is there, and a restore needs an empty directory: choose another --data", filepath.Join(dir, name))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
