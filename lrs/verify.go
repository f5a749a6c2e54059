package lrs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// LogReport is what reading a whole log came to.
type LogReport struct {
	Log      string            `json:"log"`      // hex
	Revision eventlog.Revision `json:"revision"` // the last commit that is whole
	Hash     string            `json:"hash"`     // of that commit, hex: whoever keeps it can tell later that nothing before it was changed
	Events   int               `json:"events"`
	Erased   int               `json:"erased"` // events whose payload was erased, digest kept
	Bytes    int64             `json:"bytes"`  // of the commits as stored
	First    time.Time         `json:"first"`  // time of the first event
	Last     time.Time         `json:"last"`   // time of the last event
	Fault    string            `json:"fault,omitzero"`

	// OnDisk is up to where the files of a running server's log were read, beside what it answers; 0 of a stopped one, and
	// of a log elsewhere. It may be before Revision by what was being written just then.
	OnDisk eventlog.Revision `json:"onDisk,omitzero"`

	Blobs     int    `json:"blobs"`              // attachments and large documents that are whole
	BlobBytes int64  `json:"blobBytes"`          // of those
	BlobFault string `json:"blobFault,omitzero"` // the log may be whole all the same
	HeadFault string `json:"headFault,omitzero"` // why the head file, which tells whether the end is missing, cannot be read
}

// VerifyLog reads a log from its first commit and checks the form of each, the
// digest of each event, the chain, and that times grow. If a head file is named,
// the log must hold the commits that the file and its tip name. Report.Fault is the first
// fault, "" if there is none; that part of the report then ends before it.
//
// Then it reads every blob. Report.BlobFault is the first that is damaged, or that
// the log names and that is not there. The error is that of not being able to read
// at all.
func VerifyLog(ctx context.Context, log eventlog.Log, blobs blob.Store, headFile string) (LogReport, error) {
	r, err := verifyCommits(ctx, log, blobs, headFile)
	if err != nil {
		return r, err
	}
	r.Blobs, r.BlobBytes, err = blobs.Verify(ctx)
	if errors.Is(err, blob.ErrDamaged) {
		r.BlobFault, err = err.Error(), nil
	}
	if err != nil {
		return r, fmt.Errorf("lrs: verify: %w", err)
	}
	return r, nil
}

func verifyCommits(ctx context.Context, log eventlog.Log, blobs blob.Store, headFile string) (r LogReport, err error) {
	noted, unread := readNotes(headFile)
	var head eventlog.Head
	last := int64(0)
	counted := func(yield func(eventlog.Record, error) bool) {
		for rec, err := range log.Read(ctx, 1) {
			r.Bytes += int64(len(rec.Data))
			if !yield(rec, err) {
				return
			}
		}
	}
	for commit, err := range eventlog.Follow(counted, eventlog.Head{}) {
		if err != nil {
			return r.fail(ctx, err)
		}
		if commit.FirstStored <= last {
			return r.fail(ctx, fmt.Errorf("%w: revision %d begins at %d µs, the one before ends at %d", eventlog.ErrLogDamaged, commit.Revision, commit.FirstStored, last))
		}
		last = lastTime(commit)
		head = commit.Head()
		for _, n := range noted {
			if head.Revision == n.Revision && head != n.Head {
				return r.fail(ctx, fmt.Errorf("%w: revision %d has the hash %s, and %s has seen %s", eventlog.ErrLogDamaged, head.Revision, head.Hash, n.file, n.Hash))
			}
		}
		events, err := commit.Events()
		if err != nil {
			return r.fail(ctx, err)
		}
		r.add(commit, events)
		if r.BlobFault == "" {
			missing, err := missingBlob(ctx, blobs, events)
			if err != nil {
				return r, fmt.Errorf("lrs: verify: revision %d: %w", commit.Revision, err)
			}
			if missing != "" {
				r.BlobFault = fmt.Sprintf("revision %d names the blob %s, which is not there; restore the file of that name from a backup", commit.Revision, missing)
			}
		}
	}
	if head.Revision == 0 {
		return r.fail(ctx, fmt.Errorf("%w: it is empty; even a new one has the commit that created it", eventlog.ErrLogDamaged))
	}
	for _, n := range noted {
		if head.Revision < n.Revision {
			return r.fail(ctx, fmt.Errorf("%w: it ends at revision %d, and %s has seen revision %d", eventlog.ErrLogDamaged, head.Revision, n.file, n.Revision))
		}
	}
	if unread != nil { // the log is whole as far as it goes
		r.HeadFault = unread.Error()
	}
	return r, nil
}

// note is a commit that a file beside the log has seen.
type note struct {
	eventlog.Head
	file string
}

// readNotes reads a head file and its tip, as far as they are there.
func readNotes(headFile string) (notes []note, err error) {
	if headFile == "" {
		return nil, nil
	}
	if head, ok := readTip(tipPath(headFile)); ok {
		notes = append(notes, note{head, tipPath(headFile)})
	}
	file, ok, err := readHeadFile(headFile)
	if err != nil || !ok {
		return notes, err
	}
	head, err := file.head()
	if err != nil {
		return notes, fmt.Errorf("lrs: %w", err)
	}
	return append(notes, note{head, headFile}), nil
}

// VerifyLog is VerifyLog of the store's log while it serves.
func (s *Store) VerifyLog(ctx context.Context) (LogReport, error) {
	return VerifyLog(ctx, s.log, s.cfg.Blobs, s.cfg.HeadFile)
}

func (r *LogReport) add(c *eventlog.Commit, events []eventlog.Event) {
	for _, ev := range events {
		if ev.Erased {
			r.Erased++
		}
	}
	r.Log, r.Revision, r.Hash = hex.EncodeToString(c.Log[:]), c.Revision, hex.EncodeToString(c.Hash[:])
	r.Events += len(events)
	r.Last = time.UnixMicro(lastTime(c)).UTC()
	if r.First.IsZero() {
		r.First = time.UnixMicro(c.FirstStored).UTC()
	}
}

// missingBlob is the first blob that events rest on and that is not there, "" if there
// is none.
func missingBlob(ctx context.Context, blobs blob.Store, events []eventlog.Event) (string, error) {
	for _, e := range events {
		named, err := BlobsOf(e)
		if err != nil {
			return "", err
		}
		for _, b := range named {
			if b.Elsewhere {
				continue
			}
			has, err := blobs.Has(ctx, b.ID)
			if err != nil {
				return "", err
			}
			if !has {
				return b.ID, nil
			}
		}
	}
	return "", nil
}

// NamedBlob is a blob that an event names.
type NamedBlob struct {
	ID string // as in package blob
	// Elsewhere: an attachment that has a place to fetch it from, and of which the log does not say that its data came, so
	// that it may be here or not.
	Elsewhere bool
}

// BlobsOf are the blobs that an event names: large documents, and attachments. What was erased names none.
func BlobsOf(e eventlog.Event) (named []NamedBlob, err error) {
	rests := e.Type == event.TypeDocumentStored || e.Type == event.TypeStatementStored && xapi.MayAttach(e.Payload)
	if e.Erased || !rests {
		return nil, nil
	}
	ev, err := event.Decode(event.Encoded{Type: e.Type, Version: e.Version, Meta: e.Meta, Payload: e.Payload})
	if err != nil {
		return nil, err
	}
	switch ev := ev.(type) {
	case event.DocumentStored:
		if ev.Document.Blob != "" {
			named = append(named, NamedBlob{ID: ev.Document.Blob})
		}
	case event.StatementStored:
		st, err := xapi.ParseStored(ev.Statement, nil)
		if err != nil {
			return nil, err
		}
		attached := st.Attachments
		if sub := st.Object.SubStatement; sub != nil {
			attached = append(attached, sub.Attachments...)
		}
		for i, a := range attached {
			named = append(named, NamedBlob{ID: strings.ToLower(a.SHA2), Elsewhere: a.FileURL != "" && !slices.Contains(ev.Sent, i)})
		}
	}
	return named, nil
}

// fail ends a report with a fault of the log, or with the reason why it could
// not be read.
func (r LogReport) fail(ctx context.Context, err error) (LogReport, error) {
	if ctx.Err() != nil {
		return r, fmt.Errorf("lrs: verify: %w", context.Cause(ctx))
	}
	if !errors.Is(err, eventlog.ErrLogDamaged) && !errors.Is(err, eventlog.ErrFormat) {
		return r, fmt.Errorf("lrs: verify behind revision %d: %w", r.Revision, err)
	}
	r.Fault = err.Error()
	return r, nil
}
