package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/archive"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

func lease(µs int64) func() (int64, error) { return func() (int64, error) { return µs, nil } }

// backup is one of a place.
func backup(t *testing.T, from archive.Store) ([]byte, archive.Counts) {
	t.Helper()
	var b bytes.Buffer
	_, counts, err := archive.Write(t.Context(), &b, from, lease(77))
	must(t, err)
	return b.Bytes(), counts
}

// TestBackup: a backup restores to the same bytes, with the same report, and is whole by Check.
func TestBackup(t *testing.T) {
	from := newBench(t)
	ids := from.fill(t)
	from.open(t)
	from.document(t, "large", 40_000)
	from.close(t)
	raw, counts := backup(t, from.at())
	if counts.Commits != 8 || counts.Blobs != 3 || counts.BlobBytes != 40_006 || len(counts.Missing) != 0 {
		t.Errorf("%+v", counts)
	}
	meta, checked, err := archive.Check(t.Context(), bytes.NewReader(raw))
	if err != nil || fmt.Sprint(checked) != fmt.Sprint(counts) || meta.Lease != 77 {
		t.Errorf("check: %+v, %+v, %v", meta, checked, err)
	}
	to := newBench(t)
	got, report, err := archive.Restore(t.Context(), bytes.NewReader(raw), to.at())
	must(t, err)
	want, err := lrs.VerifyLog(t.Context(), from.log, from.blobs, "")
	must(t, err)
	if report != want || report.BlobFault != "" || got != meta || meta.Hash != want.Hash {
		t.Errorf("restored %+v\nwas      %+v", report, want)
	}
	wantEqual(t, to, from, ids...)
	if _, _, err := archive.Restore(t.Context(), bytes.NewReader(raw), to.at()); !errors.Is(err, archive.ErrTarget) {
		t.Errorf("a second restore: %v", err)
	}
	// In order: each blob is before the first commit that names it, and only once.
	var names []string
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		names = append(names, h.Name[:min(len(h.Name), 12)])
		if h.Mode != 0o600 {
			t.Errorf("%s has the mode %o", h.Name, h.Mode)
		}
	}
	if s := strings.Join(names, " "); s != "bedside.json commits/0000 commits/0000 blobs/"+ids[0][:6]+" commits/0000 commits/0000 blobs/"+ids[1][:6]+
		" commits/0000 commits/0000 commits/0000 blobs/"+names[10][6:]+" commits/0000 end.json" {
		t.Errorf("entries: %s", s)
	}
}

// TestEveryByte: a backup that differs in any byte, or is cut off at any, or goes on behind its end, is refused as one that
// is not whole.
func TestEveryByte(t *testing.T) {
	from := newBench(t)
	from.open(t)
	from.attach(t, "one", "")
	from.close(t)
	raw, _ := backup(t, from.at())
	t.Logf("%d bytes", len(raw))
	refused := func(what string, changed []byte) {
		t.Helper()
		if _, _, err := archive.Check(t.Context(), bytes.NewReader(changed)); !errors.Is(err, archive.ErrBackup) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for i := range raw {
		changed := slices.Clone(raw)
		changed[i] ^= 1
		refused(fmt.Sprintf("byte %d of %d changed", i, len(raw)), changed)
		refused(fmt.Sprintf("cut off at %d of %d", i, len(raw)), raw[:i])
	}
	refused("followed by a zero", append(slices.Clone(raw), 0))
	refused("twice", append(slices.Clone(raw), raw...))
	refused("no tar", []byte(strings.Repeat("no backup\n", 100)))
	if _, _, err := archive.Check(t.Context(), bytes.NewReader(raw)); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

// TestRestoreRefuses: a restore says what is wrong with a backup, and where.
func TestRestoreRefuses(t *testing.T) {
	from := newBench(t)
	ids := from.fill(t)
	raw, _ := backup(t, from.at())
	entries := boundaries(t, raw)
	for i, e := range entries {
		err := restored(t, raw[:e.begin])
		if !errors.Is(err, archive.ErrBackup) || !strings.Contains(err.Error(), "cut off") && i > 0 {
			t.Errorf("cut off before %s: %v", e.name, err)
		}
		changed := slices.Clone(raw)
		changed[e.begin+512+e.size/2] ^= 0x10
		err = restored(t, changed)
		if !errors.Is(err, archive.ErrBackup) {
			t.Errorf("a byte of %s changed: %v", e.name, err)
		}
		if strings.HasPrefix(e.name, "blobs/") && (!errors.Is(err, blob.ErrHashMismatch) || !strings.Contains(err.Error(), e.name)) {
			t.Errorf("a byte of %s changed: %v", e.name, err)
		}
		if strings.HasPrefix(e.name, "commits/") && (!errors.Is(err, eventlog.ErrLogDamaged) || !strings.Contains(err.Error(), "revision")) {
			t.Errorf("a byte of %s changed: %v", e.name, err)
		}
	}
	// Entries that are whole, and not in their place.
	swapped := slices.Concat(raw[:entries[1].begin], raw[entries[2].begin:entries[3].begin], raw[entries[1].begin:entries[2].begin], raw[entries[3].begin:])
	if err := restored(t, swapped); !errors.Is(err, archive.ErrBackup) || !strings.Contains(err.Error(), "belongs") {
		t.Errorf("two commits swapped: %v", err)
	}
	for i, e := range entries {
		if e.name == "blobs/"+ids[0] {
			without := slices.Concat(raw[:e.begin], raw[entries[i+1].begin:])
			if err := restored(t, without); !errors.Is(err, archive.ErrBackup) || !strings.Contains(err.Error(), "SHA-256") {
				t.Errorf("without a blob: %v", err)
			}
		}
	}
	// Of a newer release.
	newer := bytes.Replace(raw, []byte(`{"format":1,`), []byte(`{"format":2,`), 1)
	if err := restored(t, newer); !errors.Is(err, archive.ErrBackup) || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("format 2: %v", err)
	}
	// What cannot be read is no fault of the backup.
	gone := errors.New("gone")
	_, _, err := archive.Check(t.Context(), io.MultiReader(bytes.NewReader(raw[:len(raw)/2]), failing{gone}))
	if !errors.Is(err, gone) || errors.Is(err, archive.ErrBackup) {
		t.Errorf("a source that fails: %v", err)
	}
}

func restored(t *testing.T, raw []byte) error {
	t.Helper()
	_, _, err := archive.Restore(t.Context(), bytes.NewReader(raw), newBench(t).at())
	return err
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

type entry struct {
	name        string
	begin, size int
}

// boundaries are where the entries of a backup begin, and where what follows the last does.
func boundaries(t *testing.T, raw []byte) (all []entry) {
	t.Helper()
	r := bytes.NewReader(raw)
	archived := tar.NewReader(r)
	for at := 0; ; {
		h, err := archived.Next()
		if err == io.EOF {
			return all
		}
		must(t, err)
		all = append(all, entry{h.Name, at, int(h.Size)})
		at += 512 + (int(h.Size)+511)/512*512
	}
}

// TestMissing: what the store has lost is named and left out, and restored as missing.
func TestMissing(t *testing.T) {
	from := newBench(t)
	ids := from.fill(t)
	from.open(t)
	third := from.attach(t, "three", "")
	from.close(t)
	remove(t, from.path(ids[0]))
	must(t, os.WriteFile(from.path(third), []byte("threa"), 0o600))
	remove(t, from.path(ids[1])) // which has a place to fetch it from
	raw, counts := backup(t, from.at())
	if len(counts.Missing) != 2 || counts.Missing[0].ID != ids[0] || counts.Missing[0].Revision != 3 || counts.Missing[1].ID != third ||
		!errors.Is(counts.Missing[0].Err, blob.ErrNotFound) || !errors.Is(counts.Missing[1].Err, blob.ErrDamaged) || counts.Blobs != 0 {
		t.Errorf("%+v", counts)
	}
	_, report, err := archive.Restore(t.Context(), bytes.NewReader(raw), newBench(t).at())
	if err != nil || !strings.Contains(report.BlobFault, ids[0]) || report.Fault != "" {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestForged: a backup that lacks its last commit and whose end says so is refused by what its beginning says. That this
// test can make one pins the form, too.
func TestForged(t *testing.T) {
	from := newBench(t)
	from.fill(t)
	raw, _ := backup(t, from.at())
	forge := func(leave int) []byte {
		entries := boundaries(t, raw)
		last := len(entries) - 1
		var b bytes.Buffer
		b.Write(raw[:entries[last-leave].begin])
		e := entries[last]
		said := string(raw[e.begin+512 : e.begin+512+e.size])
		_, was, _ := strings.Cut(said, `"sum":"`)
		said = strings.Replace(said, was[:64], fmt.Sprintf("%x", sha256.Sum256(b.Bytes())), 1)
		said = strings.Replace(said, `"commits":7`, fmt.Sprintf(`"commits":%d`, 7-leave), 1)
		meta, _, err := archive.Check(t.Context(), bytes.NewReader(raw))
		must(t, err)
		w := tar.NewWriter(&b)
		must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "end.json", Size: int64(len(said)), Mode: 0o600, ModTime: meta.Made}))
		_, err = io.WriteString(w, said)
		must(t, err)
		must(t, w.Close())
		return b.Bytes()
	}
	must(t, restored(t, forge(0)))
	if err := restored(t, forge(1)); !errors.Is(err, archive.ErrBackup) || !strings.Contains(err.Error(), "its last commit is revision 6") {
		t.Errorf("without the last commit: %v", err)
	}
}

// lying is a blob store that hands out other bytes than it was given.
type lying struct{ blob.Store }

func (l lying) Open(ctx context.Context, id string) (io.ReadSeekCloser, int64, error) {
	r, size, err := l.Store.Open(ctx, id)
	return lyingReader{r}, size, err
}

type lyingReader struct{ io.ReadSeekCloser }

func (r lyingReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeekCloser.Read(p)
	for i := range n {
		p[i] ^= 1
	}
	return n, err
}

// TestWrongBlob: what went wrong before the sum was made is found as well, by the blob's own hash.
func TestWrongBlob(t *testing.T) {
	from := newBench(t)
	from.fill(t)
	raw, _ := backup(t, archive.Store{Log: from.log, Blobs: lying{from.blobs}})
	if _, _, err := archive.Check(t.Context(), bytes.NewReader(raw)); !errors.Is(err, archive.ErrBackup) || !errors.Is(err, blob.ErrHashMismatch) {
		t.Errorf("check: %v", err)
	}
	if err := restored(t, raw); !errors.Is(err, archive.ErrBackup) || !errors.Is(err, blob.ErrHashMismatch) {
		t.Errorf("restore: %v", err)
	}
	_, _, _, err := copyInto(t, archive.Store{Log: from.log, Blobs: lying{from.blobs}}, newBench(t).at())
	if !errors.Is(err, blob.ErrHashMismatch) {
		t.Errorf("copy: %v", err)
	}
}

// TestStoredAfterRestore: times that a restored store gives out are after every watermark that was published when the
// backup was begun, though its clock is behind.
func TestStoredAfterRestore(t *testing.T) {
	from := newBench(t)
	from.open(t)
	from.put(t, "")
	from.set(from.now.Load().Add(time.Second))
	published := from.ConsistentThrough()
	var raw bytes.Buffer
	_, _, err := archive.Write(t.Context(), &raw, from.at(), func() (int64, error) { return from.Lease(), nil })
	must(t, err)
	to := newBench(t)
	meta, _, err := archive.Restore(t.Context(), &raw, to.at())
	must(t, err)
	head, err := meta.Head()
	must(t, err)
	must(t, lrs.WriteHead(filepath.Join(to.dir, "head"), head, meta.Lease))
	to.open(t) // a second behind
	if stored := to.put(t, ""); !stored.After(published) || stored.UnixMicro() <= meta.Lease {
		t.Errorf("stored %v; %v was published, with the bound %d", stored, published, meta.Lease)
	}
}

// TestWhileWriting: a backup ends at the head of its beginning, whatever is written meanwhile.
func TestWhileWriting(t *testing.T) {
	from := newBench(t)
	from.open(t)
	from.attach(t, "one", "")
	log := &hooked{Log: from.log, head: func(call int) {
		if call == 1 {
			from.attach(t, "two", "")
		}
	}}
	raw, counts := backup(t, archive.Store{Log: log, Blobs: from.blobs})
	if counts.Commits != 2 || counts.Blobs != 1 {
		t.Errorf("%+v", counts)
	}
	must(t, restored(t, raw))
}

// TestWriteFails: what fails is told, and what was written until then is no whole backup.
func TestWriteFails(t *testing.T) {
	from := newBench(t)
	from.fill(t)
	full := errors.New("full")
	if _, _, err := archive.Write(t.Context(), failing{full}, from.at(), lease(0)); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
	if _, _, err := archive.Write(t.Context(), io.Discard, newBench(t).at(), lease(0)); !errors.Is(err, eventlog.ErrLogDamaged) {
		t.Errorf("an empty log: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := archive.Write(ended, io.Discard, from.at(), lease(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that went away: %v", err)
	}
	from.log.Damage(4, func(data []byte) []byte { data[len(data)/2] ^= 1; return data })
	if _, _, err := archive.Write(t.Context(), io.Discard, from.at(), lease(0)); !errors.Is(err, eventlog.ErrLogDamaged) || !strings.Contains(err.Error(), "revision 4") {
		t.Errorf("a damaged log: %v", err)
	}
}
