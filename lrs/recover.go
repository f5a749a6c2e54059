package lrs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// recover brings the index to the head of the log after checking that the log
// still holds everything that this node has ever seen in it.
func (c *committer) recover(ctx context.Context) error {
	file, noted, err := c.readNote()
	if err != nil {
		return err
	}
	pos := c.Index().Position()
	last, ok := readTip(tipPath(c.cfg.HeadFile))
	least := max(noted.Revision, pos.Head.Revision)
	if ok {
		least = max(least, last.Revision)
	}
	revision, err := c.headFrom(ctx, least)
	if err != nil {
		return fmt.Errorf("lrs: head of the log: %w", err)
	}
	if noted.Revision > 0 {
		if err := mustContain(ctx, c.log, revision, noted, "the head file "+c.cfg.HeadFile); err != nil {
			return err
		}
	}
	if _, err := os.Stat(tipPath(c.cfg.HeadFile)); !ok && err == nil && c.cfg.HeadFile != "" {
		c.cfg.Logger.Warn("the note of the last commit cannot be read, as after a power cut; the head file tells how far the log must come",
			"file", tipPath(c.cfg.HeadFile), "revision", noted.Revision)
	}
	if ok && c.cfg.HeadFile != "" {
		if err := mustContain(ctx, c.log, revision, last, "the file "+tipPath(c.cfg.HeadFile)); err != nil {
			return err
		}
	}
	if pos.Head.Revision > 0 {
		if err := mustContain(ctx, c.log, revision, pos.Head, "the index"); err != nil {
			return err
		}
	}
	c.head = pos.Head
	c.setHead(c.head)
	c.clock.start(pos.LastStored, file.Lease)
	c.tell()
	if err := c.storedCredentials(); err != nil {
		return err
	}
	if revision == 0 {
		return c.create(ctx)
	}
	c.logHead.Store(uint64(revision))
	switch {
	case pos.Head.Revision == 0:
		c.cfg.Logger.Warn("the index is missing or new and is rebuilt from the log", "commits", revision)
	case pos.Head.Revision < revision:
		c.cfg.Logger.Info("the index is behind the log and is brought up to it", "index", pos.Head.Revision, "log", revision)
	}
	if err := c.catchUp(ctx); err != nil {
		return fmt.Errorf("lrs: %w", err)
	}
	c.settleLater()
	return nil
}

// headFrom is the head of the log. That of several servers may be told by one that has just become their leader, or is it
// no more, or by none during an election: it is asked again for a while until it is no earlier than least.
func (c *committer) headFrom(ctx context.Context, least eventlog.Revision) (eventlog.Revision, error) {
	for began := time.Now(); ; {
		revision, err := c.log.Head(ctx)
		known := err == nil && revision >= least || err != nil && !errors.Is(err, eventlog.ErrUnavailable)
		if known || !c.cfg.Shared || time.Since(began) >= startPatience {
			return revision, err
		}
		c.cfg.Logger.Warn("the log does not say that it has what this node has seen in it, and is asked again", "log", revision, "seen", least, "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// startPatience is longer than an election takes.
const startPatience = 30 * time.Second

// readNote returns the head file and the commit that it names, zero when there
// is no file.
func (c *committer) readNote() (file headFile, noted eventlog.Head, err error) {
	if c.cfg.HeadFile == "" {
		return file, noted, nil
	}
	file, ok, err := readHeadFile(c.cfg.HeadFile)
	if err != nil || !ok {
		return file, noted, err
	}
	noted, err = file.head()
	return file, noted, err
}

var errNotInLog = errors.New("the log does not have it")

// mustContain fails unless the log, whose head is at revision, has the commit
// want, which the witness has seen in it.
func mustContain(ctx context.Context, log eventlog.Log, revision eventlog.Revision, want eventlog.Head, witness string) error {
	lost := func(found string, err error) error {
		return fmt.Errorf("lrs: %w: %s has seen revision %d of log %s with hash %s, and %s (%w); "+
			"do not serve from it: restore the log from a backup, or ask for help with both files kept",
			eventlog.ErrLogDamaged, witness, want.Revision, want.Log, want.Hash, found, err)
	}
	if revision < want.Revision {
		return lost(fmt.Sprintf("the log ends at revision %d", revision), errNotInLog)
	}
	for rec, err := range log.Read(ctx, want.Revision) {
		if err != nil {
			return fmt.Errorf("lrs: read revision %d: %w", want.Revision, err)
		}
		commit, err := eventlog.Decode(rec.Data)
		if err != nil {
			return lost("it cannot be read", err)
		}
		if err := commit.Verify(); err != nil {
			return lost("it does not verify", err)
		}
		if commit.Head() != want {
			return lost(fmt.Sprintf("the log has there revision %d of log %s with hash %s", commit.Revision, commit.Log, commit.Hash), errNotInLog)
		}
		return nil
	}
	return lost("reading it gave nothing", errNotInLog)
}

// CheckNotes fails with eventlog.ErrLogDamaged unless a log holds the commits that a head file and its tip have seen, as
// far as these are there.
func CheckNotes(ctx context.Context, log eventlog.Log, headFile string) error {
	notes, err := readNotes(headFile)
	if err != nil || len(notes) == 0 {
		return err
	}
	revision, err := log.Head(ctx)
	if err != nil {
		return fmt.Errorf("lrs: head of the log: %w", err)
	}
	for _, n := range notes {
		if n.Revision == 0 {
			continue
		}
		if err := mustContain(ctx, log, revision, n.Head, "the file "+n.file); err != nil {
			return err
		}
	}
	return nil
}

// create appends the first commit of an empty log: it fixes the log's id.
func (c *committer) create(ctx context.Context) error {
	first, err := c.clock.openCommit()
	if err != nil {
		return err
	}
	view := c.Index().View()
	defer view.Close()
	tx := newTransaction(view, first)
	d, err := decide(event.LogCreated{}, nil)
	if err != nil {
		return err
	}
	if err := c.builder.Add(d.events...); err != nil {
		return fmt.Errorf("lrs: first commit: %w", err)
	}
	tx.add(d)
	c.head = eventlog.Head{Log: newLogID()}
	err = c.append(ctx, tx)
	if errors.Is(err, eventlog.ErrConflict) {
		// Another node created it at the same moment.
		c.head = eventlog.Head{}
		return c.catchUp(ctx)
	}
	return err
}

// storedCredentials fills the registry with what the index has.
func (c *committer) storedCredentials() error {
	view := c.Index().View()
	defer view.Close()
	for cred, err := range view.Credentials() {
		if err == nil {
			err = c.auth.Add(cred.Credential)
		}
		if err != nil {
			return fmt.Errorf("lrs: credentials of the index: %w", err)
		}
	}
	return nil
}
