package natsembed

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// Blocks hold 8 MB: with 64 KB a message, block 1 has the first 127 or so.
const (
	messageSize  = 64 << 10
	messageCount = 150
)

// unclean returns a copy of a running server's directory: what a killed process
// leaves. Block 1 is older than JetStream's index, block 2 newer.
func unclean(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := start(t, dir)
	publish(t, stream(t, s), 0, messageCount-1, messageSize)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	publish(t, stream(t, s), messageCount-1, 1, messageSize)
	copied := t.TempDir()
	copyTree(t, dir, copied)
	blocks, err := listBlocks(copied)
	if err != nil || len(blocks) != 2 || blocks[0].age != -1 || blocks[1].age != 1 {
		t.Fatalf("blocks %+v, error %v", blocks, err)
	}
	return copied
}

func TestUncleanStop(t *testing.T) {
	const older, newer = streamDir + "/msgs/1.blk", streamDir + "/msgs/2.blk"
	left := unclean(t)
	record := recordHead + len("l") + messageSize + recordSum
	torn := func(b []byte) []byte { return b[:len(b)-100] }
	for name, tt := range map[string]struct {
		block   string
		damage  func(data []byte) []byte // nil: none
		refused bool                     // else JetStream may cut a torn record off
	}{
		"nothing damaged":               {newer, nil, false},
		"newer block, last write torn":  {newer, torn, false},
		"newer block, bit flipped":      {newer, flip(record + 1000), true},
		"newer block, length flipped":   {newer, flip(record), true},
		"older block, bit flipped":      {older, flip(record + 1000), true},
		"older block, checksum flipped": {older, flip(record - 1), true},
		"older block, last write torn":  {older, torn, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyTree(t, left, dir)
			var was []byte
			if tt.damage != nil {
				was = rewrite(t, filepath.Join(dir, tt.block), tt.damage)
			}
			if tt.refused {
				if _, err := Start(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrDamaged) {
					t.Errorf("Start: %v", err)
				}
				if got, err := os.ReadFile(filepath.Join(dir, tt.block)); err != nil || !bytes.Equal(got, was) {
					t.Errorf("the block has been changed, error %v", err)
				}
				return
			}
			s := start(t, dir)
			if _, err := os.Stat(filepath.Join(dir, asideDir)); err == nil {
				t.Errorf("%s is left behind", asideDir)
			}
			if tt.damage == nil {
				if kept := s.Damaged(); kept != "" {
					t.Errorf("Damaged() = %q", kept)
				}
				wantMessages(t, stream(t, s), messageCount)
				return
			}
			wantKept(t, s, tt.block, was)
		})
	}
}

// wantKept checks that a block is kept as it was, and named.
func wantKept(t *testing.T, s *Server, block string, was []byte) {
	t.Helper()
	kept := s.Damaged()
	if kept == "" {
		t.Fatal("Damaged() is empty")
	}
	if got, err := os.ReadFile(filepath.Join(kept, block)); err != nil || !bytes.Equal(got, was) {
		t.Errorf("the copy has %d bytes, not the block's %d as they were; error %v", len(got), len(was), err)
	}
	report, err := os.ReadFile(filepath.Join(kept, reportFile))
	if err != nil || !bytes.Contains(report, []byte(block)) {
		t.Errorf("report %q, error %v", report, err)
	}
}

// A process that dies between JetStream's mending and our comparison must not
// lose the copy.
func TestCopySurvivesASecondCrash(t *testing.T) {
	left := unclean(t)
	for name, damage := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-100] },
		"removed": func(b []byte) []byte { return b[:1000] },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyTree(t, left, dir)
			block := streamDir + "/msgs/2.blk"
			was := rewrite(t, filepath.Join(dir, block), damage)
			// Its index knows of records that "removed" takes away.
			if err := os.Remove(filepath.Join(dir, streamDir, "msgs/index.db")); err != nil {
				t.Fatal(err)
			}

			if _, err := setAside(dir, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			s := &Server{cfg: Config{Dir: dir, MaxStore: DefaultMaxStore}, log: slog.New(slog.DiscardHandler)}
			srv, err := s.launch()
			if err != nil {
				t.Fatal(err)
			}
			stop(srv)

			wantKept(t, start(t, dir), block, was)
		})
	}
}

// JetStream reads the last block after a clean stop too, and cuts it.
func TestTornAfterCleanStop(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	publish(t, stream(t, s), 0, 10, 1000)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	block := streamDir + "/msgs/1.blk"
	was := rewrite(t, filepath.Join(dir, block), func(b []byte) []byte { return b[:len(b)-100] })
	wantKept(t, start(t, dir), block, was)
}

func TestCleanMark(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	publish(t, stream(t, s), 0, 3, 1000)
	if _, err := os.Stat(filepath.Join(dir, cleanMark)); err == nil {
		t.Error("marked clean while running")
	}
	if err := s.takeTurn(t.Context(), s.shut); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, cleanMark)); err != nil {
		t.Error(err)
	}
	// JetStream could not write its index: not clean.
	if err := os.Remove(filepath.Join(dir, cleanMark)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, streamDir, "msgs/index.db")); err != nil {
		t.Fatal(err)
	}
	if err := markClean(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, cleanMark)); err == nil {
		t.Error("marked clean without an index")
	}
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
}

// rewrite replaces the file's content, keeping its time, and returns the new content.
func rewrite(t *testing.T, file string, f func([]byte) []byte) []byte {
	t.Helper()
	fi, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data = f(data)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, fi.ModTime(), fi.ModTime()); err != nil {
		t.Fatal(err)
	}
	return data
}

// copyTree copies a directory and its files' times.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, data, 0o600); err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chtimes(target, fi.ModTime(), fi.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
}
