package lrs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/bedside-lrs/bedside/lrs/eventlog"
)

// TestTip: after a kill, what the head file was too old to know of is missed all the
// same; a tip that a power cut has torn is no witness, and stops nobody.
func TestTip(t *testing.T) {
	fill := func(t *testing.T) *bench {
		b := newBench(t)
		for range 10 {
			if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
				t.Fatal(err)
			}
		}
		b.crash(t)
		b.fs = vfs.NewCrashableMem() // the index is no witness either
		file, _, err := readHeadFile(b.cfg.HeadFile)
		if err != nil || file.Revision >= 9 {
			t.Fatalf("the head file names revision %d, %v: the test wants an older one", file.Revision, err)
		}
		return b
	}
	t.Run("the last commit is cut off", func(t *testing.T) {
		b := fill(t)
		b.log.Truncate(10)
		err := b.open(t, nil)
		if !errors.Is(err, eventlog.ErrLogDamaged) || !strings.Contains(err.Error(), "head.tip") {
			t.Errorf("opened with %v", err)
		}
	})
	for name, damage := range map[string]func([]byte) []byte{
		"empty": func([]byte) []byte { return nil },
		"short": func(b []byte) []byte { return b[:len(b)/2] },
		"zeros": func(b []byte) []byte { return make([]byte, len(b)) },
		"mixed": func(b []byte) []byte { b[40] ^= 1; return b },
		"long":  func(b []byte) []byte { return append(b, b...) },
	} {
		t.Run("torn: "+name, func(t *testing.T) {
			b := fill(t)
			path := tipPath(b.cfg.HeadFile)
			line, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(line), 0o600); err != nil {
				t.Fatal(err)
			}
			b.log.Truncate(10)
			if err := b.open(t, nil); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("read back", func(t *testing.T) {
		want := eventlog.Head{Log: eventlog.LogID{1}, Revision: 1 << 40, Hash: eventlog.Hash{2}}
		f := tip{path: filepath.Join(t.TempDir(), "head.tip")}
		for _, h := range []eventlog.Head{{Revision: 1}, want} {
			if err := f.write(h); err != nil {
				t.Fatal(err)
			}
		}
		if got, ok := readTip(f.path); got != want || !ok {
			t.Errorf("%v, %v", got, ok)
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
}
