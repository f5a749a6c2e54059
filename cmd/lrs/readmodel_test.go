package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadModelDamaged: a read model is no truth. In the data directory a damaged one is kept aside and made again; of
// one that an operator has named the start says which file it is and what to do.
func TestReadModelDamaged(t *testing.T) {
	dir := t.TempDir()
	w := newBigWriter(4)
	s := startServer(t, dir)
	w.write(t, s, 1)
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "read", "model.db")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"cut short":          string(whole[:len(whole)/2]),
		"header overwritten": strings.Repeat("x", 100) + string(whole[100:]),
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := tryServer(t, dir, nil, "--read-model", "sqlite:"+file); err == nil {
			s.kill()
			t.Errorf("%s: a named file: it serves", name)
		} else if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "move it") {
			t.Errorf("%s: a named file: %v", name, err)
		}
		s := startServer(t, dir)
		w.wantAll(t, s)
		if err := s.stop(t); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		kept, err := filepath.Glob(file + ".damaged-*Z")
		if err != nil || len(kept) != 1 || !strings.Contains(s.stderr.String(), kept[0]) {
			t.Fatalf("%s: kept %v, %v\n%s", name, kept, err, s.stderr)
		}
		if b, err := os.ReadFile(kept[0]); err != nil || string(b) != content {
			t.Errorf("%s: what was kept is another: %v", name, err)
		}
		if err := os.Remove(kept[0]); err != nil {
			t.Fatal(err)
		}
	}
}
