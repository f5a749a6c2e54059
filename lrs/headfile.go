package lrs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// headFile is a note beside the log of how far it had come. The log must
// contain what it names: a log that lost its tail cannot pass for a whole one.
// It also holds the bound on published watermarks (clock.lease).
type headFile struct {
	Log      string            `json:"log"`      // hex
	Revision eventlog.Revision `json:"revision"` // applied and durable
	Hash     string            `json:"hash"`     // hex
	Lease    int64             `json:"lease"`    // µs; no watermark beyond it was published
	Clean    bool              `json:"clean"`    // written at a clean stop
	Sum      string            `json:"sum"`      // SHA-256 of what is before it, hex
}

func newHeadFile(h eventlog.Head, lease int64, clean bool) headFile {
	return headFile{
		Log: hex.EncodeToString(h.Log[:]), Revision: h.Revision,
		Hash: hex.EncodeToString(h.Hash[:]), Lease: lease, Clean: clean,
	}
}

// sum is what Sum must be.
func (f headFile) sum() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s %d %t", f.Log, f.Revision, f.Hash, f.Lease, f.Clean))
	return hex.EncodeToString(sum[:])
}

// head is the commit that the file names.
func (f headFile) head() (eventlog.Head, error) {
	h := eventlog.Head{Revision: f.Revision}
	if n, err := hex.Decode(h.Log[:], []byte(f.Log)); err != nil || n != len(h.Log) {
		return h, fmt.Errorf("log id %q is not %d hex bytes", f.Log, len(h.Log))
	}
	if n, err := hex.Decode(h.Hash[:], []byte(f.Hash)); err != nil || n != len(h.Hash) {
		return h, fmt.Errorf("hash %q is not %d hex bytes", f.Hash, len(h.Hash))
	}
	return h, nil
}

// readHeadFile returns ok false when there is no file yet.
func readHeadFile(path string) (f headFile, ok bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &f, json.RejectUnknownMembers(true))
	}
	if err == nil {
		_, err = f.head()
	}
	if err == nil && f.Sum != f.sum() {
		err = fmt.Errorf("its checksum is %q, not %q", f.Sum, f.sum())
	}
	if err != nil {
		return f, false, fmt.Errorf("lrs: head file %s: %w (it guards against a log that lost its tail; "+
			"verify the log before you remove it)", path, err)
	}
	return f, true, nil
}

// write replaces the file atomically and durably.
func (f headFile) write(path string) error {
	f.Sum = f.sum()
	b, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("lrs: head file: %w", err)
	}
	tmp := path + ".new"
	if err := writeSync(tmp, append(b, '\n')); err != nil {
		return fmt.Errorf("lrs: head file: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("lrs: head file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// WriteHead leaves a head file for a log that was put where it is by other means than a Store: the next one must find the
// commit there, and gives out times after lease (µs). It is durable when it returns nil.
func WriteHead(path string, h eventlog.Head, lease int64) error {
	return newHeadFile(h, lease, true).write(path)
}

// ReadLease is the bound on published watermarks that a head file has, in µs; 0 if there is no file.
func ReadLease(path string) (int64, error) {
	f, _, err := readHeadFile(path)
	return f.Lease, err
}

// tip is the head as it was after the last commit, in a file of its own beside the
// head file that is written with every commit and not synced: what a killed process
// has written is there, while a power cut may leave an older tip, or none that can be
// read. So it may know of later commits than the head file, never of one that was not
// durable in the log.
type tip struct {
	path string
	file *os.File // nil: not opened yet
}

// tipPath is where the tip of a head file is.
func tipPath(headFile string) string { return headFile + ".tip" }

// write replaces the tip.
func (t *tip) write(h eventlog.Head) error {
	if t.file == nil {
		f, err := os.OpenFile(t.path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("lrs: tip: %w", err)
		}
		t.file = f
	}
	if _, err := t.file.WriteAt([]byte(tipLine(h)), 0); err != nil {
		return fmt.Errorf("lrs: tip: %w", err)
	}
	return nil
}

func (t *tip) close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

// tipLine has always the same length, so that a line is replaced whole.
func tipLine(h eventlog.Head) string {
	line := fmt.Sprintf("%s %020d %s", h.Log, h.Revision, h.Hash)
	sum := sha256.Sum256([]byte(line))
	return fmt.Sprintf("%s %x\n", line, sum)
}

// readTip reads a tip; false if there is none that can be read.
func readTip(path string) (h eventlog.Head, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return h, false
	}
	var logID, hash, sum string
	if n, err := fmt.Sscanf(string(b), "%s %d %s %s\n", &logID, &h.Revision, &hash, &sum); n != 4 || err != nil {
		return h, false
	}
	f := headFile{Log: logID, Revision: h.Revision, Hash: hash}
	if h, err = f.head(); err != nil || tipLine(h) != string(b) {
		return eventlog.Head{}, false
	}
	return h, true
}

func writeSync(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
