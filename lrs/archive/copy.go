package archive

import (
	"context"
	"fmt"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// Copy is a copy that may begin.
type Copy struct {
	From, To Store
	Head     eventlog.Head // of the source
	Resumes  eventlog.Head // of the target: what an earlier copy has brought
}

// BeginCopy compares two stores, to which nobody may write until the copy is done, and changes nothing. ErrTarget: the
// target has another log than the source, or commits that the source has not.
func BeginCopy(ctx context.Context, from, to Store) (*Copy, error) {
	c := &Copy{From: from, To: to}
	last, err := from.Log.Head(ctx)
	if err == nil && last == 0 {
		err = fmt.Errorf("%w: it is empty; even a new one has the commit that created it", eventlog.ErrLogDamaged)
	}
	if err == nil {
		c.Head, err = HeadAt(ctx, from.Log, last)
	}
	if err != nil {
		return nil, fmt.Errorf("archive: source: %w", err)
	}
	has, err := to.Log.Head(ctx)
	if err == nil && has > 0 {
		c.Resumes, err = HeadAt(ctx, to.Log, has)
	}
	if err != nil {
		return nil, fmt.Errorf("archive: target: %w", err)
	}
	switch {
	case has == 0:
		return c, nil
	case c.Resumes.Log != c.Head.Log:
		return nil, fmt.Errorf("%w: it has the log %s, and the source the log %s; choose an empty one", ErrTarget, c.Resumes.Log, c.Head.Log)
	case has > last:
		return nil, fmt.Errorf("%w: it is ahead, at revision %d, and the source ends at revision %d: it was written to since they were one; "+
			"whoever wrote there must not be lost", ErrTarget, has, last)
	}
	same, err := HeadAt(ctx, from.Log, has)
	if err != nil {
		return nil, fmt.Errorf("archive: source: %w", err)
	}
	if same != c.Resumes {
		return nil, fmt.Errorf("%w: its revision %d has the hash %s, and the source's %s: both were written to since they were one; choose an empty one",
			ErrTarget, has, c.Resumes.Hash, same.Hash)
	}
	return c, nil
}

// Run copies, and then reads the whole target to verify it, its blobs too. What was cut off goes on where it ended if it is
// begun again. ErrMoved: the source has more commits than when the copy began, or the target was written to.
func (c *Copy) Run(ctx context.Context) (Counts, lrs.LogReport, error) {
	var report lrs.LogReport
	// From the beginning, also where commits are there already: a blob may be missing that the source has again.
	counts, err := c.From.walk(ctx, eventlog.Head{}, c.Head, rest{into{c.To}, c.Resumes.Revision})
	counts.Commits = max(0, counts.Commits-int(c.Resumes.Revision))
	if err != nil {
		return counts, report, fmt.Errorf("archive: copy: %w", err)
	}
	last, err := c.From.Log.Head(ctx)
	if err != nil {
		return counts, report, fmt.Errorf("archive: source: %w", err)
	}
	if last != c.Head.Revision {
		return counts, report, fmt.Errorf("%w: the source was at revision %d, and is at %d: stop whatever writes to it and copy again, which goes on where this ended",
			ErrMoved, c.Head.Revision, last)
	}
	report, err = verified(ctx, c.To, c.Head, len(counts.Missing) > 0)
	return counts, report, err
}

// rest is a target that has the commits up to a revision.
type rest struct {
	into
	upTo eventlog.Revision
}

func (to rest) commit(ctx context.Context, c *eventlog.Commit, data []byte) error {
	if c.Revision <= to.upTo {
		return nil
	}
	return to.into.commit(ctx, c, data)
}

// verified reads a whole store and fails unless it is what was put there, up to head.
func verified(ctx context.Context, s Store, head eventlog.Head, incomplete bool) (lrs.LogReport, error) {
	report, err := lrs.VerifyLog(ctx, s.Log, s.Blobs, "")
	switch {
	case err != nil:
		return report, err
	case report.Fault != "":
		return report, fmt.Errorf("%w: what was written is not what is read: %s", eventlog.ErrLogDamaged, report.Fault)
	case report.Revision != head.Revision || report.Hash != head.Hash.String():
		return report, fmt.Errorf("%w: what was written ends at revision %d with hash %s, and must at %d with %s",
			eventlog.ErrLogDamaged, report.Revision, report.Hash, head.Revision, head.Hash)
	case report.BlobFault != "" && !incomplete:
		return report, fmt.Errorf("archive: what was written is not what is read: %s", report.BlobFault)
	}
	return report, nil
}
