package lrs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// attach stores a statement with an attachment, whose data is stored before if it is
// not "", and returns the attachment's hash.
func (b *bench) attach(t *testing.T, data, sha2, more string, inside bool) string {
	t.Helper()
	if data != "" {
		sha2 = b.putBlob(t, data)
	}
	attachments := fmt.Sprintf(`"attachments":[{"usageType":"https://u.example/u","display":{"en":"d"},"contentType":"text/plain","length":1,"sha2":"%s"%s}]`,
		strings.ToUpper(sha2), more)
	object, of := `{"id":"https://a.example/1"}`, ","+attachments
	if inside {
		object = fmt.Sprintf(`{"objectType":"SubStatement","actor":{"mbox":"mailto:n@example.com"},"verb":{"id":"https://v.example/v"},"object":{"id":"https://a.example/2"},%s}`, attachments)
		of = ""
	}
	_, err := b.put(t, parseDraft(t, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/v"},"object":%s%s}`, uuid.New(), object, of)))
	if err != nil {
		t.Fatal(err)
	}
	return sha2
}

// TestVerifyBlobs: the report counts the blobs, and names the first that is damaged
// or that the log rests on and is gone. What nothing names, or has a place to fetch
// it from, may be gone.
func TestVerifyBlobs(t *testing.T) {
	b := newBench(t)
	verify := func(fault ...string) LogReport {
		t.Helper()
		r, err := b.VerifyLog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Fault != "" || (r.BlobFault == "") != (len(fault) == 0) {
			t.Errorf("%+v; want %q", r, fault)
		}
		for _, says := range fault {
			if !strings.Contains(r.BlobFault, says) {
				t.Errorf("%q does not say %q", r.BlobFault, says)
			}
		}
		return r
	}
	verify()
	const elsewhere = `,"fileUrl":"https://f.example/1"`
	b.attach(t, "", strings.Repeat("ab", 32), elsewhere, false)
	b.attach(t, "", strings.Repeat("ab", 32), elsewhere, true)
	attached := b.attach(t, "attached", "", "", false)
	inside := b.attach(t, "inside", "", "", true)
	both := b.attach(t, "here and there", "", elsewhere, false)
	escaped := b.putBlob(t, "with an escape")
	if _, err := b.put(t, parseDraft(t, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/v"},"object":{"id":"https://a.example/1"},`+
		`"\u0061ttachments":[{"usageType":"https://u.example/u","display":{"en":"d"},"contentType":"text/plain","length":1,"sha2":"%s"}]}`, uuid.New(), escaped))); err != nil {
		t.Fatal(err)
	}
	orphan := b.putBlob(t, "orphan")
	if err := b.write(t, stateKey("large"), fmt.Sprintf(`{"a":"%0*d"}`, maxInline, 1), false, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.write(t, stateKey("small"), `{}`, false, nil); err != nil {
		t.Fatal(err)
	}
	v, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	doc, err := v.Document(stateKey("large"))
	if err != nil || doc.Blob == "" {
		t.Fatalf("%+v, %v; want one in the blob store", doc, err)
	}
	want := int64(len("attached") + len("inside") + len("here and there") + len("with an escape") + len("orphan") + int(doc.Size))
	if r := verify(); r.Blobs != 6 || r.BlobBytes != want || r.Events != 9 {
		t.Errorf("%+v; want 6 blobs of %d bytes, 9 events", r, want)
	}

	for name, id := range map[string]string{
		"attached": attached, "inside": inside, "both": both, "escaped": escaped, "orphan": orphan, "document": doc.Blob,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(b.dir, "blobs", id[:2], id)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			flipped := append([]byte{whole[0] ^ 1}, whole[1:]...)
			if err := os.WriteFile(path, flipped, 0o600); err != nil {
				t.Fatal(err)
			}
			if r := verify(path, "restore"); r.Blobs >= 6 {
				t.Errorf("%d are whole", r.Blobs)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if id == both || id == orphan {
				verify()
			} else if r := verify(id, "revision", "is not there", "restore"); r.Blobs != 5 {
				t.Errorf("%d of the others are whole, want 5", r.Blobs)
			}
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			verify()
		})
	}

	// A fault of the log does not keep the blobs from being read.
	damaged := filepath.Join(b.dir, "blobs", orphan[:2], orphan)
	if err := os.WriteFile(damaged, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.log.Damage(3, func(data []byte) []byte { data[len(data)/2] ^= 1; return data })
	r, err := b.VerifyLog(t.Context())
	if err != nil || r.Fault == "" || !strings.Contains(r.BlobFault, damaged) {
		t.Errorf("%+v, %v; want both faults", r, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.VerifyLog(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that went away: %v", err)
	}
}

// TestVerifyErased: what was erased rests on nothing any more.
func TestVerifyErased(t *testing.T) {
	b := newBench(t)
	id := b.attach(t, "attached", "", "", false)
	b.log.Damage(2, func(data []byte) []byte {
		erased, err := eventlog.Erase(data, 0)
		if err != nil {
			t.Fatal(err)
		}
		return erased
	})
	if err := os.Remove(filepath.Join(b.dir, "blobs", id[:2], id)); err != nil {
		t.Fatal(err)
	}
	if r, err := b.VerifyLog(t.Context()); err != nil || r.Fault != "" || r.BlobFault != "" || r.Erased != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestVerifyNotes: the log must hold what the head file has seen, and the tip, each by
// itself.
func TestVerifyNotes(t *testing.T) {
	for _, file := range []string{"head", "head.tip"} {
		for name, fork := range map[string]func(b *bench){
			"short":  func(b *bench) { b.log.Truncate(3) },
			"forked": func(b *bench) { b.log = memlog.New() },
		} {
			t.Run(file+", "+name, func(t *testing.T) {
				b := newBench(t)
				write := func() {
					for range 4 {
						if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
							t.Fatal(err)
						}
					}
					b.close(t)
				}
				write()
				blobs, headFile := b.cfg.Blobs, b.cfg.HeadFile
				for _, other := range []string{"head", "head.tip"} {
					if other != file {
						if err := os.Remove(filepath.Join(b.dir, other)); err != nil {
							t.Fatal(err)
						}
					}
				}
				if r, err := VerifyLog(t.Context(), b.log, blobs, headFile); err != nil || r.Fault != "" {
					t.Fatalf("%+v, %v", r, err)
				}
				fork(b)
				if name == "forked" {
					b.dir, b.fs = t.TempDir(), vfs.NewCrashableMem()
					if err := b.open(t, nil); err != nil {
						t.Fatal(err)
					}
					write()
				}
				r, err := VerifyLog(t.Context(), b.log, blobs, headFile)
				if err != nil || !strings.Contains(r.Fault, filepath.Base(file)+" has seen") {
					t.Errorf("%+v, %v; want a fault that names %s", r, err, file)
				}
			})
		}
	}
}

// TestVerifyWithoutHeadFile: a head file that cannot be read is the fault, after the commits have been read; what the tip
// has seen counts all the same.
func TestVerifyWithoutHeadFile(t *testing.T) {
	b := newBench(t)
	for range 4 {
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
	}
	b.close(t)
	if err := os.WriteFile(b.cfg.HeadFile, []byte(`{"log":"x"`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := VerifyLog(t.Context(), b.log, b.cfg.Blobs, b.cfg.HeadFile)
	if err != nil || r.Revision != 5 || r.Fault != "" || !strings.Contains(r.HeadFault, b.cfg.HeadFile) {
		t.Errorf("%+v, %v", r, err)
	}
	b.log.Truncate(3)
	if r, err = VerifyLog(t.Context(), b.log, b.cfg.Blobs, b.cfg.HeadFile); err != nil || !strings.Contains(r.Fault, "it ends at revision 3") {
		t.Errorf("%+v, %v", r, err)
	}
}

// What an earlier release has accepted is readable, whole, and goes into a new index, whatever is refused today.
func TestOldStatement(t *testing.T) {
	b := newBench(t)
	sha2 := b.putBlob(t, "data")
	id := uuid.New()
	st, err := xapi.ParseStored(fmt.Appendf(nil, `{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/v"},"object":{"id":"https://a.example/1"},`+
		`"attachments":[{"usageType":"https://u.example/u","display":{"en":"d"},"contentType":"text/plain; a=\u0000","length":4,"sha2":"%s"}]}`, id, sha2), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.put(t, xapi.NewDraft(st, testAuthority, xapi.V1)); err != nil {
		t.Fatal(err)
	}
	if r, err := b.VerifyLog(t.Context()); err != nil || r.Fault != "" || r.BlobFault != "" {
		t.Errorf("%+v, %v", r, err)
	}
	b.crash(t)
	if err := b.open(t, func(c *Config) { c.Index = b.emptyIndex(t, "new") }); err != nil {
		t.Fatal(err)
	}
	if b.stored(t, id) == "" {
		t.Error("it is not in the new index")
	}
}
