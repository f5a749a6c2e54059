package archive

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// A backup is a tar stream with these entries, in this order:
//
//	bedside.json           Meta
//	blobs/ID               each before the first commit that names it
//	commits/REVISION       20 digits, 1 to Meta.Revision, the commit's bytes as in the log
//	end.json               end: counts, and the SHA-256 of all bytes before this entry's header
//
// All entries have the mode 0600 and the time Meta.Made. So what ends the stream, from the last entry's header on, follows
// from what is in end, and a reader compares it byte by byte: nothing in a backup can change unnoticed.
const (
	// Format is the number of this form.
	Format = 1

	metaName      = "bedside.json"
	endName       = "end.json"
	blobPrefix    = "blobs/"
	commitPrefix  = "commits/"
	largestCommit = 1 << 20 // bytes; the log's format has no larger
	largestNote   = 1 << 26 // bytes of Meta, and of end, which may name many missing blobs
	blockSize     = 512     // tar's
)

// Meta is what a backup says first.
type Meta struct {
	Format   int               `json:"format"`
	Log      string            `json:"log"`      // hex
	Revision eventlog.Revision `json:"revision"` // the last commit in it: the head of the log when it was begun
	Hash     string            `json:"hash"`     // of that commit, hex
	Lease    int64             `json:"lease"`    // µs since 1970; no watermark beyond it was published when it was begun
	Made     time.Time         `json:"made"`     // whole seconds
}

// Head is the commit that the backup ends with.
func (m Meta) Head() (eventlog.Head, error) {
	h := eventlog.Head{Revision: m.Revision}
	if n, err := hex.Decode(h.Log[:], []byte(m.Log)); err != nil || n != len(h.Log) {
		return h, fmt.Errorf("log id %q is not %d hex bytes", m.Log, len(h.Log))
	}
	if n, err := hex.Decode(h.Hash[:], []byte(m.Hash)); err != nil || n != len(h.Hash) {
		return h, fmt.Errorf("hash %q is not %d hex bytes", m.Hash, len(h.Hash))
	}
	return h, nil
}

// end is what a backup says last.
type end struct {
	Commits   int      `json:"commits"`
	Blobs     int      `json:"blobs"`
	BlobBytes int64    `json:"blobBytes"`
	Missing   []string `json:"missing"` // ids of blobs that commits rest on and that could not be had
	Hash      string   `json:"hash"`    // of the last commit, hex
	Sum       string   `json:"sum"`     // SHA-256 of all before this entry, hex
}

func header(name string, size int64, made time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: made}
}

func commitName(r eventlog.Revision) string { return fmt.Sprintf("%s%020d", commitPrefix, r) }

// bytes are all that follows the last commit.
func (e end) bytes(made time.Time) ([]byte, error) {
	content, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(header(endName, int64(len(content)), made)); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
