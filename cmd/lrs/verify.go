package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
)

// VerifyLog implements adminhttp.Maintenance: lrs.VerifyLog of what the log answers, and of a log in this process its
// files too. For that answers from memory what was written lately, and the disk may have it no more.
func (n *node) VerifyLog(ctx context.Context) (lrs.LogReport, error) {
	report, err := n.store.VerifyLog(ctx)
	if err != nil || n.files == nil {
		return report, err
	}
	// All up to this head is acknowledged, so it is on the disk; what comes behind it may be on its way there.
	through, err := n.files(ctx, n.store.Head().Revision)
	var damage *natsembed.DamageError
	switch {
	case errors.As(err, &damage):
		damaged := damagedFiles(damage)
		damaged.BlobFault = report.BlobFault
		return damaged, nil
	case err != nil:
		return report, fmt.Errorf("the log answers as a whole one, but its files could not be read: %w", err)
	}
	report.OnDisk = through
	return report, nil
}

// damagedFiles is the report of a log with a damaged file. A sequence is a revision.
func damagedFiles(damage *natsembed.DamageError) lrs.LogReport {
	return lrs.LogReport{Revision: eventlog.Revision(damage.Sequence - 1), Fault: damage.Error()}
}
