package archive_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs"
	"github.com/bedside-lrs/bedside/lrs/archive"
	"github.com/bedside-lrs/bedside/lrs/blob"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/event"
	"github.com/bedside-lrs/bedside/lrs/eventlog"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// bench is where a log is, and a store that writes to it once it is open.
type bench struct {
	*lrs.Store
	log   *memlog.Log
	blobs blob.Store
	dir   string
	now   atomic.Pointer[time.Time] // of the store's clock, which stands still
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{log: memlog.New(), dir: t.TempDir()}
	b.set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	b.blobs = blobtest.WhenUsed(filepath.Join(b.dir, "blobs"))
	return b
}

// open opens a store on the log. close stops it.
func (b *bench) open(t *testing.T) {
	t.Helper()
	x, err := index.Open("index", index.Options{FS: vfs.NewMem(), Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { x.Close() })
	b.Store, err = lrs.Open(t.Context(), lrs.Config{
		Log: b.log, Index: x, Blobs: b.blobs, HeadFile: filepath.Join(b.dir, "head"), Node: "test",
		Now: func() time.Time { return *b.now.Load() }, Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { _ = b.Store.Close(context.Background()) })
}

func (b *bench) set(now time.Time) { b.now.Store(&now) }

func (b *bench) close(t *testing.T) {
	t.Helper()
	must(t, b.Store.Close(t.Context()))
}

func (b *bench) at() archive.Store { return archive.Store{Log: b.log, Blobs: b.blobs} }

// put stores a statement with more members, and returns its time. sent is xapi.Draft.Sent.
func (b *bench) put(t *testing.T, more string, sent ...int) (stored time.Time) {
	t.Helper()
	authority, err := xapi.ParseAuthority([]byte(`{"account":{"homePage":"https://lrs.example","name":"test"}}`))
	must(t, err)
	id := uuid.New()
	st, err := xapi.ParseStatement(fmt.Appendf(nil, `{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},`+
		`"verb":{"id":"https://v.example/v"},"object":{"id":"https://a.example/1"}%s}`, id, more), xapi.V1)
	must(t, err)
	d := xapi.NewDraft(st, authority, xapi.V1)
	d.Sent = sent
	_, err = b.StoreStatements(t.Context(), []*xapi.Draft{d}, true)
	must(t, err)
	v, err := b.View()
	must(t, err)
	defer v.Close()
	got, err := v.Statement(id)
	must(t, err)
	return time.UnixMicro(got.Stored)
}

// attach stores a statement with an attachment, whose data is there unless it is "" and whose members are more too.
func (b *bench) attach(t *testing.T, data, more string, sent ...int) (id string) {
	t.Helper()
	sum := sha256.Sum256([]byte(data))
	id = hex.EncodeToString(sum[:])
	if data == "" {
		id = strings.Repeat("ab", 32)
	} else {
		w, err := b.Blobs().Create(t.Context(), id)
		must(t, err)
		_, err = io.WriteString(w, data)
		must(t, err)
		_, _, err = w.Commit(t.Context())
		must(t, err)
	}
	b.put(t, fmt.Sprintf(`,"attachments":[{"usageType":"https://u.example/u","display":{"en":"d"},"contentType":"text/plain","length":1,"sha2":"%s"%s}]`,
		strings.ToUpper(id), more), sent...)
	return id
}

// document stores a document with a body of a size.
func (b *bench) document(t *testing.T, id string, size int) {
	t.Helper()
	_, _, err := b.WriteDocument(t.Context(), lrs.DocumentWrite{
		Key:         event.DocumentKey{Kind: event.State, Activity: "https://a.example/1", Agent: "mbox:mailto:nurse@example.com", ID: id},
		ContentType: "text/plain", Body: []byte(strings.Repeat("x", size)),
	})
	must(t, err)
}

const elsewhere = `,"fileUrl":"https://f.example/1"`

// fill writes something of each kind, and returns the ids of the blobs that are there.
func (b *bench) fill(t *testing.T) (ids []string) {
	t.Helper()
	b.open(t)
	defer b.close(t)
	b.put(t, "")
	ids = append(ids, b.attach(t, "one", ""))
	b.attach(t, "", elsewhere)
	ids = append(ids, b.attach(t, "two", elsewhere))
	b.attach(t, "one", "")
	b.document(t, "small", 10)
	return ids
}

// path is where a blob's file is.
func (b *bench) path(id string) string { return filepath.Join(b.dir, "blobs", id[:2], id) }

// records are all of a log.
func records(t *testing.T, log eventlog.Log) (all []string) {
	t.Helper()
	for r, err := range log.Read(t.Context(), 1) {
		must(t, err)
		all = append(all, string(r.Data))
	}
	return all
}

// content is that of a blob, "" if there is none.
func content(t *testing.T, blobs blob.Store, id string) string {
	t.Helper()
	r, _, err := blobs.Open(t.Context(), id)
	if err != nil {
		return ""
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	must(t, err)
	return string(b)
}

// wantEqual compares what two places have.
func wantEqual(t *testing.T, got, want *bench, ids ...string) {
	t.Helper()
	g, w := records(t, got.log), records(t, want.log)
	if len(g) != len(w) {
		t.Fatalf("%d commits, want %d", len(g), len(w))
	}
	for i := range g {
		if g[i] != w[i] {
			t.Errorf("revision %d has other bytes", i+1)
		}
	}
	for _, id := range ids {
		if c := content(t, got.blobs, id); c == "" || c != content(t, want.blobs, id) {
			t.Errorf("blob %s is %q", id, c)
		}
	}
}

// hooked is a log that calls back before it appends, and after it has told its head.
type hooked struct {
	eventlog.Log
	append func(expected eventlog.Revision, data []byte) error
	head   func(call int)
	heads  int
}

func (h *hooked) Append(ctx context.Context, expected eventlog.Revision, data []byte) error {
	if h.append != nil {
		if err := h.append(expected, data); err != nil {
			return err
		}
	}
	return h.Log.Append(ctx, expected, data)
}

func (h *hooked) Head(ctx context.Context) (eventlog.Revision, error) {
	r, err := h.Log.Head(ctx)
	h.heads++
	if h.head != nil {
		h.head(h.heads)
	}
	return r, err
}

// Read passes on what the log yields.
func (h *hooked) Read(ctx context.Context, from eventlog.Revision) iter.Seq2[eventlog.Record, error] {
	return h.Log.Read(ctx, from)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	must(t, os.Remove(path))
}
