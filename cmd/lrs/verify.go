package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/bedside-lrs/bedside/api/problem"
	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/natsembed"
)

// readFiles reads the files of a log in this process, and returns up to where. Whoever is to read much of that log does it
// first: when JetStream loads a block of which a record does not check out, it cuts the file off there, and with it all
// that follows in the block and could have been mended; and it answers from memory what it has written lately, which the
// disk may have no more.
//
// The error is a *natsembed.DamageError, wrapped, if a file is damaged.
func (n *node) readFiles(ctx context.Context) (through eventlog.Revision, err error) {
	if n.files == nil {
		return 0, nil
	}
	// All up to this head is acknowledged, so it is on the disk; what comes behind it may be on its way there.
	return n.files(ctx, n.store.Head().Revision)
}

// wholeFiles reads them for what an operator has asked for, who is told of the damage.
func (n *node) wholeFiles(ctx context.Context) error {
	_, err := n.readFiles(ctx)
	var damage *natsembed.DamageError
	if errors.As(err, &damage) {
		return problem.New(http.StatusServiceUnavailable, "log.damaged", "%s", damage.Error())
	}
	return err
}

// VerifyLog implements adminhttp.Maintenance: it reads the files of a log in this process and, if they are whole, what the
// log answers as lrs.VerifyLog does.
func (n *node) VerifyLog(ctx context.Context) (lrs.LogReport, error) {
	through, err := n.readFiles(ctx)
	var damage *natsembed.DamageError
	switch {
	case errors.As(err, &damage):
		return damagedFiles(damage), nil
	case err != nil:
		return lrs.LogReport{}, err
	}
	report, err := n.store.VerifyLog(ctx)
	report.OnDisk = through
	return report, err
}

// damagedFiles is the report of a log with a damaged file. A sequence is a revision.
func damagedFiles(damage *natsembed.DamageError) lrs.LogReport {
	return lrs.LogReport{Revision: eventlog.Revision(damage.Sequence - 1), Fault: damage.Error()}
}
