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
	"github.com/bedside-lrs/bedside/lrs/eventlog/memlog"
)

// TestRecover: the log must hold what the head file and the index have seen.
func TestRecover(t *testing.T) {
	fill := func(t *testing.T) (*bench, []uuid.UUID) {
		b := newBench(t)
		var ids []uuid.UUID
		for range 10 {
			ids = append(ids, uuid.New())
			if _, err := b.put(t, draft(t, ids[len(ids)-1], "passed")); err != nil {
				t.Fatal(err)
			}
		}
		return b, ids
	}
	t.Run("index lost", func(t *testing.T) {
		b, ids := fill(t)
		b.close(t)
		b.fs = vfs.NewCrashableMem()
		if err := b.open(t, nil); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if b.stored(t, id) == "" {
				t.Errorf("%s is lost", id)
			}
		}
	})
	for _, tc := range []struct {
		name    string
		indexed bool // the index is there too
		damage  func(b *bench)
		says    string
	}{
		{"tail lost, seen by the head file", false, func(b *bench) { b.log.Truncate(9) }, "the log ends at revision 9"},
		{"tail lost, seen by the index", true, func(b *bench) { b.cfg.HeadFile = ""; b.log.Truncate(9) }, "the log ends at revision 9"},
		{"all lost", true, func(b *bench) { b.log.Truncate(0) }, "the log ends at revision 0"},
		{"a byte of the head changed", true, func(b *bench) {
			b.log.Damage(11, func(data []byte) []byte { data[len(data)-1] ^= 1; return data })
		}, "revision 11"},
		{"a byte in the middle changed, with the index lost", false, func(b *bench) {
			b.log.Damage(5, func(data []byte) []byte { data[len(data)/2] ^= 1; return data })
		}, "5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, _ := fill(t)
			b.close(t)
			head := b.cfg.HeadFile
			tc.damage(b)
			if !tc.indexed {
				b.fs = vfs.NewCrashableMem()
			}
			err := b.open(t, func(c *Config) {
				if b.cfg.HeadFile == "" && head != "" {
					c.HeadFile = ""
				}
			})
			if !errors.Is(err, eventlog.ErrLogDamaged) {
				t.Fatalf("opened with %v", err)
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%q does not say %q", err, tc.says)
			}
		})
	}
}

// TestForkedLog: a log of the right length is not enough. Its commit must have the
// hash that the head file has seen, and the tip, and the index, each by itself: another
// log, and one that was restored to an earlier state and written on, serve nobody.
func TestForkedLog(t *testing.T) {
	const commits = 6
	write := func(t *testing.T, b *bench) {
		t.Helper()
		for b.Head().Revision < commits {
			if _, err := b.put(t, draft(t, uuid.New(), "passed")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, fork := range map[string]func(b *bench){
		"another log":  func(b *bench) { b.log = memlog.New() },
		"restored log": func(b *bench) { b.log.Truncate(commits - 2) },
	} {
		for _, witness := range []string{"head", "head.tip", "index"} {
			t.Run(name+", seen by the "+witness, func(t *testing.T) {
				b := newBench(t)
				write(t, b)
				seen := b.Head()
				b.close(t)
				dir, indexed := b.dir, b.fs
				b.dir, b.fs = t.TempDir(), vfs.NewCrashableMem() // the fork has no witness
				fork(b)
				if err := b.open(t, nil); err != nil {
					t.Fatal(err)
				}
				write(t, b)
				forked := b.Head()
				if forked == seen || forked.Revision != seen.Revision {
					t.Fatalf("the fork ends with %v, the log with %v", forked, seen)
				}
				b.close(t)
				b.dir, b.fs = t.TempDir(), vfs.NewCrashableMem()
				says := filepath.Join(b.dir, witness) + " has seen"
				if witness == "index" {
					b.fs, says = indexed, "the index has seen"
				} else if err := os.Rename(filepath.Join(dir, witness), filepath.Join(b.dir, witness)); err != nil {
					t.Fatal(err)
				}
				err := b.open(t, nil)
				if !errors.Is(err, eventlog.ErrLogDamaged) {
					t.Fatalf("opened with %v", err)
				}
				for _, text := range []string{says, seen.Hash.String(), forked.Hash.String(), "restore"} {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("%q does not say %q", err, text)
					}
				}
			})
		}
	}
}
