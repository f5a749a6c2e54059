package lrs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/auth"
	"github.com/bedside-lrs/bedside/lrs/blob/blobtest"
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
	"github.com/bedside-lrs/bedside/lrs/index"
	"github.com/bedside-lrs/bedside/lrs/xapi"
)

// bench is a store on a log in memory, with all that a test may turn.
type bench struct {
	*Store
	log   *memlog.Log
	fs    *vfs.MemFS
	dir   string
	clock *testClock
	index *index.Index
}

// testClock is a clock that tests set. It moves one microsecond a reading, so
// that time never stands still.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

func (c *testClock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newBench(t *testing.T) *bench { t.Helper(); return newBenchOn(t, nil) }

// newBenchOn is a bench whose configuration change alters.
func newBenchOn(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	b := &bench{
		log: memlog.New(), fs: vfs.NewCrashableMem(), dir: t.TempDir(),
		clock: &testClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
	}
	if err := b.open(t, change); err != nil {
		t.Fatal(err)
	}
	return b
}

// open opens the store on what there is. change may alter the configuration.
func (b *bench) open(t *testing.T, change func(*Config)) error {
	t.Helper()
	var err error
	if b.index, err = index.Open("index", index.Options{FS: b.fs, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	x := b.index
	t.Cleanup(func() { x.Close() })
	blobs := blobtest.WhenUsed(filepath.Join(b.dir, "blobs"))
	cfg := Config{
		Log: b.log, Index: b.index, Blobs: blobs, HeadFile: filepath.Join(b.dir, "head"), Node: "test",
		Now: b.clock.Now, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		return err
	}
	b.Store = s
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nothing to wait for any more
		s.Close(ctx)
	})
	return nil
}

// close stops the store and the index in order.
func (b *bench) close(t *testing.T) {
	t.Helper()
	if err := b.Store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.index.Close(); err != nil {
		t.Fatal(err)
	}
	b.log = b.log.Reopen()
}

// crash leaves the store as a killed process would: nothing is flushed.
func (b *bench) crash(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	head, err := os.ReadFile(b.cfg.HeadFile)
	if err != nil {
		t.Fatal(err)
	}
	b.Store.Close(ctx)
	// What a clean stop wrote was not written.
	if err := os.WriteFile(b.cfg.HeadFile, head, 0o600); err != nil {
		t.Fatal(err)
	}
	b.fs = b.fs.CrashClone(vfs.CrashCloneCfg{})
	b.log = b.log.Reopen()
}

var testAuthority = func() *xapi.Authority {
	a, err := xapi.ParseAuthority([]byte(`{"account":{"homePage":"https://lrs.example","name":"test"}}`))
	if err != nil {
		panic(err)
	}
	return a
}()

func draft(t testing.TB, id uuid.UUID, verb string) *xapi.Draft {
	t.Helper()
	return parseDraft(t, fmt.Sprintf(`{"id":"%s","actor":{"mbox":"mailto:nurse@example.com"},"verb":{"id":"https://v.example/%s"},"object":{"id":"https://a.example/1"}}`, id, verb))
}

func parseDraft(t testing.TB, raw string) *xapi.Draft {
	t.Helper()
	st, err := xapi.ParseStatement([]byte(raw), xapi.V1)
	if err != nil {
		t.Fatal(err)
	}
	return xapi.NewDraft(st, testAuthority, xapi.V1)
}

// put stores one statement.
func (b *bench) put(t testing.TB, d *xapi.Draft) (Position, error) {
	t.Helper()
	return b.StoreStatements(context.Background(), []*xapi.Draft{d}, true)
}

// stored returns a statement's JSON, "" when there is none.
func (b *bench) stored(t testing.TB, id uuid.UUID) string {
	t.Helper()
	v, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	st, err := v.Statement(id)
	if errors.Is(err, index.ErrNotFound) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(st.Raw)
}

func TestStoreStatements(t *testing.T) {
	b := newBench(t)
	a, c := uuid.New(), uuid.New()
	pos, err := b.put(t, draft(t, a, "passed"))
	if err != nil {
		t.Fatal(err)
	}
	if pos != (Position{Revision: 2}) { // revision 1 created the log
		t.Errorf("position %v", pos)
	}
	if got := b.stored(t, a); !strings.Contains(got, "https://v.example/passed") {
		t.Fatalf("stored: %q", got)
	}

	if pos, err := b.put(t, draft(t, a, "passed")); err != nil || pos != (Position{}) {
		t.Errorf("the same again: %v, %v; want no position and no error", pos, err)
	}
	before := b.stored(t, a)
	var conflict *ConflictError
	_, err = b.StoreStatements(t.Context(), []*xapi.Draft{draft(t, c, "failed"), draft(t, a, "failed")}, true)
	if !errors.As(err, &conflict) || conflict.Statement != 1 || conflict.ID != a {
		t.Errorf("another content under the same id: %v", err)
	}
	if b.stored(t, c) != "" {
		t.Error("a statement of a refused batch is stored")
	}
	if b.stored(t, a) != before {
		t.Error("a refused statement changed the stored one")
	}
}

func TestStoredTimesGrow(t *testing.T) {
	b := newBench(t)
	var last string
	check := func() {
		t.Helper()
		var drafts []*xapi.Draft
		for range 3 {
			drafts = append(drafts, draft(t, uuid.New(), "passed"))
		}
		if _, err := b.StoreStatements(t.Context(), drafts, true); err != nil {
			t.Fatal(err)
		}
		for _, d := range drafts {
			st, err := xapi.ParseStatement([]byte(b.stored(t, d.ID())), xapi.V2)
			if err != nil {
				t.Fatal(err)
			}
			text := st.Stored.Time.UTC().Format("2006-01-02T15:04:05.000000Z")
			if text <= last {
				t.Fatalf("stored %s after %s", text, last)
			}
			last = text
		}
	}
	check()
	b.clock.Step(-3 * time.Second) // within what is tolerated
	check()
	b.close(t)
	if err := b.open(t, nil); err != nil {
		t.Fatal(err)
	}
	check()
	b.crash(t)
	if err := b.open(t, nil); err != nil {
		t.Fatal(err)
	}
	check()
}

func TestRefusals(t *testing.T) {
	t.Run("clock", func(t *testing.T) {
		b := newBench(t)
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Fatal(err)
		}
		b.clock.Step(-6 * time.Second)
		_, err := b.put(t, draft(t, uuid.New(), "passed"))
		if !errors.Is(err, ErrClock) || !strings.Contains(err.Error(), "behind") {
			t.Errorf("clock 6 s behind: %v", err)
		}
		if reasons := b.Ready(); len(reasons) != 1 || !errors.Is(reasons[0], ErrClock) {
			t.Errorf("clock 6 s behind: ready but for %v", reasons)
		}
		b.clock.Step(6 * time.Second)
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Errorf("clock set right: %v", err)
		}
		if reasons := b.Ready(); len(reasons) != 0 {
			t.Errorf("clock set right: not ready: %v", reasons)
		}
	})
	t.Run("space", func(t *testing.T) {
		b := newBench(t)
		b.close(t)
		free := uint64(1 << 20)
		if err := b.open(t, func(c *Config) { c.MinFree, c.Free = 1<<30, func() (uint64, error) { return free, nil } }); err != nil {
			t.Fatal(err)
		}
		head := b.Head()
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); !errors.Is(err, ErrNoSpace) {
			t.Errorf("no space: %v", err)
		}
		if b.Head() != head {
			t.Error("something was appended all the same")
		}
		if len(b.Ready()) == 0 {
			t.Error("ready without space")
		}
		if _, err := b.Blobs().Create(t.Context(), ""); !errors.Is(err, ErrNoSpace) {
			t.Errorf("a blob without space: %v", err)
		}
		free = 1 << 31
		w, err := b.Blobs().Create(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, guardEvery)); err != nil {
			t.Errorf("a blob with space: %v", err)
		}
		free = 1 << 20
		if _, err := w.Write(make([]byte, 1)); !errors.Is(err, ErrNoSpace) {
			t.Errorf("a blob that takes the last space: %v", err)
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
		free = 1 << 31
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
			t.Errorf("with space again: %v", err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		b := newBench(t)
		b.close(t)
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); !errors.Is(err, ErrClosed) {
			t.Errorf("after close: %v", err)
		}
	})
	t.Run("queue", func(t *testing.T) {
		b := newBench(t)
		b.close(t)
		if err := b.open(t, func(c *Config) { c.MaxQueue = 100 }); err != nil {
			t.Fatal(err)
		}
		if _, err := b.put(t, draft(t, uuid.New(), "passed")); !errors.Is(err, ErrBusy) {
			t.Errorf("larger than the queue: %v", err)
		}
	})
	t.Run("too large", func(t *testing.T) {
		b := newBench(t)
		var drafts []*xapi.Draft
		for range 1001 {
			drafts = append(drafts, draft(t, uuid.New(), "passed"))
		}
		if _, err := b.StoreStatements(t.Context(), drafts, true); !errors.Is(err, ErrTooLarge) {
			t.Errorf("1001 statements: %v", err)
		}
		if _, err := b.StoreStatements(t.Context(), drafts[:1000], true); err != nil {
			t.Errorf("1000 statements: %v", err)
		}
	})
}

// TestConcurrentSameID: of many requests at once with one id and different
// content, one is stored and the others learn it, whatever commit they fall in.
func TestConcurrentSameID(t *testing.T) {
	b := newBench(t)
	for range 20 {
		id := uuid.New()
		var wg sync.WaitGroup
		won := make([]bool, 8)
		for i := range won {
			wg.Go(func() {
				_, err := b.put(t, draft(t, id, fmt.Sprint("v", i)))
				var conflict *ConflictError
				switch {
				case err == nil:
					won[i] = true
				case !errors.As(err, &conflict):
					t.Errorf("writer %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		winners := 0
		for i, w := range won {
			if w {
				winners++
				if got := b.stored(t, id); !strings.Contains(got, fmt.Sprintf("https://v.example/v%d\"", i)) {
					t.Errorf("writer %d was told that it is stored, but %s is", i, got)
				}
			}
		}
		if winners != 1 {
			t.Fatalf("%d writers won", winners)
		}
	}
}

func TestCredentials(t *testing.T) {
	b := newBench(t)
	secret, hash := auth.GenerateSecret()
	authority, err := auth.DefaultAuthority("https://lrs.example", "k")
	if err != nil {
		t.Fatal(err)
	}
	cred := auth.Credential{Key: "k", Secret: hash, Scopes: auth.ScopeAll, Authority: authority, Created: b.clock.Now()}
	if err := b.AddCredential(t.Context(), cred); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Auth().Authenticate(t.Context(), "k", secret, b.clock.Now()); err != nil {
		t.Errorf("a new credential is not in force: %v", err)
	}
	if err := b.AddCredential(t.Context(), cred); !errors.Is(err, ErrExists) {
		t.Errorf("the same key again: %v", err)
	}
	b.crash(t)
	if err := b.open(t, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Auth().Authenticate(t.Context(), "k", secret, b.clock.Now()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := b.RevokeCredential(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Auth().Authenticate(t.Context(), "k", secret, b.clock.Now()); !errors.Is(err, auth.ErrUnauthorized) {
		t.Errorf("after revoking: %v", err)
	}
	if err := b.RevokeCredential(t.Context(), "k"); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	b.close(t)
	if err := b.open(t, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Auth().Authenticate(t.Context(), "k", secret, b.clock.Now()); !errors.Is(err, auth.ErrUnauthorized) {
		t.Errorf("revoked, after a restart: %v", err)
	}
}
