package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/archive"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

// copyInto begins a copy and runs it.
func copyInto(t *testing.T, from, to archive.Store) (*archive.Copy, archive.Counts, lrs.LogReport, error) {
	t.Helper()
	c, err := archive.BeginCopy(t.Context(), from, to)
	if err != nil {
		return nil, archive.Counts{}, lrs.LogReport{}, err
	}
	counts, report, err := c.Run(t.Context())
	return c, counts, report, err
}

// counting is a blob store that counts what is created.
type counting struct {
	blob.Store
	created []string
}

func (c *counting) Create(ctx context.Context, id string) (blob.Writer, error) {
	c.created = append(c.created, id)
	return c.Store.Create(ctx, id)
}

// TestCopy: a copy is cut off at each commit and begun again. It goes on where it ended, no commit is appended whose blobs
// are not there, and in the end both places have the same.
func TestCopy(t *testing.T) {
	from := newBench(t)
	ids := from.fill(t)
	want := records(t, from.log)
	for cut := range len(want) {
		to := newBench(t)
		blobs := &counting{Store: to.blobs}
		cutOff := errors.New("cut off")
		log := &hooked{Log: to.log, append: func(expected eventlog.Revision, data []byte) error {
			if int(expected) == cut {
				return errors.Join(eventlog.ErrUnavailable, cutOff)
			}
			wantNamed(t, blobs, data, ids)
			return nil
		}}
		_, _, _, err := copyInto(t, from.at(), archive.Store{Log: log, Blobs: blobs})
		if !errors.Is(err, cutOff) {
			t.Fatalf("cut off at %d: %v", cut, err)
		}
		log.append = nil
		c, counts, report, err := copyInto(t, from.at(), archive.Store{Log: log, Blobs: blobs})
		must(t, err)
		if int(c.Resumes.Revision) != cut || counts.Commits != len(want)-cut || report.Hash != c.Head.Hash.String() || report.Blobs != 2 {
			t.Errorf("cut off at %d: resumed behind %d, %+v, %+v", cut, c.Resumes.Revision, counts, report)
		}
		if len(blobs.created) != 2 {
			t.Errorf("cut off at %d: blobs were brought %d times", cut, len(blobs.created))
		}
		wantEqual(t, to, from, ids...)
		// Once more, there is nothing to do.
		if _, counts, _, err := copyInto(t, from.at(), to.at()); err != nil || counts.Commits != 0 {
			t.Errorf("copied again: %+v, %v", counts, err)
		}
	}
}

// wantNamed fails if a commit that is about to be appended names one of these blobs and it is not there.
func wantNamed(t *testing.T, blobs blob.Store, data []byte, ids []string) {
	t.Helper()
	commit, err := eventlog.Decode(data)
	must(t, err)
	events, err := commit.Events()
	must(t, err)
	for _, e := range events {
		for _, id := range ids {
			if strings.Contains(strings.ToLower(string(e.Payload)), id) && content(t, blobs, id) == "" {
				t.Errorf("revision %d is appended before blob %s", commit.Revision, id)
			}
		}
	}
}

// TestCopyRefused: a target that has anything which the source has not is refused, and left as it is.
func TestCopyRefused(t *testing.T) {
	from := newBench(t)
	from.fill(t)
	forked := func(t *testing.T, sourceToo bool) (source, target *bench) {
		source, target = newBench(t), newBench(t)
		for _, b := range []*bench{source, target} {
			_, _, _, err := copyInto(t, from.at(), b.at())
			must(t, err)
		}
		target.open(t)
		target.put(t, "")
		target.close(t)
		if sourceToo {
			source.open(t)
			source.put(t, "")
			source.put(t, "")
			source.close(t)
		}
		return source, target
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T) (source, target *bench)
		says    string
	}{
		"another log": {func(t *testing.T) (*bench, *bench) {
			other := newBench(t)
			other.fill(t)
			return from, other
		}, "it has the log"},
		"ahead":  {func(t *testing.T) (*bench, *bench) { return forked(t, false) }, "ahead"},
		"forked": {func(t *testing.T) (*bench, *bench) { return forked(t, true) }, "both were written to"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := c.prepare(t)
			before := len(records(t, target.log))
			_, _, _, err := copyInto(t, source.at(), target.at())
			if !errors.Is(err, archive.ErrTarget) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if after := len(records(t, target.log)); after != before {
				t.Errorf("it had %d commits, and has %d", before, after)
			}
		})
	}
	if _, _, _, err := copyInto(t, archive.Store{Log: memlog.New(), Blobs: from.blobs}, newBench(t).at()); !errors.Is(err, eventlog.ErrLogDamaged) {
		t.Errorf("an empty source: %v", err)
	}
}

// TestCopyMoved: who writes to either place during a copy is noticed.
func TestCopyMoved(t *testing.T) {
	from := newBench(t)
	from.fill(t)
	from.open(t)
	log := &hooked{Log: from.log, head: func(call int) {
		if call == 1 {
			from.put(t, "")
		}
	}}
	_, _, _, err := copyInto(t, archive.Store{Log: log, Blobs: from.blobs}, newBench(t).at())
	if !errors.Is(err, archive.ErrMoved) || !strings.Contains(err.Error(), "was at revision 7, and is at 8") {
		t.Errorf("the source moves: %v", err)
	}
	to := newBench(t)
	target := &hooked{Log: to.log}
	target.append = func(expected eventlog.Revision, data []byte) error {
		if expected == 0 { // another node creates a log of its own
			to.open(t)
		}
		return nil
	}
	_, _, _, err = copyInto(t, from.at(), archive.Store{Log: target, Blobs: to.blobs})
	if !errors.Is(err, archive.ErrMoved) || !errors.Is(err, eventlog.ErrConflict) {
		t.Errorf("the target moves: %v", err)
	}
}

// TestNoRoom: nothing is written when there is no room, neither blob nor commit.
func TestNoRoom(t *testing.T) {
	from := newBench(t)
	from.fill(t)
	raw, _ := backup(t, from.at())
	full := errors.New("full")
	for left := range 4 {
		to, again := newBench(t), newBench(t)
		limited := func(b *bench) archive.Store {
			asked := 0
			return archive.Store{Log: b.log, Blobs: b.blobs, Room: func() error {
				if asked++; asked > left {
					return full
				}
				return nil
			}}
		}
		if _, _, _, err := copyInto(t, from.at(), limited(to)); !errors.Is(err, full) {
			t.Errorf("copy: %v", err)
		}
		if _, _, err := archive.Restore(t.Context(), bytes.NewReader(raw), limited(again)); !errors.Is(err, full) || errors.Is(err, archive.ErrBackup) {
			t.Errorf("restore: %v", err)
		}
		// Commits 1 and 2, a blob, commit 3.
		for _, b := range []*bench{to, again} {
			if n := len(records(t, b.log)); n != min(left, 2) {
				t.Errorf("with room for %d there are %d commits", left, n)
			}
		}
	}
}

// TestCopyVerifies: what the target reads back is compared, not taken on trust.
func TestCopyVerifies(t *testing.T) {
	from := newBench(t)
	from.fill(t)
	to := newBench(t)
	log := &hooked{Log: from.log, head: func(call int) {
		if call == 2 { // all is copied
			to.log.Damage(3, func(data []byte) []byte { data[len(data)/2] ^= 1; return data })
		}
	}}
	_, _, _, err := copyInto(t, archive.Store{Log: log, Blobs: from.blobs}, to.at())
	if !errors.Is(err, eventlog.ErrLogDamaged) || !strings.Contains(err.Error(), "what was written is not what is read") {
		t.Errorf("a target that damages: %v", err)
	}
}

// fullLog takes nothing, and never says that for certain.
type fullLog struct{ eventlog.Log }

func (fullLog) Append(context.Context, eventlog.Revision, []byte) error {
	return fmt.Errorf("%w: insufficient resources", eventlog.ErrUnknownOutcome)
}

// TestTargetTakesNothing: a copy to what does not take a commit ends, and says why.
func TestTargetTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := newBench(t), newBench(t)
		from.fill(t)
		_, _, _, err := copyInto(t, from.at(), archive.Store{Log: fullLog{to.log}, Blobs: to.blobs})
		if !errors.Is(err, eventlog.ErrUnknownOutcome) || !strings.Contains(err.Error(), "insufficient resources") {
			t.Errorf("it ends with %v", err)
		}
	})
}

// TestCopyAgain: a source that lacks a blob can be copied, also a second time, and once more when it has the blob again: then
// the copy has it too.
func TestCopyAgain(t *testing.T) {
	from, to := newBench(t), newBench(t)
	ids := from.fill(t)
	path := filepath.Join(from.dir, "blobs", ids[0][:2], ids[0])
	whole, err := os.ReadFile(path)
	must(t, err)
	must(t, os.Remove(path))
	for try, commits := range []int{len(records(t, from.log)), 0} {
		_, counts, report, err := copyInto(t, from.at(), to.at())
		if err != nil || counts.Commits != commits || report.BlobFault == "" {
			t.Fatalf("copy %d: %+v, %+v, %v", try, counts, report, err)
		}
	}
	must(t, os.WriteFile(path, whole, 0o600))
	if _, counts, report, err := copyInto(t, from.at(), to.at()); err != nil || counts.Blobs != 1 || report.BlobFault != "" {
		t.Errorf("repaired: %+v, %+v, %v", counts, report, err)
	}
	wantEqual(t, to, from, ids...)
}

// TestMissingSent: an attachment with a fileUrl is missed by backup, copy and verification if its data came with it, and
// only then.
func TestMissingSent(t *testing.T) {
	b := newBench(t)
	b.open(t)
	sent := b.attach(t, "sent", elsewhere, 0)
	there := b.attach(t, "there", elsewhere)
	b.close(t)
	for _, id := range []string{sent, there} {
		must(t, os.Remove(b.path(id)))
	}
	missed := func(counts archive.Counts) {
		t.Helper()
		if len(counts.Missing) != 1 || counts.Missing[0].ID != sent {
			t.Errorf("%+v; want %s alone", counts.Missing, sent)
		}
	}
	_, counts, err := archive.Write(t.Context(), io.Discard, b.at(), func() (int64, error) { return 0, nil })
	must(t, err)
	missed(counts)
	c, err := archive.BeginCopy(t.Context(), b.at(), newBench(t).at())
	must(t, err)
	counts, report, err := c.Run(t.Context())
	must(t, err)
	missed(counts)
	if !strings.Contains(report.BlobFault, sent) {
		t.Errorf("the verification says %q; want %s", report.BlobFault, sent)
	}
}
