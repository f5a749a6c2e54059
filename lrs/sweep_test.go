package lrs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
)

// putBlob stores content in the blob store and returns its id.
func (b *bench) putBlob(t *testing.T, content string) string {
	t.Helper()
	w, err := b.Blobs().Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	id, _, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// age makes every blob as old as the bench's clock less d.
func (b *bench) age(t *testing.T, d time.Duration) {
	t.Helper()
	then := b.clock.Now().Add(-d)
	err := filepath.WalkDir(filepath.Join(b.dir, "blobs"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSweep(t *testing.T) {
	b := newBench(t)
	named := b.putBlob(t, "named by a statement")
	orphan := b.putBlob(t, "named by nothing")
	sum := sha256.Sum256([]byte("named by a statement"))
	if hex.EncodeToString(sum[:]) != named {
		t.Fatalf("blob id %s", named)
	}
	_, err := b.put(t, parseDraft(t, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/v"},`+
		`"object":{"id":"https://a.example/1"},"attachments":[{"usageType":"https://u.example/u","display":{"en":"d"},"contentType":"text/plain",`+
		`"length":1,"sha2":"%s"}]}`, uuid.New(), named)))
	if err != nil {
		t.Fatal(err)
	}
	document := stateKey("large")
	body := fmt.Sprintf(`{"a":"%0*d"}`, maxInline, 1)
	if err := b.write(t, document, body, false, nil); err != nil {
		t.Fatal(err)
	}
	has := func(id string) bool {
		t.Helper()
		ok, err := b.Blobs().Has(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	sweep := func(want int) {
		t.Helper()
		if n, err := b.Sweep(t.Context()); err != nil || n != want {
			t.Fatalf("swept %d, %v; want %d", n, err, want)
		}
	}
	b.age(t, 23*time.Hour)
	sweep(0)
	b.age(t, 25*time.Hour)
	sweep(1)
	if has(orphan) || !has(named) {
		t.Errorf("orphan there: %v, named there: %v", has(orphan), has(named))
	}
	if b.body(t, document) != body {
		t.Error("a document's body was swept")
	}
	// What an older version of a document was, a replay still needs.
	if err := b.write(t, document, `{}`, false, nil); err != nil {
		t.Fatal(err)
	}
	b.age(t, 25*time.Hour)
	sweep(0)
}

// TestGuardWhileStreaming: space that runs out while an attachment comes in is
// noticed before the attachment has taken what --min-free keeps.
func TestGuardWhileStreaming(t *testing.T) {
	b := newBench(t)
	b.close(t)
	var free atomic.Uint64
	free.Store(1 << 40)
	if err := b.open(t, func(c *Config) { c.MinFree, c.Free = 1<<30, func() (uint64, error) { return free.Load(), nil } }); err != nil {
		t.Fatal(err)
	}
	w, err := b.Blobs().Create(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	chunk := make([]byte, 64<<10)
	if _, err := w.Write(chunk); err != nil {
		t.Fatal(err)
	}
	free.Store(1 << 20)
	written := 0
	for err == nil && written < 4*guardEvery {
		_, err = w.Write(chunk)
		written += len(chunk)
	}
	if !errors.Is(err, ErrNoSpace) || written > 2*guardEvery {
		t.Errorf("%v after %d bytes", err, written)
	}
	if _, err := b.Blobs().Create(t.Context(), ""); !errors.Is(err, ErrNoSpace) {
		t.Errorf("a new one: %v", err)
	}
}
