package readmodel_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bedside-lrs/bedside/projections/readmodel"
	"github.com/bedside-lrs/bedside/projections/readmodel/readmodeltest"
)

// TestNoPassword: no error shows the password, wherever it stands in the DSN.
func TestNoPassword(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String() // listens there in a moment
	listener.Close()
	const secret = "s3cr3t"
	for _, dsn := range []string{
		"postgres://me:" + secret + "@" + nobody + "/db",
		"postgresql://me:" + secret + "@" + nobody + "/db?sslmode=disable",
		"postgres://" + nobody + "/db?user=me&password=" + secret,
		"postgres://me:" + secret + "@127.0.0.1:port/db",
		"postgres://me:" + secret + "%zz@" + nobody + "/db",
		"postgres://me:" + secret + "/x@" + nobody + "/db",
		"postgres://me:" + secret + "@" + nobody + "/db?sslmode=nonsense",
		"postgres://me:" + secret + "@" + nobody + "/db?sslpassword=" + secret + "&sslmode=nonsense",
		"postgres:me:" + secret + "@" + nobody,
		"user=me password=" + secret + " host=127.0.0.1",
		"host=127.0.0.1 password='" + secret + "' options='a:b'",
		"mysql://me:" + secret + "@" + nobody + "/db",
		secret,
		"",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		s, err := readmodel.Open(ctx, dsn)
		cancel()
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", dsn)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows the password: %v", dsn, err)
		}
	}
}

// TestBadFile: an error says which file, and what is wrong.
func TestBadFile(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{"sqlite:", "sqlite::memory:", "sqlite:" + filepath.Join(t.TempDir(), "no", "such", "folder"), "sqlite:" + text} {
		s, err := readmodel.Open(t.Context(), dsn)
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", dsn)
		} else if !strings.Contains(err.Error(), dsn) {
			t.Errorf("%s: the error does not name it: %v", dsn, err)
		}
	}
}

// TestDamaged: what is no database any more is told from what cannot be opened.
func TestDamaged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "model.db")
	s, err := readmodel.Open(t.Context(), "sqlite:"+file)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"cut short":          whole[:len(whole)/2],
		"header overwritten": append([]byte(strings.Repeat("x", 100)), whole[100:]...),
		"text":               []byte(strings.Repeat("no database\n", 500)),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readmodel.Open(t.Context(), "sqlite:"+file)
		if err == nil {
			s.Close()
		}
		if !errors.Is(err, readmodel.ErrDamaged) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "move it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readmodel.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "no", "folder")); err == nil || errors.Is(err, readmodel.ErrDamaged) {
		t.Errorf("no folder: %v", err)
	}
}

// TestPaths: a file has the name that the DSN gives, and no other file is made.
func TestPaths(t *testing.T) {
	for _, name := range []string{
		"plain.db", "with space.db", "a?mode=memory", "100%.db", "%41.db", "a#b", "a&b=c;d", "a+b", "ü ñ.db", "a:b@c", `a\b"c'd`, "-x", "file:x", "?",
	} {
		dir := t.TempDir()
		s := readmodeltest.Open(t, "sqlite:"+filepath.Join(dir, name))
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != name && e.Name() != name+"-wal" && e.Name() != name+"-shm" {
				t.Errorf("%s made %s", name, e.Name())
			}
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
		update(t, s, func(tx *readmodel.Tx) error { return tx.Exec(t.Context(), pairs) })
		view(t, s, func(tx *readmodel.Tx) error { _, err := count(t.Context(), tx, "pairs"); return err })
	}
	t.Chdir(t.TempDir())
	readmodeltest.Open(t, "sqlite:relative file.db")
	if _, err := os.Stat("relative file.db"); err != nil {
		t.Error(err)
	}
}

// TestReopen: a store finds what an earlier one has left.
func TestReopen(t *testing.T) {
	for engine, dsn := range readmodeltest.DSNs(t) {
		t.Run(engine, func(t *testing.T) {
			schema := items("toy", 1)
			first, err := readmodel.Open(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			update(t, first, func(tx *readmodel.Tx) error {
				c, err := build(t.Context(), tx, schema, 100)
				if err != nil {
					return err
				}
				return tx.GoLive(t.Context(), schema, c.Generation)
			})
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			if err := first.Update(t.Context(), func(*readmodel.Tx) error { return nil }); err == nil {
				t.Error("a closed store works")
			}
			second := readmodeltest.Open(t, dsn)
			view(t, second, func(tx *readmodel.Tx) error {
				c, found, err := tx.Live(t.Context(), "toy")
				n, err2 := count(t.Context(), tx, "toy_items")
				if !found || c.Revision != 100 || n != 100 {
					t.Errorf("%v %+v with %d rows", found, c, n)
				}
				return errors.Join(err, err2)
			})
		})
	}
}

// TestAway: a server that goes away, and what is refused for other reasons, are told apart;
// when it is back, so is the store.
func TestAway(t *testing.T) {
	relay := readmodeltest.NewRelay(t)
	s := readmodeltest.Open(t, relay.DSN)
	ask := func(ctx context.Context, query string) error {
		return s.View(ctx, func(tx *readmodel.Tx) error {
			var n int
			_, err := tx.One(ctx, query, nil, &n)
			return err
		})
	}
	if err := ask(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if err := ask(t.Context(), "SELECT nothing"); err == nil || readmodel.Away(err) {
		t.Errorf("a wrong query: %v", err)
	}
	relay.Cut()
	for range 3 { // a connection that was open, and new ones
		if err := ask(t.Context(), "SELECT 1"); !readmodel.Away(err) {
			t.Errorf("away: %v", err)
		}
	}
	relay.Restore()
	asking := make(chan error)
	go func() { asking <- ask(t.Context(), "SELECT count(*) FROM pg_sleep(60)") }()
	if err := s.View(t.Context(), func(tx *readmodel.Tx) error {
		for n := 0; n == 0; {
			if _, err := tx.One(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", nil, &n); err != nil {
				return err
			}
			if err := tx.Exec(t.Context(), "SELECT pg_stat_clear_snapshot()"); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	relay.Cut()
	if err := <-asking; !readmodel.Away(err) {
		t.Errorf("away in the middle: %v", err)
	}
	relay.Restore()
	if err := ask(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("back: %v", err)
	}
}
